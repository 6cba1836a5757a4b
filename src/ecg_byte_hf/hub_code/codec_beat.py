"""`beat`: the rhythm, the representative beat, and what departs from it.

A word for the RR intervals, eight for the representative beat (one per KLT component), eight for
what is left once the decoded beat has been subtracted at every R peak. Beat and rest are coded as
`compact` codes a signal. Where there are fewer than three beats, or the beat saves nothing, the
first nine words are empty and the rest is what `compact` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .beats import (
    AFTER_S,
    BEFORE_S,
    STEPS_PER_SAMPLE,
    find_beats,
    lay_out,
    representative_beat,
)
from .codec_compact import (
    COMPONENTS,
    CompactCodec,
    blocks_from_signal,
    dequantise,
    signal_from_blocks,
    spans_of_symbols,
    word_spans,
)
from .errors import EcgByteError
from .rr_word import decode_positions, encode_positions
from .run_lengths import ALPHABET, BLOCK, Parsed, encode_rows, parse
from .spans import Span

_USUAL_INTERVAL_S = 0.8
# A beat may begin before the record does: its reference point then lies this little before it.
_EARLIEST_S = 0.1

Float32 = NDArray[np.float32]
Int64 = NDArray[np.int64]


class _Rhythm(NamedTuple):
    """What the first nine words say: `positions` of the beats and the decoded `template`."""

    positions: Int64
    template: Float32


class BeatCodec:
    """Codec of the preset `beat`.

    `step`, `dead_zone`: of what is left, as in `CompactCodec`; `template_step`,
    `template_dead_zone`: of the representative beat, whose error counts in every beat;
    `sampling_rate`: Hz of the signals; `nominal_samples`: the length (samples) that needs no end
    mark; `klt`: (8, 12) rows of the transform, learned by `fit`.
    """

    channels: tuple[str, ...] = (
        "rr",
        *(f"t{k}" for k in range(1, COMPONENTS + 1)),
        *(f"r{k}" for k in range(1, COMPONENTS + 1)),
    )
    alphabet: str = ALPHABET

    def __init__(
        self,
        *,
        step: float = 0.45,
        dead_zone: float = 0.6,
        template_step: float = 0.2,
        template_dead_zone: float = 0.55,
        sampling_rate: float = 250.0,
        nominal_samples: int = 2500,
        klt: Sequence[Sequence[float]] | None = None,
    ) -> None:
        if not (np.isfinite(sampling_rate) and 1 <= sampling_rate <= 1e5):
            raise EcgByteError(f"beat: sampling_rate {sampling_rate!r} must be a number of Hz")
        self.sampling_rate = float(sampling_rate)
        self._rest = CompactCodec(
            step=step, dead_zone=dead_zone, nominal_samples=nominal_samples, klt=klt
        )
        self._template = CompactCodec(step=template_step, dead_zone=template_dead_zone)
        self._before = round(BEFORE_S * self.sampling_rate)
        beat = round((BEFORE_S + AFTER_S) * self.sampling_rate)
        self._beat_samples = max(2, -(-beat // BLOCK)) * BLOCK
        self._usual_interval = round(_USUAL_INTERVAL_S * self.sampling_rate * STEPS_PER_SAMPLE)

    @property
    def klt(self) -> Float32 | None:
        """(8, 12) rows of the transform, `None` before `fit`."""
        return self._rest.klt

    @property
    def state(self) -> dict[str, Any]:
        """Everything that decoding needs, as JSON types."""
        return self._rest.state | {
            "template_step": self._template.step,
            "template_dead_zone": self._template.dead_zone,
            "sampling_rate": self.sampling_rate,
        }

    def fit(self, signals: Iterable[Float32]) -> BeatCodec:
        """Learn the KLT from cleaned signals (12, samples), as `CompactCodec.fit`."""
        self._rest.fit(signals)
        return self

    def encode(self, signal: Float32) -> list[str]:
        """Seventeen words of a cleaned signal float32 (12, samples).

        The first nine are empty where fewer than three beats are found or where `compact` alone
        takes fewer symbols.
        """
        components = self._rest.component_signals(signal)
        alone = [""] * (1 + COMPONENTS) + self._rest.encode_components(components)
        positions = find_beats(components, self.sampling_rate)
        if not len(positions):
            return alone
        values = self._template_values(components, positions)
        rhythm = _Rhythm(positions, signal_from_blocks(values * np.float32(self._template.step)))
        words = [encode_positions(positions, self._usual_interval), *encode_rows(values)]
        words += self._rest.encode_components(components - self._predicted(rhythm, signal.shape[1]))
        return words if sum(map(len, words)) < sum(map(len, alone)) else alone

    def _template_values(self, components: Float32, positions: Int64) -> NDArray[np.int32]:
        beat = representative_beat(
            components, positions, self._before, self._beat_samples, self.sampling_rate
        )
        return self._template.quantise(blocks_from_signal(beat))

    def _predicted(self, rhythm: _Rhythm, samples: int) -> Float32:
        return lay_out(rhythm.template, rhythm.positions, self._before, samples)

    def _rhythm(self, words: Sequence[str], samples: int, strict: bool = False) -> _Rhythm:
        """Beats and template of the first nine of 17 words, for a signal of `samples`."""
        parsed = [parse(word) for word in words[: 1 + COMPONENTS]]
        spoken = decode_positions(parsed[0], self._usual_interval)
        earliest = -round(_EARLIEST_S * self.sampling_rate) * STEPS_PER_SAMPLE
        kept = (spoken >= earliest) & (spoken < samples * STEPS_PER_SAMPLE)
        kept[1:] &= spoken[1:] > np.maximum.accumulate(spoken)[:-1]
        if strict:
            self._check(parsed, spoken, kept)
        coefficients = dequantise(parsed[1:], self._beat_samples, self._template.step)
        return _Rhythm(spoken[kept], signal_from_blocks(coefficients))

    def _check(self, parsed: Sequence[Parsed], spoken: Int64, kept: NDArray[np.bool_]) -> None:
        for channel, word in zip(self.channels, parsed, strict=False):
            if word.foreign:
                raise EcgByteError(
                    f"beat: word {channel} holds {word.foreign} characters outside the alphabet"
                )
            if word.end is not None:
                raise EcgByteError(f"beat: word {channel} has an end mark where none belongs")
            used = int(word.places[-1] + word.widths[-1]) if len(word.places) else 0
            if channel != "rr" and used > self._beat_samples:
                raise EcgByteError(
                    f"beat: word {channel} runs to place {used}, beyond the {self._beat_samples} "
                    f"of a beat"
                )
        if not kept.all():
            where = spoken[~kept][0] / STEPS_PER_SAMPLE
            raise EcgByteError(
                f"beat: word rr puts a beat at sample {where:.0f}, before another or beyond the end"
            )
        if not len(spoken) and any(len(word.places) for word in parsed[1:]):
            raise EcgByteError("beat: the words have a representative beat but no R peaks")

    def _seventeen(self, words: Sequence[str], strict: bool) -> list[str]:
        if strict and len(words) != len(self.channels):
            raise EcgByteError(f"beat: {len(words)} words instead of {len(self.channels)}")
        return [*words, *[""] * len(self.channels)][: len(self.channels)]

    def length(self, words: Sequence[str]) -> int:
        """How many samples `decode(words)` has."""
        return self._rest.length(self._seventeen(words, strict=False)[1 + COMPONENTS :])

    def decode(self, words: Sequence[str], strict: bool = False) -> Float32:
        """The signal float32 (12, samples) of any words, in the unit it was coded in.

        Whatever does not fit (foreign characters, beats or symbols beyond the end, missing or
        surplus words) is left out; with `strict` it raises an `EcgByteError` that says what was
        wrong.
        """
        words = self._seventeen(words, strict)
        components = self._rest.decode_components(words[1 + COMPONENTS :], strict)
        samples = components.shape[1]
        components = components + self._predicted(self._rhythm(words, samples, strict), samples)
        return self._rest.leads(components)

    def beat_positions(self, words: Sequence[str]) -> NDArray[np.float64]:
        """Where the beats lie: float64 (beats,), in samples, ascending; empty without a template.

        A position is the point of a beat that template place `0.28 s` stands on, near its R peak.
        """
        words = self._seventeen(words, strict=False)
        return self._rhythm(words, self.length(words)).positions / STEPS_PER_SAMPLE

    def occurrences(self, words: Sequence[str], span: Span) -> list[Span]:
        """Where in the record a span of `locate` acts: of a template, once in every beat.

        Spans of other channels come back as they are. What lies outside of the record is cut off.
        """
        if not span.channel.startswith("t"):
            return [span]
        samples = self.length(words)
        starts = np.floor(self.beat_positions(words)).astype(int) - self._before
        ends = np.minimum(starts + self._beat_samples, np.append(starts[1:], samples))
        found = []
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
            first, last = max(start + span.start, 0), min(start + span.stop, end)
            if first < last:
                found.append(Span(span.channel, first, last))
        return found

    def component_signals(self, signal: Float32) -> Float32:
        """What each word codes, of a cleaned signal (12, samples): float32 (17, samples).

        `rr`: the first component; `t1` ...: the representative beat, `samples` of it or zeros after
        it; `r1` ...: the components less the beats. All in the signal's unit.
        """
        components = self._rest.component_signals(signal)
        samples = components.shape[1]
        words = self.encode(signal)
        rhythm = self._rhythm(words, samples)
        templates = np.zeros_like(components)
        shown = min(self._beat_samples, samples)
        if words[0]:
            templates[:, :shown] = rhythm.template[:, :shown]
        rest = components - self._predicted(rhythm, samples)
        return np.concatenate([components[:1], templates, rest])

    def locate(self, words: Sequence[str]) -> list[list[Span]]:
        """Per word the `Span` of every character, in samples.

        `rr`: from the beat before to the beat that a symbol places; `t1` ...: samples of the
        representative beat, counted from its own first (see `occurrences`); `r1` ...: as `compact`.
        """
        given = list(words)[: len(self.channels)]
        words = self._seventeen(words, strict=False)
        samples = self.length(words)
        located = [self._locate_rr(words[0], samples)]
        beat = min(self._beat_samples, samples)
        for channel, word in zip(self.channels[1 : 1 + COMPONENTS], words[1:], strict=False):
            located.append(word_spans(channel, word, parse(word), beat))
        for channel, spans in zip(
            self.channels[1 + COMPONENTS :],
            self._rest.locate(words[1 + COMPONENTS :]),
            strict=True,
        ):
            located.append([Span(channel, span.start, span.stop) for span in spans])
        return located[: len(given)]

    def _locate_rr(self, word: str, samples: int) -> list[Span]:
        parsed = parse(word)
        spoken = decode_positions(parsed, self._usual_interval) // STEPS_PER_SAMPLE
        spoken = np.maximum.accumulate(np.clip(spoken, 0, samples)) if len(spoken) else spoken
        # Place k of the word is beat k; it is reached from the beat before.
        edges = np.concatenate([[0], spoken])
        last = len(edges) - 1
        starts = edges[np.minimum(parsed.places, last)]
        stops = edges[np.minimum(parsed.places + np.maximum(parsed.widths, 1), last)]
        return spans_of_symbols("rr", word, parsed, starts, stops, samples)
