"""The rhythm as a string: the first R peak, the first RR interval, then how each one changes.

Units are the steps of `beats`, a fraction of a sample; symbols are those of `run_lengths`, the
zeros at the end included, so that a word has as many places as the ECG has beats. An end mark
stands before a beat that looks like the second template.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .run_lengths import Parsed, encode_sequence

Int64 = NDArray[np.int64]

# More beats than any window has; it bounds what a word made up by a language model may ask for.
_MOST_BEATS = 4096


def encode_beats(positions: Int64, kinds: Int64, usual_interval: int) -> str:
    """The word of ascending positions (beats,) with kinds 0 or 1; empty for none."""
    if not len(positions):
        return ""
    numbers = [int(positions[0])]
    if len(positions) > 1:
        numbers.append(int(positions[1] - positions[0]) - usual_interval)
    numbers += np.diff(positions, n=2).tolist()
    return encode_sequence(numbers, frozenset(np.flatnonzero(kinds).tolist()))


def decode_beats(word: Parsed, usual_interval: int) -> tuple[Int64, Int64]:
    """The positions and kinds that a word says, in its order and unchecked."""
    count = min(int(word.places[-1] + word.widths[-1]), _MOST_BEATS) if len(word.places) else 0
    kinds = np.zeros(count, dtype=np.int64)
    if not count:
        return kinds, kinds
    kinds[word.marks[word.marks < count]] = 1
    numbers = np.zeros(count, dtype=np.int64)
    inside = (word.values != 0) & (word.places < count)
    numbers[word.places[inside]] = word.values[inside]
    intervals = np.cumsum(numbers[1:]) + usual_interval
    return np.cumsum(np.concatenate([numbers[:1], intervals])), kinds
