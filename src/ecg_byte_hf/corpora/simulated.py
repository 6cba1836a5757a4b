"""The simulation as a source of records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from ..hub_code.errors import EcgByteError
from .source import Patient, Source, SourceRecord


def simulated(records: int, *, seed: int = 0, sampling_rate: float = 500.0) -> Source:
    """`records` simulated ECGs of 10 s at `sampling_rate` Hz, with their truth and questions.

    Raises `EcgByteError` for fewer than one record, a negative seed or a wrong sampling rate.
    """
    from .simulation import simulate

    if records < 1:
        raise EcgByteError(f"simulation: {records} records asked for; give one or more")
    simulate(records, seed, sampling_rate=sampling_rate)  # checks its arguments

    def each() -> Iterator[SourceRecord]:
        for one in simulate(records, seed, sampling_rate=sampling_rate):
            patient = Patient(
                patient_id=one.patient_id,
                sex=one.sex,
                age=one.age,
                truth=json.dumps(one.truth, sort_keys=True),
            )
            yield SourceRecord(
                one.record.record_id,
                one.split,
                lambda record=one.record, who=patient: (record, who),
            )

    return Source(
        name="simulation",
        title="Simulated 12-lead ECGs",
        licence="mit",
        attribution="Every ECG is simulated; no patient is behind it.",
        arguments={"source": "simulation", "records": records, "seed": seed, "rate": sampling_rate},
        records=each,
        total=records,
        questions=_questions,
    )


def _questions(rows: list[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    from .questions import questions_from_truth

    return questions_from_truth([row | {"truth": json.loads(row["truth"])} for row in rows], seed)
