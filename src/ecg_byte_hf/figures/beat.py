"""How `beat` reads an ECG: the rhythm, the representative beat, what is left, and their sum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..fidelity.usage import kind_of_word
from ..hub_code.errors import EcgByteError
from ..hub_code.leads import STANDARD_LEADS
from ..hub_code.presets import BEAT_PRESETS
from ..hub_code.spans import Span
from .canvas import (
    HEAD_LEFT_MM,
    HEAD_MM,
    NOTE_MM,
    README_MM,
    add_head,
    add_notes,
    figure_in_mm,
    round_amount,
    shortened,
)
from .ecg_paper import ROWS
from .palette import BEAT, GREY, INK, LIGHT_GREY, PURPLE, REST, RHYTHM, SKY_BLUE, tint
from .record import CodedRecord, code_record, in_unit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..hub_code.processing_ecg_byte import EcgByteProcessor
    from ..records import EcgRecord

_RHYTHM_LEAD = "II"
_REST_LEADS = ("I", "II", "V2", "V5")
_SECOND_BEAT = PURPLE

_WIDTH_MM = README_MM - 2 * HEAD_LEFT_MM
_BAR_MM = 5.0
_TITLE_MM = 6.0
_MARKS_MM = 7.0
_STRIP_MM = 19.0
_MIDDLE_MM = 62.0
_GAP_MM = 4.0
_BEATS_MM = 82.0
_FEWEST_RR_MM = 5.0


@dataclass(frozen=True)
class _Parts:
    """A record taken apart. Signals are (12, samples); `beats` (kinds, 12, samples of a beat)."""

    coded: CodedRecord
    tokens: dict[str, int]
    positions: NDArray[np.float64]
    kinds: NDArray[np.int64]
    beats: NDArray[np.float32]
    laid_out: NDArray[np.float32]


def draw_beat(processor: EcgByteProcessor, record: EcgRecord) -> Figure:
    """A record (2 to 10 s) as a beat preset codes it, in four parts that add up to it.

    The rhythm strip (lead II) with the beats that the RR word places, the representative beat in
    all leads (a second one over it where the record has two), what the beats leave and what its
    tokens say of that, and the ECG with what all tokens decode to. Raises `EcgByteError` for other
    presets and for what the extractor refuses.
    """
    extractor = processor.feature_extractor
    if extractor.preset not in BEAT_PRESETS:
        raise EcgByteError(
            f"{record.record_id}: preset {extractor.preset} has no representative beat; draw a "
            f"channel or a lead, or take a tokenizer of a beat preset"
        )
    parts = _take_apart(processor, record)
    coded, tokens = parts.coded, parts.tokens
    rate, unit = extractor.sampling_rate, extractor.unit
    height = HEAD_MM + _BAR_MM + 3 * (_TITLE_MM + _GAP_MM) + _MARKS_MM + 2 * _STRIP_MM
    height += _MIDDLE_MM + 3 * NOTE_MM
    figure, axes = figure_in_mm(README_MM, height)
    add_head(
        axes,
        f"{shortened(record.record_id)}, as preset {extractor.preset} reads it",
        f"{len(coded.ids):,} tokens for 12 leads of {coded.cleaned.shape[1] / rate:.3g} s",
    )
    y = height - HEAD_MM - _BAR_MM
    _draw_token_bar(axes, tokens, y)
    lead = STANDARD_LEADS.index(_RHYTHM_LEAD)

    y -= _GAP_MM + _TITLE_MM
    rhythm = f"Rhythm: {_count(tokens['rhythm'])}" + _rhythm_in_words(parts.positions / rate)
    rhythm += f"; lead {_RHYTHM_LEAD}"
    _draw_title(axes, HEAD_LEFT_MM, y, rhythm, RHYTHM)
    y -= _MARKS_MM + _STRIP_MM
    strip = _Panel.around(coded.cleaned[[lead]], HEAD_LEFT_MM, y, _WIDTH_MM, _STRIP_MM)
    strip.draw(axes, coded.cleaned[lead], INK, 0.8)
    strip.draw_seconds(axes, coded.cleaned.shape[1], rate, y, _STRIP_MM)
    strip.draw_scale(axes, unit)
    _draw_beat_marks(axes, parts, strip, y + _STRIP_MM + 1.2, rate)

    y -= _GAP_MM + _TITLE_MM
    right = HEAD_LEFT_MM + _BEATS_MM + 6
    _draw_title(
        axes,
        HEAD_LEFT_MM,
        y,
        f"{'Two representative beats' if len(parts.beats) > 1 else 'Representative beat'}: "
        f"{_count(tokens['beat'])}",
        BEAT,
    )
    _draw_title(axes, right, y, f"What is left: {_count(tokens['rest'])}", REST)
    y -= _MIDDLE_MM
    mm_per_unit = _draw_beats(axes, parts.beats, HEAD_LEFT_MM, y, rate, unit)
    _draw_rest(axes, parts, right, y, rate, unit, mm_per_unit)

    y -= _GAP_MM + _TITLE_MM
    error = in_unit(coded.rmse, extractor)
    _draw_title(
        axes,
        HEAD_LEFT_MM,
        y,
        f"Together: lead {_RHYTHM_LEAD} (black) and what the tokens decode to; RMSE over 12 leads "
        f"{error}",
        SKY_BLUE,
    )
    y -= _STRIP_MM
    both = np.stack([coded.cleaned[lead], coded.decoded[lead]])
    together = _Panel.around(both, HEAD_LEFT_MM, y, _WIDTH_MM, _STRIP_MM)
    together.draw_seconds(axes, both.shape[1], rate, y, _STRIP_MM)
    together.draw(axes, both[0], INK, 1.7)
    together.draw(axes, both[1], SKY_BLUE, 0.9)
    add_notes(axes, _notes(parts))
    return figure


def _take_apart(processor: EcgByteProcessor, record: EcgRecord) -> _Parts:
    extractor = processor.feature_extractor
    codec = extractor.codec
    coded = code_record(processor, record)
    words = processor.ids_to_words(coded.ids)
    kinds_of_words = [kind_of_word(extractor.preset, channel) for channel in extractor.channels]
    tokens = dict.fromkeys(("rhythm", "beat", "rest", "markers"), 0)
    for symbols in processor.token_symbols(coded.ids):
        kind = kind_of_word(extractor.preset, symbols.channel) if symbols.symbols else "markers"
        tokens[kind] += 1
    # The length of a short record stands in the words that are left out here.
    samples = coded.decoded.shape[1]
    without_rest = [
        "" if kind == "rest" else word for kind, word in zip(kinds_of_words, words, strict=True)
    ]
    laid_out = codec.decode(without_rest)[:, :samples]
    positions = codec.beat_positions(words)
    length = codec.waveform("t1", "").shape[1]
    second = codec.occurrences(words, [Span("t1", length, 2 * length)])[0]
    kinds = np.array(
        [any(span.start <= max(p, 0) < span.stop for span in second) for p in positions],
        dtype=np.int64,
    )
    rows = [number for number, kind in enumerate(kinds_of_words) if kind == "beat"]
    components = codec.component_signals(coded.cleaned)[rows]
    count = int(kinds.max() + 1) if len(kinds) else 0
    beats = [
        codec.klt.T @ components[:, kind * length : (kind + 1) * length] for kind in range(count)
    ]
    return _Parts(coded, tokens, positions, kinds, np.array(beats, dtype=np.float32), laid_out)


@dataclass(frozen=True)
class _Panel:
    """Where a signal is drawn: lower left corner and zero line in mm, mm a sample and a unit."""

    x: float
    zero: float
    mm_per_sample: float
    mm_per_unit: float

    @classmethod
    def around(cls, curves: Any, x: float, y: float, width: float, height: float) -> _Panel:
        """The panel that just holds `curves` (curves, samples)."""
        low, high = min(float(curves.min()), 0.0), max(float(curves.max()), 0.0)
        scale = height / max(high - low, 1e-3)
        return cls(x, y - low * scale, width / curves.shape[1], scale)

    def at(self, sample: Any) -> Any:
        return self.x + np.asarray(sample) * self.mm_per_sample

    def draw(self, axes: Any, curve: Any, colour: str, width: float, style: str = "-") -> None:
        x = self.at(np.arange(len(curve)))
        y = self.zero + self.mm_per_unit * curve
        axes.plot(x, y, style, color=colour, linewidth=width, solid_joinstyle="round")

    def draw_seconds(
        self, axes: Any, samples: int, rate: float, bottom: float, height: float
    ) -> None:
        """A thin line at every second."""
        for second in range(int(samples / rate) + 1):
            x = self.at(second * rate)
            axes.plot([x, x], [bottom, bottom + height], color=LIGHT_GREY, lw=0.5, zorder=0)

    def draw_scale(self, axes: Any, unit: str) -> None:
        """A bar of a round amount at the right end."""
        amount = round_amount(0.8 * _STRIP_MM / self.mm_per_unit)
        stop = self.zero + amount * self.mm_per_unit
        x = README_MM - HEAD_LEFT_MM + 0.8
        axes.plot([x, x], [self.zero, stop], color=INK, linewidth=1.2, solid_capstyle="butt")
        axes.text(
            x + 0.6, (self.zero + stop) / 2, f"{amount:g} {unit}", size=7, rotation=90, va="center"
        )


def _count(tokens: int) -> str:
    return "1 token" if tokens == 1 else f"{tokens} tokens"


def _draw_title(axes: Any, x: float, y: float, text: str, colour: str) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(Rectangle((x, y + 1.4), 3, 3, facecolor=colour, linewidth=0))
    axes.text(x + 4.5, y + 2.9, text, size=8.5, weight="bold", va="center", color=INK)


def _draw_token_bar(axes: Any, tokens: dict[str, int], y: float) -> None:
    """All tokens of the ECG as one bar, its parts as long as they have tokens."""
    from matplotlib.patches import Rectangle

    colours = {"rhythm": RHYTHM, "beat": BEAT, "rest": REST, "markers": LIGHT_GREY}
    names = {"rest": "what is left"}
    x = HEAD_LEFT_MM
    for kind, count in tokens.items():
        width = _WIDTH_MM * count / sum(tokens.values())
        colour = colours[kind]
        axes.add_patch(
            Rectangle((x, y), width, _BAR_MM, facecolor=colour, edgecolor="white", linewidth=1)
        )
        text = f"{names.get(kind, kind)} {count}"
        for label in (text, str(count)):
            if count and width > 1.9 * len(label):
                ink = INK if kind == "markers" else "white"
                style = {"size": 7.5, "weight": "bold", "ha": "center", "va": "center"}
                axes.text(x + width / 2, y + _BAR_MM / 2 - 0.1, label, color=ink, **style)
                break
        x += width


def _rhythm_in_words(seconds: NDArray[np.float64]) -> str:
    if len(seconds) < 2:
        return "; no representative beat pays here: all is coded as what is left"
    intervals = np.diff(seconds)
    return f" place {len(seconds)} beats, {60 / intervals.mean():.0f}/min; RR in ms"


def _draw_beat_marks(axes: Any, parts: _Parts, strip: _Panel, y: float, rate: float) -> None:
    x = strip.at(parts.positions)
    inside = (parts.positions >= 0) & (parts.positions < parts.coded.cleaned.shape[1])
    for kind, marker, colour in ((0, "v", RHYTHM), (1, "D", _SECOND_BEAT)):
        chosen = x[inside & (parts.kinds == kind)]
        axes.plot(chosen, np.full(len(chosen), y), marker, color=colour, markersize=4.5)
    for left, right, interval in zip(x, x[1:], np.diff(parts.positions), strict=False):
        if right - left >= _FEWEST_RR_MM and right <= README_MM:
            text = f"{1000 * interval / rate:.0f}"
            axes.text(
                (left + right) / 2, y + 2.9, text, size=7, ha="center", va="center", color=RHYTHM
            )


def _draw_beats(
    axes: Any, beats: NDArray[np.float32], x: float, y: float, rate: float, unit: str
) -> float:
    """The representative beats of all leads, 3 x 4 as on paper; returns their mm a unit."""
    if not len(beats):
        axes.text(x + _BEATS_MM / 2, y + _MIDDLE_MM / 2, "none", size=9, ha="center", color=GREY)
        return 10.0
    leads = [[STANDARD_LEADS.index(lead) for lead in row] for row in ROWS]
    low = [min(0.0, float(beats[:, row].min())) for row in leads]
    high = [max(0.2, float(beats[:, row].max())) for row in leads]
    names_mm = 4.0
    free = _MIDDLE_MM - len(leads) * names_mm - 5
    mm_per_unit = free / max(sum(high) - sum(low), 1e-3)
    cell_mm = _BEATS_MM / len(ROWS[0])
    mm_per_sample = (cell_mm - 3) / beats.shape[2]
    top = y + _MIDDLE_MM
    for row, below, above in zip(leads, low, high, strict=True):
        zero = top - names_mm - above * mm_per_unit
        for column, lead in enumerate(row):
            panel = _Panel(x + column * cell_mm, zero, mm_per_sample, mm_per_unit)
            edges = panel.at([0, beats.shape[2]])
            axes.plot(edges, [zero, zero], color=LIGHT_GREY, linewidth=0.5)
            axes.text(panel.x, top - names_mm + 0.6, STANDARD_LEADS[lead], size=8, weight="bold")
            panel.draw(axes, beats[0, lead], BEAT, 1.3)
            if len(beats) > 1:
                panel.draw(axes, beats[1, lead], _SECOND_BEAT, 1.1, "--")
        top = zero + below * mm_per_unit
    tick = 0.2 * rate * mm_per_sample
    left, bottom = x, y + 0.8
    axes.plot([left, left + tick], [bottom, bottom], color=INK, linewidth=1.2)
    axes.text(left + tick + 1, bottom, "0.2 s", size=7, va="center")
    amount = round_amount(6 / mm_per_unit)
    left += tick + 13
    axes.plot(
        [left, left], [bottom - 0.5, bottom - 0.5 + amount * mm_per_unit], color=INK, linewidth=1.2
    )
    axes.text(left + 1, bottom + 0.3, f"{amount:g} {unit}", size=7, va="center")
    return float(mm_per_unit)


def _draw_rest(
    axes: Any, parts: _Parts, x: float, y: float, rate: float, unit: str, mm_per_unit: float
) -> None:
    """What the beats leave of some leads (grey), and what the tokens say of it.

    At the gain of the beats, so that both are seen as they are, unless it does not fit.
    """
    rows = [STANDARD_LEADS.index(lead) for lead in _REST_LEADS]
    left = (parts.coded.cleaned - parts.laid_out)[rows]
    said = (parts.coded.decoded - parts.laid_out)[rows]
    width = README_MM - HEAD_LEFT_MM - x - 9
    high = np.maximum(left, said).max(axis=1)
    low = np.minimum(left, said).min(axis=1)
    free = _MIDDLE_MM - 6 - 2 * len(rows)
    needed = float((high - low).sum())
    mm_per_unit = min(mm_per_unit, free / max(needed, 1e-3))
    between = (_MIDDLE_MM - 6 - needed * mm_per_unit) / len(rows)
    first = _Panel(x + 9, y, width / left.shape[1], mm_per_unit)
    first.draw_seconds(axes, left.shape[1], rate, y + 4, _MIDDLE_MM - 4)
    top = y + _MIDDLE_MM
    for lead, above, below, grey, colour in zip(_REST_LEADS, high, low, left, said, strict=True):
        zero = top - between / 2 - above * mm_per_unit
        panel = _Panel(x + 9, zero, width / left.shape[1], mm_per_unit)
        panel.draw(axes, grey, tint(GREY, 0.6), 1.3)
        panel.draw(axes, colour, REST, 0.8)
        axes.text(x, zero, lead, size=8, weight="bold", va="center")
        top = zero + below * mm_per_unit - between / 2
    amount = round_amount(6 / mm_per_unit)
    axes.plot([x + 9, x + 9], [y + 0.3, y + 0.3 + amount * mm_per_unit], color=INK, linewidth=1.2)
    axes.text(x + 10, y + 1.1, f"{amount:g} {unit}", size=7, va="center")


def _notes(parts: _Parts) -> list[str]:
    notes = [
        "decoded = the representative beat at every mark + what is left (grey: the ECG less the "
        "beats; orange: what tokens say of it)",
        "a line is a second",
    ]
    if parts.kinds.any():
        notes[1] += "; diamonds and dashes: beats of a second kind, with a template of their own"
    return notes
