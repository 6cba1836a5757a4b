"""One lead, coloured by the token that says most about it at each place."""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..fidelity.usage import kind_of_word
from ..hub_code.errors import EcgByteError
from ..hub_code.leads import STANDARD_LEADS
from ..hub_code.presets import BEAT_PRESETS
from ..wording import counted
from .canvas import shortened
from .palette import LIGHT_GREY, OKABE_ITO, tint
from .record import code_record, draw_record_tokens
from .tokens import TokenBox, draw_token_boxes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..hub_code.processing_ecg_byte import EcgByteProcessor
    from ..records import EcgRecord

# About a block of the wavelet: what a token adds swings around zero within it.
_NEAR_S = 0.064
# Of the lead's largest value: less than that in power is not said by any token.
_SILENT = 0.02
_SHORTEST_S = 0.02
_OF_THE_BEAT = "////"


class LeadTokens(NamedTuple):
    """Which token says most about a lead.

    `owner`: int64 (samples,), the position among the ids of the token with most power nearby, -1
    where none adds anything to speak of; `share`: of the decoded lead's power, what the owners
    alone say.
    """

    owner: NDArray[np.int64]
    share: float


def leading_tokens(processor: EcgByteProcessor, ids: list[int], lead: str) -> LeadTokens:
    """The token whose contribution to the decoded `lead` has most power within 64 ms, per sample.

    Contributions are those of `EcgByteProcessor.token_contributions`, a component's times its
    weight in the lead.
    """
    row = STANDARD_LEADS.index(lead)
    width = max(1, round(_NEAR_S * processor.feature_extractor.sampling_rate))
    window = np.ones(width) / width
    samples = processor.decode_ecg(ids).shape[1]
    owner = np.full(samples, -1)
    most, total = np.zeros(samples), np.zeros(samples)
    for position, leads in enumerate(processor.token_contributions(ids)):
        one = leads[row].astype(np.float64)
        total += one
        if one.any():
            near = np.convolve(one**2, window, "same")[:samples]
            larger = near > most
            owner[larger], most[larger] = position, near[larger]
    owner[most < (_SILENT * np.abs(total).max()) ** 2] = -1
    _join_short_runs(owner, round(_SHORTEST_S * processor.feature_extractor.sampling_rate))
    said = np.zeros(samples)
    for position, leads in enumerate(processor.token_contributions(ids)):
        said[owner == position] = leads[row, owner == position]
    power = float(total @ total)
    missing = float(((total - said) ** 2).sum())
    share = max(0.0, 1 - missing / power) if power else 0.0
    return LeadTokens(owner, share)


def _join_short_runs(owner: NDArray[np.int64], shortest: int) -> None:
    """Give runs too short to be seen to the run before them, in place."""
    edges = np.flatnonzero(np.diff(owner)) + 1
    for start, stop in pairwise([*edges.tolist(), len(owner)]):
        if stop - start < shortest:
            owner[start:stop] = owner[start - 1]


def draw_lead_tokens(processor: EcgByteProcessor, record: EcgRecord, lead: str) -> Figure:
    """One lead of the record (2 to 10 s), coloured by the token that contributes most there.

    Colours are components, hatched for tokens of the representative beat; where a preset codes
    leads it is `draw_record_tokens`. Raises `EcgByteError` for another name than that of a standard
    lead.
    """
    if lead not in STANDARD_LEADS:
        raise EcgByteError(
            f"{record.record_id}: {lead!r} is no lead; choose one of {', '.join(STANDARD_LEADS)}"
        )
    extractor = processor.feature_extractor
    if not extractor.codec.codes_components:
        return draw_record_tokens(processor, record, lead)
    coded = code_record(processor, record)
    owner, share = leading_tokens(processor, coded.ids, lead)
    boxes = []
    start = 0
    for position, run in groupby(owner.tolist()):
        stop = start + len(list(run))
        if position >= 0:
            channel = coded.spans[position].channel
            beat = kind_of_word(extractor.preset, channel) == "beat"
            hatch = _OF_THE_BEAT if beat else ""
            boxes.append(
                TokenBox(coded.ids[position], start, stop, _component_colour(channel), hatch)
            )
        start = stop
    different = len({box.token for box in boxes})
    name = shortened(record.record_id)
    subtitle = f"{counted(different, 'different token')} of this ECG's {len(coded.ids):,} say most"
    notes = [
        f"colour: the component it belongs to, and how much of it {lead} gets (from the KLT)",
        "box: the token that adds most power to the lead within 64 ms; number: its id; these alone "
        f"make up {100 * share:.0f} % of its power",
    ]
    weights = extractor.codec.klt[:, STANDARD_LEADS.index(lead)]
    legend = [
        (_component_colour(f"r{k}"), "", f"r{k} × {weight:+.2f}")
        for k, weight in enumerate(weights, 1)
    ]
    if extractor.preset in BEAT_PRESETS:
        legend.append((LIGHT_GREY, _OF_THE_BEAT, "beat (t)"))
    return draw_token_boxes(
        coded.cleaned[STANDARD_LEADS.index(lead)],
        boxes,
        extractor.sampling_rate,
        unit=extractor.unit,
        title=f"{name}, {extractor.preset}: lead {lead} by the token that says most",
        subtitle=subtitle,
        notes=notes,
        legend=legend,
    )


def _component_colour(channel: str) -> str:
    return tint(OKABE_ITO[int(channel[1:]) - 1], 0.6)
