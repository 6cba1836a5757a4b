"""One record in: a WFDB record, an array, a `.npy` or a CSV file becomes an `EcgRecord`.

Everything that can be wrong with a record is found here and said in an `EcgByteError` that names
it, so that what comes after can rely on twelve leads in the standard order, in millivolts, at a
plausible sampling rate, without NaN.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .hub_code.errors import EcgByteError
from .hub_code.leads import LEADS_FROM_INDEPENDENT, STANDARD_LEADS, standard_lead_rows
from .hub_code.signal_checks import (
    MIN_DURATION_S,
    check_array,
    check_duration,
    check_millivolts,
    check_sampling_rate,
    flat_leads,
)
from .recording import Recording

MissingLeads = Literal["refuse", "zero"]


@dataclass(frozen=True, eq=False)
class EcgRecord:
    """Twelve leads of one patient at one time.

    `signal` is float32 (12, samples) in mV, rows in the order of `lead_names`, which is always
    `STANDARD_LEADS`. `sampling_rate` is in Hz. `offset_s` is where this window starts in its
    recording. `flags` are one-line remarks ("flat lead V3"), `comments` the comment lines of the
    file's header. `resolution_mV` is the step of the recorder's converter where all leads share
    it, else `None`. `unit` is "SD" where the signal is in standard deviations instead of mV, as in
    the rows of a normalised corpus.
    """

    signal: NDArray[np.float32]
    sampling_rate: float
    record_id: str
    lead_names: tuple[str, ...] = STANDARD_LEADS
    offset_s: float = 0.0
    flags: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()
    resolution_mV: float | None = None
    unit: str = "mV"

    @property
    def duration_s(self) -> float:
        """How long the signal lasts, in seconds."""
        return self.signal.shape[1] / self.sampling_rate

    def windows(self, seconds: float = 10.0) -> Iterator[EcgRecord]:
        """The record itself where it lasts at most `seconds`, else consecutive windows.

        A window's `record_id` is `<record_id>@<offset>s`, its `offset_s` says where it starts, a
        lead that is flat within it is flagged. A rest of at least 2 s is a window of its own; a
        shorter one is left out, which the last window's `flags` say. Raises `EcgByteError` where
        `seconds` is below 2 or not finite.
        """
        if not (seconds >= MIN_DURATION_S and math.isfinite(seconds * self.sampling_rate)):
            raise EcgByteError(
                f"{self.record_id}: windows of {seconds!r} s are too short or not finite; ask for "
                f"a number of {MIN_DURATION_S:.0f} s or more"
            )
        length = max(1, math.floor(seconds * self.sampling_rate + 0.5))
        samples = self.signal.shape[1]
        if samples <= length:
            yield self
            return
        shortest = MIN_DURATION_S * self.sampling_rate - 0.5
        starts = [at for at in range(0, samples, length) if min(length, samples - at) >= shortest]
        flat_throughout = flat_leads(self.signal)
        left_out = samples - min(samples, starts[-1] + length)
        for start in starts:
            signal = self.signal[:, start : start + length]
            offset_s = self.offset_s + start / self.sampling_rate
            flags = [*self.flags, *_flat_lead_flags(flat_leads(signal) & ~flat_throughout)]
            if start == starts[-1] and left_out:
                flags.append(f"last {left_out / self.sampling_rate:.2f} s left out")
            yield replace(
                self,
                signal=signal,
                record_id=f"{self.record_id}@{round(offset_s, 3):.12g}s",
                offset_s=offset_s,
                flags=tuple(flags),
            )


def read_record(
    source: str | os.PathLike[str] | Any,
    *,
    sampling_rate: float | None = None,
    lead_names: Sequence[str] | None = None,
    missing_leads: MissingLeads = "refuse",
    record_id: str | None = None,
) -> EcgRecord:
    """Read one record and check it.

    `source` is the path of a WFDB record (with or without suffix), of a `.csv` file (lead names
    as header, mV) or of a `.npy` file, or an array (leads, samples) in mV. `sampling_rate` in Hz
    is needed for arrays, `.npy` files and CSV files without a time column; where the file says it
    too, both must agree. `lead_names` names the rows (default: the standard twelve), or replaces
    the names of the file. Missing leads are refused, or with `missing_leads="zero"` computed from
    two limb leads where Einthoven's and Goldberger's equations allow it and zero elsewhere; leads
    that are not among the twelve are left out. `flags` of the result say each of these.

    Raises `EcgByteError` for whatever is wrong, naming the record (`record_id`, default the file's
    name without suffix).
    """
    if missing_leads not in ("refuse", "zero"):
        raise EcgByteError(f"missing_leads is {missing_leads!r}; it must be 'refuse' or 'zero'")
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        name = record_id or path.stem or str(path)
        recording = _read_file(path, name, sampling_rate, lead_names)
        if lead_names is not None:
            recording = replace(recording, lead_names=tuple(lead_names))
    else:
        name = record_id or "array"
        recording = _recording_of_array(source, name, sampling_rate, lead_names)
    return _checked(recording, name, missing_leads)


def _read_file(
    path: Path, name: str, sampling_rate: float | None, lead_names: Sequence[str] | None
) -> Recording:
    suffix = path.suffix.lower()
    try:
        if suffix in (".npy", ".csv") and not path.is_file():
            raise EcgByteError(f"{name}: no such file: {path}")
        if suffix == ".npy":
            # A memory map, because it compares the file's size with what its header claims.
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            return _recording_of_array(array, name, sampling_rate, lead_names)
        if suffix == ".csv":
            from .csv_recording import read_csv

            return read_csv(path, name, sampling_rate)
        from .wfdb_recording import read_wfdb

        recording = read_wfdb(path, name)
    except (EcgByteError, MemoryError):
        raise
    except Exception as error:
        # The readers below us raise whatever their authors thought of; a user of this package has
        # one exception to catch.
        reason = " ".join(str(error).split()) or "no reason given"
        raise EcgByteError(
            f"{name}: cannot be read from {path} ({type(error).__name__}: {reason}); is the file "
            f"whole and of the kind that its name says?"
        ) from error
    if sampling_rate is not None and not math.isclose(
        check_sampling_rate(sampling_rate, name), recording.sampling_rate, rel_tol=1e-3
    ):
        raise EcgByteError(
            f"{name}: its header says {recording.sampling_rate:g} Hz, not {sampling_rate:g} Hz; "
            f"leave sampling_rate (--sampling-rate) out"
        )
    return recording


def _recording_of_array(
    source: Any, name: str, sampling_rate: float | None, lead_names: Sequence[str] | None
) -> Recording:
    if sampling_rate is None:
        raise EcgByteError(
            f"{name}: an array has no sampling rate; give sampling_rate (--sampling-rate) in Hz"
        )
    try:
        array = np.asarray(source)
    except Exception as error:
        raise EcgByteError(f"{name}: not an array of numbers ({error})") from None
    if array.dtype.kind not in "iuf":
        raise EcgByteError(
            f"{name}: an array of {array.dtype} is no signal; give real numbers in mV"
        )
    if lead_names is None:
        if array.ndim != 2 or array.shape[0] != 12:
            check_array(array, name)  # says what is wrong with the shape
        lead_names = STANDARD_LEADS
    return Recording(array, sampling_rate, tuple(lead_names))


def _checked(recording: Recording, name: str, missing_leads: MissingLeads) -> EcgRecord:
    rate = check_sampling_rate(recording.sampling_rate, name)
    with np.errstate(over="ignore"):
        signal = np.asarray(recording.signal)
        if signal.ndim != 2:
            check_array(signal, name)
        if len(recording.lead_names) != signal.shape[0]:
            raise EcgByteError(
                f"{name}: {len(recording.lead_names)} lead names for {signal.shape[0]} rows; give "
                f"one name per row"
            )
        rows = standard_lead_rows(recording.lead_names, name)
        check_duration(signal.shape[1], rate, name)
        _refuse_missing(rows, recording.lead_names, name, missing_leads)
        ordered = np.zeros((12, signal.shape[1]), np.float32)
        for lead, row in rows.items():
            ordered[STANDARD_LEADS.index(lead)] = signal[row]
    _refuse_nan(ordered, name)
    flags = list(recording.flags)
    flags += [
        f"lead {given} left out (not one of the 12)"
        for row, given in enumerate(recording.lead_names)
        if row not in rows.values()
    ]
    check_millivolts(ordered, name)
    missing = np.array([lead not in rows for lead in STANDARD_LEADS])
    flags += _fill_missing(ordered, missing)
    flags += _flat_lead_flags(flat_leads(ordered) & ~missing)
    return EcgRecord(
        signal=ordered,
        sampling_rate=rate,
        record_id=name,
        flags=tuple(flags),
        comments=recording.comments,
        resolution_mV=recording.resolution_mV,
    )


def _refuse_missing(
    rows: dict[str, int], names: Sequence[str], record: str, missing_leads: MissingLeads
) -> None:
    found = ", ".join(str(name) for name in names[:16]) or "none"
    if not rows:
        raise EcgByteError(
            f"{record}: none of its leads ({found}) is one of {', '.join(STANDARD_LEADS)}; give "
            f"lead_names"
        )
    missing = [lead for lead in STANDARD_LEADS if lead not in rows]
    if missing and missing_leads == "refuse":
        raise EcgByteError(
            f"{record}: missing {', '.join(missing)} (found {found}); give all 12 leads, or read "
            f"it with missing_leads='zero' (--missing-leads zero)"
        )


def _refuse_nan(signal: NDArray[np.float32], name: str) -> None:
    bad = ~np.isfinite(signal)
    if bad.any():
        leads = [lead for lead, row in zip(STANDARD_LEADS, bad, strict=True) if row.any()]
        raise EcgByteError(
            f"{name}: {int(bad.sum())} of {bad.size} samples are NaN or infinite, in lead "
            f"{', '.join(leads)} (WFDB's value for an invalid sample is read as NaN); fill them or "
            f"cut the record"
        )


def _fill_missing(signal: NDArray[np.float32], missing: NDArray[np.bool_]) -> list[str]:
    """Compute missing limb leads in place from the others; the flags of all missing leads."""
    known = np.flatnonzero(~missing[:6])
    # Any two of the six limb leads are independent combinations of I and II.
    derivable = len(known) >= 2
    if derivable:
        from_i_ii = LEADS_FROM_INDEPENDENT[:6, :2]
        computed = from_i_ii @ np.linalg.pinv(from_i_ii[known]) @ signal[known]
    flags = []
    for row in np.flatnonzero(missing):
        if row < 6 and derivable:
            signal[row] = computed[row]
            sources = ", ".join(STANDARD_LEADS[other] for other in known)
            flags.append(f"lead {STANDARD_LEADS[row]} missing, computed from {sources}")
        else:
            flags.append(f"lead {STANDARD_LEADS[row]} missing, zero")
    return flags


def _flat_lead_flags(flat: NDArray[np.bool_]) -> list[str]:
    return [
        f"flat lead {lead}" for lead, is_flat in zip(STANDARD_LEADS, flat, strict=True) if is_flat
    ]
