"""Words of a representative beat whose symbols name their places.

In run lengths a value's place is the sum of all that stands before it, which a language model finds
hard to add up (docs/reading.md). Here a word is, block by block of 16 coefficients and for each
that is not all zero, a symbol that names component and block, then a symbol per non-zero value that
names its place in the block and the value. Extensions before a value add 8, 16, 32 ... to its
magnitude, as in `run_lengths`; a mark stands before the blocks of a second beat.

Or the block is named before each of its values: a value's symbol then follows the one that it
depends on, and where the two are merged, a token is one coefficient by name.

The characters are those after the three alphabets of `run_lengths`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .run_lengths import BLOCK, FIRST_CHARACTER, LARGEST_VALUE, SYMBOLS, Parsed

_FIRST = FIRST_CHARACTER + 3 * SYMBOLS
_MAGNITUDES = 8
_VALUES = BLOCK * 2 * _MAGNITUDES
_EXTENSIONS = 17
_SECOND = _VALUES + _EXTENSIONS
_FIRST_CELL = _SECOND + 1


@lru_cache(maxsize=8192)
def _value_symbols(place: int, value: int) -> str:
    """The characters of one non-zero value at a place of a block: extensions, then itself."""
    rest, small = divmod(min(abs(value), LARGEST_VALUE) - 1, _MAGNITUDES)
    bits = [bit for bit in range(_EXTENSIONS - 1, -1, -1) if rest >> bit & 1]
    codes = [_VALUES + bit for bit in bits] + [(place * _MAGNITUDES + small) * 2 + (value > 0)]
    return "".join(chr(_FIRST + code) for code in codes)


class _Symbol(NamedTuple):
    """Where a symbol begins, how many places it takes and the value it stands for, or 0."""

    place: int
    width: int
    value: int


class PlacedWords:
    """The words of beats of `blocks` blocks in each of `components` components.

    `every`: the block is named before each value, not once; both forms are read alike. `alphabet`:
    every character; `starts`: those at which a piece of a word begins that no merge should reach
    across.
    """

    def __init__(self, components: int, blocks: int, *, every: bool = False) -> None:
        self._blocks = blocks
        self._every = every
        self.alphabet = "".join(
            chr(_FIRST + code) for code in range(_FIRST_CELL + components * blocks)
        )
        self.starts = self.alphabet[_SECOND:]

    def encode(self, values: NDArray[np.int32]) -> list[str]:
        """A word per component of the values (components, 16 x blocks) of one beat or two."""
        words = []
        for component, row in enumerate(values):
            symbols = []
            block = -1
            used = np.flatnonzero(row)
            for place, value in zip(used.tolist(), row[used].tolist(), strict=True):
                if self._every or place // BLOCK != block:
                    if block < self._blocks <= place // BLOCK:
                        symbols.append(self.alphabet[_SECOND])
                    block = place // BLOCK
                    cell = component * self._blocks + block % self._blocks
                    symbols.append(self.alphabet[_FIRST_CELL + cell])
                symbols.append(_value_symbols(place % BLOCK, value))
            words.append("".join(symbols))
        return words

    def component(self, symbols: str) -> int:
        """The component that the first symbols name, 0 where they name none."""
        for symbol in symbols:
            cell = ord(symbol) - _FIRST - _FIRST_CELL
            if 0 <= cell < len(self.starts) - 1:
                return cell // self._blocks
        return 0

    def parse(self, word: str, component: int, place: int = 0) -> Parsed:
        """Read a component's word, or a part that begins at a place; never fails.

        A symbol that names a block of another component is foreign, and so are the values after it.
        A block's symbol takes the places from the last block to its own end; where that block was
        named before, its own places. Of several values at one place the last counts, the others are
        0.
        """
        symbols = [found for found in self._read(word, component, place) if found is not None]
        places, widths, values = np.array(symbols, dtype=np.int64).reshape(-1, 3).T
        used = np.flatnonzero(values)
        last = dict(zip(places[used].tolist(), used.tolist(), strict=True))
        counted = np.zeros(len(values), dtype=np.int32)
        kept = list(last.values())
        counted[kept] = values[kept]
        foreign = len(word) - len(symbols)
        return Parsed(places, widths, counted, None, places[:0], foreign, len(used) - len(last))

    def known(self, word: str, component: int) -> NDArray[np.bool_]:
        """Which characters of a component's word are not foreign: bool (characters,)."""
        read = self._read(word, component, 0)
        return np.array([found is not None for found in read], dtype=np.bool_)

    def _read(self, word: str, component: int, place: int) -> list[_Symbol | None]:
        read: list[_Symbol | None] = []
        block, beat, reached, added = place // BLOCK * BLOCK, 0, 0, 0
        # In a block of another component, until the next of its own.
        lost = False
        for character in word:
            code = ord(character) - _FIRST
            cell = code - _FIRST_CELL - component * self._blocks
            if code >= _SECOND:
                # An extension is of the value right after it.
                added = 0
                lost = _FIRST_CELL <= code < len(self.alphabet) and not 0 <= cell < self._blocks
            if lost:
                read.append(None)
            elif 0 <= code < _VALUES:
                within, rest = divmod(code, 2 * _MAGNITUDES)
                magnitude = min(rest // 2 + 1 + added, LARGEST_VALUE)
                read.append(_Symbol(block + within, 1, magnitude if rest % 2 else -magnitude))
                added = 0
            elif _VALUES <= code < _SECOND:
                added += _MAGNITUDES << (code - _VALUES)
                read.append(_Symbol(block, 1, 0))
            elif code == _SECOND:
                beat = block = self._blocks * BLOCK
                start = min(reached, beat)
                read.append(_Symbol(start, beat - start, 0))
                reached = beat
            elif 0 <= cell < self._blocks:
                block = beat + cell * BLOCK
                start = reached if reached <= block else block
                reached = block + BLOCK
                read.append(_Symbol(start, reached - start, 0))
            else:
                read.append(None)
        return read
