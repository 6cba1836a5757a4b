"""What a tokenizer makes of one record, as figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..fidelity.metrics import error_sums
from ..hub_code.errors import EcgByteError
from ..hub_code.leads import STANDARD_LEADS
from .ecg_paper import draw_ecg_paper
from .tokens import draw_tokens

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..hub_code.processing_ecg_byte import EcgByteProcessor
    from ..records import EcgRecord


def draw_record(processor: EcgByteProcessor, record: EcgRecord) -> Figure:
    """The record (2 to 10 s) on ECG paper, its reconstruction from tokens over it.

    The legend says how many tokens it took, markers counted, and the RMSE over all leads. Raises
    `EcgByteError` for what the extractor refuses.
    """
    extractor = processor.feature_extractor
    cleaned = extractor.clean(record.signal, record.sampling_rate, source=record.record_id)
    ids = processor.ecg_ids(record.signal, record.sampling_rate, source=record.record_id)
    decoded = processor.decode_ecg(ids)
    rmse = float(error_sums(cleaned, decoded, record.record_id).over_leads().rmse)
    error = f"{1000 * rmse:.0f} µV" if extractor.unit == "mV" else f"{rmse:.2g} {extractor.unit}"
    return draw_ecg_paper(
        cleaned,
        extractor.sampling_rate,
        reconstruction=decoded,
        unit=extractor.unit,
        title=record.record_id,
        signal_label="ECG, cleaned",
        reconstruction_label=f"from {len(ids):,} tokens ({extractor.preset}), RMSE {error}",
    )


def draw_record_tokens(processor: EcgByteProcessor, record: EcgRecord, channel: str) -> Figure:
    """The tokens of one channel of the record (2 to 10 s) over the signal that they code.

    `channel` is a lead for `paper`, a component (`r1` ...: a weighted sum of the leads) for
    `compact`, and for `beat` the rhythm (`rr`), the representative beat (`t1` ..., drawn once) or
    what is left (`r1` ...); the title says which. Raises `EcgByteError` for another channel.
    """
    extractor = processor.feature_extractor
    cleaned = extractor.clean(record.signal, record.sampling_rate, source=record.record_id)
    ids = processor.ecg_ids(record.signal, record.sampling_rate, source=record.record_id)
    spans = processor.token_spans(ids)
    there = dict.fromkeys(span.channel for span in spans if span.channel)
    if channel not in there:
        raise EcgByteError(
            f"{record.record_id}: {channel!r} is no channel of preset {extractor.preset}; choose "
            f"one of {', '.join(there)}"
        )
    if channel in STANDARD_LEADS:
        signal = cleaned[STANDARD_LEADS.index(channel)]
        what = f"lead {channel}"
    else:
        signals = extractor.codec.component_signals(cleaned)
        signal = signals[extractor.channels.index(channel)]
        what = _not_a_lead(channel, extractor.preset)
    if channel.startswith("t"):
        signal = signal[: max(span.stop for span in spans if span.channel == channel)]
    return draw_tokens(
        signal,
        list(zip(ids, spans, strict=True)),
        extractor.sampling_rate,
        channel=channel,
        unit=extractor.unit,
        title=f"{record.record_id}: {what} ({extractor.preset})",
        rows=1 if channel.startswith("t") else None,
    )


def _not_a_lead(channel: str, preset: str) -> str:
    """What a channel's waveform is, for the title."""
    if channel == "rr":
        return "rhythm (rr) over component 1, a weighted sum of the leads"
    component = f"component {channel[1:]}, a weighted sum of the leads"
    if channel.startswith("t"):
        return f"representative beat ({channel}) of {component}"
    return (
        f"what the beat leaves ({channel}) of {component}"
        if preset == "beat"
        else (f"{channel}, {component}")
    )
