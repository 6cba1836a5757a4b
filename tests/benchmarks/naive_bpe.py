"""Byte-pair encoding trained the plain way: all pairs are counted again for every merge.

What `tokenizers` is compared with. The counting is numpy's, not a Python loop's, so that the ratio
tells about the algorithm and not about the language.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.int64]

# Stands between words; no pair holds it.
_BETWEEN = -1


def train_naively(words: Sequence[str], merges: int) -> tuple[list[tuple[int, int]], Ids]:
    """Learn `merges` merges; returns them and the words as ids, each followed by -1.

    Ids 0 ... are the characters in code-point order, then one per merge. The most frequent pair is
    merged first, among equals the one with the smallest ids, as `tokenizers` does it; training ends
    early where no pair is left.
    """
    characters = sorted(set("".join(words)))
    index = {character: i for i, character in enumerate(characters)}
    ids = np.array([i for word in words for i in (*map(index.__getitem__, word), _BETWEEN)])
    learned: list[tuple[int, int]] = []
    size = len(characters) + merges
    for new in range(len(characters), size):
        left, right = ids[:-1], ids[1:]
        inside = (left != _BETWEEN) & (right != _BETWEEN)
        pairs, counts = np.unique(left[inside] * size + right[inside], return_counts=True)
        if not len(pairs):
            break
        best = int(pairs[counts.argmax()])
        pair = divmod(best, size)
        learned.append(pair)
        ids = merge(ids, pair, new)
    return learned, ids


def merge(ids: Ids, pair: tuple[int, int], new: int) -> Ids:
    """`ids` with every occurrence of `pair` replaced by `new`, from left to right."""
    first, second = pair
    at = np.flatnonzero((ids[:-1] == first) & (ids[1:] == second))
    if first == second and len(at):
        # In a run a a a the pairs overlap: every other one counts, from the run's start.
        starts = np.flatnonzero(np.diff(at, prepend=at[0] - 2) != 1)
        place_in_run = np.arange(len(at)) - np.repeat(starts, np.diff([*starts, len(at)]))
        at = at[place_in_run % 2 == 0]
    merged = ids.copy()
    merged[at] = new
    return np.delete(merged, at + 1)
