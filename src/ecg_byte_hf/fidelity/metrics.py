"""How far a reconstruction is from the signal it stands for.

PRD, PRDN and SNR as in Zigel, Cohen, Katz, "The weighted diagnostic distortion (WDD) measure for
ECG signal compression" (IEEE Trans. Biomed. Eng. 47, 2000). PRD depends on the signal's offset;
PRDN, which takes each lead's mean off first, does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..hub_code.errors import EcgByteError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ErrorSums:
    """Sums from which every measure follows; those of several records or leads can be added.

    All fields are float64 of one shape: (leads,) for the leads of a record, () for one number.
    `max_error` is the largest absolute difference, in the unit of the signal.
    """

    samples: Floats
    squared_error: Floats
    squared_signal: Floats
    squared_deviation: Floats
    max_error: Floats

    def __add__(self, other: ErrorSums) -> ErrorSums:
        return ErrorSums(
            self.samples + other.samples,
            self.squared_error + other.squared_error,
            self.squared_signal + other.squared_signal,
            self.squared_deviation + other.squared_deviation,
            np.maximum(self.max_error, other.max_error),
        )

    @classmethod
    def nothing(cls, leads: int) -> ErrorSums:
        """The sums of no record: zeros of shape (leads,)."""
        return cls(*(np.zeros(leads) for _ in range(5)))

    def lead(self, row: int) -> ErrorSums:
        """The sums of one lead, each field of shape ()."""
        return ErrorSums(
            self.samples[row],
            self.squared_error[row],
            self.squared_signal[row],
            self.squared_deviation[row],
            self.max_error[row],
        )

    def over_leads(self) -> ErrorSums:
        """The sums over all leads, each field of shape ()."""
        return ErrorSums(
            self.samples.sum(),
            self.squared_error.sum(),
            self.squared_signal.sum(),
            self.squared_deviation.sum(),
            self.max_error.max(),
        )

    @property
    def rmse(self) -> Floats:
        """Root mean squared error, in the unit of the signal."""
        return np.sqrt(self.squared_error / self.samples)

    @property
    def prd(self) -> Floats:
        """Percentage root-mean-square difference: 100 sqrt(sum (x - y)^2 / sum x^2), in %.

        0 where both sums are zero, infinite where only the signal's is.
        """
        return 100 * np.sqrt(_ratio(self.squared_error, self.squared_signal))

    @property
    def prdn(self) -> Floats:
        """PRD of the signal without its mean: 100 sqrt(sum (x - y)^2 / sum (x - mean)^2), in %.

        The mean is that of each lead in each record.
        """
        return 100 * np.sqrt(_ratio(self.squared_error, self.squared_deviation))

    @property
    def snr(self) -> Floats:
        """Signal-to-noise ratio, 10 log10(sum (x - mean)^2 / sum (x - y)^2), in dB.

        Infinite for a perfect reconstruction.
        """
        with np.errstate(divide="ignore"):
            return -20 * np.log10(self.prdn / 100)


def error_sums(signal: ArrayLike, reconstruction: ArrayLike, source: str = "signal") -> ErrorSums:
    """The sums of one record, per lead, each of shape (leads,).

    `signal` and `reconstruction` are (leads, samples) in the same unit. Raises `EcgByteError` where
    their shapes differ, nothing is in them or a value is not finite.
    """
    x = np.asarray(signal, dtype=np.float64)
    y = np.asarray(reconstruction, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 2 or not x.size:
        raise EcgByteError(
            f"{source}: a signal of shape {x.shape} cannot be compared with a reconstruction of "
            f"shape {y.shape}; both must be (leads, samples) and the same"
        )
    error = x - y
    if not np.isfinite(error).all():
        raise EcgByteError(f"{source}: signal or reconstruction holds NaN or infinite values")
    deviation = x - x.mean(axis=1, keepdims=True)
    return ErrorSums(
        samples=np.full(len(x), float(x.shape[1])),
        squared_error=np.einsum("ij,ij->i", error, error),
        squared_signal=np.einsum("ij,ij->i", x, x),
        squared_deviation=np.einsum("ij,ij->i", deviation, deviation),
        max_error=np.abs(error).max(axis=1),
    )


def _ratio(above: Floats, below: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(above == 0, 0.0, np.divide(above, below))
