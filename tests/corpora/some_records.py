"""Small sources of records for the tests of corpora."""

from collections.abc import Callable, Iterator

import numpy as np

from ecg_byte_hf.corpora.source import Patient, Source, SourceRecord
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.records import EcgRecord, read_record

RATE = 100


def some_signal(number: int, seconds: float = 4.0, rate: float = RATE) -> np.ndarray:
    """Float32 (12, samples) in mV, multiples of 0.005 mV, another one for each number."""
    rng = np.random.default_rng(number)
    steps = rng.normal(0, 60, (12, round(seconds * rate)))
    return (np.rint(steps) * 0.005).astype(np.float32)


def some_record(number: int, seconds: float = 4.0, rate: float = RATE) -> EcgRecord:
    record = read_record(
        some_signal(number, seconds, rate), sampling_rate=rate, record_id=f"r{number}"
    )
    return EcgRecord(record.signal, record.sampling_rate, record.record_id, resolution_mV=0.005)


def some_source(
    count: int,
    *,
    bad: frozenset[int] = frozenset(),
    before: Callable[[int], None] = lambda number: None,
    make: Callable[[int], EcgRecord] = some_record,
    name: str = "tests",
) -> Source:
    """`count` records, those in `bad` unusable; every fifth validates. `before` sees each read."""

    def records() -> Iterator[SourceRecord]:
        for number in range(count):

            def read(number: int = number) -> tuple[EcgRecord, Patient]:
                before(number)
                if number in bad:
                    raise EcgByteError(f"r{number}: broken on purpose")
                return make(number), Patient(f"p{number // 2}", "female", 50.0 + number % 30)

            # Both records of a patient in one split.
            split = "validation" if number // 2 % 5 == 4 else "train"
            yield SourceRecord(f"r{number}", split, read)

    return Source(
        name=name,
        title="Some records",
        licence="mit",
        attribution="Made up.",
        arguments={"count": count, "name": name},
        records=records,
        total=count,
    )
