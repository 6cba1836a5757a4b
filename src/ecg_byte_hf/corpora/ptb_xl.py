"""PTB-XL (Wagner et al., Scientific Data 2020; PhysioNet 1.0.3) as a source of records.

Its recommended folds are the splits: `strat_fold` 1 to 8 train, 9 validation, 10 test; a patient is
in one fold.
"""

from __future__ import annotations

import ast
import csv
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..hub_code.errors import EcgByteError
from ..records import EcgRecord, MissingLeads, read_record
from .input_files import input_files_sha256, path_inside
from .source import Patient, Source, SourceRecord, Split

DATABASE_FILE = "ptbxl_database.csv"
_PATHS = {500: "filename_hr", 100: "filename_lr"}
_SEXES = {0: "male", 1: "female"}

# PTB-XL writes 300 for every age over 89, to keep the very old from being recognised.
_HIDDEN_AGE = 300.0
OVER_89 = 90.0


def ptb_xl(
    folder: str | os.PathLike[str], *, rate: int = 500, missing_leads: MissingLeads = "refuse"
) -> Source:
    """PTB-XL in its own layout: `ptbxl_database.csv` beside `records500` (or `records100`).

    The folder may hold a part of the records. `rate` in Hz, 500 or 100, chooses the folder. An age
    over 89, which PTB-XL hides as 300, becomes 90 and is flagged. Raises `EcgByteError` where the
    database file is missing, is not PTB-XL's or has no rows, and where there is no folder of that
    rate.
    """
    if rate not in _PATHS:
        raise EcgByteError(f"PTB-XL has 500 and 100 Hz, not {rate!r}")
    root = Path(folder)
    database = root / DATABASE_FILE
    if not database.is_file():
        raise EcgByteError(f"{root}: no {DATABASE_FILE} in it; name PTB-XL's own folder")
    names = [line[_PATHS[rate]] for line in _lines(database, rate)]
    if not names:
        raise EcgByteError(f"{database}: no records in it")
    if not (root / f"records{rate}").is_dir():
        raise EcgByteError(
            f"{root}: no folder records{rate} in it; put PTB-XL's records of {rate} Hz there, or "
            f"choose the other rate with --rate"
        )
    # Paths that lead elsewhere are refused when their row is read.
    headers = [
        header
        for header in (root / f"{name}.hea" for name in names)
        if header.is_relative_to(root) and ".." not in header.relative_to(root).parts
    ]
    return Source(
        name="ptb-xl",
        title="PTB-XL",
        licence="cc-by-4.0",
        attribution="ECGs and labels: Wagner et al., PTB-XL, a large publicly available "
        "electrocardiography dataset, PhysioNet 1.0.3 (CC BY 4.0).",
        arguments={
            "source": "ptb-xl",
            "rate": rate,
            "missing_leads": missing_leads,
            "rows": len(names),
            "input_files_sha256": input_files_sha256(root, headers, whole=[database]),
        },
        records=lambda: _records(root, rate, missing_leads),
        total=len(names),
        location=str(root.resolve()),
        questions=_questions,
        asks_rate=True,
    )


def _questions(rows: list[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    from .questions import questions_from_ptb_xl

    # Diagnoses that are less likely than not are asked neither as true nor as false.
    likelihoods = [dict(zip(r["scp_codes"], r["scp_likelihoods"], strict=True)) for r in rows]
    return questions_from_ptb_xl(
        [row | {"scp_codes": codes} for row, codes in zip(rows, likelihoods, strict=True)], seed
    )


def _lines(database: Path, rate: int) -> Iterator[dict[str, str]]:
    needed = {
        "ecg_id",
        "patient_id",
        "age",
        "sex",
        "report",
        "scp_codes",
        "strat_fold",
        _PATHS[rate],
    }
    try:
        with database.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = needed - set(reader.fieldnames or ())
            if missing:
                raise EcgByteError(
                    f"{database}: column {', '.join(sorted(missing))} is missing; is it PTB-XL's?"
                )
            for line in reader:
                yield {name: line[name] or "" for name in needed}
    except (OSError, UnicodeError, csv.Error) as error:
        raise EcgByteError(f"{database}: cannot be read ({error})") from None


def _records(root: Path, rate: int, missing_leads: MissingLeads) -> Iterator[SourceRecord]:
    seen: set[str] = set()
    for number, line in enumerate(_lines(root / DATABASE_FILE, rate)):
        record_id = line["ecg_id"].strip()
        if not record_id.isdecimal() or record_id in seen:
            record_id = f"{record_id or 'no ecg_id'} (row {number + 1})"
        seen.add(record_id)
        yield SourceRecord(
            record_id, _split(line), _Read(root, record_id, line, rate, missing_leads)
        )


def _split(line: dict[str, str]) -> Split:
    # A row with a wrong fold is refused when it is read; until then it may be anywhere.
    fold = line["strat_fold"].strip()
    return {"9": "validation", "10": "test"}.get(fold, "train")  # type: ignore[return-value]


class _Read:
    """Reads and checks one row and its record when called."""

    def __init__(
        self, root: Path, record_id: str, line: dict[str, str], rate: int, missing: MissingLeads
    ) -> None:
        self._root, self._record_id, self._line = root, record_id, line
        self._rate, self._missing = rate, missing

    def __call__(self) -> tuple[EcgRecord, Patient]:
        patient = _patient(self._line, self._record_id)
        name = self._line[_PATHS[self._rate]]
        path = path_inside(self._root, name, self._record_id, DATABASE_FILE, "PTB-XL")
        record = read_record(path, record_id=self._record_id, missing_leads=self._missing)
        return record, patient


def _patient(line: dict[str, str], record_id: str) -> Patient:
    if not line["ecg_id"].strip().isdecimal() or record_id != line["ecg_id"].strip():
        raise EcgByteError(f"{record_id}: ecg_id is missing, no number, or there twice")
    if line["strat_fold"].strip() not in {str(fold) for fold in range(1, 11)}:
        raise EcgByteError(f"{record_id}: strat_fold {line['strat_fold']!r} is not 1 ... 10")
    patient_id = _number(line["patient_id"], "patient_id", record_id)
    if math.isnan(patient_id):
        raise EcgByteError(f"{record_id}: no patient_id, so no split by patient")
    age = _number(line["age"], "age", record_id)
    flags = ()
    if age == _HIDDEN_AGE:
        age, flags = OVER_89, ("age over 89, stored as 90",)
    elif not (math.isnan(age) or 0 <= age <= 120):
        raise EcgByteError(f"{record_id}: age {line['age']!r} is not within 0 ... 120 years")
    codes = _scp_codes(line["scp_codes"], record_id)
    return Patient(
        patient_id=str(int(patient_id)),
        sex=_SEXES.get(_number(line["sex"], "sex", record_id), ""),
        age=age,
        scp_codes=tuple(codes),
        scp_likelihoods=tuple(codes.values()),
        report=line["report"].strip(),
        flags=flags,
    )


def _number(text: str, column: str, record_id: str) -> float:
    try:
        value = float(text) if text.strip() else math.nan
    except ValueError:
        value = math.inf
    if math.isinf(value):
        raise EcgByteError(f"{record_id}: {column} {text!r} is no number")
    return value


def _scp_codes(text: str, record_id: str) -> dict[str, float]:
    """The Python dict of code to likelihood in percent (0 means "not stated")."""
    try:
        codes = ast.literal_eval(text) if text.strip() else {}
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        codes = None
    if not isinstance(codes, dict) or not all(
        isinstance(code, str) and isinstance(likelihood, int | float)
        for code, likelihood in codes.items()
    ):
        raise EcgByteError(f"{record_id}: scp_codes {text[:60]!r} is no dictionary of codes")
    return {code: float(likelihood) for code, likelihood in codes.items()}
