"""What an array must be before anything is computed from it.

Used by the extractor on arrays that a user hands over and by the record readers on what they read.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import EcgByteError

MIN_SAMPLING_RATE_HZ = 80.0
MAX_SAMPLING_RATE_HZ = 2000.0
MIN_DURATION_S = 2.0
MAX_DURATION_S = 10.0

# Range of a lead without its extreme 1 %: real ECGs lie between 0.1 and 10 mV. An ECG in volts
# comes out a thousand times too small, one in raw counts or microvolts hundreds of times too large.
_RANGE_OF_VOLTS_MV = 0.02
_RANGE_OF_COUNTS_MV = 40.0
_FLAT_RANGE_MV = 1e-6


def check_sampling_rate(sampling_rate: float, source: str = "signal") -> float:
    """The sampling rate in Hz as a float; `EcgByteError` unless it is 80 to 2,000 Hz."""
    try:
        rate = float(sampling_rate)
    except (TypeError, ValueError):
        rate = float("nan")
    if not MIN_SAMPLING_RATE_HZ <= rate <= MAX_SAMPLING_RATE_HZ:
        raise EcgByteError(
            f"{source}: sampling rate {sampling_rate!r} is not within "
            f"{MIN_SAMPLING_RATE_HZ:.0f} ... {MAX_SAMPLING_RATE_HZ:.0f} Hz; give it in Hz"
        )
    return rate


def check_array(signal: Any, source: str = "signal", leads: int | None = 12) -> NDArray[np.float32]:
    """The signal as float32 (leads, samples); `EcgByteError` for a wrong shape, NaN or infinity."""
    if hasattr(signal, "detach"):
        # A tensor of torch, whatever its device, type and history.
        signal = signal.detach().float().cpu().numpy()
    if np.iscomplexobj(signal):
        raise EcgByteError(f"{source}: complex numbers are no ECG; give its real part in mV")
    try:
        array = np.ascontiguousarray(signal, dtype=np.float32)
    except (TypeError, ValueError) as error:
        raise EcgByteError(f"{source}: not an array of numbers ({error})") from None
    if array.ndim != 2:
        raise EcgByteError(
            f"{source}: shape {array.shape} is not (leads, samples); give a two-dimensional array"
        )
    if leads is not None and array.shape[0] != leads:
        turned = " (transposed? it must be leads first)" if array.shape[1] == leads else ""
        raise EcgByteError(f"{source}: {array.shape[0]} leads instead of {leads}{turned}")
    if not array.size:
        raise EcgByteError(f"{source}: shape {array.shape} has no samples")
    # Extremes instead of a mask of the array: NaN and infinities show in them, and they are quick.
    if not (np.isfinite(array.max()) and np.isfinite(array.min())):
        bad = int(array.size - np.isfinite(array).sum())
        raise EcgByteError(
            f"{source}: {bad} of {array.size} samples are NaN or infinite; fill or cut them first"
        )
    return array


def check_duration(
    samples: int,
    sampling_rate: float,
    source: str = "signal",
    *,
    max_duration_s: float = float("inf"),
) -> None:
    """`EcgByteError` for a signal shorter than 2 s or longer than `max_duration_s`."""
    seconds = samples / sampling_rate
    if seconds < MIN_DURATION_S - 0.5 / sampling_rate:
        raise EcgByteError(
            f"{source}: {seconds:.2f} s is too short; at least {MIN_DURATION_S:.0f} s are needed"
        )
    if seconds > max_duration_s + 0.5 / sampling_rate:
        raise EcgByteError(
            f"{source}: {seconds:.1f} s is longer than {max_duration_s:.0f} s; cut it with "
            f"EcgRecord.windows({max_duration_s:.0f})"
        )


def check_unit(unit: str, wanted: str, what: str, reader: str) -> None:
    """`EcgByteError` where `what` (ECGs) is in another unit than the `wanted` one of `reader`."""
    if unit != wanted:
        raise EcgByteError(
            f"{reader} reads ECGs in {wanted}, {what} in {unit}: take a tokenizer or model made "
            f"from such ECGs, or ECGs in {wanted}"
        )


def flat_leads(signal: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which leads of (leads, samples) never change: bool (leads,)."""
    return np.asarray(np.ptp(signal, axis=1) <= _FLAT_RANGE_MV)


def check_millivolts(signal: NDArray[np.float32], source: str = "signal") -> None:
    """`EcgByteError` where the range of (leads, samples) says volts, microvolts or raw counts.

    Leads that are flat say nothing about the unit; a signal all of whose leads are is refused.
    """
    widths = np.ptp(signal, axis=1)
    moving = widths > _FLAT_RANGE_MV
    if not moving.any():
        raise EcgByteError(f"{source}: every lead is flat; there is no ECG in it")
    if not moving.all():
        signal, widths = signal[moving], widths[moving]
    if widths.max() >= 5 * _RANGE_OF_VOLTS_MV and np.median(widths) <= _RANGE_OF_COUNTS_MV:
        return
    low, high = np.percentile(signal, (0.5, 99.5), axis=1)
    spread = np.sort(high - low)
    if spread[-1] < _RANGE_OF_VOLTS_MV and np.ptp(signal) < 5 * _RANGE_OF_VOLTS_MV:
        raise EcgByteError(
            f"{source}: the widest lead spans {1000 * spread[-1]:.3g} uV; this looks like volts; "
            f"multiply by 1000 to get millivolts"
        )
    if spread[len(spread) // 2] > _RANGE_OF_COUNTS_MV:
        raise EcgByteError(
            f"{source}: half of the leads span more than {_RANGE_OF_COUNTS_MV:.0f} mV (median "
            f"{spread[len(spread) // 2]:.4g}); this looks like raw counts or microvolts; divide by "
            f"the gain (counts per mV), or by 1000"
        )
