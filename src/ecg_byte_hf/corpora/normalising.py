"""PTB-XL's own download as `ptb_xl_normalised` has it: 100 Hz and standard deviations.

How the Parquet files of `ptb-xl-normalised` were filtered is not written in them; it was found by
trying. Fourth-order Butterworth band-pass 0.5 to 40 Hz at 500 Hz, forward and backward in transfer
function form with SciPy's default padding, each lead to zero mean and unit variance, then
`scipy.signal.resample_poly` by 1/5 and rounding to 1/200. Of the 5.2 million values of 434 records
that are in both, 73 differ, by one unit. With second-order sections 0.2 % differ, with scaling
after resampling 7 %.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..hub_code.errors import EcgByteError
from ..hub_code.leads import STANDARD_LEADS
from ..records import EcgRecord, MissingLeads
from .ptb_xl import ptb_xl
from .ptb_xl_normalised import UNITS_PER_SD, column_codes, einthoven_record, normalised_source
from .source import Patient, Source, SourceRecord

SOURCE_RATE_HZ = 500
SOURCE_SAMPLES = 5000
BAND_HZ = (0.5, 40.0)
BUTTERWORTH_ORDER = 4
DECIMATION = 5


def normalised_from_ptb_xl(
    folder: str | os.PathLike[str], *, missing_leads: MissingLeads = "refuse"
) -> Source:
    """The source that `ptb_xl_normalised` is, made from PTB-XL's records of 500 Hz.

    Codes are those of the Parquet files' columns (subclasses, rhythms, forms; whatever their
    likelihood), so that both give the same questions. Raises as `ptb_xl` does.
    """
    source = ptb_xl(folder, rate=SOURCE_RATE_HZ, missing_leads=missing_leads)

    def records() -> Iterator[SourceRecord]:
        for entry in source.records():
            yield replace(entry, read=lambda read=entry.read: _normalised(*read()))

    return normalised_source(
        arguments=source.arguments | {"source": "ptb-xl-normalised", "from": "ptb-xl"},
        records=records,
        total=source.total,
        location=source.location,
    )


def standard_deviations(signal: NDArray[np.floating], name: str) -> NDArray[np.int16]:
    """A signal of 10 s at 500 Hz, (12, 5000) in mV, as int16 (12, 1000) at 100 Hz.

    200 units are a standard deviation of the band-passed lead. Raises `EcgByteError` for another
    length and for a flat lead, naming the record `name`.
    """
    from scipy.signal import butter, filtfilt, resample_poly

    if signal.shape != (12, SOURCE_SAMPLES):
        raise EcgByteError(
            f"{name}: {signal.shape[1] / SOURCE_RATE_HZ:g} s of signal; only 10 s are normalised"
        )
    band = butter(BUTTERWORTH_ORDER, BAND_HZ, "bandpass", fs=SOURCE_RATE_HZ)
    filtered = filtfilt(*band, signal, axis=1)
    spread = filtered.std(axis=1, keepdims=True)
    # What the filter leaves of a constant is rounding.
    if not (spread > 1e-6).all():
        flat = [lead for lead, sd in zip(STANDARD_LEADS, spread[:, 0], strict=True) if sd <= 1e-6]
        raise EcgByteError(
            f"{name}: a lead is flat ({', '.join(flat)}) and has no standard deviation; only "
            "records with a signal in all 12 leads are normalised"
        )
    scaled = (filtered - filtered.mean(axis=1, keepdims=True)) / spread
    units = np.rint(UNITS_PER_SD * resample_poly(scaled, 1, DECIMATION, axis=1))
    return units.clip(-32768, 32767).astype(np.int16)


def normalised_record(record: EcgRecord) -> EcgRecord:
    """A record in mV, 10 s at 500 Hz, in standard deviations at 100 Hz, as the corpus holds it.

    Raises `EcgByteError` for another rate or length, and where `standard_deviations` does.
    """
    if record.sampling_rate != SOURCE_RATE_HZ:
        raise EcgByteError(
            f"{record.record_id}: {record.sampling_rate:g} Hz; only {SOURCE_RATE_HZ} Hz is "
            f"normalised: give the recording at that rate"
        )
    units = standard_deviations(record.signal, record.record_id)
    return replace(einthoven_record(units, record.record_id), flags=record.flags)


def _normalised(record: EcgRecord, patient: Patient) -> tuple[EcgRecord, Patient]:
    codes = column_codes(patient.scp_codes)
    return (
        normalised_record(record),
        replace(patient, scp_codes=codes, scp_likelihoods=(0.0,) * len(codes)),
    )
