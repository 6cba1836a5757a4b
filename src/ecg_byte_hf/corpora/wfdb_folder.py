"""A folder of WFDB records, at any depth, as a source of records."""

from __future__ import annotations

import hashlib
import math
import os
import re
from collections.abc import Iterator
from pathlib import Path

from ..hub_code.errors import EcgByteError
from ..records import EcgRecord, MissingLeads, read_record
from ..wfdb_header import first_field, read_lines
from .input_files import input_files_sha256
from .source import Patient, Source, SourceRecord, Split

_AGE = re.compile(r"<?age>?\s*:\s*(\d+(?:\.\d+)?)", re.IGNORECASE)
_SEX = re.compile(r"<?(?:sex|gender)>?\s*:\s*(female|male|f|m)\b", re.IGNORECASE)


def wfdb_folder(
    folder: str | os.PathLike[str],
    *,
    validation_share: float = 0.1,
    test_share: float = 0.1,
    seed: int = 0,
    patient_pattern: str | None = None,
    missing_leads: MissingLeads = "refuse",
    licence: str = "unknown",
) -> Source:
    """Every WFDB record below a folder; its id is its path from there without suffix.

    A patient's records are in one split, which a hash of patient and `seed` decides, so that it
    does not depend on the other records. The patient is the group of the regular expression
    `patient_pattern` in the record id; a record in which it finds none is skipped. Without a
    pattern patients are unknown and each record is split by itself. Age and sex are taken from
    header comments ("Age: 64", "Sex: Female"). Segments of longer records are not read twice.
    Raises `EcgByteError` for a folder without headers, shares that are more than the whole, or a
    pattern that is wrong or finds no patient at all.
    """
    root = Path(folder)
    if not root.is_dir():
        raise EcgByteError(f"{root}: no such folder")
    check_shares(validation_share, test_share)
    try:
        pattern = None if patient_pattern is None else re.compile(patient_pattern)
    except re.error as error:
        raise EcgByteError(f"patient pattern {patient_pattern!r} is wrong: {error}") from None
    if pattern is not None and pattern.groups != 1:
        raise EcgByteError(f"patient pattern {patient_pattern!r} needs one group in parentheses")
    headers = sorted(root.rglob("*.hea"), key=lambda path: path.relative_to(root).as_posix())
    if not headers:
        raise EcgByteError(f"{root}: no WFDB header (.hea) in it or below; is it the right folder?")
    listed = [
        (header, record_id, _patient(record_id, pattern))
        for header in _without_segments(headers)
        for record_id in [header.relative_to(root).with_suffix("").as_posix()]
    ]
    if not any(patient_id for _, _, patient_id in listed):
        raise EcgByteError(
            f"{root}: patient pattern {patient_pattern!r} finds no patient in any record's path, "
            f"such as {listed[0][1]!r}; correct it"
        )

    def records() -> Iterator[SourceRecord]:
        for header, record_id, patient_id in listed:
            if patient_id:
                split = split_of(patient_id, seed, validation_share, test_share)
            else:
                split = "train"  # it is skipped when it is read
            yield SourceRecord(
                record_id, split, _Read(header, record_id, patient_id, missing_leads)
            )

    return Source(
        name="wfdb",
        title=f"ECGs of {root.resolve().name}",
        licence=licence,
        attribution="The recordings' own terms apply.",
        arguments={
            "source": "wfdb",
            "folder": root.resolve().name,
            "records": len(listed),
            "input_files_sha256": input_files_sha256(root, headers),
            "validation_share": validation_share,
            "test_share": test_share,
            "seed": seed,
            "patient_pattern": patient_pattern,
            "missing_leads": missing_leads,
            "licence": licence,
        },
        records=records,
        total=len(listed),
        location=str(root.resolve()),
        split_by="record" if pattern is None else "patient",
    )


def check_shares(validation_share: float, test_share: float) -> None:
    """Raise `EcgByteError` for shares of patients that are negative or more than the whole."""
    shares = (validation_share, test_share)
    if not (all(0 <= share <= 1 for share in shares) and sum(shares) <= 1):
        raise EcgByteError(
            f"validation share {validation_share} and test share {test_share} must be 0 or more "
            f"and at most 1 together"
        )


def split_of(patient_id: str, seed: int, validation_share: float, test_share: float) -> Split:
    """The split of a patient, from a hash: the same on every machine and in every folder."""
    digest = hashlib.sha256(f"{seed}:{patient_id}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    if place < test_share:
        return "test"
    return "validation" if place < test_share + validation_share else "train"


def _patient(record_id: str, pattern: re.Pattern[str] | None) -> str | None:
    """Whose record it is, `None` where the pattern finds nobody; without one, the record's own."""
    if pattern is None:
        return record_id
    found = pattern.search(record_id)
    return found[1] or None if found else None


def _without_segments(headers: list[Path]) -> list[Path]:
    segments = set()
    for header in headers:
        try:
            lines, _ = read_lines(header, header.stem)
        except (EcgByteError, OSError):
            continue
        if lines and "/" in first_field(lines[0]):
            segments |= {header.parent / f"{first_field(line)}.hea" for line in lines[1:]}
    return [header for header in headers if header not in segments]


class _Read:
    """Reads one record when called."""

    def __init__(
        self, header: Path, record_id: str, patient_id: str | None, missing_leads: MissingLeads
    ) -> None:
        self._header, self._record_id = header, record_id
        self._patient_id, self._missing_leads = patient_id, missing_leads

    def __call__(self) -> tuple[EcgRecord, Patient]:
        if not self._patient_id:
            raise EcgByteError(
                f"{self._record_id}: the patient pattern finds no patient in this path, so it "
                f"belongs to no split; correct the pattern"
            )
        record = read_record(
            self._header, record_id=self._record_id, missing_leads=self._missing_leads
        )
        said = "\n".join(record.comments)
        age, sex = _AGE.search(said), _SEX.search(said)
        years = float(age[1]) if age else math.nan
        return record, Patient(
            patient_id=self._patient_id,
            sex={"f": "female", "m": "male"}[sex[1][0].lower()] if sex else "",
            age=years if 0 <= years <= 120 else math.nan,
        )
