"""One record on ECG paper, and the tokens of one of its channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..fidelity.metrics import error_sums
from ..hub_code.errors import EcgByteError
from ..hub_code.leads import STANDARD_LEADS
from ..hub_code.presets import BEAT_PRESETS
from ..hub_code.signal_checks import check_unit
from ..hub_code.spans import Span
from .canvas import shortened
from .ecg_paper import draw_ecg_paper
from .tokens import draw_tokens

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..hub_code.feature_extraction_ecg_byte import EcgByteFeatureExtractor
    from ..hub_code.processing_ecg_byte import EcgByteProcessor
    from ..records import EcgRecord


class CodedRecord(NamedTuple):
    """A record as a tokenizer has it.

    `cleaned` and `decoded`: float32 (12, samples) in the extractor's unit at its rate; `spans`: one
    per id.
    """

    cleaned: NDArray[np.float32]
    ids: list[int]
    spans: list[Span]
    decoded: NDArray[np.float32]

    @property
    def rmse(self) -> float:
        """Root mean squared error over all leads, in the extractor's unit."""
        return float(error_sums(self.cleaned, self.decoded).over_leads().rmse)


def code_record(processor: EcgByteProcessor, record: EcgRecord) -> CodedRecord:
    """Clean, code and decode a record of 2 to 10 s.

    Raises `EcgByteError` for a record in another unit, and for what the extractor refuses.
    """
    extractor = processor.feature_extractor
    check_unit(record.unit, extractor.unit, f"record {record.record_id} is", "the tokenizer")
    given = (record.signal, record.sampling_rate)
    cleaned = extractor.clean(*given, source=record.record_id)
    ids = processor.ecg_ids(*given, source=record.record_id)
    return CodedRecord(cleaned, ids, processor.token_spans(ids), processor.decode_ecg(ids))


def in_unit(value: float, extractor: EcgByteFeatureExtractor) -> str:
    """A small amplitude for a reader: in microvolts where the extractor's unit is mV."""
    return f"{1000 * value:.0f} µV" if extractor.unit == "mV" else f"{value:.2g} {extractor.unit}"


def draw_record(processor: EcgByteProcessor | None, record: EcgRecord) -> Figure:
    """The record (2 to 10 s) on ECG paper, what its tokens decode to drawn over it.

    The legend says how many tokens it took, markers counted, and the RMSE over all leads. Without a
    processor it is the record alone, as recorded, each lead about its median. Raises `EcgByteError`
    for what the extractor refuses.
    """
    if processor is None:
        signal = record.signal - np.median(record.signal, axis=1, keepdims=True)
        return draw_ecg_paper(
            signal,
            record.sampling_rate,
            unit=record.unit,
            title=shortened(record.record_id),
            signal_label=f"as recorded, {record.sampling_rate:g} Hz",
        )
    extractor = processor.feature_extractor
    coded = code_record(processor, record)
    error = in_unit(coded.rmse, extractor)
    return draw_ecg_paper(
        coded.cleaned,
        extractor.sampling_rate,
        reconstruction=coded.decoded,
        unit=extractor.unit,
        title=shortened(record.record_id),
        signal_label="ECG, cleaned",
        reconstruction_label=f"from {len(coded.ids):,} tokens ({extractor.preset}), RMSE {error}",
    )


def draw_record_tokens(processor: EcgByteProcessor, record: EcgRecord, channel: str) -> Figure:
    """The tokens of one channel of the record (2 to 10 s) over the signal that they code.

    `channel` is a lead for `paper`, a component (`r1` ...: a weighted sum of the leads) for
    `compact`, and for `beat` the rhythm (`rr`), the representative beat (`t1` ..., drawn once) or
    what is left (`r1` ...); title and notes say which. Raises `EcgByteError` for another channel.
    """
    extractor = processor.feature_extractor
    coded = code_record(processor, record)
    there = dict.fromkeys(span.channel for span in coded.spans if span.channel)
    if channel not in there:
        raise EcgByteError(
            f"{record.record_id}: {channel!r} is no channel of preset {extractor.preset} that "
            f"this record has tokens in; choose one of {', '.join(there)}"
        )
    if channel in STANDARD_LEADS:
        signal = coded.cleaned[STANDARD_LEADS.index(channel)]
        what, notes = f"lead {channel}", []
    else:
        signals = extractor.codec.component_signals(coded.cleaned)
        signal = signals[extractor.channels.index(channel)]
        what, notes = _not_a_lead(channel, extractor)
    if channel.startswith("t"):
        stop = max(span.stop for span in coded.spans if span.channel == channel)
        signal = signal[:stop]
    return draw_tokens(
        signal,
        list(zip(coded.ids, coded.spans, strict=True)),
        extractor.sampling_rate,
        channel=channel,
        unit=extractor.unit,
        title=f"{shortened(record.record_id)}, {extractor.preset}: {what}",
        notes=notes,
        rows=1 if channel.startswith("t") else None,
    )


def _not_a_lead(channel: str, extractor: EcgByteFeatureExtractor) -> tuple[str, list[str]]:
    """What a channel's waveform is, for the title and for the notes."""
    number = 1 if channel == "rr" else int(channel[1:])
    weights = [
        f"{weight:+.2f} {lead}"
        for lead, weight in zip(STANDARD_LEADS, extractor.codec.klt[number - 1], strict=True)
    ]
    # On one line they would not fit the figure.
    sums = [
        f"component {number}, a weighted sum of the leads: {' '.join(weights[:6])}",
        " ".join(weights[6:]),
    ]
    component = f"component {number}"
    if channel == "rr":
        return "rr, the rhythm", [
            "a token says where the next beats come: its box ends at the last of them; drawn over "
            "component 1",
            *sums,
        ]
    if channel.startswith("t"):
        return f"{channel}, the representative beat in {component}", [
            "drawn once, and decoded at every beat that rr places",
            *sums,
        ]
    if extractor.preset in BEAT_PRESETS:
        return f"{channel}, what the beats leave of {component}", sums
    return f"{channel}, {component}", sums
