"""The delineator, and what decoding does to it, against boundaries that cardiologists marked.

Annotations as in LUDB (Kalyakulina et al., IEEE Access 8, 2020): per lead a WFDB annotation file
(`.i` ... `.v6`) with "(", the wave ("p", "N", "t") and ")" in turn.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..extras import require_extra
from ..hub_code.errors import EcgByteError
from .delineation import BOUNDARIES, LEAD, at_delineation_rate, delineate, lead_row, settings

Floats = NDArray[np.float64]

SIGNALS = ("cleaned", "decoded")
TOLERANCE_S = 0.150
_WAVES = {"p": "p", "N": "qrs", "t": "t"}


class BoundaryComparison:
    """Boundaries on cleaned and decoded signals against those in `folder`, in lead II.

    `folder` is the one that the corpus was prepared from: a record's annotations are looked for
    under its id. Raises `EcgByteError` where it is no folder or the extra `clinical` is missing.
    """

    name = "boundaries"

    def __init__(self, folder: str | Path) -> None:
        require_extra("clinical", "the comparison with marked boundaries")
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise EcgByteError(f"{folder}: no such folder; give the one that holds the annotations")
        self.records = 0
        self.without: list[str] = []
        self._errors_ms: dict[tuple[str, str], list[float]] = {
            (signal, kind): [] for signal in SIGNALS for kind in BOUNDARIES
        }
        self._marked = dict.fromkeys(BOUNDARIES, 0)

    def add(
        self, record_id: str, cleaned: Any, decoded: Any, sampling_rate: float, offset_s: float = 0
    ) -> None:
        """Take in one record: (12, samples) each, in mV at `sampling_rate` Hz.

        `offset_s` is where the window starts in its recording, whose time the annotations count.
        """
        marked = read_boundaries(self.folder / record_id)
        if marked is None:
            self.without.append(record_id)
            return
        self.records += 1
        duration_s = np.shape(cleaned)[1] / sampling_rate
        for signal, leads in zip(SIGNALS, (cleaned, decoded), strict=True):
            lead = at_delineation_rate(np.asarray(leads)[lead_row()], sampling_rate)
            found = delineate(lead).boundary
            for kind in BOUNDARIES:
                here = marked[kind] - offset_s
                here = here[(here >= 0) & (here < duration_s)]
                if signal == SIGNALS[0]:
                    self._marked[kind] += len(here)
                self._errors_ms[signal, kind] += _errors_ms(here, found[kind])

    def summary(self) -> dict[str, Any]:
        """Per kind of boundary and signal: marked, `detected` (share), `bias_ms` and `sd_ms`.

        An error is the delineator's time minus the cardiologist's; detected is what the delineator
        has within 150 ms (ANSI/AAMI EC57). Raises `EcgByteError` where no record has annotations.
        """
        if not self.records:
            raise EcgByteError(
                f"{self.folder}: no annotations (.{LEAD.lower()}) of any record, such as "
                f"{', '.join(self.without[:1])}; give the folder that the corpus was prepared from"
            )
        return {
            "method": settings() | {"tolerance_ms": 1000 * TOLERANCE_S},
            "records": self.records,
            "without_annotations": len(self.without),
            "kinds": {kind: self._kind(kind) for kind in BOUNDARIES},
        }

    def _kind(self, kind: str) -> dict[str, Any]:
        row: dict[str, Any] = {"marked": self._marked[kind]}
        for signal in SIGNALS:
            errors = np.asarray(self._errors_ms[signal, kind])
            row[signal] = {
                "n": len(errors),
                "detected": len(errors) / self._marked[kind] if self._marked[kind] else None,
                "bias_ms": float(errors.mean()) if len(errors) else None,
                "sd_ms": float(errors.std(ddof=1)) if len(errors) > 1 else None,
            }
        return row


def read_boundaries(record: str | Path, lead: str = LEAD) -> Mapping[str, Floats] | None:
    """What is marked in one lead of a WFDB record: per kind of `BOUNDARIES` times (n,) in s.

    None where there is no annotation file; `EcgByteError` where it or the header is damaged.
    """
    import wfdb

    record = Path(record)
    if not record.with_name(f"{record.name}.{lead.lower()}").is_file():
        return None
    try:
        marks = wfdb.rdann(str(record), lead.lower())
        rate = float(wfdb.rdheader(str(record)).fs)
    except (OSError, ValueError, IndexError, KeyError) as error:
        raise EcgByteError(
            f"{record}: annotations of lead {lead} cannot be read ({error}); get the files again"
        ) from None
    times: dict[str, list[float]] = {kind: [] for kind in BOUNDARIES}
    symbols, at = marks.symbol, marks.sample / rate
    for place, symbol in enumerate(symbols):
        if symbol not in _WAVES:
            continue
        if place and symbols[place - 1] == "(":
            times[f"{_WAVES[symbol]}_onset"].append(at[place - 1])
        if symbols[place + 1 : place + 2] == [")"]:
            times[f"{_WAVES[symbol]}_offset"].append(at[place + 1])
    return {kind: np.asarray(values, dtype=np.float64) for kind, values in times.items()}


def _errors_ms(marked: Floats, found: Floats) -> list[float]:
    """Error in ms of what lies nearest to each mark, where that is within the tolerance."""
    found = found[np.isfinite(found)]
    if not len(found):
        return []
    difference = found[None] - marked[:, None]
    nearest = difference[np.arange(len(marked)), np.abs(difference).argmin(axis=1)]
    return [1000 * float(d) for d in nearest if abs(d) <= TOLERANCE_S]
