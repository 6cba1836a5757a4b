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
from .question_balance import Asked, Attribute, Finding, balanced_questions, verify_all

QUESTION_TYPES = ("verify", "choose", "query", "report")


class Question(TypedDict):
    """One row of a corpus's questions, see `columns.question_features`.

    `options` is empty but for `choose`.
    """

    question_id: str
    record_id: str
    record_ids: list[str]
    patient_id: str
    question_type: str
    attribute: str
    question: str
    options: list[str]
    answer: str
    balanced: bool


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
    have each answer. Beside these balanced questions every ECG is asked about every superclass that
    is known of it, yes or no, so that an AUROC can be taken over all ECGs.
    """
    return _questions(
        list(rows),
        seed,
        scp_questions.ATTRIBUTES,
        lambda attribute, row: scp_questions.finding_from_scp(attribute, row["scp_codes"]),
        lambda row: " ".join((row.get("report") or "").split()),
        ask_all=frozenset({"superclass"}),
    )


def _questions(
    rows: Sequence[Mapping[str, Any]],
    seed: int,
    attributes: Sequence[Attribute],
    finding: Callable[[Attribute, Mapping[str, Any]], Finding | None],
    report: Callable[[Mapping[str, Any]], str],
    ask_all: frozenset[str] = frozenset(),
) -> list[Question]:
    """The questions row by row; every statement of the attributes in `ask_all` is verified."""
    of_row: list[list[Question]] = [[] for _ in rows]

    def add(name: str, attribute: str, asked: Asked, *, balanced: bool = True) -> None:
        row = rows[asked.index]
        of_row[asked.index].append(
            Question(
                question_id=f"{row['record_id']}:{name}",
                record_id=row["record_id"],
                record_ids=[row["record_id"]],
                patient_id=row["patient_id"],
                question_type=asked.question_type,
                attribute=attribute,
                question=asked.question,
                options=list(asked.options),
                answer=asked.answer,
                balanced=balanced,
            )
        )

    for attribute in attributes:
        findings = [finding(attribute, row) for row in rows]
        chosen = balanced_questions(attribute, findings, seed)
        for asked in chosen:
            add(attribute.name, attribute.name, asked)
        if attribute.name in ask_all:
            for value, asked in verify_all(attribute, findings, chosen, seed):
                add(f"{attribute.name}:{value}", attribute.name, asked, balanced=False)
    rng = np.random.default_rng([seed, crc32(b"report")])
    texts = question_templates.REPORT_QUESTIONS
    for index, (row, which) in enumerate(
        zip(rows, rng.integers(len(texts), size=len(rows)), strict=True)
    ):
        if answer := report(row):
            add("report", "report", Asked(index, "report", texts[which], (), answer))
    return [question for questions in of_row for question in questions]
