"""Questions about the ECGs of one split, balanced so that guessing pays nothing.

Types: `verify` (yes or no), `choose` (one of two options), `query` (open, one answer of a small
set), `report` (a short text). The first three are those of ECG-QA (Oh et al., NeurIPS 2023); how
they are balanced is said in `question_balance`. No question is asked about sex or age.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypedDict
from zlib import crc32

import numpy as np

from . import question_templates, scp_questions
from .question_balance import Attribute, Finding, balanced_questions

QUESTION_TYPES = ("verify", "choose", "query", "report")


class Question(TypedDict):
    """One row of a corpus's questions; `options` is empty but for `choose`."""

    question_id: str
    record_id: str
    patient_id: str
    question_type: str
    attribute: str
    question: str
    options: list[str]
    answer: str


def questions_from_truth(rows: Iterable[Mapping[str, Any]], seed: int = 0) -> list[Question]:
    """Questions about the simulated ECGs of one split, in the order of `rows`.

    A row has `record_id`, `patient_id` and `truth` (the dict of `SimulatedRecord`). At most one
    question per attribute and ECG, one report per ECG.
    """
    return _questions(
        list(rows),
        seed,
        question_templates.ATTRIBUTES,
        lambda attribute, row: question_templates.finding_from_truth(attribute, row["truth"]),
        lambda row: question_templates.report_from_truth(row["truth"]),
    )


def questions_from_ptb_xl(rows: Iterable[Mapping[str, Any]], seed: int = 0) -> list[Question]:
    """Questions about the PTB-XL ECGs of one split, in the order of `rows`.

    A row has `record_id`, `patient_id`, `scp_codes` (a dict of code to likelihood in percent, or a
    list of codes) and `report` (asked for as it is; many are German; empty: not asked). Asked are
    diagnostic superclass and subclass, rhythm and form, as far as at least four ECGs of the split
    have each answer.
    """
    return _questions(
        list(rows),
        seed,
        scp_questions.ATTRIBUTES,
        lambda attribute, row: scp_questions.finding_from_scp(attribute, row["scp_codes"]),
        lambda row: " ".join((row.get("report") or "").split()),
    )


def _questions(
    rows: Sequence[Mapping[str, Any]],
    seed: int,
    attributes: Sequence[Attribute],
    finding: Callable[[Attribute, Mapping[str, Any]], Finding | None],
    report: Callable[[Mapping[str, Any]], str],
) -> list[Question]:
    of_row: list[list[Question]] = [[] for _ in rows]

    def add(index: int, kind: str, attribute: str, text: str, options: Sequence[str], answer: str):
        row = rows[index]
        of_row[index].append(
            Question(
                question_id=f"{row['record_id']}:{attribute}",
                record_id=row["record_id"],
                patient_id=row["patient_id"],
                question_type=kind,
                attribute=attribute,
                question=text,
                options=list(options),
                answer=answer,
            )
        )

    for attribute in attributes:
        findings = [finding(attribute, row) for row in rows]
        for asked in balanced_questions(attribute, findings, seed):
            add(
                asked.index,
                asked.question_type,
                attribute.name,
                asked.question,
                asked.options,
                asked.answer,
            )
    rng = np.random.default_rng([seed, crc32(b"report")])
    texts = question_templates.REPORT_QUESTIONS
    for index, (row, which) in enumerate(
        zip(rows, rng.integers(len(texts), size=len(rows)), strict=True)
    ):
        if answer := report(row):
            add(index, "report", "report", texts[which], (), answer)
    return [question for questions in of_row for question in questions]
