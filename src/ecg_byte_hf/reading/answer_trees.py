"""Questions about the same ECGs, and the answers each may get, as one sequence with branches.

Every question hangs on the part that all share (the prompt up to the end of the ECGs), every
candidate answer on its question, and candidates share their first tokens. A token sees what it
hangs on and nothing else, so that each question is read as if it were asked alone. One forward pass
gives what the Llama would say after each question and after each beginning of a candidate: the
log-probability of whole answers, and the greedy answer as far as it is a candidate (tree attention:
Miao et al., SpecInfer, ASPLOS 2024).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Ids = tuple[int, ...]


@dataclass
class Tree:
    """One question's places in a sheet: where each beginning of an answer ends.

    `places` maps the tokens of the answer so far to the index in the sheet whose logits say what
    comes next; `()` is the question's own last token.
    """

    places: dict[Ids, int] = field(default_factory=dict)


@dataclass
class Sheet:
    """The tokens of one sequence: int lists of equal length, and the trees in it.

    `hangs_on[i]` is the index of the token before token i, -1 for the first.
    """

    ids: list[int]
    positions: list[int]
    hangs_on: list[int]
    trees: list[Tree]

    @property
    def read(self) -> list[int]:
        """The indices whose logits are needed, ascending."""
        return sorted(place for tree in self.trees for place in tree.places.values())

    def sees(self) -> NDArray[np.bool_]:
        """The mask (length, length): true where a token (row) sees another."""
        length = len(self.ids)
        mask = np.zeros((length, length), dtype=bool)
        # The shared part and the inside of a question are chains: a token sees all before it.
        for i, before in enumerate(self.hangs_on):
            if before >= 0:
                mask[i] = mask[before]
            mask[i, i] = True
        return mask


def lay_out(
    shared: Sequence[int], asked: Sequence[tuple[Sequence[int], Sequence[Sequence[int]]]]
) -> Sheet:
    """One sheet: `shared`, then per question its ids and the ids of its candidate answers.

    Candidates are without the token that ends the turn: nothing is read after it. An empty `shared`
    needs questions of at least one token each.
    """
    ids = list(shared)
    positions = list(range(len(ids)))
    hangs_on = [i - 1 for i in range(len(ids))]
    trees = []

    def add(token: int, before: int) -> int:
        ids.append(token)
        positions.append(positions[before] + 1 if before >= 0 else 0)
        hangs_on.append(before)
        return len(ids) - 1

    for question, candidates in asked:
        last = len(shared) - 1
        for token in question:
            last = add(token, last)
        places = {(): last}
        for candidate in candidates:
            for end in range(1, len(candidate) + 1):
                begun = tuple(candidate[:end])
                if begun not in places:
                    places[begun] = add(begun[-1], places[begun[:-1]])
        trees.append(Tree(places))
    return Sheet(ids, positions, hangs_on, trees)


def without_end(answer: Sequence[int], ends: Collection[int]) -> tuple[Ids, int | None]:
    """The ids of an answer up to the first token that ends a turn, and that token (None: none)."""
    stop = next((i for i, token in enumerate(answer) if token in ends), None)
    return (tuple(answer), None) if stop is None else (tuple(answer[:stop]), answer[stop])


def greedy_walk(
    tree: Tree, likeliest: dict[int, int], ends: Collection[int], longest: int
) -> tuple[Ids, bool]:
    """Follow the likeliest token from the question on, and whether the answer ended in the tree.

    `likeliest` maps an index of the sheet to the likeliest next token. An answer also ends with
    `longest` tokens.
    """
    said: Ids = ()
    while True:
        token = likeliest[tree.places[said]]
        if token in ends:
            return said, True
        said = (*said, token)
        if len(said) >= longest:
            return said, True
        if said not in tree.places:
            return said, False
