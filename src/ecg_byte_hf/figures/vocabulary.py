"""The tokens of a vocabulary that are used most, and those that say most, as waveforms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..fidelity.usage import TokenUsage, Use, kind_of_word
from ..hub_code.beats import STEPS_PER_SAMPLE
from ..hub_code.leads import STANDARD_LEADS
from ..hub_code.presets import BEAT_PRESETS
from ..hub_code.run_lengths import BLOCK, parse, value_symbols
from ..wording import counted
from .canvas import (
    HEAD_LEFT_MM,
    HEAD_MM,
    NOTE_MM,
    README_MM,
    add_head,
    add_notes,
    figure_in_mm,
    round_amount,
)
from .palette import BEAT, GREY, INK, LIGHT_GREY, PURPLE, REST, RHYTHM
from .symbols import in_common_alphabet
from .usage import KIND_NAMES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..hub_code.processing_ecg_byte import EcgByteProcessor

_COLUMNS = 8
_COLOURS = {"rhythm": RHYTHM, "beat": BEAT, "rest": REST, "component": BEAT, "lead": PURPLE}
_KIND_MM = 7.0
_TEXT_MM = 7.5
_WAVE_MM = 12.0
_CELL_MM = (README_MM - 2 * HEAD_LEFT_MM) / _COLUMNS
_GAP_MM = 3.0
_LONGEST_S = 0.6
# Of its peak: below that a waveform is over.
_OVER = 0.03


class _Cell(NamedTuple):
    """A token: its waveform in the lead where it is largest, and the texts above it.

    `values` of a rhythm are one a beat, else one a sample; `steps`: drawn as levels.
    """

    token: int
    share: float
    where: str
    values: NDArray[np.float64]
    steps: bool = False


class _Group(NamedTuple):
    """Cells under one title, at one scale."""

    kind: str
    title: str
    cells: list[_Cell]


def draw_vocabulary(processor: EcgByteProcessor, usage: TokenUsage, title: str = "") -> Figure:
    """Tokens of each kind of word as small waveforms: the most used, and those that say most.

    Those that say most stand for most symbols, uses times length. A cell has the token's id, its
    share (%) of the uses in words of its kind, or of their symbols, the channel in which it is used
    most and the lead in which it is largest; the waveform is that of
    `EcgByteProcessor.token_waveform` at its usual place there. RR tokens are drawn as the
    changes of the RR interval that they say.
    """
    groups = [group for kind in usage.kinds for group in _groups(processor, usage, kind)]
    row_mm = _TEXT_MM + _WAVE_MM + 1
    heights = [_KIND_MM + -(-len(group.cells) // _COLUMNS) * row_mm + 1.5 for group in groups]
    height = HEAD_MM + sum(heights) + 4 * NOTE_MM
    figure, axes = figure_in_mm(README_MM, height)
    add_head(
        axes,
        f"{title} ({usage.preset})" if title else usage.preset,
        f"{usage.summary()['tokens']:,} tokens, counted over {counted(usage.records, 'ECG')}",
    )
    extractor = processor.feature_extractor
    y = height - HEAD_MM
    for group, group_mm in zip(groups, heights, strict=True):
        _draw_group(axes, y, group, extractor.sampling_rate, extractor.unit)
        y -= group_mm
    add_notes(axes, _notes(usage.preset))
    return figure


def _groups(processor: EcgByteProcessor, usage: TokenUsage, kind: str) -> list[_Group]:
    uses = usage.per_token(kind)
    if not uses.any():
        return []
    rows = 1 if len(usage.kinds) > 1 else 2
    shown: set[int] = set()
    groups = []
    for title, weights in (("most used", uses), ("stand for most symbols", uses * usage.symbols)):
        # Of equal ones the smaller id, which was merged earlier, comes first.
        order = np.argsort(-weights, kind="stable").tolist()
        tokens = [t for t in order if weights[t] and t not in shown][: rows * _COLUMNS]
        shown.update(tokens)
        share = 100 * weights / weights.sum()
        cells = [_cell(processor, usage, kind, token, float(share[token])) for token in tokens]
        groups.append(_Group(kind, f"{KIND_NAMES[kind]}: {title}", cells))
    return groups[:1] if kind == "rhythm" else [group for group in groups if group.cells]


def _cell(
    processor: EcgByteProcessor, usage: TokenUsage, kind: str, token: int, share: float
) -> _Cell:
    if kind == "rhythm":
        values, text = _changes_ms(processor, token)
        return _Cell(token, share, text, values)
    use = usage.usual(token, kind)
    lead, values = _waveform(processor, usage.preset, use)
    if kind == "lead":
        return _Cell(token, share, lead, values, steps=True)
    where = f"{use.channel} in {lead}" if values.any() else f"{use.channel}: no wave"
    return _Cell(token, share, where, values)


def _symbols(processor: EcgByteProcessor, token: int) -> str:
    tokenizer = processor.ecg_tokenizer or processor.tokenizer
    return str(tokenizer.convert_ids_to_tokens(token))


def _changes_ms(processor: EcgByteProcessor, token: int) -> tuple[NDArray[np.float64], str]:
    """The numbers that an RR token says, one a beat, in ms, and the same as text."""
    symbols = in_common_alphabet(_symbols(processor, token))
    ms = 1000 / (STEPS_PER_SAMPLE * processor.feature_extractor.sampling_rate)
    parsed = parse(symbols)
    values = np.zeros(int(parsed.places[-1] + parsed.widths[-1]))
    said = parsed.values != 0
    values[parsed.places[said]] = parsed.values[said] * ms
    text = " ".join("0" if value == 0 else f"{value:+.0f}" for value in values)
    # What extensions at its end add to the next value.
    beyond = int(parse(symbols + value_symbols(1)).values[-1]) - 1
    if beyond:
        text += f" ±{beyond * ms:.0f} ..."
    elif not text:
        text = "second kind"
    return values, text.strip()


def _waveform(
    processor: EcgByteProcessor, preset: str, use: Use
) -> tuple[str, NDArray[np.float64]]:
    """The lead in which a token is largest, and its waveform there where it is not zero."""
    rate = processor.feature_extractor.sampling_rate
    token = use.token + processor.ecg_shift
    longest = round(_LONGEST_S * rate)
    if preset == "paper":
        leads = processor.token_waveform(token, use.channel, 0)
        lead = int(np.abs(leads).max(axis=1).argmax())
        length = len(_symbols(processor, use.token))
        return STANDARD_LEADS[lead], leads[lead, :length][:longest].astype(np.float64)
    of_beat = kind_of_word(preset, use.channel) == "beat"
    samples = processor.token_waveform(token, use.channel).shape[1]
    # In the middle, so that no end of the signal is near.
    middle = samples // 2 // BLOCK * BLOCK if not of_beat else samples // 4 // BLOCK * BLOCK
    leads = processor.token_waveform(token, use.channel, middle + use.place)
    lead = int(np.abs(leads).max(axis=1).argmax())
    wave = leads[lead].astype(np.float64)
    heard = np.flatnonzero(np.abs(wave) > _OVER * np.abs(wave).max()) if wave.any() else []
    if not len(heard):
        return STANDARD_LEADS[lead], np.zeros(longest // 2)
    start, stop = int(heard[0]), int(heard[-1]) + 1
    return STANDARD_LEADS[lead], wave[start : min(stop, start + longest)]


def _draw_group(axes: Any, top: float, group: _Group, rate: float, unit: str) -> None:
    colour = _COLOURS[group.kind]
    rhythm = group.kind == "rhythm"
    axes.text(
        HEAD_LEFT_MM, top - 3, group.title, size=8.5, weight="bold", va="center", color=colour
    )
    low = min(0.0, *(float(cell.values.min(initial=0)) for cell in group.cells))
    high = max(0.0, *(float(cell.values.max(initial=0)) for cell in group.cells))
    mm_per_unit = _WAVE_MM / max(high - low, 1e-9)
    usable = _CELL_MM - _GAP_MM
    mm_per_place = usable / max(1, *(len(cell.values) for cell in group.cells))
    for number, cell in enumerate(group.cells):
        row, column = divmod(number, _COLUMNS)
        x = HEAD_LEFT_MM + column * _CELL_MM
        y = top - _KIND_MM - row * (_TEXT_MM + _WAVE_MM + 1)
        share = f"{cell.share:.1f} %" if cell.share >= 0.1 else f"{cell.share:.2f} %"
        axes.text(x, y - 1.6, str(cell.token), size=7.5, weight="bold", va="center", color=INK)
        axes.text(x + usable, y - 1.6, share, size=7, va="center", ha="right", color=GREY)
        axes.text(x, y - 4.9, cell.where, size=7, va="center", color=GREY)
        zero = y - _TEXT_MM - _WAVE_MM - low * mm_per_unit
        axes.plot([x, x + usable], [zero, zero], color=LIGHT_GREY, linewidth=0.6)
        heights = zero + mm_per_unit * cell.values
        edges = x + mm_per_place * np.arange(len(cell.values) + 1)
        if rhythm:
            middles = (edges[1:] + edges[:-1]) / 2
            axes.vlines(middles, zero, heights, color=colour, linewidth=2)
            axes.plot(middles, heights, "o", color=colour, markersize=3.5)
        elif cell.steps:
            axes.plot(np.repeat(edges, 2)[1:-1], np.repeat(heights, 2), color=colour, lw=1.4)
        else:
            axes.plot(edges[:-1], heights, color=colour, linewidth=1.4)
    if rhythm:
        text = "change of the RR interval, in ms, a beat each"
        axes.text(README_MM - HEAD_LEFT_MM, top - 3, text, size=7, ha="right", va="center")
    else:
        _draw_scales(axes, top - 3, mm_per_unit, mm_per_place * rate, unit)


def _draw_scales(axes: Any, y: float, mm_per_unit: float, mm_per_s: float, unit: str) -> None:
    """Bars of time and of amplitude at the right of a kind's title."""
    amount = round_amount(5 / mm_per_unit)
    x = README_MM - HEAD_LEFT_MM - 45
    axes.plot([x, x], [y - 2.5, y - 2.5 + amount * mm_per_unit], color=INK, linewidth=1.2)
    axes.text(x + 1.2, y, f"{amount:g} {unit}", size=7, va="center")
    x += 20
    seconds = round_amount(12 / mm_per_s)
    axes.plot([x, x + seconds * mm_per_s], [y, y], color=INK, linewidth=1.2)
    axes.text(x + seconds * mm_per_s + 1.2, y, f"{seconds:g} s", size=7, va="center")


def _notes(preset: str) -> list[str]:
    if preset == "paper":
        return [
            "bold: the id; grey: its share of all uses, or of all symbols; below: a lead that uses "
            "it; the level of each letter as it is decoded"
        ]
    notes = [
        "bold: the id; grey: its share of the uses in words of its kind, or of their symbols; "
        "below: the channel that uses it most,",
        "and the lead where its wave is largest; no wave: the place or size of the next",
    ]
    if preset in BEAT_PRESETS:
        notes.append("±127 ...: the next token changes RR by so much more")
    return notes
