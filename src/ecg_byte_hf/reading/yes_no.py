"""How well the probability of "yes" tells the ECGs that show a finding from those that do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ecg_byte_hf.corpora import question_templates, scp_questions

from .intervals import PatientBootstrap
from .responding import YES_NO
from .scoring import Scored, is_verify

MIN_OF_EITHER = 5
"""How many ECGs must show a finding, and how many must not, for an AUROC of it."""
SUPERCLASS = "superclass"


@cache
def _asked_about() -> Mapping[tuple[str, str], str]:
    attributes = (*question_templates.ATTRIBUTES, *scp_questions.ATTRIBUTES)
    return {
        (attribute.name, text.casefold()): statement.value
        for attribute in attributes
        for statement in attribute.statements
        for text in statement.verify
    }


def finding_asked(attribute: str, question: str) -> str:
    """The value of `attribute` that a yes/no question asks about, else the question itself.

    The ways to ask for one value go together; a question that no template of a corpus makes
    (ECG-QA's) is a finding of its own.
    """
    text = " ".join(question.split())
    return _asked_about().get((attribute, text.casefold()), text)


def auroc(p_yes: ArrayLike, yes: ArrayLike, weights: ArrayLike | None = None) -> Any:
    """Area under the ROC curve, ties counting half (Mann-Whitney).

    `p_yes` and `yes` are (n,); with `weights` (draws, n), how often each counts, the area of every
    draw: float64 (draws,), else a float. NaN where a draw has no yes or no no.
    """
    p = np.asarray(p_yes, dtype=np.float64)
    positive = np.asarray(yes, dtype=bool)
    times = np.ones((1, len(p))) if weights is None else np.asarray(weights, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    p, positive, times = p[order], positive[order], times[:, order]
    starts = np.flatnonzero(np.r_[True, p[1:] > p[:-1]])
    of_yes = np.add.reduceat(times * positive, starts, axis=1)
    of_no = np.add.reduceat(times * ~positive, starts, axis=1)
    below = np.cumsum(of_no, axis=1) - of_no
    pairs = of_yes.sum(axis=1) * of_no.sum(axis=1)
    with np.errstate(invalid="ignore"):
        areas: NDArray[np.float64] = (of_yes * (below + of_no / 2)).sum(axis=1) / pairs
    return areas if weights is not None else float(areas[0])


def finding_aurocs(scored: Sequence[Scored], bootstrap: PatientBootstrap) -> dict[str, Any] | None:
    """AUROC of P(yes) for every finding that yes/no questions ask about, balanced or not.

    `findings` maps "attribute/value" to `auroc`, its 95 % `interval` over patients, and how many
    questions have the answer `yes` and `no`, for findings with at least 5 of either; `macro` maps
    each attribute to the mean over its `values`, with an interval. None without any.
    """
    asked: dict[str, dict[str, list[tuple[str, str, float, bool]]]] = {}
    for one in scored:
        if one.p_yes is None or not is_verify(one.question_type) or one.answer not in YES_NO:
            continue
        finding = finding_asked(one.attribute, one.question)
        entry = (one.question_id, one.patient_id, one.p_yes, one.answer == YES_NO[0])
        asked.setdefault(one.attribute, {}).setdefault(finding, []).append(entry)
    findings: dict[str, Any] = {}
    macro: dict[str, Any] = {}
    for attribute in sorted(asked):
        areas, drawn = {}, []
        for value, entries in sorted(asked[attribute].items()):
            questions, patients, p_yes, yes = zip(*entries, strict=True)
            truth = dict(zip(questions, yes, strict=True))
            counts = {"yes": sum(truth.values()), "no": len(truth) - sum(truth.values())}
            if min(counts.values()) < MIN_OF_EITHER:
                continue
            draws = auroc(p_yes, yes, bootstrap.weights(patients))
            areas[value] = auroc(p_yes, yes)
            drawn.append(draws)
            findings[f"{attribute}/{value}"] = {
                "auroc": round(areas[value], 4),
                "interval": bootstrap.interval(draws),
                **counts,
            }
        if areas:
            macro[attribute] = {
                "auroc": round(float(np.mean(list(areas.values()))), 4),
                "interval": bootstrap.interval(np.mean(drawn, axis=0)),
                "values": list(areas),
            }
    return {"findings": findings, "macro": macro} if findings else None
