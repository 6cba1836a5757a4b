"""Yes or no from several readings of an ECG: as it is, turned in time, cut to a stretch.

How sure a Llama is moves with where an ECG happens to begin and end; the mean moves less (test-time
augmentation: Krizhevsky et al., NeurIPS 2012, section 4.1). A cut may leave out the only premature
beat, and a turn makes one false RR interval: the ECG as it is always counts too.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ecg_byte_hf.augmentation import TURNED_AND_SCALED, Augmentation
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.hub_code.signal_checks import check_millivolts
from ecg_byte_hf.progress import bar

from .controls import derangement
from .intervals import PatientBootstrap
from .measuring import Responder, too_few
from .responding import YES_NO, Ask
from .scoring import Scored, accuracy, is_balanced, is_verify
from .sequences import shown_records
from .yes_no import finding_aurocs

_TURNED = replace(TURNED_AND_SCALED, gain=0.0)
# The probabilities next to 0 and 1, which have no log-odds themselves.
_LEAST, _MOST = sys.float_info.min, 1 - sys.float_info.epsilon / 2


def turned_or_cut(trained_with: Any) -> Augmentation:
    """How ECGs are varied to be read again: always turned; cut only where training cut them.

    `trained_with`: the strengths in `reading.json`, a mapping of `Augmentation`'s fields; a reader
    with others, or none (a two-stage one), has seen no cut ECG. Every sample stays what it is.
    """
    if not isinstance(trained_with, Mapping):
        return _TURNED
    return replace(_TURNED, window=trained_with["window"], window_s=trained_with["window_s"])


def with_variants(rows: Any, variants: int, strengths: Augmentation, seed: int) -> Any:
    """A split of `open_corpus`, and behind it each of its ECGs `variants` times, varied.

    The record id of a variant is `variant_id`. Seeded by `seed`, record and number. `strengths`
    must leave the samples themselves alone (`turned_or_cut`).

    Raises:
        EcgByteError: a record has the id of another one's variant.
    """
    from datasets import concatenate_datasets

    if not variants:
        return rows
    shown = rows.with_format("numpy")
    more = [
        shown.map(
            _vary,
            fn_kwargs={"number": number, "seed": seed, "strengths": asdict(strengths)},
            features=rows.features,
            desc=f"variant {number} of {variants}",
        )
        for number in range(1, variants + 1)
    ]
    several = concatenate_datasets([shown, *more]).with_format(rows.format["type"])
    ids = list(several["record_id"])
    if len(set(ids)) < len(ids):
        raise EcgByteError(
            "variants: record ids of the corpus are those of others' variants: rename records that "
            f"end in {variant_id('', 1)!r}"
        )
    return several


def variant_id(record_id: str, number: int) -> str:
    """The record id of the variant `number` (from 1) of an ECG; 0 is the ECG itself."""
    return f"{record_id} (variant {number})" if number else record_id


def _vary(
    row: Mapping[str, Any], number: int, seed: int, strengths: Mapping[str, Any]
) -> dict[str, Any]:
    units = np.asarray(row["signal"], dtype=np.int16)
    record, rate = str(row["record_id"]), float(row["sampling_rate"])
    rng = np.random.default_rng([seed, number, *record.encode()])
    # int16 is exact in float32.
    own = units[:, : int(row["samples"])].astype(np.float32)
    varied = Augmentation(**strengths)(own, rate, rng)
    try:
        check_millivolts(varied * np.float32(row["scale"]))
    except EcgByteError:
        # The stretch has nothing in it, as where an electrode came off.
        varied = _TURNED(own, rate, rng)
    signal = np.zeros_like(units)
    signal[:, : varied.shape[1]] = varied
    return {
        "record_id": variant_id(record, number),
        "signal": signal,
        "samples": varied.shape[1],
    }


def is_yes_no(row: Mapping[str, Any]) -> bool:
    """Whether a question of a corpus is one that variants answer: its answer is yes or no."""
    return is_verify(row["question_type"]) and row["answer"] in YES_NO


@dataclass(frozen=True)
class Averages:
    """What yes/no questions are answered with: `variants` of each ECG beside itself.

    `respond` knows the ECGs of `with_variants`; `fits` says of an ask whether the Llama's context
    holds it: a variant with which it does not is not read.
    """

    respond: Responder
    variants: int
    fits: Callable[[Ask], bool]

    def p_yes(self, name: str, asks: Sequence[Ask], quiet: bool) -> tuple[list[float], list[float]]:
        """P(yes) of each ask from the ECG as it is, and from the mean log-odds over all of them."""
        numbers = range(1, self.variants + 1)
        several = [
            [ask, *(one for number in numbers if self.fits(one := _variant(ask, number)))]
            for ask in asks
        ]
        distinct = list(dict.fromkeys(one for each in several for one in each))
        with bar(name, len(distinct), quiet) as advance:
            said = self.respond(distinct, advance)
        odds = [[log_odds(said[one].p_yes) for one in each] for each in several]
        return (
            [probability(each[0]) for each in odds],
            [probability(float(np.mean(each))) for each in odds],
        )


def _variant(ask: Ask, number: int) -> Ask:
    return replace(ask, ecgs=tuple(variant_id(ecg, number) for ecg in ask.ecgs))


def measure_averaged(
    averages: Averages,
    rows: Sequence[Mapping[str, Any]],
    patients: Mapping[str, str],
    *,
    seed: int = 0,
    quiet: bool = False,
) -> dict[str, Any]:
    """Yes/no questions answered from the mean log-odds over an ECG and its variants.

    `rows` and `patients` as in `measuring.answer_all`, kinds of comparisons that `summarise` does
    not score left out. `once` (the ECG as it is alone), `own` and `shuffled` (others' ECGs, given
    out as in the first turn of that control; None with one patient alone) are measured alike: they
    hold `accuracy` of the balanced questions, yes being what is likelier than no (None without
    any), and `auroc` (`yes_no.finding_aurocs`). Their intervals come from the draws of patients of
    `summarise`.
    """
    few = too_few([Scored.of(row, None) for row in rows])
    judged = [row for row in rows if Scored.of(row, None).kind not in few]
    bootstrap = PatientBootstrap((row["patient_id"] for row in judged), seed=seed)
    asked = [row for row in judged if is_yes_no(row)]

    def measured(p_yes: Sequence[float]) -> dict[str, Any]:
        scored = [
            Scored.of(row, YES_NO[0] if p > 1 / 2 else YES_NO[1], p)
            for row, p in zip(asked, p_yes, strict=True)
        ]
        balanced = any(is_balanced(row) for row in asked)
        return {
            "accuracy": accuracy(scored, bootstrap) if balanced else None,
            "auroc": finding_aurocs(scored, bootstrap),
        }

    def ask_about(given: Callable[[tuple[str, ...]], tuple[str, ...]]) -> list[Ask]:
        return [
            Ask(given(shown_records(row)), row["question"], YES_NO, greedy=False) for row in asked
        ]

    once, own = averages.p_yes("averages", ask_about(lambda ids: ids), quiet)
    result = {"variants": averages.variants, "once": measured(once), "own": measured(own)}
    try:
        # Of all questions, so that ECGs are given out as they were for these.
        others = derangement([shown_records(row) for row in rows], patients, seed)
    except EcgByteError:
        return result | {"shuffled": None}
    asks = ask_about(lambda ids: others[ids])
    return result | {"shuffled": measured(averages.p_yes("averages, shuffled", asks, quiet)[1])}


def log_odds(p_yes: float | None) -> float:
    """The log-odds of P(yes), finite at 0 and 1 too; `ValueError` where it was not read out."""
    if p_yes is None:
        raise ValueError("P(yes) was not read out of a question that asks for yes or no")
    p = min(max(p_yes, _LEAST), _MOST)
    return math.log(p) - math.log1p(-p)


def probability(odds: float) -> float:
    """P(yes) of its log-odds."""
    # Not 1 / (1 + exp(-x)) for both signs: an exponential must not overflow.
    small = math.exp(-abs(odds))
    return 1 / (1 + small) if odds >= 0 else small / (1 + small)
