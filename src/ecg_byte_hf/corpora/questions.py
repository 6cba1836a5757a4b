"""Questions about the ECGs of one split, balanced so that guessing pays nothing.

Types: `verify` (yes or no), `choose` (one of two options), `query` (open, one answer of a small
set), `numeric` (the heart rate), `report` (a short text). The first three are those of ECG-QA (Oh
et al., NeurIPS 2023); how they are balanced is said in `question_balance`. No question is asked
about sex or age.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypedDict
from zlib import crc32

import numpy as np

from . import question_templates, scp_questions
from .question_balance import Asked, Attribute, Finding, balanced_questions, verify_all
from .report_language import LANGUAGES, report_language

QUESTION_TYPES = ("verify", "choose", "query", "numeric", "report")
RATE_STEP_BPM = 5
RATE_QUESTIONS = (
    "What is the heart rate, to the nearest 5 beats per minute?",
    "How many times a minute does the heart beat, to the nearest 5?",
)


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
    list of codes), `report` (asked for as it is, in its language, which the question names and the
    attribute says: `report_de`, `report_en`, `report_sv`, `report_other`; empty: not asked) and
    `heart_rate_bpm` (asked for to the nearest 5, attribute `rate`; NaN: not asked). Asked are
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
        report_language,
        ask_all=frozenset({"superclass"}),
    )


def questions_from_reports(
    rows: Iterable[Mapping[str, Any]], language: str, seed: int = 0
) -> list[Question]:
    """Questions about ECGs of one split of which nothing is known but reports and signals.

    A row has `record_id`, `patient_id`, `report` (all in one `language`, such as "en") and
    `heart_rate_bpm`; both are asked for as `questions_from_ptb_xl` does.
    """
    return _questions(
        list(rows), seed, (), lambda *_: None, lambda row: row["report"], lambda report: language
    )


def _questions(
    rows: Sequence[Mapping[str, Any]],
    seed: int,
    attributes: Sequence[Attribute],
    finding: Callable[[Attribute, Mapping[str, Any]], Finding | None],
    report: Callable[[Mapping[str, Any]], str],
    language: Callable[[str], str] | None = None,
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
    rates = [row.get("heart_rate_bpm", math.nan) for row in rows]
    for index, text in _worded(RATE_QUESTIONS, b"rate", seed, len(rows)):
        if not math.isnan(rates[index]):
            nearest = RATE_STEP_BPM * math.floor(rates[index] / RATE_STEP_BPM + 0.5)
            add("rate", "rate", Asked(index, "numeric", text, (), str(nearest)))
    for index, text in _worded(question_templates.REPORT_QUESTIONS, b"report", seed, len(rows)):
        if answer := report(rows[index]):
            attribute = "report"
            if language is not None:
                attribute, text = _in_language(text, language(answer))
            add("report", attribute, Asked(index, "report", text, (), answer))
    return [question for questions in of_row for question in questions]


def _worded(texts: Sequence[str], key: bytes, seed: int, rows: int) -> Iterator[tuple[int, str]]:
    """The number of each row and one of the texts, drawn for it."""
    rng = np.random.default_rng([seed, crc32(key)])
    for index, which in enumerate(rng.integers(len(texts), size=rows)):
        yield index, texts[which]


def _in_language(text: str, language: str) -> tuple[str, str]:
    """The attribute of a report's question, and the question with its language named."""
    named = LANGUAGES.get(language)
    if named is not None:
        text = f"{text[:-1]} (in {named}){text[-1]}"
    return f"report_{language}", text
