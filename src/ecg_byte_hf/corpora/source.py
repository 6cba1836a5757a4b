"""What a source of records (PTB-XL, a folder, the simulation) hands to the writer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from ..records import EcgRecord

Split = Literal["train", "validation", "test"]
Question = dict[str, Any]


@dataclass(frozen=True)
class Patient:
    """What is known beside the signal; the columns of configuration `ecg` of the same names.

    `sex` is "female", "male" or "" (unknown), `age` in years (NaN unknown), `truth` JSON.
    """

    patient_id: str
    sex: str = ""
    age: float = float("nan")
    scp_codes: tuple[str, ...] = ()
    scp_likelihoods: tuple[float, ...] = ()
    report: str = ""
    truth: str = ""
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class SourceRecord:
    """One record before it is read: its id, its split and how to read it.

    `read` raises `EcgByteError` where the record cannot be used; the writer then skips it.
    """

    record_id: str
    split: Split
    read: Callable[[], tuple[EcgRecord, Patient]]


@dataclass(frozen=True)
class Source:
    """Records in an order that is the same every time, and what a corpus of them is called.

    `arguments` are all that decide the content, as JSON; a corpus is continued only where they are
    the same. `questions(rows, seed)` makes the questions of one split from its rows without signal.
    With `asks_rate` these rows hold `heart_rate_bpm` too (NaN where it is not reliable).
    `question_counts()` says, once all are made, what became of questions that came with the source.
    Signals in another `unit` than mV ("SD", standard deviations) are cleaned already: tokenizers
    take them as they are, at their own rate.
    `split_by` is "record" where it is not known which records are of one patient.
    """

    name: str
    title: str
    licence: str
    attribution: str
    arguments: dict[str, Any]
    records: Callable[[], Iterable[SourceRecord]]
    total: int
    location: str = ""
    split_by: Literal["patient", "record"] = "patient"
    questions: Callable[[list[dict[str, Any]], int], list[Question]] | None = field(default=None)
    asks_rate: bool = False
    unit: str = "mV"
    question_counts: Callable[[], dict[str, int]] | None = None
