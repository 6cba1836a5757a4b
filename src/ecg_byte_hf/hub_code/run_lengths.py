"""The alphabet of the transform codecs: quantised values and runs of zeros as characters.

A sequence of integers becomes one character per non-zero value, the run of zeros before it in
characters of its own, none for the zeros at its end. 293 characters in all, so that a vocabulary
of 512 is still possible: values -127 ... 127 without 0, runs 1 ... 16, 32, 64 ... 2,048, and 16
end marks.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# CJK unified ideographs: printable, in the BMP, no white space, left alone by every Unicode
# normalisation and by case folding.
FIRST_CHARACTER = 0x4E00
MAX_VALUE = 127
BLOCK = 16

_VALUES = 2 * MAX_VALUE
_RUN_LENGTHS = (*range(1, 17), 32, 64, 128, 256, 512, 1024, 2048)
_FIRST_END = _VALUES + len(_RUN_LENGTHS)
SYMBOLS = _FIRST_END + BLOCK

ALPHABET = "".join(chr(FIRST_CHARACTER + code) for code in range(SYMBOLS))

# Of every symbol: the value it stands for (0 for runs and end marks) and how many places it takes.
_VALUE_OF = np.zeros(SYMBOLS, dtype=np.int32)
_VALUE_OF[:MAX_VALUE] = np.arange(-MAX_VALUE, 0)
_VALUE_OF[MAX_VALUE:_VALUES] = np.arange(1, MAX_VALUE + 1)
_PLACES_OF = np.ones(SYMBOLS, dtype=np.int64)
_PLACES_OF[_VALUES:_FIRST_END] = _RUN_LENGTHS
_PLACES_OF[_FIRST_END:] = 0

_VALUE_CHARACTERS = {
    int(value): ALPHABET[code] for code, value in enumerate(_VALUE_OF[:_VALUES].tolist())
}
_RUN_CHARACTERS = dict(zip(_RUN_LENGTHS, ALPHABET[_VALUES:_FIRST_END], strict=True))


@lru_cache(maxsize=8192)
def run_symbols(length: int) -> str:
    """The characters of a run of `length` zeros, long parts first."""
    symbols = [_RUN_CHARACTERS[2048]] * (length >> 11)
    symbols += [_RUN_CHARACTERS[1 << bit] for bit in range(10, 3, -1) if length >> bit & 1]
    if length & 15:
        symbols.append(_RUN_CHARACTERS[length & 15])
    return "".join(symbols)


def end_symbol(missing: int) -> str:
    """The end mark that says the last block lacks `missing` (0 ... 15) of its 16 samples."""
    return ALPHABET[_FIRST_END + missing]


def encode_rows(values: NDArray[np.int32]) -> list[str]:
    """One string per row of integers (rows, places) within -127 ... 127."""
    rows, places = np.nonzero(values)
    runs = np.diff(places, prepend=-1) - 1
    starts = np.searchsorted(rows, np.arange(len(values) + 1))
    first = starts[:-1][starts[:-1] < starts[1:]]
    runs[first] = places[first]
    symbols = [
        run_symbols(run) + _VALUE_CHARACTERS[value] if run else _VALUE_CHARACTERS[value]
        for run, value in zip(runs.tolist(), values[rows, places].tolist(), strict=True)
    ]
    return ["".join(symbols[start:stop]) for start, stop in pairwise(starts.tolist())]


class Parsed(NamedTuple):
    """A string read back.

    `places`: int64 (symbols,) where each symbol begins; `widths`: int64 (symbols,) how many places
    it takes; `values`: int32 (symbols,); `end`: (place, missing samples) of the first end mark, or
    `None`; `foreign`: how many characters were not of the alphabet and were left out.
    """

    places: NDArray[np.int64]
    widths: NDArray[np.int64]
    values: NDArray[np.int32]
    end: tuple[int, int] | None
    foreign: int


def parse(word: str) -> Parsed:
    """Read a string of symbols; never fails, whatever the characters are."""
    codes = np.frombuffer(word.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.int64)
    codes -= FIRST_CHARACTER
    known = (codes >= 0) & (codes < SYMBOLS)
    foreign = int(len(codes) - known.sum())
    if foreign:
        codes = codes[known]
    widths = _PLACES_OF[codes]
    places = np.cumsum(widths) - widths
    ends = np.flatnonzero(codes >= _FIRST_END)
    end = None
    if len(ends):
        end = (int(places[ends[0]]), int(codes[ends[0]] - _FIRST_END))
    return Parsed(places, widths, _VALUE_OF[codes], end, foreign)
