"""MIMIC-IV-ECG (Gow et al., PhysioNet 1.0, 2023) as a source of records.

Its layout: `record_list.csv` (`subject_id`, `study_id`, `path`), the records that it names,
`files/pNNNN/pNNNNNNNN/sNNNNNNNN/NNNNNNNN`, and `machine_measurements.csv` with the statements of
the recorder, `report_0` to `report_17`, by `study_id`. Leads come in another order than the
standard one and are told by their names.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..hub_code.errors import EcgByteError
from ..records import EcgRecord, MissingLeads, read_record
from .input_files import input_files_sha256, path_inside
from .source import Patient, Source, SourceRecord
from .wfdb_folder import check_shares, split_of

RECORDS_FILE = "record_list.csv"
MEASUREMENTS_FILE = "machine_measurements.csv"
REPORT_COLUMNS = tuple(f"report_{number}" for number in range(18))
# MIMIC-IV is shared under this licence, and its ECGs are of the same patients.
LICENCE = "PhysioNet Credentialed Health Data License 1.5.0"

_NEEDED = ("subject_id", "study_id", "path")


def mimic_iv_ecg(
    folder: str | os.PathLike[str],
    *,
    validation_share: float = 0.1,
    test_share: float = 0.1,
    seed: int = 0,
    missing_leads: MissingLeads = "refuse",
    licence: str = LICENCE,
) -> Source:
    """MIMIC-IV-ECG in its own layout; a record's id is its `study_id`, as in ECG-QA.

    The folder may hold a part of the records; the others are skipped. A patient (`subject_id`) is
    in one split, which a hash of it and `seed` decides. The report of an ECG are the recorder's
    statements, made by a machine and validated by nobody. Raises `EcgByteError` where a CSV file is
    missing, lacks a column or has no rows, and for shares that are more than the whole.
    """
    root = Path(folder)
    check_shares(validation_share, test_share)
    listed, measured = root / RECORDS_FILE, root / MEASUREMENTS_FILE
    for path in (listed, measured):
        if not path.is_file():
            raise EcgByteError(f"{root}: no {path.name} in it; name MIMIC-IV-ECG's own folder")
    total = sum(1 for _ in _lines(listed, _NEEDED))
    if not total:
        raise EcgByteError(f"{listed}: no records in it")
    next(_lines(measured, ("study_id", *REPORT_COLUMNS)), None)

    def records() -> Iterator[SourceRecord]:
        reports = _Reports(measured)
        seen: set[str] = set()
        for number, line in enumerate(_lines(listed, _NEEDED)):
            record_id, patient = line["study_id"].strip(), line["subject_id"].strip()
            if not record_id or record_id in seen:
                record_id = f"{record_id or 'no study_id'} (row {number + 1})"
            seen.add(record_id)
            yield SourceRecord(
                record_id,
                split_of(patient, seed, validation_share, test_share),
                _Read(root, record_id, line, reports, missing_leads),
            )

    return Source(
        name="mimic-iv-ecg",
        title="MIMIC-IV-ECG",
        licence=licence,
        attribution="ECGs and machine reports: Gow et al., MIMIC-IV-ECG, diagnostic "
        "electrocardiogram matched subset, PhysioNet 1.0.",
        arguments={
            "source": "mimic-iv-ecg",
            "rows": total,
            # Too many records to read every header before the first is written.
            "input_files_sha256": input_files_sha256(root, (), whole=[listed, measured]),
            "validation_share": validation_share,
            "test_share": test_share,
            "seed": seed,
            "missing_leads": missing_leads,
            "licence": licence,
        },
        records=records,
        total=total,
        location=str(root.resolve()),
        questions=_questions,
        asks_rate=True,
    )


def _questions(rows: list[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    from .questions import questions_from_reports

    return questions_from_reports(rows, "en", seed)


def _lines(path: Path, needed: tuple[str, ...]) -> Iterator[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            missing = set(needed) - set(reader.fieldnames or ())
            if missing:
                raise EcgByteError(
                    f"{path}: column {', '.join(sorted(missing))} is missing; is it MIMIC-IV-ECG's?"
                )
            for line in reader:
                yield {name: line[name] or "" for name in needed}
    except (OSError, UnicodeError, csv.Error) as error:
        raise EcgByteError(f"{path}: cannot be read ({error})") from None


class _Reports:
    """The reports by study, read as far as they are asked for.

    Both files list the studies in the same order, so that hardly any is held in memory.
    """

    def __init__(self, path: Path) -> None:
        self._lines = _lines(path, ("study_id", *REPORT_COLUMNS))
        self._waiting: dict[str, str] = {}

    def of(self, study_id: str) -> str:
        """The statements of a study, each as a sentence; "" without any."""
        while study_id not in self._waiting:
            line = next(self._lines, None)
            if line is None:
                return ""
            statements = (line[name].strip().rstrip(".") for name in REPORT_COLUMNS)
            sentences = [f"{statement}." for statement in statements if statement]
            self._waiting[line["study_id"].strip()] = " ".join(sentences)
        return self._waiting.pop(study_id)


class _Read:
    """Reads and checks one row and its record when called."""

    def __init__(
        self,
        root: Path,
        record_id: str,
        line: dict[str, str],
        reports: _Reports,
        missing: MissingLeads,
    ) -> None:
        self._root, self._record_id, self._line = root, record_id, line
        self._reports, self._missing = reports, missing

    def __call__(self) -> tuple[EcgRecord, Patient]:
        study, patient = self._line["study_id"].strip(), self._line["subject_id"].strip()
        if self._record_id != study:
            raise EcgByteError(f"{self._record_id}: study_id is missing or there twice")
        if not patient:
            raise EcgByteError(f"{study}: no subject_id, so no split by patient")
        # Before the record, which may not be there: no report waits for one that never comes.
        report = self._reports.of(study)
        path = path_inside(self._root, self._line["path"], study, RECORDS_FILE, "MIMIC-IV-ECG")
        record = read_record(path, record_id=study, missing_leads=self._missing)
        return record, Patient(patient_id=patient, report=report)
