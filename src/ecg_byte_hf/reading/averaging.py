"""Yes or no from several readings of an ECG: as it is, turned in time, cut to a stretch.

How sure a Llama is moves with where the ECG begins and ends, which says nothing about the patient;
the mean moves less (test-time augmentation: Krizhevsky et al., NeurIPS 2012, section 4.1).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ecg_byte_hf.augmentation import Augmentation
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.progress import bar

from .controls import derangement
from .intervals import PatientBootstrap
from .measuring import Responder
from .responding import YES_NO, Ask
from .scoring import Scored, accuracy, is_balanced, is_verify
from .sequences import shown_records
from .yes_no import finding_aurocs

TURNED_OR_CUT = Augmentation(
    share=1.0,
    turn=1.0,
    window=0.5,
    window_s=6.0,
    gain=0.0,
    lead_gain=0.0,
    noise=0.0,
    wander=0.0,
    lead_dropout=0.0,
    phase_ms=0.0,
)
"""Always turned in time, half of the time a stretch of at least 6 s: every sample stays itself."""
# Beyond these odds a float64 probability is 0 or 1 and has no logarithm of its odds.
_SUREST = 1e-9


def with_variants(rows: Any, variants: int, seed: int) -> Any:
    """A split of `open_corpus`, and behind it each of its ECGs `variants` times, turned or cut.

    The record id of a variant is `variant_id`. Seeded by `seed`, record and number.
    """
    from datasets import concatenate_datasets

    shown = rows.with_format("numpy")
    more = [
        shown.map(
            _vary,
            fn_kwargs={"number": number, "seed": seed},
            features=rows.features,
            desc=f"variant {number} of {variants}",
        )
        for number in range(1, variants + 1)
    ]
    return concatenate_datasets([shown, *more]).with_format(rows.format["type"])


def variant_id(record_id: str, number: int) -> str:
    """The record id of the variant `number` (from 1) of an ECG; 0 is the ECG itself."""
    return f"{record_id}#{number}" if number else record_id


def _vary(row: Mapping[str, Any], number: int, seed: int) -> dict[str, Any]:
    units = np.asarray(row["signal"], dtype=np.int16)
    record, rate = str(row["record_id"]), float(row["sampling_rate"])
    rng = np.random.default_rng([seed, number, *record.encode()])
    # int16 is exact in float32.
    varied = TURNED_OR_CUT(units[:, : int(row["samples"])].astype(np.float32), rate, rng)
    signal = np.zeros_like(units)
    signal[:, : varied.shape[1]] = varied
    return {
        "record_id": variant_id(record, number),
        "signal": signal,
        "samples": varied.shape[1],
    }


def measure_averaged(
    respond: Responder,
    rows: Sequence[Mapping[str, Any]],
    patients: Mapping[str, str],
    variants: int,
    *,
    seed: int = 0,
    quiet: bool = False,
) -> dict[str, Any]:
    """Yes/no questions answered by the mean log-odds over an ECG and its `variants`.

    `respond` knows the ECGs of `with_variants`; `rows` and `patients` as in `measuring.answer_all`.
    `own` and `shuffled` (others' ECGs, as its first turn gives them out; None with one patient
    alone) hold `accuracy` of the balanced questions, yes being what is likelier than no, and
    `auroc` (`yes_no.finding_aurocs`).

    Raises:
        EcgByteError: no yes/no question is asked.
    """
    asked = [row for row in rows if is_verify(row["question_type"]) and row["answer"] in YES_NO]
    if not asked:
        raise EcgByteError("variants: no yes/no question is asked, and they answer no other")
    bootstrap = PatientBootstrap((row["patient_id"] for row in asked), seed=seed)
    shown = [shown_records(row) for row in asked]
    # All ways to show ECGs, so that others' are given out as for all questions.
    together = [shown_records(row) for row in rows]

    def measured(name: str, given: Callable[[tuple[str, ...]], tuple[str, ...]]) -> dict[str, Any]:
        asks = [
            Ask(given(records), row["question"], YES_NO, greedy=False)
            for row, records in zip(asked, shown, strict=True)
        ]
        p_yes = _averaged(name, respond, asks, variants, quiet)
        scored = [
            Scored.of(row, YES_NO[0] if p > 1 / 2 else YES_NO[1], p)
            for row, p in zip(asked, p_yes, strict=True)
        ]
        return {
            "accuracy": accuracy(scored, bootstrap)
            if any(is_balanced(row) for row in asked)
            else None,
            "auroc": finding_aurocs(scored, bootstrap),
        }

    result: dict[str, Any] = {"variants": variants, "own": measured("averages", lambda ids: ids)}
    try:
        others = derangement(together, patients, seed)
    except EcgByteError:
        return result | {"shuffled": None}
    return result | {"shuffled": measured("averages, shuffled", lambda ids: others[ids])}


def _averaged(
    name: str, respond: Responder, asks: Sequence[Ask], variants: int, quiet: bool
) -> list[float]:
    """P(yes) of each ask from the mean log-odds over its ECGs as they are and their variants."""

    def variant(ask: Ask, number: int) -> Ask:
        return replace(ask, ecgs=tuple(variant_id(ecg, number) for ecg in ask.ecgs))

    several = [[variant(ask, number) for number in range(variants + 1)] for ask in asks]
    distinct = list(dict.fromkeys(one for each in several for one in each))
    with bar(name, len(distinct), quiet) as advance:
        said = respond(distinct, advance)
    means = [float(np.mean([_log_odds(said[one].p_yes) for one in each])) for each in several]
    return [1 / (1 + math.exp(-mean)) for mean in means]


def _log_odds(p_yes: float | None) -> float:
    p = min(max(p_yes or 0.0, _SUREST), 1 - _SUREST)
    return math.log(p / (1 - p))
