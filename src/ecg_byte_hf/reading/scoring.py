"""Answers beside the true ones: shares of right ones, sets of findings, numbers."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ecg_byte_hf.metrics.ecg_qa.answers import exact_match, items, set_f1

from .intervals import PatientBootstrap
from .sequences import shown_records

VERIFY, NUMERIC, REPORT = "verify", "numeric", "report"
# Free text and numbers: exact match says nothing about them, they are scored apart.
SCORED_APART = frozenset({REPORT, NUMERIC})
_NEAR = 5.0
_NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Scored:
    """One question, its true answer, and what was answered.

    `given` is None where no answer was asked for, `p_yes` is P(yes) / (P(yes) + P(no)) where it was
    read out. `balanced` says whether the answer counts in an accuracy, `record_ids` what was asked
    about where that is more than `record_id`.
    """

    question_id: str
    record_id: str
    patient_id: str
    question_type: str
    attribute: str
    question: str
    answer: str
    given: str | None
    p_yes: float | None = None
    balanced: bool = True
    record_ids: tuple[str, ...] = ()

    @property
    def kind(self) -> str:
        """The question type; ECG-QA's template and paraphrased wordings are kinds of their own."""
        if self.question_id.startswith("ecg-qa:"):
            return f"{self.question_type} ({self.question_id.rsplit(':', 1)[-1]})"
        return self.question_type

    @property
    def correct(self) -> bool:
        """Whether the two are the same as the metric `ecg_qa` compares them."""
        return self.given is not None and bool(exact_match(self.given, self.answer))

    @classmethod
    def of(cls, row: Mapping[str, Any], given: str | None, p_yes: float | None = None) -> Scored:
        """The answer to a row of a corpus's questions."""
        names = ("record_id", "patient_id", "question_type", "attribute", "question", "answer")
        return cls(
            question_id=row["question_id"],
            **{name: row[name] for name in names},
            given=given,
            p_yes=p_yes,
            balanced=is_balanced(row),
            record_ids=shown_records(row),
        )


def is_balanced(row: Mapping[str, Any]) -> bool:
    """Whether the balancing chose a question; older corpora hold no other."""
    return bool(row.get("balanced", True))


def is_verify(question_type: str) -> bool:
    """Whether questions of a type are answered yes or no ("single-verify" of ECG-QA too)."""
    return question_type.endswith(VERIFY)


def accuracy(scored: Sequence[Scored], bootstrap: PatientBootstrap) -> dict[str, Any]:
    """Shares of right answers among the balanced questions that exact match can judge.

    `overall` (mean over questions), `per_type` and `per_attribute` ("verify/superclass"), with
    their `interval`, `per_type_interval` and `per_attribute_interval` (95 %, over patients); `n`,
    and `counts` per type. Of no such question `overall` and `interval` are None, `n` is 0.
    """
    counted = judged(scored)
    kinds = _groups(counted, lambda one: one.kind)
    attributes = _groups(counted, lambda one: f"{one.kind}/{one.attribute}")
    return {
        "overall": _share(counted) if counted else None,
        "interval": bootstrap.interval(drawn_accuracy(counted, bootstrap)) if counted else None,
        "per_type": {kind: _share(group) for kind, group in kinds.items()},
        "per_type_interval": _intervals(kinds, bootstrap),
        "per_attribute": {name: _share(group) for name, group in attributes.items()},
        "per_attribute_interval": _intervals(attributes, bootstrap),
        "n": len(counted),
        "counts": dict(sorted(Counter(one.kind for one in counted).items())),
    }


def above(
    scored: Sequence[Scored], floor: Sequence[Scored], bootstrap: PatientBootstrap
) -> dict[str, Any] | None:
    """How far the accuracy of `scored` is above that of `floor`, paired by patient.

    `overall` and `per_type`, each with an interval as in `accuracy`; None where there is none.
    """

    def difference(ours: Sequence[Scored], theirs: Sequence[Scored]) -> tuple[float, Any]:
        drawn = drawn_accuracy(ours, bootstrap) - drawn_accuracy(theirs, bootstrap)
        return round(_share(ours) - _share(theirs), 4), bootstrap.interval(drawn)

    ours, theirs = judged(scored), judged(floor)
    if not ours:
        return None
    overall, interval = difference(ours, theirs)
    groups = _groups(theirs, lambda one: one.kind)
    per_type = {
        kind: difference(group, groups[kind])
        for kind, group in _groups(ours, lambda one: one.kind).items()
    }
    return {
        "overall": overall,
        "interval": interval,
        "per_type": {kind: value for kind, (value, _) in per_type.items()},
        "per_type_interval": {kind: ends for kind, (_, ends) in per_type.items()},
    }


def drawn_accuracy(scored: Sequence[Scored], bootstrap: PatientBootstrap) -> Any:
    """The share of right answers in every draw: float64 (draws,)."""
    return bootstrap.means([one.correct for one in scored], [one.patient_id for one in scored])


def findings_f1(scored: Sequence[Scored], bootstrap: PatientBootstrap) -> dict[str, Any] | None:
    """Mean F1 of the findings where the true answer lists several: `f1`, `interval`, `n`.

    None where no answer is a list.
    """
    lists = [s for s in judged(scored) if s.given is not None and len(items(s.answer)) > 1]
    if not lists:
        return None
    f1s = [set_f1(one.given, one.answer) for one in lists]
    drawn = bootstrap.means(f1s, [one.patient_id for one in lists])
    return {
        "f1": round(float(np.mean(f1s)), 4),
        "interval": bootstrap.interval(drawn),
        "n": len(lists),
    }


def number_in(text: str) -> float | None:
    """The first number of an answer ("72 bpm"), None without one."""
    found = _NUMBER.search(text)
    return float(found.group()) if found else None


def numeric_scores(scored: Sequence[Scored], bootstrap: PatientBootstrap) -> dict[str, Any] | None:
    """Errors of the answers to numeric questions, in the unit of the question (bpm for rates).

    `mean_absolute_error` over the answers that hold a number, `within_5` the share of all that are
    at most 5 off, with intervals; `n`, `without_number`. None without such questions.
    """
    asked = [s for s in scored if s.question_type == NUMERIC and s.given is not None]
    if not asked:
        return None
    pairs = [(number_in(one.given or ""), number_in(one.answer)) for one in asked]
    errors = np.array(
        [np.nan if a is None or b is None else abs(a - b) for a, b in pairs], dtype=np.float64
    )
    patients = [one.patient_id for one in asked]
    said = np.isfinite(errors)
    near = np.nan_to_num(errors, nan=np.inf) <= _NEAR
    who = [patient for patient, there in zip(patients, said, strict=True) if there]
    return {
        "mean_absolute_error": round(float(errors[said].mean()), 2) if said.any() else None,
        "mean_absolute_error_interval": (
            bootstrap.interval(bootstrap.means(errors[said], who)) if said.any() else None
        ),
        "within_5": round(float(near.mean()), 4),
        "within_5_interval": bootstrap.interval(bootstrap.means(near, patients)),
        "n": len(asked),
        "without_number": int((~said).sum()),
    }


def _intervals(groups: Mapping[str, Sequence[Scored]], bootstrap: PatientBootstrap) -> Any:
    return {
        name: bootstrap.interval(drawn_accuracy(group, bootstrap)) for name, group in groups.items()
    }


def questions_sha256(scored: Sequence[Scored]) -> str:
    """Which questions an accuracy is of: `ids_sha256` of those that exact match can judge."""
    return ids_sha256(one.question_id for one in judged(scored))


def ids_sha256(ids: Iterable[str]) -> str:
    """What a set of record or question ids shares with the same set alone: SHA-256 in hex."""
    return hashlib.sha256("\n".join(sorted(set(ids))).encode()).hexdigest()


def judged(scored: Sequence[Scored]) -> list[Scored]:
    """The balanced questions that exact match can judge."""
    return [s for s in scored if s.balanced and s.question_type not in SCORED_APART]


def _share(scored: Sequence[Scored]) -> float:
    return round(float(np.mean([one.correct for one in scored])), 4)


def _groups(scored: Sequence[Scored], key: Callable[[Scored], str]) -> dict[str, list[Scored]]:
    groups: dict[str, list[Scored]] = defaultdict(list)
    for one in scored:
        groups[key(one)].append(one)
    return {name: groups[name] for name in sorted(groups)}
