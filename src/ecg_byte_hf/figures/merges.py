"""How the symbols of one beat merge, step by step, into its tokens."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..hub_code.beats import AFTER_S, BEFORE_S, r_peaks
from ..hub_code.errors import EcgByteError
from ..hub_code.leads import STANDARD_LEADS
from ..hub_code.spans import Span
from ..merges import MergeState, merge_states
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
from .palette import GREY, INK, TINTS, tint
from .record import CodedRecord, code_record
from .symbols import symbol_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..hub_code.processing_ecg_byte import EcgByteProcessor
    from ..records import EcgRecord

# A letter is narrower than a value.
_MOST_SYMBOLS = {"paper": 80}
_MOST_VALUES = 56
_MOST_STATES = 8
_LEFT_MM = 29.0
_RIGHT_MM = 5.0
_WIDTH_MM = README_MM - _LEFT_MM - _RIGHT_MM
_ROW_MM = 6.6
_BOX_MM = 5.4
_FANS_MM = 12.0
_SIGNAL_MM = 30.0
_CHARACTER_MM = 1.5
_MEANINGS = {
    "0": "0₇: a run of seven zeros",
    "▸": "▸: the block that follows",
    ">": ">: more for the value that follows",
    "|": "|: the end, or a second beat",
}


class _Stretch(NamedTuple):
    """Some tokens of a channel, side by side: ids, symbols and places in the signal."""

    ids: list[int]
    symbols: list[str]
    spans: list[Span]
    first_symbol: int


def draw_merges(
    processor: EcgByteProcessor,
    record: EcgRecord,
    *,
    channel: str | None = None,
    at_s: float | None = None,
) -> Figure:
    """The symbols of one beat in one channel's word, and what the BPE makes of them.

    From the top: the symbols, the word after more and more merges of the vocabulary, the tokens,
    and the beat's waveform in their colours. `channel`: by default `t1`, else `r1`, for `paper`
    lead II; `at_s`: the beat nearest to this time in seconds, by default to the middle. Of a word
    with more than 56 values (80 letters) in a beat, those closest to its R peak.

    Raises `EcgByteError` for a channel without tokens, a time outside of the record, and for what
    the extractor refuses.
    """
    if at_s is not None and not 0 <= at_s <= record.duration_s:
        raise EcgByteError(
            f"{record.record_id}: --at {at_s:g} s must lie within its {record.duration_s:g} s"
        )
    extractor = processor.feature_extractor
    coded = code_record(processor, record)
    channel = channel or _usual_channel(coded)
    signal = _signal_of(processor, coded, channel, record.record_id)
    centre_s = _beat_s(coded.cleaned, extractor.sampling_rate, channel, at_s)
    stretch = _tokens_near(processor, coded, channel, centre_s)
    states = _choose(list(_states_of(processor, coded, channel, stretch)))
    rows_mm = _ROW_MM * len(states)
    height = HEAD_MM + 4 + rows_mm + _FANS_MM + _SIGNAL_MM + 3 * NOTE_MM + 6
    figure, axes = figure_in_mm(README_MM, height)
    where = (
        "the representative beat" if channel.startswith("t") else f"the beat at {centre_s:.1f} s"
    )
    add_head(
        axes,
        f"{shortened(record.record_id)}, {extractor.preset}: how {where} merges in {channel}",
        f"{sum(map(len, stretch.symbols))} symbols become {len(stretch.ids)} "
        + ("token" if len(stretch.ids) == 1 else "tokens"),
    )
    top = height - HEAD_MM - 4
    axes.text(HEAD_LEFT_MM, top + 0.8, "merges", size=7, color=GREY)
    axes.text(_LEFT_MM - 1.5, top + 0.8, "tokens", size=7, ha="right", color=GREY)
    for number, state in enumerate(states):
        last = number == len(states) - 1
        _draw_state(axes, top - number * _ROW_MM, state, stretch, last)
    bottom = top - rows_mm
    _draw_waveform(axes, signal, stretch, bottom, extractor.sampling_rate, extractor.unit)
    add_notes(axes, _notes(extractor.preset, channel, states[0].tokens))
    return figure


def _usual_channel(coded: CodedRecord) -> str:
    there = {span.channel for span in coded.spans}
    usual = next((name for name in ("t1", "r1", "II") if name in there), "")
    return usual or next((span.channel for span in coded.spans if span.channel), "r1")


def _signal_of(
    processor: EcgByteProcessor, coded: CodedRecord, channel: str, record_id: str
) -> NDArray[np.float32]:
    extractor = processor.feature_extractor
    there = dict.fromkeys(span.channel for span in coded.spans if span.channel)
    if not there:
        raise EcgByteError(f"{record_id}: this record has no tokens but its markers")
    if channel not in there or channel == "rr":
        fit = ", ".join(name for name in there if name != "rr")
        raise EcgByteError(
            f"{record_id}: {channel!r} is no channel of preset {extractor.preset} whose tokens "
            f"make a waveform here; choose one of {fit}"
        )
    if channel in STANDARD_LEADS:
        return coded.cleaned[STANDARD_LEADS.index(channel)]
    signals = extractor.codec.component_signals(coded.cleaned)
    return np.asarray(signals[extractor.channels.index(channel)])


def _beat_s(cleaned: NDArray[np.float32], rate: float, channel: str, at_s: float | None) -> float:
    """The R peak nearest to `at_s`, in seconds of the channel's own time."""
    if channel.startswith("t"):
        return BEFORE_S
    wanted = cleaned.shape[1] / rate / 2 if at_s is None else at_s
    peaks = r_peaks(cleaned, rate) / rate
    return float(peaks[np.abs(peaks - wanted).argmin()]) if len(peaks) else wanted


def _tokens_near(
    processor: EcgByteProcessor, coded: CodedRecord, channel: str, centre_s: float
) -> _Stretch:
    """The tokens that lie in the beat around `centre_s`, fewer where their symbols are too many."""
    rate = processor.feature_extractor.sampling_rate
    symbols = processor.token_symbols(coded.ids)
    own = [
        (token, placed.symbols, span)
        for token, placed, span in zip(coded.ids, symbols, coded.spans, strict=True)
        if span.channel == channel and placed.symbols
    ]
    most = _MOST_SYMBOLS.get(processor.feature_extractor.preset, _MOST_VALUES)
    before, after = BEFORE_S, AFTER_S
    while True:
        low, high = (centre_s - before) * rate, (centre_s + after) * rate
        middles = [(span.start + span.stop) / 2 for *_, span in own]
        near = [number for number, middle in enumerate(middles) if low <= middle < high]
        if not near:
            # All tokens are long ones: the one whose middle is closest.
            distances = [abs(middle - centre_s * rate) for middle in middles]
            near = [distances.index(min(distances))]
        chosen = own[near[0] : near[-1] + 1]
        count = sum(len(text) for _, text, _ in chosen)
        if count <= most or len(chosen) == 1:
            break
        before, after = 0.9 * before, 0.9 * after
    first = sum(len(text) for _, text, _ in own[: near[0]])
    return _Stretch(
        [token for token, *_ in chosen],
        [text for _, text, _ in chosen],
        [span for *_, span in chosen],
        first,
    )


def _states_of(
    processor: EcgByteProcessor, coded: CodedRecord, channel: str, stretch: _Stretch
) -> Any:
    """The states of the whole word, each cut to the stretch, where they differ."""
    extractor = processor.feature_extractor
    words = processor.ids_to_words(coded.ids)
    names = list(extractor.channels)
    # One word for the whole ECG has no channel of the lead's name.
    word = words[names.index(channel)] if channel in names else words[0]
    start = stretch.first_symbol
    if channel not in names:
        start += word.index("".join(stretch.symbols), start) - start
    stop = start + sum(map(len, stretch.symbols))
    seen: tuple[str, ...] = ()
    for merges, tokens in merge_states(word, processor.ecg_tokenizer or processor.tokenizer):
        ends = np.cumsum([len(token) for token in tokens])
        inside = (ends > start) & (ends <= stop)
        cut = tuple(token for token, kept in zip(tokens, inside, strict=True) if kept)
        if cut != seen:
            seen = cut
            yield MergeState(merges, cut)


def _choose(states: list[MergeState]) -> list[MergeState]:
    """The first and the last state and some between, whose tokens become fewer evenly."""
    if len(states) <= _MOST_STATES:
        return states
    counts = np.array([len(state.tokens) for state in states])
    # Evenly in proportion: the last merges join few tokens, but long ones.
    wanted = np.geomspace(counts[0], counts[-1], _MOST_STATES)
    chosen = dict.fromkeys(int(np.abs(counts - count).argmin()) for count in wanted)
    return [states[number] for number in sorted({0, len(states) - 1, *chosen})]


def _draw_state(axes: Any, top: float, state: MergeState, stretch: _Stretch, last: bool) -> None:
    from matplotlib.patches import Rectangle

    y = top - _BOX_MM
    merges = f"{state.merges:,}" if state.merges else "0 (symbols)"
    weight = "bold" if last or not state.merges else "normal"
    axes.text(HEAD_LEFT_MM, y + _BOX_MM / 2, merges, size=7, va="center", weight=weight)
    count = str(len(state.tokens))
    axes.text(_LEFT_MM - 1.5, y + _BOX_MM / 2, count, size=7, va="center", ha="right")
    width = _WIDTH_MM / sum(map(len, stretch.symbols))
    at = 0
    finals = np.repeat(np.arange(len(stretch.ids)), [len(text) for text in stretch.symbols])
    for token in state.tokens:
        colour = TINTS[finals[at] % len(TINTS)]
        merged = len(token) > 1
        x = _LEFT_MM + at * width
        axes.add_patch(
            Rectangle(
                (x, y),
                width * len(token),
                _BOX_MM,
                facecolor=colour if merged else tint(colour, 0.35),
                edgecolor="white",
                linewidth=1.2,
            )
        )
        # Of a merged token what it is made of stands above; its id is named at the end.
        text = str(stretch.ids[finals[at]]) if last else symbol_name(token) if not merged else ""
        _draw_label(axes, x, y, width * len(token), text)
        at += len(token)


def _draw_label(axes: Any, x: float, y: float, width: float, text: str) -> None:
    upright = width < _CHARACTER_MM * len(text)
    if width < 2.2 and upright:
        return
    axes.text(
        x + width / 2,
        y + _BOX_MM / 2 - 0.1,
        text,
        size=6 if upright else 7,
        rotation=90 if upright else 0,
        ha="center",
        va="center",
        color=INK,
    )


def _draw_waveform(
    axes: Any, signal: NDArray[Any], stretch: _Stretch, top: float, rate: float, unit: str
) -> None:
    """The signal of the stretch in the colours of its tokens, each joined to its box above."""
    from matplotlib.patches import Polygon

    start = min(span.start for span in stretch.spans)
    stop = min(max(span.stop for span in stretch.spans), len(signal))
    values = np.asarray(signal[start:stop], dtype=np.float64)
    mm_per_sample = _WIDTH_MM / max(1, stop - start)
    low, extent = float(values.min()), max(float(np.ptp(values)), 1e-3)
    mm_per_unit = (_SIGNAL_MM - 3) / extent
    upper = top - _FANS_MM
    x = _LEFT_MM + mm_per_sample * np.arange(len(values))
    y = upper - _SIGNAL_MM + 1 + mm_per_unit * (values - low)
    width = _WIDTH_MM / sum(map(len, stretch.symbols))
    symbols = np.concatenate([[0], np.cumsum([len(text) for text in stretch.symbols])])
    for number, span in reversed(list(enumerate(stretch.spans))):
        colour = TINTS[number % len(TINTS)]
        left = _LEFT_MM + mm_per_sample * (span.start - start)
        right = _LEFT_MM + mm_per_sample * (min(span.stop, stop) - start)
        box = _LEFT_MM + width * symbols[number : number + 2]
        bar = upper + 1
        corners = [(box[0], top + 1), (box[1], top + 1), (right, bar), (left, bar)]
        axes.add_patch(Polygon(corners, facecolor=colour, alpha=0.4, edgecolor="none"))
        axes.plot([left, right], [bar, bar], color=GREY, linewidth=0.5)
        part = slice(span.start - start, min(span.stop, stop) - start + 1)
        axes.plot(x[part], y[part], color=colour, linewidth=5, solid_capstyle="butt")
    axes.plot(x, y, color=INK, linewidth=1.1)
    _draw_scales(axes, upper - _SIGNAL_MM, mm_per_unit, mm_per_sample * rate, extent, unit)


def _draw_scales(
    axes: Any, bottom: float, mm_per_unit: float, mm_per_s: float, extent: float, unit: str
) -> None:
    amount = round_amount(extent)
    x = _LEFT_MM - 3
    axes.plot([x, x], [bottom + 1, bottom + 1 + amount * mm_per_unit], color=INK, linewidth=1.2)
    axes.text(
        x - 1.2,
        bottom + 1 + amount * mm_per_unit / 2,
        f"{amount:g} {unit}",
        size=7,
        ha="right",
        va="center",
    )
    axes.plot([_LEFT_MM, _LEFT_MM + 0.1 * mm_per_s], [bottom - 2.2] * 2, color=INK, linewidth=1.2)
    axes.text(_LEFT_MM + 0.1 * mm_per_s + 1.2, bottom - 2.2, "0.1 s", size=7, va="center")


def _notes(preset: str, channel: str, symbols: Sequence[str]) -> list[str]:
    colour = "colour: the token that a symbol ends in; pale: not merged yet"
    if preset == "paper":
        return [f"a letter is the amplitude of one sample (a low ... z high); {colour}"]
    whole = "representative beat" if channel.startswith("t") else "component"
    notes = [f"+2: a wavelet coefficient of the {whole}, in steps of the quantiser"]
    seen = {symbol_name(symbol)[:1] for symbol in symbols}
    notes += [meaning for sign, meaning in _MEANINGS.items() if sign in seen]
    return ["; ".join(notes), f"{colour}; the fans lead to the stretch that each token codes"]
