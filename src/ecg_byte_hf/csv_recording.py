"""Read a CSV file with lead names as header, one sample per line, in mV."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .hub_code.errors import EcgByteError
from .recording import Recording

_TIME_COLUMN = re.compile(
    r"(t|time|seconds|secs?|s|timestamp)([\s_]*[(\[]?(s|secs?|seconds)[)\]]?)?"
)
_INDEX_COLUMN = re.compile(
    r"|unnamed: \d+|index|samples?|sample[\s_]*(number|no|index)", re.IGNORECASE
)


def read_csv(path: Path, record: str, sampling_rate: float | None = None) -> Recording:
    """Read comma, semicolon or tab separated values: a column per lead, in mV.

    The sampling rate in Hz is `sampling_rate`, or follows from a column of evenly spaced times in
    seconds (`time`, `t`, `seconds`, `time (s)` ...). Unnamed and `index` or `sample` columns are
    left out. Raises `EcgByteError` for cells that are no numbers, for times that are not evenly
    spaced and where there is no sampling rate or two that differ.
    """
    import pandas

    with path.open(encoding="utf-8-sig", errors="replace") as file:
        first = file.readline(1 << 16)
    separator = max(",;\t", key=first.count)
    table = pandas.read_csv(
        path,
        sep=separator,
        encoding="utf-8-sig",
        header=None,
        skiprows=1,
        skipinitialspace=True,
        names=None,
        low_memory=False,
    )
    names = [cell.strip().strip('"').strip() for cell in first.strip("\r\n").split(separator)]
    if table.shape[1] != len(names):
        raise EcgByteError(
            f"{record}: {len(names)} names in the first line of {path.name} and {table.shape[1]} "
            f"columns below; the first line must name the leads"
        )
    columns = []
    for name, column in zip(names, table, strict=True):
        values = table[column]
        if values.dtype.kind not in "iuf":
            numbers = pandas.to_numeric(values, errors="coerce")
            wrong = int(np.argmax((numbers.isna() & values.notna()).to_numpy()))
            raise EcgByteError(
                f"{record}: column {name!r} of {path.name} has {str(values[wrong])[:30]!r} in line "
                f"{wrong + 2}; only numbers are allowed below the first line"
            )
        columns.append(values.to_numpy(np.float64))
    times = [row for row, name in enumerate(names) if _TIME_COLUMN.fullmatch(name.lower())]
    leads = [
        row
        for row, name in enumerate(names)
        if row not in times and not _INDEX_COLUMN.fullmatch(name)
    ]
    if not leads:
        raise EcgByteError(f"{record}: no leads in the first line of {path.name}")
    rate = sampling_rate
    if times:
        measured = _rate_of_times(columns[times[0]], record, names[times[0]])
        if rate is not None and not math.isclose(rate, measured, rel_tol=0.01):
            raise EcgByteError(
                f"{record}: column {names[times[0]]!r} says {measured:g} Hz, not {rate:g} Hz; "
                f"leave sampling_rate (--sampling-rate) out"
            )
        rate = measured if rate is None else rate
    if rate is None:
        raise EcgByteError(
            f"{record}: {path.name} has no time column; give sampling_rate (--sampling-rate) in Hz"
        )
    return Recording(
        np.stack([columns[row] for row in leads]), rate, tuple(names[row] for row in leads)
    )


def _rate_of_times(times_s: NDArray[np.float64], record: str, column: str) -> float:
    if len(times_s) < 2 or not np.isfinite(times_s).all() or not times_s[-1] > times_s[0]:
        raise EcgByteError(f"{record}: column {column!r} holds no rising times in seconds")
    step_s = (times_s[-1] - times_s[0]) / (len(times_s) - 1)
    even = times_s[0] + step_s * np.arange(len(times_s))
    # Times rounded to a millisecond stray by less than half a step up to 1,000 Hz.
    if np.abs(times_s - even).max() > 0.75 * step_s:
        raise EcgByteError(
            f"{record}: the times in column {column!r} are not evenly spaced; resample it first"
        )
    rate = 1.0 / step_s
    nearest = round(rate)
    return float(nearest) if nearest and abs(rate / nearest - 1) < 2e-4 else rate
