"""Read a WFDB record (PhysioNet's format) with the `wfdb` package, once its header was checked."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from .hub_code.errors import EcgByteError
from .hub_code.leads import standard_lead_name
from .recording import Recording
from .wfdb_header import UNCALIBRATED_GAIN, check_header


def find_header(path: Path, record: str) -> Path:
    """The header file of a WFDB record named with or without a suffix.

    Raises `EcgByteError` where there is none.
    """
    if path.suffix.lower() == ".hea" and path.is_file():
        return path
    candidates = [path.with_name(path.name + ".hea")]
    if path.suffix:
        candidates.append(path.with_suffix(".hea"))
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    if path.is_dir():
        raise EcgByteError(
            f"{record}: {path} is a folder; name one record in it, or use `ecg-byte prepare wfdb`"
        )
    if path.exists():
        raise EcgByteError(
            f"{record}: {path} is neither a WFDB record (there is no {candidates[-1].name} beside "
            f"it) nor a .npy or .csv file"
        )
    raise EcgByteError(f"{record}: no such record: neither {path} nor {candidates[0]} is there")


def read_wfdb(path: Path, record: str) -> Recording:
    """Read a record of one or several segments as physical values in mV.

    Gain, baseline and unit come from the header, per lead; WFDB's value for an invalid sample
    becomes NaN. Raises `EcgByteError` for what `check_header` refuses and for units that are no
    voltage.
    """
    import wfdb

    header_path = find_header(path, record)
    header = check_header(header_path, record)
    # Absolute, because wfdb takes a name such as "s3:x" for a place in the cloud.
    base = os.path.abspath(header_path)[: -len(".hea")]
    # `smooth_frames=False` keeps all samples where a frame holds several of each lead; the end that
    # a shifted lead has no samples for is not read. (With no shift, no end is given: wfdb cannot
    # take one where the header has no count.)
    samples_per_frame = header.signals[0].samples_per_frame
    skew = max(signal.skew for signal in header.signals)
    end = header.samples // samples_per_frame - skew if skew else None
    read = wfdb.rdrecord(base, sampto=end, smooth_frames=False)
    # Units are the checked header's: wfdb drops what is not ASCII, so that "µV" becomes "V".
    names = tuple(
        signal.name or given or f"signal {row}"
        for row, (signal, given) in enumerate(zip(header.signals, read.sig_name, strict=True))
    )
    mV_per_unit = np.array([signal.mV_per_unit for signal in header.signals])
    leads = [row for row, name in enumerate(names) if standard_lead_name(name)]
    for row in leads:
        if np.isnan(mV_per_unit[row]):
            raise EcgByteError(
                f"{record}: the unit of lead {names[row]} is no voltage; mV, uV or V is needed"
            )
    steps_mV = {
        float(mV_per_unit[row] / abs(header.signals[row].gain or UNCALIBRATED_GAIN))
        for row in leads
    }
    flags = list(header.flags)
    if skew:
        flags.append(f"last {skew} samples left out (its leads are shifted by up to as many)")
    return Recording(
        signal=np.stack(read.e_p_signal) * mV_per_unit[:, None],
        sampling_rate=header.sampling_rate,
        lead_names=names,
        resolution_mV=steps_mV.pop() if len(steps_mV) == 1 else None,
        flags=tuple(flags),
        comments=header.comments,
    )
