"""Words to ids of the ECG BPE and back, and the place of every id in time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .errors import EcgByteError
from .feature_extraction_ecg_byte import EcgByteFeatureExtractor
from .spans import PlacedSymbols, Span, Stretch

BEGIN = "<|ecg|>"
END = "<|/ecg|>"
PAD = "<|pad|>"


def ecg_token_names(ecg_tokenizer: Any, word_markers: Collection[str]) -> list[str]:
    """What each token of the ECG BPE is called in a Llama's vocabulary, in order of its id.

    The begin, end and word markers keep their names; token `i` is `<|ecg_i|>` otherwise, because
    the BPE's own strings are symbols that mean nothing to a reader and could occur in text.
    """
    vocabulary = ecg_tokenizer.backend_tokenizer.get_vocab(with_added_tokens=True)
    names = [f"<|ecg_{i}|>" for i in range(max(vocabulary.values()) + 1)]
    for token in (BEGIN, END, *word_markers):
        names[vocabulary[token]] = token
    return names


class _Placed(NamedTuple):
    """A token of a channel: its position among the ids, its channel's number and its symbols.

    `start`: how many characters of the channel's word stand before it.
    """

    position: int
    channel: int
    symbols: str
    start: int

    @property
    def stretch(self) -> Stretch:
        return Stretch(self.channel, self.start, self.start + len(self.symbols))


class EcgIds:
    """The ECG BPE with what an extractor's channels mean in it.

    Raises `EcgByteError` where the tokenizer lacks one of the extractor's markers or letters.
    """

    def __init__(self, feature_extractor: EcgByteFeatureExtractor, tokenizer: Any) -> None:
        self._extractor = feature_extractor
        self._backend = tokenizer.backend_tokenizer
        vocabulary = self._backend.get_vocab(with_added_tokens=True)
        self.vocabulary_size = max(vocabulary.values(), default=-1) + 1
        self._check_model(vocabulary)
        needed = [BEGIN, END, *feature_extractor.markers, *feature_extractor.alphabet]
        missing = [symbol for symbol in needed if symbol not in vocabulary]
        if missing:
            raise EcgByteError(
                f"tokenizer: {len(missing)} symbols of the extractor's preset "
                f"{feature_extractor.preset!r} are not in its vocabulary (first: {missing[0]!r}); "
                f"tokenizer and extractor do not belong together"
            )
        self.begin: int = vocabulary[BEGIN]
        self.end: int = vocabulary[END]
        self._markers = [vocabulary[marker] for marker in feature_extractor.markers]
        self._channel_of = {i: channel for channel, i in enumerate(self._markers)}
        self._symbols = [""] * self.vocabulary_size
        # Added tokens that are not special are symbols too: those of an imported tokenizer.
        added = self._backend.get_added_tokens_decoder().values()
        special = {token.content for token in added if token.special}
        for token, i in vocabulary.items():
            if token not in special:
                self._symbols[i] = token
        ordinary = [t for t in (BEGIN, END, *feature_extractor.markers) if t not in special]
        clash = sorted(special & set(feature_extractor.alphabet))
        if ordinary or clash:
            is_marker = f"{ordinary[0]!r} is no special token" if ordinary else ""
            raise EcgByteError(
                f"tokenizer: {is_marker or f'symbol {clash[0]!r} is a special token'}; tokenizer "
                f"and extractor do not belong together"
            )
        self._alphabet = frozenset(feature_extractor.alphabet)
        self.names = ecg_token_names(tokenizer, feature_extractor.markers)

    def _check_model(self, vocabulary: dict[str, int]) -> None:
        """Raise `EcgByteError` for what is no plain BPE over words, as any repository may hold."""
        backend = self._backend
        if type(backend.model).__name__ != "BPE" or backend.model.dropout:
            raise EcgByteError("tokenizer: an ECG tokenizer is a BPE without dropout; this is not")
        if backend.normalizer is not None or backend.pre_tokenizer is not None:
            raise EcgByteError(
                "tokenizer: it normalises or splits its input; an ECG tokenizer takes words as "
                "they are"
            )
        if not len(vocabulary) == len(set(vocabulary.values())) == self.vocabulary_size:
            raise EcgByteError(
                f"tokenizer: {len(vocabulary)} tokens have ids up to {self.vocabulary_size - 1}; "
                f"the ids of an ECG tokenizer have no gaps and no doubles"
            )

    def shift_in(self, tokenizer: Any) -> int:
        """How far the ids lie from 0 in a language model's `tokenizer` to which they were added.

        Raises `EcgByteError` unless every ECG token is there, side by side.
        """
        ids = tokenizer.convert_tokens_to_ids(self.names)
        shift = ids[0]
        if shift is None or ids != list(range(shift, shift + len(ids))):
            raise EcgByteError(
                "tokenizer: the language model's tokenizer does not hold the ECG tokens side by "
                "side; add them with ecg_byte_hf.reading.vocabulary"
            )
        return int(shift)

    def check_words(self, words: Sequence[str]) -> None:
        """Raise `EcgByteError` where words from elsewhere do not fit the extractor."""
        if len(words) != len(self._markers):
            raise EcgByteError(f"tokenizer: {len(words)} words for {len(self._markers)} channels")
        for channel, word in zip(self._extractor.channels, words, strict=True):
            foreign = set(word) - self._alphabet
            if foreign:
                raise EcgByteError(
                    f"tokenizer: word {channel} holds characters outside the alphabet "
                    f"({''.join(sorted(foreign))[:8]!r}); encode it with this extractor"
                )

    def from_words(self, words: Sequence[str]) -> list[int]:
        """The ids of one ECG, markers and all, from words that this extractor made.

        An empty word has no marker either: the marker that is missing says so.
        """
        ids = [self.begin]
        # A call of the tokenizer with `truncation` or `padding` leaves both switched on, and a file
        # may ask for them.
        self._backend.no_truncation()
        self._backend.no_padding()
        encoded = self._backend.encode_batch_fast(list(words), add_special_tokens=False)
        for marker, word in zip(self._markers, encoded, strict=True):
            if word.ids:
                ids.append(marker)
                ids += word.ids
        ids.append(self.end)
        return ids

    def to_words(self, ids: NDArray[np.int64], strict: bool = False) -> list[str]:
        """One str per channel of the first ECG among `ids`."""
        return self._words(self._placed(ids, strict))

    def _words(self, tokens: Sequence[_Placed]) -> list[str]:
        words = [""] * len(self._markers)
        for token in tokens:
            words[token.channel] += token.symbols
        return words

    def spans(self, ids: NDArray[np.int64]) -> list[Span]:
        """One `Span` per id."""
        spans = [Span("", 0, 0)] * len(ids)
        tokens = self._placed(ids, strict=False)
        words = self._words(tokens)
        located = self._extractor.locate(words)
        for token in tokens:
            channel = self._extractor.channels[token.channel]
            if not token.symbols:
                # The marker of an empty word, if a model wrote one, carries the silent channel.
                silent = not words[token.channel] and spans[token.position] == Span("", 0, 0)
                length = self._extractor.codec.length(words) if silent else 0
                spans[token.position] = Span(channel, 0, length)
                continue
            _, first, last = token.stretch
            start, stop = located[token.channel][first], located[token.channel][last - 1]
            end = stop.stop
            if start.channel != stop.channel:
                # One word for the whole ECG: a token may cross leads; it is shown on its first.
                end = max(
                    s.stop for s in located[token.channel][first:last] if s.channel == start.channel
                )
            spans[token.position] = Span(start.channel, start.start, end)
        return spans

    def occurrences(self, ids: NDArray[np.int64]) -> list[list[Span]]:
        """The spans of the record that each id acts in."""
        spans = self.spans(ids)
        found = self._extractor.codec.occurrences(self.to_words(ids), spans)
        return [
            acts if span.stop > span.start else [] for span, acts in zip(spans, found, strict=True)
        ]

    def symbols_of(self, i: int) -> str:
        """The symbols of one id, none for a marker.

        Raises `EcgByteError` for an id that the ECG BPE does not have.
        """
        if not 0 <= i < self.vocabulary_size:
            raise EcgByteError(f"ids: token {i} is no ECG token")
        return self._symbols[i]

    def marked_channel(self, i: int) -> str | None:
        """The channel that this id is the marker of."""
        number = self._channel_of.get(i)
        return None if number is None else self._extractor.channels[number]

    def symbols(self, ids: NDArray[np.int64]) -> list[PlacedSymbols]:
        """One `PlacedSymbols` per id."""
        placed = [PlacedSymbols("", 0, "")] * len(ids)
        tokens = self._placed(ids, strict=False)
        codec, channels = self._extractor.codec, self._extractor.channels
        words = self._words(tokens)
        places = [
            codec.places(channel, word).tolist()
            for channel, word in zip(channels, words, strict=True)
        ]
        for token in tokens:
            place = places[token.channel][token.start] if token.symbols else 0
            placed[token.position] = PlacedSymbols(channels[token.channel], place, token.symbols)
        return placed

    def contributions(self, ids: NDArray[np.int64]) -> Iterator[NDArray[np.float32]]:
        """What each id adds to the decoded signal: float32 (12, samples) each."""
        tokens = {token.position: token for token in self._placed(ids, strict=False)}
        words = self._words(list(tokens.values()))
        stretches = (
            tokens[k].stretch if k in tokens else Stretch(0, 0, 0) for k in range(len(ids))
        )
        return self._extractor.codec.contributions(words, stretches)

    def _placed(self, ids: NDArray[np.int64], strict: bool) -> list[_Placed]:
        """Markers (with no symbols) and symbol tokens of the first ECG among `ids`."""
        inside = (ids >= 0) & (ids < self.vocabulary_size)
        begins = np.flatnonzero(ids == self.begin)
        start = int(begins[0]) + 1 if len(begins) else 0
        ends = np.flatnonzero(ids[start:] == self.end)
        stop = start + int(ends[0]) if len(ends) else len(ids)
        if strict and not (len(begins) and len(ends)):
            raise EcgByteError(f"ids: no {BEGIN} ... {END} in them; pass all tokens of one ECG")
        placed: list[_Placed] = []
        seen: list[int] = []
        used = [0] * len(self._markers)
        channel: int | None = None
        for position in range(start, stop):
            i = int(ids[position])
            if i in self._channel_of:
                channel = self._channel_of[i]
                seen.append(channel)
                placed.append(_Placed(position, channel, "", used[channel]))
            elif inside[position] and self._symbols[i] and channel is not None:
                placed.append(_Placed(position, channel, self._symbols[i], used[channel]))
                used[channel] += len(self._symbols[i])
            elif strict:
                raise EcgByteError(
                    f"ids: token {i} at position {position} belongs to no channel of the ECG"
                )
        if strict and seen != sorted(set(seen)):
            raise EcgByteError(
                f"ids: the markers are not in the order {' '.join(self._extractor.markers)}, each "
                f"at most once"
            )
        return placed
