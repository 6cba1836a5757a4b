"""`compact`: eight KLT components, each as run-length coded wavelet values of 16-sample blocks.

Leads -> KLT over leads -> bior4.4 wavelet over time, 4 levels -> dead-zone quantiser -> the 16
coefficients of a block side by side, coarse to fine -> characters (`run_lengths`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pywt
from numpy.typing import NDArray

from .errors import EcgByteError
from .leads import LEADS_FROM_INDEPENDENT
from .run_lengths import (
    ALPHABET,
    BLOCK,
    LARGEST_VALUE,
    Parsed,
    character_places,
    encode_rows,
    end_symbol,
    parse,
    run_symbols,
    symbols_before,
)
from .spans import Span, Stretch, check_placed

COMPONENTS = 8
WAVELET = "bior4.4"
LEVELS = 4

# What an end mark made up by a language model may ask for, in multiples of the nominal length.
_LONGEST = 6

Float32 = NDArray[np.float32]


def blocks_from_signal(components: Float32) -> Float32:
    """Wavelet coefficients of (channels, 16 k) samples as (channels, 16 k), block by block.

    A block of 16 samples holds a4, d4, d3 (2), d2 (4), d1 (8), coarse to fine.
    """
    # Level by level, because `pywt.wavedec` warns of signals as short as a beat at 100 Hz.
    coarse, details = components, []
    for _ in range(LEVELS):
        coarse, detail = pywt.dwt(coarse, WAVELET, mode="periodization", axis=-1)
        details.append(detail)
    bands = [coarse, *reversed(details)]
    channels, samples = components.shape
    per_block = [band.reshape(channels, samples // BLOCK, -1) for band in bands]
    return np.concatenate(per_block, axis=-1).reshape(channels, samples)


def signal_from_blocks(coefficients: Float32) -> Float32:
    """The inverse of `blocks_from_signal`: float32 (channels, 16 k)."""
    channels, samples = coefficients.shape
    blocks = coefficients.reshape(channels, samples // BLOCK, BLOCK)
    edges = (0, 1, 2, 4, 8, 16)
    bands = [
        np.ascontiguousarray(blocks[:, :, start:stop]).reshape(channels, -1)
        for start, stop in pairwise(edges)
    ]
    signal = pywt.waverec(bands, WAVELET, mode="periodization", axis=-1)
    return np.asarray(signal, dtype=np.float32)


def pad_to_blocks(components: Float32) -> Float32:
    """Fill (channels, samples) up to whole blocks by a ramp from the last sample to the first.

    The wavelet is periodic, so a ramp costs fewer coefficients than a step would.
    """
    missing = -components.shape[1] % BLOCK
    if not missing:
        return components
    share = np.arange(1, missing + 1, dtype=np.float32) / (missing + 1)
    last, first = components[:, -1:], components[:, :1]
    return np.concatenate([components, last + (first - last) * share], axis=1)


def dequantise(words: Sequence[Parsed], places: int, step: float) -> Float32:
    """Coefficients float32 (words, places) of words; symbols beyond the end are left out."""
    coefficients = np.zeros((len(words), places), dtype=np.float32)
    for row, word in zip(coefficients, words, strict=True):
        inside = (word.values != 0) & (word.places < places)
        row[word.places[inside]] = word.values[inside]
    coefficients *= step
    return coefficients


class CompactCodec:
    """Codec of the preset `compact`.

    `step`: quantiser step in the signal's unit (mV), of orthonormal components; `dead_zone`: the
    share of a step below which a value becomes zero (value = sign * floor(|z| / step + 1 -
    dead_zone), so that 0.5 is rounding); `lone_dead_zone`: the same for a value of 1 that has no
    other value in its block or at its place in the blocks beside it, and so costs a token of its
    own; `nominal_samples`: the length (samples) that needs no end
    mark; `klt`: (8, 12) rows of the transform, learned by `fit`.
    """

    channels: tuple[str, ...] = tuple(f"r{k}" for k in range(1, COMPONENTS + 1))
    alphabet: str = ALPHABET
    codes_components: bool = True

    def __init__(
        self,
        *,
        step: float = 0.33,
        dead_zone: float = 0.6,
        lone_dead_zone: float | None = None,
        nominal_samples: int = 2500,
        klt: Sequence[Sequence[float]] | None = None,
    ) -> None:
        if not 1e-6 <= step <= 1e6:
            raise EcgByteError(f"codec: step {step!r} must be within 1e-6 ... 1e6 mV")
        if not 0 <= dead_zone < 1:
            raise EcgByteError(f"codec: dead_zone {dead_zone!r} must be within 0 ... 1")
        if lone_dead_zone is not None and not dead_zone <= lone_dead_zone < 2:
            raise EcgByteError(
                f"codec: lone_dead_zone {lone_dead_zone!r} must be within dead_zone ... 2"
            )
        if not 2 * BLOCK <= int(nominal_samples) <= 2**16:
            raise EcgByteError(f"codec: nominal_samples {nominal_samples!r} is out of range")
        self.step = float(step)
        self.dead_zone = float(dead_zone)
        self.lone_dead_zone = None if lone_dead_zone is None else float(lone_dead_zone)
        self.nominal_samples = int(nominal_samples)
        self.klt: Float32 | None = None
        if klt is not None:
            self.klt = np.asarray(klt, dtype=np.float32)
            if self.klt.shape != (COMPONENTS, 12) or not np.isfinite(self.klt).all():
                raise EcgByteError(
                    f"codec: klt must be 8 x 12 finite numbers, not {self.klt.shape}"
                )

    @property
    def state(self) -> dict[str, Any]:
        """Everything that decoding needs, as JSON types."""
        klt = None if self.klt is None else np.round(self.klt.astype(np.float64), 7).tolist()
        return {
            "step": self.step,
            "dead_zone": self.dead_zone,
            "lone_dead_zone": self.lone_dead_zone,
            "nominal_samples": self.nominal_samples,
            "klt": klt,
        }

    def fit(self, signals: Iterable[Float32]) -> CompactCodec:
        """Learn the KLT from cleaned signals (12, samples), in one streaming pass.

        The eigenvectors are those of the covariance of all twelve leads, restricted to the eight
        dimensions that Einthoven's and Goldberger's equations leave, so that an error counts the
        same in each lead. Raises `EcgByteError` for an empty corpus.
        """
        moments = np.zeros((12, 12))
        count = 0
        for signal in signals:
            x = np.asarray(signal, dtype=np.float64)
            moments += x @ x.T
            count += x.shape[1]
        if not count:
            raise EcgByteError("compact: no signals to fit on; the corpus split is empty")
        basis = np.linalg.qr(LEADS_FROM_INDEPENDENT)[0]
        _, vectors = np.linalg.eigh(basis.T @ (moments / count) @ basis)
        rows = (basis @ vectors[:, ::-1]).T
        # The sign of an eigenvector is arbitrary; fix it, so that two machines agree.
        signs = np.sign(rows[np.arange(COMPONENTS), np.abs(rows).argmax(axis=1)])
        self.klt = np.round(rows * signs[:, None], 7).astype(np.float32)
        return self

    def _transform(self) -> Float32:
        if self.klt is None:
            raise EcgByteError("compact: the codec is not fitted; call fit(signals) first")
        return self.klt

    def to_components(self, signal: Float32) -> Float32:
        """The eight KLT components float32 (8, samples) of a signal (12, samples), in its unit."""
        return np.asarray(self._transform() @ signal, dtype=np.float32)

    def component_signals(self, signal: Float32) -> Float32:
        """What each word codes, of a cleaned signal (12, samples): its components (8, samples)."""
        return self.to_components(signal)

    def quantise(self, coefficients: Float32) -> NDArray[np.int32]:
        """Quantised values, int32 of the same shape."""
        scaled = np.clip(coefficients * (1.0 / self.step), -LARGEST_VALUE, LARGEST_VALUE)
        # The conversion cuts towards zero, which is the floor of the magnitude.
        scaled += np.copysign(np.float32(1.0 - self.dead_zone), scaled)
        values: NDArray[np.int32] = scaled.astype(np.int32)
        if self.lone_dead_zone is None:
            return values
        return self._without_lone(values, coefficients)

    def _without_lone(self, values: NDArray[np.int32], coefficients: Float32) -> NDArray[np.int32]:
        """`values` less the small ones that stand alone."""
        used = (values != 0).reshape(len(values), -1, BLOCK)
        accompanied = used.sum(axis=2, keepdims=True) > 1
        accompanied = np.broadcast_to(accompanied, used.shape).copy()
        accompanied[:, 1:] |= used[:, :-1]
        accompanied[:, :-1] |= used[:, 1:]
        small = np.abs(coefficients) < (self.lone_dead_zone or 0.0) * self.step
        return np.where(small & ~accompanied.reshape(values.shape), 0, values)

    def encode(self, signal: Float32) -> list[str]:
        """Eight words of a cleaned signal float32 (12, samples), one per component.

        A length other than the nominal one is said by an end mark in the first word.
        """
        return self.encode_components(self.to_components(signal))

    def encode_components(self, components: Float32) -> list[str]:
        """Eight words of eight cleaned components float32 (8, samples)."""
        values = self.quantise(self.coefficients(components))
        return self.words(values, components.shape[1])

    def coefficients(self, components: Float32) -> Float32:
        """The coefficients (8, 16 k) of components float32 (8, samples), filled up to blocks."""
        return blocks_from_signal(pad_to_blocks(components))

    def words(self, values: NDArray[np.int32], samples: int) -> list[str]:
        """Eight words of quantised coefficients (8, 16 k) of a signal of `samples`."""
        words = encode_rows(values)
        if samples != self.nominal_samples:
            nonzero = np.flatnonzero(values[0])
            rest = values.shape[1] - (int(nonzero[-1]) + 1 if len(nonzero) else 0)
            words[0] += run_symbols(rest) + end_symbol(-samples % BLOCK)
        return words

    def _parse(self, words: Sequence[str], strict: bool) -> tuple[list[Parsed], int]:
        if len(words) != COMPONENTS and strict:
            raise EcgByteError(f"compact: {len(words)} words instead of {COMPONENTS}")
        parsed = [parse(word) for word in (*words, *[""] * COMPONENTS)][:COMPONENTS]
        samples = self.nominal_samples
        if parsed[0].end is not None:
            places, missing = parsed[0].end
            samples = max(-(-places // BLOCK) * BLOCK - missing, 1)
            samples = min(samples, _LONGEST * self.nominal_samples)
        if strict:
            self._check(parsed, samples)
        return parsed, samples

    def _check(self, parsed: Sequence[Parsed], samples: int) -> None:
        places = -(-samples // BLOCK) * BLOCK
        for channel, word in zip(self.channels, parsed, strict=True):
            if word.foreign:
                raise EcgByteError(
                    f"compact: word {channel} holds {word.foreign} characters outside the alphabet"
                )
            used = int(word.places[-1] + word.widths[-1]) if len(word.places) else 0
            if used > places:
                raise EcgByteError(
                    f"compact: word {channel} runs to place {used}, beyond the {places} of "
                    f"{samples} samples"
                )
            if word.end is not None and (channel != "r1" or word.widths[-1] != 0):
                raise EcgByteError(f"compact: word {channel} has an end mark where none belongs")

    def length(self, words: Sequence[str]) -> int:
        """How many samples `decode(words)` has."""
        return self._parse(words, strict=False)[1]

    def decode(self, words: Sequence[str], strict: bool = False) -> Float32:
        """The signal float32 (12, samples) of any words, in the unit it was coded in.

        Whatever does not fit (foreign characters, symbols beyond the end, missing or surplus words)
        is left out; with `strict` it raises an `EcgByteError` that says what was wrong.
        """
        return self.leads(self.decode_components(words, strict))

    def leads(self, components: Float32, only: int | None = None) -> Float32:
        """The leads float32 (12, samples) of components (8, samples).

        `only`: the number of the one component that `components` (1, samples) holds.
        """
        rows = self._transform() if only is None else self._transform()[[only]]
        return np.asarray(rows.T @ components, dtype=np.float32)

    def decode_components(self, words: Sequence[str], strict: bool = False) -> Float32:
        """The components float32 (8, samples) of any words, as `decode` reads them."""
        parsed, samples = self._parse(words, strict)
        places = -(-samples // BLOCK) * BLOCK
        return signal_from_blocks(dequantise(parsed, places, self.step))[:, :samples]

    def places(self, channel: str, word: str) -> NDArray[np.int64]:
        """Which coefficient of the channel each character begins at: int64 (characters,)."""
        return character_places(word)

    def usual_channel(self, symbols: str) -> str:
        """The channel that symbols are shown in where none is said: the first component."""
        return self.channels[0]

    def waveform(self, channel: str, symbols: str, place: int = 0) -> Float32:
        """What symbols add to a signal of nominal length: float32 (12, samples), in its unit.

        `place`: the coefficient that the first of them stands at. A coefficient's waveform depends
        on its place among the 16 of a block (which band of the wavelet it is of), and its height in
        each lead on the channel. What would come after the end is left out.
        Raises `EcgByteError` for an unknown channel, a place out of range and foreign characters.
        """
        check_placed(
            "compact", self.channels, channel, symbols, ALPHABET, place, self.nominal_samples
        )
        parsed = parse(symbols).part(0, len(symbols), place)
        return self.leads_of(self.channels.index(channel), parsed, self.nominal_samples)

    def contributions(
        self, words: Sequence[str], stretches: Iterable[Stretch]
    ) -> Iterator[Float32]:
        """What each stretch of characters adds to `decode(words)`: float32 (12, samples) each.

        Stretches that together hold every character add up to it. An extension adds nothing by
        itself: its value comes with the symbol that it extends.
        """
        parsed, samples = self._parse(words, strict=False)
        before = [symbols_before(word) for word in words]
        for word, start, stop in stretches:
            part = parsed[word].part(before[word][start], before[word][stop])
            yield self.leads_of(word, part, samples)

    def leads_of(self, component: int, symbols: Parsed, samples: int) -> Float32:
        """The leads float32 (12, samples) of symbols of the component with this number."""
        places = -(-samples // BLOCK) * BLOCK
        wave = signal_from_blocks(dequantise([symbols], places, self.step))[:, :samples]
        return self.leads(wave, component)

    def locate(self, words: Sequence[str]) -> list[list[Span]]:
        """Per word the `Span` of every character, in samples.

        Symbols of one block share its 16 samples, a run of zeros spans the blocks that it touches,
        a foreign character covers nothing, and the last symbol takes the word's silent end.
        """
        parsed, samples = self._parse(words, strict=False)
        return [
            word_spans(channel, given, word, samples)
            for channel, given, word in zip(self.channels, words, parsed, strict=False)
        ]

    def occurrences(self, words: Sequence[str], spans: Sequence[Span]) -> list[list[Span]]:
        """Where in the record each span of `locate` acts: where it lies."""
        return [[span] for span in spans]


def word_spans(channel: str, word: str, parsed: Parsed, samples: int) -> list[Span]:
    """The `Span` of every character of a word of block coefficients, `parsed` from it."""
    starts = parsed.places // BLOCK * BLOCK
    stops = -(-(parsed.places + parsed.widths) // BLOCK) * BLOCK
    return spans_of_symbols(channel, word, parsed, starts, stops, samples)


def spans_of_symbols(
    channel: str,
    word: str,
    parsed: Parsed,
    starts: NDArray[np.int64],
    stops: NDArray[np.int64],
    samples: int,
) -> list[Span]:
    """Spans of the known characters from `starts` to `stops`, cut to `samples`.

    The last takes the word's silent end; foreign characters cover nothing.
    """
    if not len(parsed.places):
        return [Span(channel, 0, 0)] * len(word)
    starts, stops = np.minimum(starts, samples), np.minimum(stops, samples)
    stops[-1] = samples
    spans = [
        Span(channel, start, stop)
        for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)
    ]
    return _with_foreign(word, spans, channel) if parsed.foreign else spans


def _with_foreign(word: str, spans: list[Span], channel: str) -> list[Span]:
    """`spans` of the known characters with empty spans put in where foreign ones stand."""
    known = iter(spans)
    place = 0
    result = []
    for character in word:
        span = next(known) if character in ALPHABET else Span(channel, place, place)
        place = span.stop
        result.append(span)
    return result
