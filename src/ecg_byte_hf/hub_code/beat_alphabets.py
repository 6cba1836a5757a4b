"""Which characters the words of `beat` are written in: one alphabet for all, or one per kind.

The codec reckons in the common alphabet of `run_lengths`; what is written may be others. Placed
template words have an alphabet of their own and are never translated.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from .placed_words import PlacedWords
from .run_lengths import ALPHABET, SYMBOLS, Parsed, parse, symbols_before

KINDS = ("rr", "t", "r")

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]


def kind_of(channel: str) -> str:
    """Which kind of word a channel's is: `rr`, `t` (of a template) or `r` (what is left)."""
    return channel.rstrip("0123456789")


@cache
def _own_from_common(kind: str) -> dict[int, str]:
    """For `str.translate`: the common alphabet into that of one kind of word."""
    shift = KINDS.index(kind) * SYMBOLS
    return {ord(symbol): chr(ord(symbol) + shift) for symbol in ALPHABET}


@cache
def _common_from_own(kind: str) -> dict[int, str]:
    """The way back. Characters of the common alphabet that are not the kind's own become NUL."""
    foreign = dict.fromkeys(map(ord, ALPHABET), "\0")
    return foreign | {ord(own): chr(common) for common, own in _own_from_common(kind).items()}


class BeatAlphabets:
    """How words of `channels` are written and read.

    `separate`: an alphabet for each kind of word; `placed`: how template words are written where
    they are no run lengths; `of_kind`: the characters by kind, or of `all`.
    """

    def __init__(
        self, channels: Sequence[str], *, separate: bool, placed: PlacedWords | None
    ) -> None:
        self.channels = tuple(channels)
        self._separate = separate
        self.placed = placed
        if separate:
            own = {kind: "".join(_own_from_common(kind).values()) for kind in KINDS}
            self.of_kind = own | ({"t": placed.alphabet} if placed else {})
        else:
            self.of_kind = {"all": ALPHABET + (placed.alphabet if placed else "")}

    def is_placed(self, channel: str) -> bool:
        """Whether the words of a channel name their places."""
        return self.placed is not None and kind_of(channel) == "t"

    def own(self, channel: str, word: str) -> str:
        """A word in the common alphabet, in that of its channel."""
        return word.translate(_own_from_common(kind_of(channel))) if self._separate else word

    def common(self, channel: str, word: str) -> str:
        """A channel's word in the common alphabet; what is foreign to the channel stays foreign.

        Placed template words stay as they are.
        """
        if not self._separate or self.is_placed(channel):
            return word
        return word.translate(_common_from_own(kind_of(channel)))

    def templates(self, words: Sequence[str], values: Int32 | None) -> list[str]:
        """Template words: `words` in the common alphabet, or placed words of their `values`."""
        if self.placed is not None and values is not None:
            return self.placed.encode(values)
        channels = [channel for channel in self.channels if kind_of(channel) == "t"]
        return [self.own(channel, word) for channel, word in zip(channels, words, strict=True)]

    def parse(self, number: int, word: str, place: int = 0) -> Parsed:
        """Read the word (or a part of it, from `place`) of the channel with this number."""
        if self.placed is not None and self.is_placed(self.channels[number]):
            return self.placed.parse(word, self._component(number), place)
        parsed = parse(word)
        return parsed.part(0, len(parsed.places), place) if place else parsed

    def symbols_before(self, number: int, word: str) -> Int64:
        """How many known symbols stand before each character, and in all."""
        if self.placed is None or not self.is_placed(self.channels[number]):
            return symbols_before(word)
        known = self.placed.known(word, self._component(number))
        return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(known)])

    def usual_channel(self, symbols: str) -> str | None:
        """The first channel that symbols may stand in; None where they do not tell."""
        first = symbols[:1]
        templates = [channel for channel in self.channels if kind_of(channel) == "t"]
        if self.placed is not None and first and first in self.placed.alphabet:
            return templates[self.placed.component(symbols)]
        for kind, alphabet in self.of_kind.items():
            if first and first in alphabet and kind != "all":
                return next(channel for channel in self.channels if kind_of(channel) == kind)
        return None

    def _component(self, number: int) -> int:
        return int(self.channels[number].lstrip("t")) - 1
