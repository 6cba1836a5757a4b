"""The alphabet of the transform codecs: quantised values and runs of zeros as characters.

A sequence of integers becomes one character per non-zero value, the run of zeros before it in
characters of its own, none for the zeros at its end. 299 characters in all, so that a vocabulary
of 512 is still possible: values -127 ... 127 without 0, runs 1 ... 16, 32, 64 ... 2,048, 16 end
marks, and 6 extensions, which add 127, 254, 508 ... 4,064 to the magnitude of the value that
follows them, so that a pacemaker spike is not clipped.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
_FIRST_EXTENSION = _FIRST_END + BLOCK
_EXTENSIONS = 6
SYMBOLS = _FIRST_EXTENSION + _EXTENSIONS

ALPHABET = "".join(chr(FIRST_CHARACTER + code) for code in range(SYMBOLS))

# No ECG comes near it; it bounds the work on a signal that is none.
LARGEST_VALUE = 2**20

# Of every symbol: the value it stands for (0 for the others) and how many places it takes.
_VALUE_OF = np.zeros(SYMBOLS, dtype=np.int32)
_VALUE_OF[:MAX_VALUE] = np.arange(-MAX_VALUE, 0)
_VALUE_OF[MAX_VALUE:_VALUES] = np.arange(1, MAX_VALUE + 1)
_PLACES_OF = np.ones(SYMBOLS, dtype=np.int64)
_PLACES_OF[_VALUES:_FIRST_END] = _RUN_LENGTHS
_PLACES_OF[_FIRST_END:] = 0

_VALUE_CHARACTERS = {
    int(value): ALPHABET[code] for code, value in enumerate(_VALUE_OF[:_VALUES].tolist())
}
_EXTENSION_OF = np.zeros(SYMBOLS, dtype=np.int64)
_EXTENSION_OF[_FIRST_EXTENSION:] = MAX_VALUE << np.arange(_EXTENSIONS)
_NO_PLACES = np.zeros(0, dtype=np.int64)
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


@lru_cache(maxsize=8192)
def value_symbols(value: int) -> str:
    """The characters of one non-zero value: its extensions, largest first, and the value itself."""
    rest, small = divmod(min(abs(value), LARGEST_VALUE) - 1, MAX_VALUE)
    symbols = [ALPHABET[-1]] * (rest >> _EXTENSIONS - 1)
    for bit in range(_EXTENSIONS - 2, -1, -1):
        if rest >> bit & 1:
            symbols.append(ALPHABET[_FIRST_EXTENSION + bit])
    return "".join(symbols) + _VALUE_CHARACTERS[small + 1 if value > 0 else -small - 1]


def encode_sequence(values: Sequence[int], marked: Collection[int] = ()) -> str:
    """One string of a short sequence of integers, the zeros at its end included.

    An end mark stands before the places that are `marked`.
    """
    symbols, zeros = [], 0
    for place, value in enumerate(values):
        if place in marked:
            symbols += [run_symbols(zeros), end_symbol(0)]
            zeros = 0
        if value:
            symbols += [run_symbols(zeros), value_symbols(value)]
            zeros = 0
        else:
            zeros += 1
    return "".join(symbols) + run_symbols(zeros)


# The symbols of every run up to a nominal channel's length, side by side, and how many they are.
_TABLED_RUNS = 4096
_TABLE = np.zeros((_TABLED_RUNS, 10), dtype=np.uint32)
_TABLE_COUNTS = np.zeros(_TABLED_RUNS, dtype=np.int64)
for _run in range(_TABLED_RUNS):
    _symbols = run_symbols(_run)
    _TABLE[_run, : len(_symbols)] = [ord(_symbol) for _symbol in _symbols]
    _TABLE_COUNTS[_run] = len(_symbols)


def encode_rows(values: NDArray[np.int32]) -> list[str]:
    """One string per row of integers (rows, places)."""
    rows, places = values.shape
    flat = values.ravel()
    at = np.flatnonzero(flat)
    if not len(at):
        return [""] * rows
    found = flat[at]
    starts = np.searchsorted(at, np.arange(rows + 1) * places)
    runs = np.diff(at, prepend=-1) - 1
    filled = np.flatnonzero(starts[:-1] < starts[1:])
    runs[starts[filled]] = at[starts[filled]] - filled * places
    if runs.max() >= _TABLED_RUNS or np.abs(found).max() > MAX_VALUE:
        symbols = [
            run_symbols(run) + value_symbols(value)
            for run, value in zip(runs.tolist(), found.tolist(), strict=True)
        ]
        return ["".join(symbols[start:stop]) for start, stop in pairwise(starts.tolist())]
    # The same by table, in a few passes over arrays: this is on the hot path.
    counts = _TABLE_COUNTS[runs]
    stops = np.cumsum(counts + 1)
    characters = np.empty(stops[-1], dtype="<u4")
    characters[stops - 1] = found + (FIRST_CHARACTER + MAX_VALUE) - (found > 0)
    for place in range(int(counts.max())):
        there = np.flatnonzero(counts > place)
        characters[stops[there] - 1 - counts[there] + place] = _TABLE[runs[there], place]
    text = characters.tobytes().decode("utf-32-le")
    edges = np.concatenate(([0], stops))[starts].tolist()
    return [text[start:stop] for start, stop in pairwise(edges)]


class Parsed(NamedTuple):
    """A string read back.

    `places`: int64 (symbols,) where each symbol begins; `widths`: int64 (symbols,) how many places
    it takes; `values`: int32 (symbols,), 0 where a symbol is no value; `end`: (place, missing
    samples) of the first end mark, or `None`; `marks`: int64, the places of all end marks;
    `foreign`: how many characters were not of the alphabet and were left out; `repeated`: how many
    values were left out for a later one at their place.
    """

    places: NDArray[np.int64]
    widths: NDArray[np.int64]
    values: NDArray[np.int32]
    end: tuple[int, int] | None
    marks: NDArray[np.int64]
    foreign: int
    repeated: int = 0

    def part(self, start: int, stop: int, place: int = 0) -> Parsed:
        """Symbols `start` ... `stop` alone, every place moved by `place`; no marks."""
        places = self.places[start:stop] + place
        widths, values = self.widths[start:stop], self.values[start:stop]
        return Parsed(places, widths, values, None, _NO_PLACES, 0)


def _codes(word: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Of every character its number in the alphabet, and whether it is of it at all."""
    codes = np.frombuffer(word.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.int64)
    codes -= FIRST_CHARACTER
    return codes, (codes >= 0) & (codes < SYMBOLS)


def symbols_before(word: str) -> NDArray[np.int64]:
    """How many symbols stand before each character, and in all: int64 (characters + 1,)."""
    return np.concatenate([_NO_PLACES, [0], np.cumsum(_codes(word)[1])])


def character_places(word: str) -> NDArray[np.int64]:
    """The place where each character begins: int64 (characters,); foreign ones take none."""
    codes, known = _codes(word)
    widths = np.zeros(len(codes), dtype=np.int64)
    widths[known] = _PLACES_OF[codes[known]]
    return np.cumsum(widths) - widths


def parse(word: str) -> Parsed:
    """Read a string of symbols; never fails, whatever the characters are."""
    codes, known = _codes(word)
    foreign = int(len(codes) - known.sum())
    if foreign:
        codes = codes[known]
    widths = _PLACES_OF[codes]
    places = np.cumsum(widths) - widths
    values = _VALUE_OF[codes]
    end = None
    marks = _NO_PLACES
    if len(codes) and codes.max() >= _FIRST_END:
        ends = np.flatnonzero((codes >= _FIRST_END) & (codes < _FIRST_EXTENSION))
        marks = places[ends]
        if len(ends):
            end = (int(marks[0]), int(codes[ends[0]] - _FIRST_END))
        values = _extended(codes, values)
    return Parsed(places, widths, values, end, marks, foreign)


def _extended(codes: NDArray[np.int64], values: NDArray[np.int32]) -> NDArray[np.int32]:
    """`values` with the extensions that stand right before each of them."""
    added = np.cumsum(_EXTENSION_OF[codes])
    # What had been added up before the extensions in front of a symbol: the total at the last
    # symbol that is none.
    others = np.where(codes < _FIRST_EXTENSION, np.arange(len(codes)), -1)
    last = np.concatenate([[-1], np.maximum.accumulate(others)[:-1]])
    own = added - np.where(last >= 0, added[last], 0)
    larger = np.minimum(np.abs(values) + own, LARGEST_VALUE)
    return np.where(values != 0, np.sign(values) * larger, 0).astype(np.int32)
