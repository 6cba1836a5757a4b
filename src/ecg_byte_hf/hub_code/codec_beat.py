"""`beat`: the rhythm, the representative beat, and what departs from it.

A word for the RR intervals, eight for the representative beat (one per KLT component), eight for
what is left once the decoded beat has been subtracted at every R peak. Beat and rest are coded as
`compact` codes a signal. Where there are fewer than three beats, or the beat saves nothing, the
first nine words are empty and the rest is what `compact` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .beat_alphabets import BeatAlphabets
from .beats import (
    AFTER_S,
    BEFORE_S,
    STEPS_PER_SAMPLE,
    find_beats,
    lay_out,
    representative_beat,
    two_kinds,
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
from .placed_words import PlacedWords
from .rr_word import decode_beats, encode_beats
from .run_lengths import (
    ALPHABET,
    BLOCK,
    Parsed,
    character_places,
    encode_rows,
    parse,
)
from .spans import Span, Stretch, check_placed

_USUAL_INTERVAL_S = 0.8
# The reference point of a beat that the record cuts off may lie this little outside of it.
_OUTSIDE_S = 0.1
# Of a vocabulary of 4,096 on PTB-XL; only the choice between ways to code a signal hangs on it.
# What is left takes 3.6 to 4.0, a signal without a template 3.1 to 3.4: one figure for both keeps
# the estimate from leaning towards either.
_SYMBOLS_PER_TOKEN = {"rr": 1.15, "t": 2.65, "r": 3.3}
# Without a template, lone values are spared only a little: fewer stand alone.
_PLAIN_LONE_DEAD_ZONE = 0.7

Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]


class _Coded(NamedTuple):
    """A way to code a signal: its words (common alphabet) and its coefficients' squared error.

    `templates`: the values of its representative beats (8, places), where it has any.
    """

    words: list[str]
    error: float
    templates: Int32 | None = None


def _cost(coded: _Coded, error: float) -> float:
    """About how many tokens a way to code a signal would take if its squared error were `error`."""
    # But for begin, end and markers, tokens fall about as 1 / squared error (docs/codec.md).
    rr, templates, rest = coded.words[0], coded.words[1 : 1 + COMPONENTS], coded.words[-COMPONENTS:]
    tokens = len(rr) / _SYMBOLS_PER_TOKEN["rr"]
    tokens += sum(map(len, templates)) / _SYMBOLS_PER_TOKEN["t"]
    tokens += sum(map(len, rest)) / _SYMBOLS_PER_TOKEN["r"]
    return 2 + sum(map(bool, coded.words)) + tokens * coded.error / max(error, 1e-12)


class _Rhythm(NamedTuple):
    """What the first nine words say.

    `positions` and `kinds` of the beats (beats,); `templates`: float32 (2, 8, samples of a beat).
    """

    positions: Int64
    kinds: Int64
    templates: Float32


class BeatCodec:
    """Codec of the preset `beat`.

    `step`, `dead_zone`, `lone_dead_zone`: of what is left, as in `CompactCodec`; `template_step`,
    `template_dead_zone`: of the representative beat, whose error counts in every beat;
    `templates`: how many representative beats at most, 0 to 2; `sampling_rate`: Hz of the signals;
    `nominal_samples`: the length (samples) that needs no end mark; `alphabets`: `"joint"`, one
    alphabet for all words, or `"separate"`, one each for the RR word, the template words and the
    rest, so that no merge serves two of them; `template_words`: `"runs"`, run lengths as in all
    other words, `"placed"`, a block by its name and its values by their places, or `"named"`, the
    block before every value: each longer than the one before, and read better by a language model
    (docs/reading.md); `klt`: (8, 12) rows of the transform, learned by `fit`.
    """

    channels: tuple[str, ...] = (
        "rr",
        *(f"t{k}" for k in range(1, COMPONENTS + 1)),
        *(f"r{k}" for k in range(1, COMPONENTS + 1)),
    )
    codes_components: bool = True

    def __init__(
        self,
        *,
        step: float = 0.5,
        dead_zone: float = 0.6,
        lone_dead_zone: float = 0.9,
        template_step: float = 0.15,
        template_dead_zone: float = 0.55,
        templates: int = 2,
        sampling_rate: float = 250.0,
        nominal_samples: int = 2500,
        alphabets: str = "joint",
        template_words: str = "runs",
        klt: Sequence[Sequence[float]] | None = None,
    ) -> None:
        if alphabets not in ("joint", "separate"):
            raise EcgByteError(f"beat: alphabets {alphabets!r} must be 'joint' or 'separate'")
        if template_words not in ("runs", "placed", "named"):
            raise EcgByteError(
                f"beat: template_words {template_words!r} must be 'runs', 'placed' or 'named'"
            )
        if not (np.isfinite(sampling_rate) and 1 <= sampling_rate <= 1e4):
            raise EcgByteError(f"beat: sampling_rate {sampling_rate!r} must be a number of Hz")
        if templates not in (0, 1, 2):
            raise EcgByteError(f"beat: templates {templates!r} must be 0, 1 or 2")
        if not 1e-6 <= template_step <= 1e6:
            raise EcgByteError(
                f"beat: template_step {template_step!r} must be within 1e-6 ... 1e6 mV"
            )
        self.sampling_rate = float(sampling_rate)
        self.templates = int(templates)
        self.alphabets = alphabets
        self._rest = CompactCodec(
            step=step,
            dead_zone=dead_zone,
            lone_dead_zone=max(lone_dead_zone, dead_zone),
            nominal_samples=nominal_samples,
            klt=klt,
        )
        # The same steps, for signals without a template, where sparing lone values does not pay.
        self._plain = CompactCodec(
            step=step,
            dead_zone=dead_zone,
            lone_dead_zone=max(dead_zone, min(lone_dead_zone, _PLAIN_LONE_DEAD_ZONE)),
        )
        self._template = CompactCodec(step=template_step, dead_zone=template_dead_zone)
        self._before = round(BEFORE_S * self.sampling_rate)
        beat = round((BEFORE_S + AFTER_S) * self.sampling_rate)
        self._beat_samples = max(2, -(-beat // BLOCK)) * BLOCK
        self._usual_interval = round(_USUAL_INTERVAL_S * self.sampling_rate * STEPS_PER_SAMPLE)
        self.template_words = template_words
        placed = None
        if template_words != "runs":
            blocks = self._beat_samples // BLOCK
            placed = PlacedWords(COMPONENTS, blocks, every=template_words == "named")
        self._written = BeatAlphabets(
            self.channels, separate=alphabets == "separate", placed=placed
        )
        self.alphabet_of_kind = self._written.of_kind
        self.alphabet: str = "".join(self.alphabet_of_kind.values())

    @property
    def piece_starts(self) -> str:
        """Characters that no merge should reach across from the left."""
        placed = self._written.placed
        return placed.starts if placed else ""

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
            "templates": self.templates,
            "sampling_rate": self.sampling_rate,
            "alphabets": self.alphabets,
            "template_words": self.template_words,
        }

    def fit(self, signals: Iterable[Float32]) -> BeatCodec:
        """Learn the KLT from cleaned signals (12, samples), as `CompactCodec.fit`."""
        self._rest.fit(signals)
        return self

    def encode(self, signal: Float32) -> list[str]:
        """Seventeen words of a cleaned signal float32 (12, samples)."""
        return self.encode_components(self.to_components(signal))

    def to_components(self, signal: Float32) -> Float32:
        """The eight KLT components float32 (8, samples) of a signal (12, samples), in its unit."""
        return self._rest.to_components(signal)

    def encode_components(self, components: Float32, phase_s: float = 0.0) -> list[str]:
        """Seventeen words of eight cleaned components float32 (8, samples).

        With one representative beat, with two where the QRS complexes are of two kinds, or with
        none (the first nine words are then empty), whichever promises the fewest tokens at the same
        error. Fewer than three beats are never represented. `phase_s` moves the reference point of
        the beats against their R peaks: the same ECG in other words, to train a reader on.
        """
        coded = []
        phase = round(phase_s * self.sampling_rate * STEPS_PER_SAMPLE)
        if self.templates:
            positions = find_beats(components, self.sampling_rate)
            if len(positions):
                kinds = np.zeros(len(positions), dtype=np.int64)
                coded.append(self._with_template(components, positions + phase, kinds))
                both = two_kinds(components, positions, self.sampling_rate)
                if both is not None and self.templates == 2:
                    coded.append(self._with_template(components, both[0] + phase, both[1]))
        coefficients = self._rest.coefficients(components)
        values = self._plain.quantise(coefficients)
        error = self._error(values, coefficients)
        limit = min((_cost(one, error) for one in coded), default=np.inf)
        # Most signals have a template and cost too much without, which the values alone show.
        if np.count_nonzero(values) / _SYMBOLS_PER_TOKEN["r"] <= limit:
            plain = [""] * (1 + COMPONENTS) + self._rest.words(values, components.shape[1])
            coded.append(_Coded(plain, error))
        words, _, templates = min(coded, key=lambda one: _cost(one, error))
        own = self._written.own
        return [
            own(self.channels[0], words[0]),
            *self._written.templates(words[1 : 1 + COMPONENTS], templates),
            *map(own, self.channels[1 + COMPONENTS :], words[1 + COMPONENTS :]),
        ]

    def _error(self, values: NDArray[np.int32], coefficients: Float32) -> float:
        missed = (values * np.float32(self._rest.step) - coefficients).ravel()
        return float(missed @ missed)

    def _with_template(self, components: Float32, positions: Int64, kinds: Int64) -> _Coded:
        samples = components.shape[1]
        templates = [
            self._template.quantise(
                blocks_from_signal(
                    representative_beat(
                        components,
                        positions[kinds == kind],
                        self._before,
                        self._beat_samples,
                        self.sampling_rate,
                    )
                )
            )
            for kind in range(int(kinds.max()) + 1)
        ]
        # The encoder subtracts what the decoder will have.
        step = np.float32(self._template.step)
        decoded = np.stack([signal_from_blocks(values * step) for values in templates])
        rest = components - lay_out(decoded, positions, kinds, self._before, samples)
        coefficients = self._rest.coefficients(rest)
        values = self._rest.quantise(coefficients)
        words = [encode_beats(positions, kinds, self._usual_interval)]
        of_templates = np.concatenate(templates, axis=1)
        words += encode_rows(of_templates)
        words += self._rest.words(values, samples)
        return _Coded(words, self._error(values, coefficients), of_templates)

    def _laid_out(self, rhythm: _Rhythm, samples: int) -> Float32:
        return lay_out(rhythm.templates, rhythm.positions, rhythm.kinds, self._before, samples)

    def _rhythm(self, words: Sequence[str], samples: int, strict: bool = False) -> _Rhythm:
        """Beats and templates of the first nine of 17 words, for a signal of `samples`."""
        parsed = [
            self._written.parse(number, word) for number, word in enumerate(words[: 1 + COMPONENTS])
        ]
        positions, kinds = decode_beats(parsed[0], self._usual_interval)
        outside = round(_OUTSIDE_S * self.sampling_rate) * STEPS_PER_SAMPLE
        kept = (positions >= -outside) & (positions < samples * STEPS_PER_SAMPLE + outside)
        kept[1:] &= positions[1:] > np.maximum.accumulate(positions)[:-1]
        if strict:
            self._check(parsed, positions, kinds, kept)
        return _Rhythm(positions[kept], kinds[kept], self._templates(parsed[1:]))

    def _templates(self, words: Sequence[Parsed]) -> Float32:
        """The two representative beats (2, words, samples of a beat) that template words say."""
        coefficients = dequantise(words, 2 * self._beat_samples, self._template.step)
        halves = np.split(coefficients, 2, axis=1)
        return np.stack([signal_from_blocks(half) for half in halves])

    def _check(
        self, parsed: Sequence[Parsed], positions: Int64, kinds: Int64, kept: NDArray[np.bool_]
    ) -> None:
        places = self._beat_samples * (2 if kinds.any() else 1)
        for channel, word in zip(self.channels, parsed, strict=False):
            if word.foreign:
                raise EcgByteError(
                    f"beat: word {channel} holds {word.foreign} characters outside the alphabet"
                )
            if word.repeated:
                raise EcgByteError(
                    f"beat: word {channel} says {word.repeated} values again at their places"
                )
            if channel != "rr" and word.end is not None:
                raise EcgByteError(f"beat: word {channel} has an end mark where none belongs")
            used = int(word.places[-1] + word.widths[-1]) if len(word.places) else 0
            if channel != "rr" and used > places:
                raise EcgByteError(
                    f"beat: word {channel} runs to place {used}, beyond the {places} of a beat"
                )
        if not kept.all():
            where = positions[~kept][0] / STEPS_PER_SAMPLE
            raise EcgByteError(
                f"beat: word rr puts a beat at sample {where:.0f}, before another or beyond the end"
            )
        if not len(positions) and any(len(word.places) for word in parsed[1:]):
            raise EcgByteError("beat: the words have a representative beat but no R peaks")

    def _seventeen(self, words: Sequence[str], strict: bool) -> list[str]:
        """Seventeen words in the common alphabet (or placed), whatever is given."""
        if strict and len(words) != len(self.channels):
            raise EcgByteError(f"beat: {len(words)} words instead of {len(self.channels)}")
        words = [*words, *[""] * len(self.channels)][: len(self.channels)]
        return [
            self._written.common(channel, word)
            for channel, word in zip(self.channels, words, strict=True)
        ]

    def length(self, words: Sequence[str]) -> int:
        """How many samples `decode(words)` has."""
        return self._samples(self._seventeen(words, strict=False))

    def _samples(self, words: Sequence[str]) -> int:
        """How many samples 17 words in the common alphabet say."""
        return self._rest.length(words[1 + COMPONENTS :])

    def decode(self, words: Sequence[str], strict: bool = False) -> Float32:
        """The signal float32 (12, samples) of any words, in the unit it was coded in.

        Whatever does not fit (foreign characters, beats or symbols beyond the end, missing or
        surplus words) is left out; with `strict` it raises an `EcgByteError` that says what was
        wrong.
        """
        words = self._seventeen(words, strict)
        components = self._rest.decode_components(words[1 + COMPONENTS :], strict)
        samples = components.shape[1]
        components = components + self._laid_out(self._rhythm(words, samples, strict), samples)
        return self._rest.leads(components)

    def beat_positions(self, words: Sequence[str]) -> NDArray[np.float64]:
        """Where the beats lie: float64 (beats,), in samples, ascending; empty without a template.

        A position is the point of a beat that template place `0.28 s` stands on, near its R peak;
        of a beat that the record cuts off it may lie up to 0.1 s outside.
        """
        words = self._seventeen(words, strict=False)
        return self._rhythm(words, self._samples(words)).positions / STEPS_PER_SAMPLE

    def occurrences(self, words: Sequence[str], spans: Sequence[Span]) -> list[list[Span]]:
        """Where in the record each span of `locate` acts: of a template, once in every beat.

        Spans of other channels come back as they are. What lies outside of the record is cut off.
        """
        words = self._seventeen(words, strict=False)
        samples = self._samples(words)
        rhythm = self._rhythm(words, samples)
        starts = rhythm.positions // STEPS_PER_SAMPLE - self._before
        ends = np.minimum(starts + self._beat_samples, np.append(starts[1:], samples))
        beats = list(zip(starts.tolist(), ends.tolist(), rhythm.kinds.tolist(), strict=True))
        return [
            self._in_beats(span, beats) if span.channel.startswith("t") else [span]
            for span in spans
        ]

    def _in_beats(self, span: Span, beats: Sequence[tuple[int, int, int]]) -> list[Span]:
        """What a template's span covers of every beat (start, end, kind of template)."""
        found = []
        for start, end, kind in beats:
            # The second template follows the first in the words.
            origin = start - kind * self._beat_samples
            first = max(origin + span.start, start, 0)
            last = min(origin + span.stop, end)
            if first < last:
                found.append(Span(span.channel, first, last))
        return found

    def places(self, channel: str, word: str) -> NDArray[np.int64]:
        """Which coefficient (`rr`: beat) each character begins at: int64 (characters,)."""
        if not self._written.is_placed(channel):
            return character_places(self._written.common(channel, word))
        number = self.channels.index(channel)
        before = self._written.symbols_before(number, word)[:-1]
        places = np.append(self._written.parse(number, word).places, 0)
        return np.asarray(places[before])

    def usual_channel(self, symbols: str) -> str:
        """The first channel that symbols may stand in, `r1` where they do not tell."""
        return self._written.usual_channel(symbols) or "r1"

    def waveform(self, channel: str, symbols: str, place: int = 0) -> Float32:
        """What symbols add, in the signal's unit.

        Of `r1` ...: as `CompactCodec.waveform`, float32 (12, nominal samples). Of `t1` ...: in one
        beat, float32 (12, samples of a beat), from 0.28 s before its reference point; places of a
        second template count as those of its own beat. Of `rr`: zeros, since a rhythm has no
        waveform of its own.
        Raises `EcgByteError` for an unknown channel, a place out of range and foreign characters.
        """
        nominal = self._rest.nominal_samples
        places = 2 * self._beat_samples if channel.startswith("t") else nominal
        symbols = self._written.common(channel, symbols)
        placed = self._written.placed
        alphabet = ALPHABET
        if placed is not None and self._written.is_placed(channel):
            alphabet = placed.alphabet
        check_placed("beat", self.channels, channel, symbols, alphabet, place, places)
        number = self.channels.index(channel)
        if channel == "rr":
            return np.zeros((12, nominal), dtype=np.float32)
        if number > COMPONENTS:
            return self._rest.waveform(channel, symbols, place)
        parsed = self._written.parse(number, symbols, place % self._beat_samples)
        if parsed.foreign and self._written.is_placed(channel):
            raise EcgByteError(f"beat: {parsed.foreign} of the symbols name no block of {channel}")
        coefficients = dequantise([parsed], self._beat_samples, self._template.step)
        return self._rest.leads(signal_from_blocks(coefficients), number - 1)

    def contributions(
        self, words: Sequence[str], stretches: Iterable[Stretch]
    ) -> Iterator[Float32]:
        """What each stretch of characters adds to `decode(words)`: float32 (12, samples) each.

        Template characters add in every beat that the RR word places; characters of the RR word
        add nothing of their own. Stretches that hold every character add up to `decode(words)`.
        """
        words = self._seventeen(words, strict=False)
        samples = self._samples(words)
        rhythm = self._rhythm(words, samples)
        parsed = [self._written.parse(number, word) for number, word in enumerate(words)]
        before = [self._written.symbols_before(number, word) for number, word in enumerate(words)]
        for word, start, stop in stretches:
            part = parsed[word].part(before[word][start], before[word][stop])
            if word > COMPONENTS:
                yield self._rest.leads_of(word - 1 - COMPONENTS, part, samples)
            elif word:
                one = rhythm._replace(templates=self._templates([part]))
                yield self._rest.leads(self._laid_out(one, samples), word - 1)
            else:
                yield np.zeros((12, samples), dtype=np.float32)

    def component_signals(self, signal: Float32) -> Float32:
        """What each word codes, of a cleaned signal (12, samples): float32 (17, samples).

        `rr`: the first component; `t1` ...: the representative beats one after the other, zeros
        after them; `r1` ...: the components less the beats. All in the signal's unit.
        """
        components = self._rest.to_components(signal)
        samples = components.shape[1]
        rhythm = self._rhythm(self._seventeen(self.encode(signal), strict=False), samples)
        shown = np.concatenate(list(rhythm.templates), axis=1)[:, :samples]
        templates = np.zeros_like(components)
        templates[:, : shown.shape[1]] = shown
        rest = components - self._laid_out(rhythm, samples)
        return np.concatenate([components[:1], templates, rest])

    def locate(self, words: Sequence[str]) -> list[list[Span]]:
        """Per word the `Span` of every character, in samples.

        `rr`: from the beat before to the beat that a symbol places; `t1` ...: samples of the
        representative beat, counted from its own first, those of a second one after them (see
        `occurrences`); `r1` ...: as `compact`.
        """
        given = list(words)[: len(self.channels)]
        words = self._seventeen(words, strict=False)
        samples = self._samples(words)
        located = [self._locate_rr(words[0], samples)]
        templates = 1 + bool(len(parse(words[0]).marks))
        beat = min(templates * self._beat_samples, samples)
        for number in range(1, 1 + COMPONENTS):
            located.append(self._locate_template(number, words[number], beat))
        for channel, spans in zip(
            self.channels[1 + COMPONENTS :],
            self._rest.locate(words[1 + COMPONENTS :]),
            strict=True,
        ):
            located.append([Span(channel, span.start, span.stop) for span in spans])
        return located[: len(given)]

    def _locate_template(self, number: int, word: str, samples: int) -> list[Span]:
        channel = self.channels[number]
        parsed = self._written.parse(number, word)
        if not self._written.is_placed(channel) or not parsed.foreign:
            return word_spans(channel, word, parsed, samples)
        before = self._written.symbols_before(number, word)
        known = word_spans(channel, "", parsed._replace(foreign=0), samples)
        # A foreign character covers nothing, where the one before it ended.
        ends = [0, *(span.stop for span in known)]
        return [
            known[first] if last > first else Span(channel, ends[first], ends[first])
            for first, last in pairwise(before.tolist())
        ]

    def _locate_rr(self, word: str, samples: int) -> list[Span]:
        parsed = parse(word)
        beats = decode_beats(parsed, self._usual_interval)[0] // STEPS_PER_SAMPLE
        # Place k of the word is beat k; it is reached from the beat before.
        edges = np.maximum.accumulate(np.concatenate([[0], np.clip(beats, 0, samples)]))
        last = len(edges) - 1
        starts = edges[np.minimum(parsed.places, last)]
        stops = edges[np.minimum(parsed.places + np.maximum(parsed.widths, 1), last)]
        return spans_of_symbols("rr", word, parsed, starts, stops, samples)
