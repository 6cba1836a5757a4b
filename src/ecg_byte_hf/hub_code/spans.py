"""Where in the signal, or in its words, a symbol or a token lies."""

from __future__ import annotations

from typing import NamedTuple

from .errors import EcgByteError


class Span(NamedTuple):
    """A half-open stretch of one channel, in samples at the extractor's output rate.

    `channel` is a lead (`"II"`) or a component (`"r1"`) of the codec; it is empty for tokens that
    belong to no channel. `start == stop` says that the token covers no samples.
    """

    channel: str
    start: int
    stop: int


class Stretch(NamedTuple):
    """Characters `start` ... `stop` (half-open) of the word with the number `word`."""

    word: int
    start: int
    stop: int


class PlacedSymbols(NamedTuple):
    """A token's symbols and where in its channel they stand.

    `channel` is empty and `symbols` too for tokens that belong to no channel; a marker has its
    channel and no symbols. `place` counts what the channel's word counts, from 0: coefficients in
    blocks of 16 (`compact`, and `beat` but for its `rr`), beats (`rr`), samples (`paper`; of the
    whole ECG where it is one word).
    """

    channel: str
    place: int
    symbols: str


def check_placed(
    preset: str,
    channels: tuple[str, ...],
    channel: str,
    symbols: str,
    alphabet: str,
    place: int,
    places: int,
) -> None:
    """Raise `EcgByteError` unless `symbols` may stand at `place` of one of a codec's channels."""
    if channel not in channels:
        raise EcgByteError(f"{preset}: no channel {channel!r}; it has {', '.join(channels)}")
    if not 0 <= place < places:
        raise EcgByteError(f"{preset}: place {place} of {channel} is not within 0 ... {places - 1}")
    foreign = set(symbols) - set(alphabet)
    if foreign:
        raise EcgByteError(
            f"{preset}: {len(foreign)} of the symbols are not of the alphabet of {channel}"
        )
