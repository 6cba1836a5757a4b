"""PTB-XL as it is passed on in standard deviations: Parquet, 100 Hz, each lead scaled by itself.

`train.parquet` and `validation.parquet` (and `test.parquet`), a row per record: `ecg_id`,
`patient_id`, `strat_fold`, `superclass`, `subclass`, `rhythm`, `form` (lists of codes), `age`,
`sex`, `report` and `signal`, 12,000 int16 = (12, 1000) row-major, value / 200 = standard
deviations. Already band-passed (0.5 to 40 Hz), so its tokenizers take cleaning `"none"`, 100 Hz
and unit `"SD"`.

Scaling each lead by itself breaks Einthoven's and Goldberger's equations, in which the codecs keep
a signal, and loses the electrical axis. But the equations leave one set of gains, up to a common
factor, by which the six limb leads obey them again: `limb_gains` finds it, and the records here
have their limb leads multiplied by it, the common factor such that their mean standard deviation
is 1. V1 to V6 stay as they are. What they then miss the equations by is rounding (median over the
2,032 records: 0.3 % of a standard deviation, largest 0.5 %). Records in which the limb leads do not
follow the equations whatever the gains are skipped, with that reason.
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..hub_code.errors import EcgByteError
from ..hub_code.leads import STANDARD_LEADS
from ..records import EcgRecord
from .scp_questions import DIAGNOSES, FORM_CODES, RHYTHM_CODES, SUPERCLASS, finding_from_scp
from .source import Patient, Source, SourceRecord, Split

SAMPLING_RATE_HZ = 100.0
UNITS_PER_SD = 200.0
LARGEST_RESIDUAL_SD = 0.05

_SPLITS: tuple[Split, ...] = ("train", "validation", "test")
_SIGNAL_VALUES = 12_000
_COLUMNS = (
    *("ecg_id", "patient_id", "strat_fold", "superclass", "subclass", "rhythm", "form"),
    *("age", "sex", "report", "signal"),
)
_SEXES = {0: "male", 1: "female"}
# PTB-XL's own spelling of codes that these files cut the underscores from.
_SPELLINGS = {"AVB": "_AVB"} | {
    name: f"{name}_" for name in ("ISC", "NST", "STD", "STE", "NT", "TAB")
}
_CODES_OF = {name: set(codes) for lower in DIAGNOSES.values() for name, codes in lower.items()}
_A_CODE_OF = {name: codes[0] for lower in DIAGNOSES.values() for name, codes in lower.items()}

# Rows say 0 = ... of the limb leads I, II, III, aVR, aVL, aVF.
_EQUATIONS = np.array(
    [
        [1.0, -1.0, 1.0, 0.0, 0.0, 0.0],
        [0.5, 0.5, 0.0, 1.0, 0.0, 0.0],
        [-1.0, 0.5, 0.0, 0.0, 1.0, 0.0],
        [0.5, -1.0, 0.0, 0.0, 0.0, 1.0],
    ]
)


def ptb_xl_normalised(folder: str | os.PathLike[str]) -> Source:
    """The Parquet files of a folder as a source; `strat_fold` 9 is validation, 10 test.

    `scp_codes` are the columns `subclass`, `rhythm` and `form` in PTB-XL's spelling, without
    likelihoods; `superclasses(scp_codes)` says the superclasses. Raises `EcgByteError` where there
    is no such file, or one that is no Parquet or lacks a column.
    """
    import pyarrow
    import pyarrow.parquet

    root = Path(folder)
    paths = [path for split in _SPLITS if (path := root / f"{split}.parquet").is_file()]
    if not paths:
        raise EcgByteError(
            f"{root}: no train.parquet or validation.parquet in it; name the folder that holds them"
        )
    total = 0
    digest = hashlib.sha256()
    for path in paths:
        try:
            metadata = pyarrow.parquet.ParquetFile(path)
            missing = sorted(set(_COLUMNS) - set(metadata.schema_arrow.names))
            total += metadata.metadata.num_rows
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        except (OSError, pyarrow.ArrowException) as error:
            raise EcgByteError(f"{path}: cannot be read ({error})") from None
        if missing:
            raise EcgByteError(f"{path}: column {', '.join(missing)} is missing")
    return normalised_source(
        arguments={
            "source": "ptb-xl-normalised",
            "rows": total,
            "input_files_sha256": digest.hexdigest(),
        },
        records=lambda: _records(paths),
        total=total,
        location=str(root.resolve()),
    )


def normalised_source(
    *,
    arguments: dict[str, Any],
    records: Callable[[], Iterable[SourceRecord]],
    total: int,
    location: str,
) -> Source:
    """The source of PTB-XL in standard deviations, wherever its records come from."""
    return Source(
        name="ptb-xl-normalised",
        title="PTB-XL in standard deviations",
        licence="cc-by-4.0",
        attribution="ECGs and labels: Wagner et al., PTB-XL, a large publicly available "
        "electrocardiography dataset, PhysioNet 1.0.3 (CC BY 4.0); band-passed, resampled and "
        "scaled per lead to unit variance, so that 1 here is a standard deviation and no mV; the "
        "limb leads are scaled again so that they obey Einthoven's law.",
        arguments=arguments,
        records=records,
        total=total,
        location=location,
        questions=_questions,
        asks_rate=True,
        unit="SD",
    )


def superclasses(scp_codes: Any) -> frozenset[str]:
    """NORM, MI, STTC, CD and HYP of a row's `scp_codes` (subclasses, rhythms and forms)."""
    found = finding_from_scp(SUPERCLASS, _stated(scp_codes))
    return frozenset() if found is None else found.present


def column_codes(scp_codes: Iterable[str]) -> tuple[str, ...]:
    """PTB-XL's codes of an ECG as a row here has them: subclasses, rhythms, forms; each sorted."""
    codes = set(scp_codes)
    subclasses = {name for name, of in _CODES_OF.items() if codes & of}
    rhythms, forms = codes & RHYTHM_CODES, codes & FORM_CODES
    return tuple(dict.fromkeys([*sorted(subclasses), *sorted(rhythms), *sorted(forms)]))


def einthoven_record(units: NDArray[np.integer[Any]], name: str) -> EcgRecord:
    """A record (12, 1000) of `UNITS_PER_SD` units, its limb leads scaled by `limb_gains`.

    Raises `EcgByteError`, naming the record, where they obey Einthoven's law under no gains.
    """
    signal = units.astype(np.float32) / np.float32(UNITS_PER_SD)
    gains, residual = limb_gains(signal[:6])
    if not residual <= LARGEST_RESIDUAL_SD or gains.min() <= 0:
        raise EcgByteError(
            f"{name}: its limb leads obey Einthoven's law under no gains (they miss it by "
            f"{residual:.2g} standard deviations)"
        )
    signal[:6] *= gains[:, None].astype(np.float32)
    return EcgRecord(signal, SAMPLING_RATE_HZ, name, STANDARD_LEADS, unit="SD")


def limb_gains(leads: NDArray[np.floating[Any]]) -> tuple[NDArray[np.float64], float]:
    """Gains under which six separately scaled limb leads obey Einthoven and Goldberger again.

    `leads`: (6, samples), I, II, III, aVR, aVL, aVF. Returns float64 (6,), such that the mean
    standard deviation of the scaled leads is 1, and the RMS by which they then miss the equations,
    in standard deviations. The gains are the eigenvector of the least eigenvalue of the squared
    error of the four equations; they are not all positive where the leads follow no such law.
    """
    x = np.asarray(leads, dtype=np.float64)
    moments = x @ x.T / x.shape[1]
    error = (_EQUATIONS.T @ _EQUATIONS) * moments
    values, vectors = np.linalg.eigh(error)
    gains = vectors[:, 0] * np.sign(vectors[:, 0].sum())
    scale = np.mean(np.abs(gains) * x.std(axis=1))
    if not scale > 0:
        return np.ones(6), math.inf
    residual = math.sqrt(max(values[0], 0.0) / len(_EQUATIONS)) / scale
    return gains / scale, residual


def _questions(rows: list[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
    from .questions import questions_from_ptb_xl

    coded = [row | {"scp_codes": _stated(row["scp_codes"])} for row in rows]
    return questions_from_ptb_xl(coded, seed)


def _stated(scp_codes: Iterable[str]) -> list[str]:
    # Questions go down to subclasses; any code of a subclass says that it is there.
    return list(dict.fromkeys(_A_CODE_OF.get(code, code) for code in scp_codes))


def _records(paths: list[Path]) -> Iterator[SourceRecord]:
    import pyarrow
    import pyarrow.parquet

    seen: set[str] = set()
    for path in paths:
        try:
            batches = pyarrow.parquet.ParquetFile(path).iter_batches(64, columns=list(_COLUMNS))
            for batch in batches:
                rows = batch.drop_columns(["signal"]).to_pylist()
                signals = batch.column("signal")
                for row, signal in zip(rows, signals, strict=True):
                    record_id = str(row["ecg_id"])
                    if record_id in seen:
                        record_id = f"{record_id} (again in {path.name})"
                    seen.add(record_id)
                    yield SourceRecord(
                        record_id, _split(row["strat_fold"]), _Read(record_id, row, signal)
                    )
        except (OSError, pyarrow.ArrowException) as error:
            raise EcgByteError(f"{path}: cannot be read ({error})") from None


def _split(fold: Any) -> Split:
    return {9: "validation", 10: "test"}.get(fold, "train")  # type: ignore[return-value]


class _Read:
    """Checks one row and scales its limb leads when called."""

    def __init__(self, record_id: str, row: dict[str, Any], signal: Any) -> None:
        self._record_id, self._row, self._signal = record_id, row, signal

    def __call__(self) -> tuple[EcgRecord, Patient]:
        row, name = self._row, self._record_id
        if name != str(row["ecg_id"]) or row["patient_id"] is None:
            raise EcgByteError(f"{name}: ecg_id is there twice, or there is no patient_id")
        if row["strat_fold"] not in range(1, 11):
            raise EcgByteError(f"{name}: strat_fold {row['strat_fold']!r} is not 1 ... 10")
        values = np.asarray(self._signal.values) if self._signal.is_valid else np.zeros(0)
        if values.size != _SIGNAL_VALUES:
            raise EcgByteError(f"{name}: {values.size} values instead of 12 leads of 1,000")
        return einthoven_record(values.reshape(12, -1), name), _patient(row)


def _patient(row: dict[str, Any]) -> Patient:
    codes = dict.fromkeys(
        code
        for column in ("subclass", "rhythm", "form")
        for code in sorted(_SPELLINGS.get(code, code) for code in row[column] or ())
    )
    age, sex = row["age"], row["sex"]
    return Patient(
        patient_id=str(row["patient_id"]),
        sex="" if sex is None else _SEXES.get(sex, ""),
        age=math.nan if age is None else float(age),
        scp_codes=tuple(codes),
        scp_likelihoods=(0.0,) * len(codes),
        report=(row["report"] or "").strip(),
    )
