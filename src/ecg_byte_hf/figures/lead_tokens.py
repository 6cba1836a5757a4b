"""One lead, coloured by the token that says most about it at each place."""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..fidelity.usage import kind_of_word
from ..hub_code.errors import EcgByteError
from ..hub_code.leads import STANDARD_LEADS
from .palette import LIGHT_GREY, OKABE_ITO, TINTS, tint
from .record import code_record
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
    owner: Any = None
    for position, leads in enumerate(processor.token_contributions(ids)):
        one = leads[row].astype(np.float64)
        if owner is None:
            owner = np.full(len(one), -1)
            most, said, total = np.zeros(len(one)), np.zeros(len(one)), np.zeros(len(one))
        total += one
        if not one.any():
            continue
        power = np.convolve(one**2, window, "same")[: len(one)]
        larger = power > most
        owner[larger], said[larger], most[larger] = position, one[larger], power[larger]
    owner[most < (_SILENT * np.abs(total).max()) ** 2] = -1
    said[owner < 0] = 0
    _join_short_runs(owner, round(_SHORTEST_S * processor.feature_extractor.sampling_rate))
    power = float(total @ total)
    share = 1 - float(((total - said) ** 2).sum()) / power if power else 0.0
    return LeadTokens(owner, share)


def _join_short_runs(owner: NDArray[np.int64], shortest: int) -> None:
    """Give runs too short to be seen to the run before them, in place."""
    edges = np.flatnonzero(np.diff(owner)) + 1
    for start, stop in pairwise([*edges.tolist(), len(owner)]):
        if stop - start < shortest:
            owner[start:stop] = owner[start - 1]


def draw_lead_tokens(processor: EcgByteProcessor, record: EcgRecord, lead: str) -> Figure:
    """One lead of the record (2 to 10 s), coloured by the token that contributes most there.

    For the presets that code components: colours are components, hatched for tokens of the
    representative beat. Raises `EcgByteError` for another name than that of a standard lead.
    """
    if lead not in STANDARD_LEADS:
        raise EcgByteError(
            f"{record.record_id}: {lead!r} is no lead; choose one of {', '.join(STANDARD_LEADS)}"
        )
    extractor = processor.feature_extractor
    coded = code_record(processor, record)
    owner, share = leading_tokens(processor, coded.ids, lead)
    components = extractor.codec.codes_components
    boxes = []
    start = 0
    for position, run in groupby(owner.tolist()):
        stop = start + len(list(run))
        if position >= 0:
            channel = coded.spans[position].channel
            beat = kind_of_word(extractor.preset, channel) == "beat"
            colour = _component_colour(channel) if components else TINTS[len(boxes) % len(TINTS)]
            hatch = _OF_THE_BEAT if beat else ""
            boxes.append(TokenBox(coded.ids[position], start, stop, colour, hatch))
        start = stop
    different = len({box.token for box in boxes})
    subtitle = f"{different} different tokens of this ECG's {len(coded.ids):,} say most"
    notes = ["box: the token that adds most power to the lead within 64 ms; number: its id"]
    legend: list[tuple[str, str, str]] = []
    if components:
        weights = extractor.codec.klt[:, STANDARD_LEADS.index(lead)]
        legend = [
            (_component_colour(f"r{k}"), "", f"r{k} x {weight:+.2f}")
            for k, weight in enumerate(weights, 1)
        ]
        notes[0] += (
            f"; these alone make up {100 * share:.0f} % of its power, the rest is the others'"
        )
        notes.insert(
            0,
            f"colour: the component it belongs to, and how much {lead} gets of it (a row of the "
            "KLT)",
        )
        if extractor.preset == "beat":
            legend.append((LIGHT_GREY, _OF_THE_BEAT, "beat (t)"))
    return draw_token_boxes(
        coded.cleaned[STANDARD_LEADS.index(lead)],
        boxes,
        extractor.sampling_rate,
        unit=extractor.unit,
        title=f"{record.record_id}, {extractor.preset}: lead {lead} by the token that says most",
        subtitle=subtitle,
        notes=notes,
        legend=legend,
    )


def _component_colour(channel: str) -> str:
    return tint(OKABE_ITO[int(channel[1:]) - 1], 0.6)
