"""One row of a corpus as a record, for commands that take one ECG."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..hub_code.errors import EcgByteError
from ..records import EcgRecord, read_record
from .columns import signal_mV
from .corpus import describe_corpus, open_corpus


def record_of_row(folder: str | Path, record_id: str) -> EcgRecord:
    """The row of a prepared corpus that has this `record_id`, whichever split it is in.

    Its `unit` is the corpus's.

    Raises `EcgByteError` where `folder` is no corpus or has no such row.
    """
    some: list[str] = []
    for split in open_corpus(folder).values():
        ids = split["record_id"]
        some = some or [str(i) for i in ids[:3]]
        if record_id in ids:
            row = split[list(ids).index(record_id)]
            record = read_record(
                signal_mV(row), sampling_rate=float(row["sampling_rate"]), record_id=record_id
            )
            return replace(record, unit=describe_corpus(folder)["unit"])
    raise EcgByteError(
        f"{folder}: no row with record id {record_id!r}; its first ones are {', '.join(some)}"
    )
