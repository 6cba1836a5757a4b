"""`paper`: every sample of every lead as one of 26 letters (ECG-Byte, arXiv 2412.14373).

The letters divide the amplitudes between the corpus's first percentile - 0.5 mV and its 99th
+ 0.5 mV into 26 equal bins, by floor; outside, they clip. Unlike the original, which decodes
letter k to k/25 of the range, a letter decodes to the centre of its bin: half the worst error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import EcgByteError
from .leads import STANDARD_LEADS
from .spans import Span, Stretch, check_placed

LETTERS = "abcdefghijklmnopqrstuvwxyz"
MARGIN = 0.5

# The original's order; it swaps aVL and aVR between its databases, this is its PTB-XL's.
PAPER_LEADS = ("I", "II", "III", "aVL", "aVR", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")

# Percentiles come from a histogram of this width (1 uV), so that one streaming pass is enough.
_BIN = 1e-3
_HISTOGRAM_LIMIT = 20.0

# What a word made up by a language model may ask for, in multiples of the nominal length.
_LONGEST = 6

Float32 = NDArray[np.float32]


class PaperCodec:
    """Codec of the preset `paper`.

    `low`, `high`: the range (mV) that the letters divide, learned by `fit`; `one_word`: the whole
    ECG as one word, as the paper has it, instead of one per lead; `lead_order`: `"standard"` or
    `"paper"` (aVL before aVR), the order of the words; `nominal_samples`: the length of the signal
    that no symbols at all decode to.
    """

    alphabet: str = LETTERS
    codes_components: bool = False

    def __init__(
        self,
        *,
        low: float | None = None,
        high: float | None = None,
        one_word: bool = False,
        lead_order: str = "standard",
        nominal_samples: int = 2500,
    ) -> None:
        if lead_order not in ("standard", "paper"):
            raise EcgByteError(
                f"paper: lead_order {lead_order!r} is unknown; use 'standard' or 'paper'"
            )
        if (low is None) != (high is None):
            raise EcgByteError("paper: give both low and high (mV), or neither")
        if low is not None and high is not None and not -1e6 < low < high < 1e6:
            raise EcgByteError(f"paper: low {low!r} must be below high {high!r}, both finite")
        if not 32 <= int(nominal_samples) <= 2**16:
            raise EcgByteError(f"paper: nominal_samples {nominal_samples!r} is out of range")
        self.low = None if low is None else float(low)
        self.high = None if high is None else float(high)
        self.one_word = bool(one_word)
        self.lead_order = lead_order
        self.nominal_samples = int(nominal_samples)
        self._leads = STANDARD_LEADS if lead_order == "standard" else PAPER_LEADS
        self._rows = [STANDARD_LEADS.index(lead) for lead in self._leads]
        self.channels: tuple[str, ...] = ("leads",) if self.one_word else self._leads

    @property
    def state(self) -> dict[str, Any]:
        """Everything that decoding needs, as JSON types."""
        return {
            "low": self.low,
            "high": self.high,
            "one_word": self.one_word,
            "lead_order": self.lead_order,
            "nominal_samples": self.nominal_samples,
        }

    def fit(self, signals: Iterable[Float32]) -> PaperCodec:
        """Learn the range from cleaned signals (12, samples) in mV, in one streaming pass.

        The percentiles are exact within 1 uV. Raises `EcgByteError` for an empty corpus.
        """
        bins = round(2 * _HISTOGRAM_LIMIT / _BIN)
        histogram = np.zeros(bins + 1, dtype=np.int64)
        for signal in signals:
            places = np.rint((np.asarray(signal, dtype=np.float64) + _HISTOGRAM_LIMIT) / _BIN)
            places = np.clip(places, 0, bins).astype(np.int64)
            histogram += np.bincount(places.ravel(), minlength=bins + 1)
        total = int(histogram.sum())
        if not total:
            raise EcgByteError("paper: no signals to fit on; the corpus split is empty")
        shares = np.cumsum(histogram) / total
        p1, p99 = (
            float(np.searchsorted(shares, share)) * _BIN - _HISTOGRAM_LIMIT
            for share in (0.01, 0.99)
        )
        self.low, self.high = round(p1 - MARGIN, 6), round(p99 + MARGIN, 6)
        return self

    def _range(self) -> tuple[float, float]:
        if self.low is None or self.high is None:
            raise EcgByteError("paper: the codec is not fitted; call fit(signals) first")
        return self.low, self.high

    def encode(self, signal: Float32) -> list[str]:
        """One word per lead (or one in all) of a cleaned signal float32 (12, samples) in mV."""
        low, high = self._range()
        scaled = np.asarray(signal, dtype=np.float32)[self._rows] - np.float32(low)
        scaled *= np.float32(len(LETTERS) / (high - low))
        np.clip(scaled, 0, len(LETTERS) - 1, out=scaled)
        letters = scaled.astype(np.uint8)
        letters += ord("a")
        if self.one_word:
            return [letters.tobytes().decode("ascii")]
        return [lead.tobytes().decode("ascii") for lead in letters]

    def _centres(self) -> Float32:
        """The level (mV) of each letter, float32 (26,)."""
        low, high = self._range()
        width = (high - low) / len(LETTERS)
        return (low + (np.arange(len(LETTERS)) + 0.5) * width).astype(np.float32)

    def _codes(self, words: Sequence[str], strict: bool) -> list[NDArray[np.int64]]:
        """Letter numbers per lead, foreign characters left out."""
        if strict and len(words) != len(self.channels):
            raise EcgByteError(f"paper: {len(words)} words instead of {len(self.channels)}")
        leads = []
        for channel, word in zip(self.channels, words, strict=False):
            codes = np.frombuffer(word.encode("utf-32-le", "surrogatepass"), dtype="<u4")
            codes = codes.astype(np.int64) - ord("a")
            known = (codes >= 0) & (codes < len(LETTERS))
            if strict and not known.all():
                raise EcgByteError(
                    f"paper: word {channel} holds {int((~known).sum())} characters outside a-z"
                )
            leads.append(codes[known])
        if self.one_word and leads:
            whole = leads[0]
            if strict and len(whole) % 12:
                raise EcgByteError(f"paper: {len(whole)} letters cannot be split over 12 leads")
            samples = -(-len(whole) // 12)
            leads = [whole[lead * samples : (lead + 1) * samples] for lead in range(12)]
        leads += [np.zeros(0, dtype=np.int64)] * (12 - len(leads))
        lengths = {len(codes) for codes in leads}
        if strict and len(lengths) != 1:
            raise EcgByteError(f"paper: the leads have different lengths, {sorted(lengths)}")
        return leads

    def _samples(self, leads: Sequence[NDArray[np.int64]]) -> int:
        longest = max(len(codes) for codes in leads)
        return min(longest or self.nominal_samples, _LONGEST * self.nominal_samples)

    def length(self, words: Sequence[str]) -> int:
        """How many samples `decode(words)` has."""
        return self._samples(self._codes(words, strict=False))

    def decode(self, words: Sequence[str], strict: bool = False) -> Float32:
        """The signal float32 (12, samples) of any words, in mV.

        Foreign characters are left out, a lead that is too short ends in zeros; with `strict` an
        `EcgByteError` says what was wrong.
        """
        centres = self._centres()
        leads = self._codes(words, strict)
        samples = self._samples(leads)
        signal = np.zeros((12, samples), dtype=np.float32)
        for row, codes in zip(self._rows, leads, strict=True):
            kept = codes[:samples]
            signal[row, : len(kept)] = centres[kept]
        return signal

    def places(self, channel: str, word: str) -> NDArray[np.int64]:
        """Which sample each character stands for: int64 (characters,); foreign ones take none."""
        widths = np.array([character in LETTERS for character in word], dtype=np.int64)
        return np.cumsum(widths) - widths

    def usual_channel(self, symbols: str) -> str:
        """The channel that symbols are shown in where none is said: the first lead."""
        return self.channels[0]

    def waveform(self, channel: str, symbols: str, place: int = 0) -> Float32:
        """The levels that letters stand for, from sample `place` on: float32 (12, samples) in mV.

        Zero elsewhere; what would come after the nominal length is left out. Where the whole ECG is
        one word, `place` counts through its leads.
        Raises `EcgByteError` for an unknown channel, a place out of range and foreign characters.
        """
        samples = self.nominal_samples
        places = 12 * samples if self.one_word else samples
        check_placed("paper", self.channels, channel, symbols, LETTERS, place, places)
        return self._levels(self.channels.index(channel), place, symbols, samples, samples)

    def contributions(
        self, words: Sequence[str], stretches: Iterable[Stretch]
    ) -> Iterator[Float32]:
        """What each stretch of characters adds to `decode(words)`: float32 (12, samples) each.

        The levels of its samples, zero elsewhere, so that stretches that together hold every
        character add up to the decoded signal.
        """
        leads = self._codes(words, strict=False)
        samples = self._samples(leads)
        places = [
            self.places(channel, word) for channel, word in zip(self.channels, words, strict=False)
        ]
        for word, start, stop in stretches:
            letters = "".join(c for c in words[word][start:stop] if c in LETTERS)
            place = int(places[word][start]) if letters else 0
            yield self._levels(word, place, letters, samples, len(leads[0]))

    def _levels(self, word: int, place: int, letters: str, samples: int, per_lead: int) -> Float32:
        """Leads (12, samples) of letters from `place` of a word; `per_lead`: letters of a lead."""
        codes = np.frombuffer(letters.encode("ascii"), dtype=np.uint8) - ord("a")
        at = place + np.arange(len(codes))
        numbers, at = np.divmod(at, per_lead) if self.one_word else (np.full(len(codes), word), at)
        inside = (numbers < 12) & (at < samples)
        signal = np.zeros((12, samples), dtype=np.float32)
        signal[np.take(self._rows, numbers[inside]), at[inside]] = self._centres()[codes[inside]]
        return signal

    def locate(self, words: Sequence[str]) -> list[list[Span]]:
        """Per word the `Span` of every character: one sample of one lead.

        Foreign characters cover nothing. The spans of each lead cover it exactly.
        """
        located = []
        samples = self._samples(self._codes(words, strict=False))
        for channel, word in zip(self.channels, words, strict=False):
            spans, place = [], 0
            for character in word:
                lead, sample = channel, place
                if self.one_word:
                    lead, sample = self._leads[min(place // samples, 11)], place % samples
                width = 1 if character in LETTERS and sample < samples else 0
                spans.append(Span(lead, min(sample, samples), min(sample, samples) + width))
                place += width
            located.append(spans)
        return located

    def occurrences(self, words: Sequence[str], spans: Sequence[Span]) -> list[list[Span]]:
        """Where in the record each span of `locate` acts: where it lies."""
        return [[span] for span in spans]
