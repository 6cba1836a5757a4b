"""What is in an ECG besides the ventricles: fibrillating atria, muscles, mains, breath."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FIBRILLATION_DIPOLE = np.array([-0.25, 0.60, -0.75])
"""Direction of the fibrillatory waves: largest in V1, then in the inferior leads."""


def fibrillatory_waves(
    leads: Floats, amplitude_mV: float, times_s: Floats, rng: np.random.Generator
) -> Floats:
    """Fibrillatory waves of 5 to 8 per second whose rate and size wander: (8, samples) in mV."""
    rate_hz = rng.uniform(5.0, 8.0)
    waves = np.zeros((2, len(times_s)))
    for row, share in enumerate((1.0, 0.5)):
        wander = rng.uniform(0.8, 1.6) * np.sin(
            2 * np.pi * (rng.uniform(0.3, 0.9) * times_s + rng.random())
        )
        phase = 2 * np.pi * (rate_hz * (1 + 0.13 * row) * times_s + rng.random()) + wander
        size = 1 + 0.4 * np.sin(2 * np.pi * (rng.uniform(0.2, 0.5) * times_s + rng.random()))
        waves[row] = share * size * (np.sin(phase) + 0.3 * np.sin(2 * phase + 0.6))
    tilted = FIBRILLATION_DIPOLE + 0.25 * rng.standard_normal(3)
    return amplitude_mV * np.stack([leads @ FIBRILLATION_DIPOLE, leads @ tilted], axis=1) @ waves


def muscle_noise(
    rms_mV: float, samples: int, sampling_rate: float, rng: np.random.Generator
) -> Floats:
    """Electromyogram: noise between 15 and 120 Hz that swells and ebbs, in each of eight leads."""
    spectrum = np.fft.rfft(rng.standard_normal((8, samples)))
    frequency = np.fft.rfftfreq(samples, 1 / sampling_rate)
    spectrum *= 1 / (1 + (15 / np.maximum(frequency, 1e-3)) ** 4) / (1 + (frequency / 120) ** 4)
    noise = np.fft.irfft(spectrum, samples)
    noise /= noise.std(axis=1, keepdims=True)
    times = np.arange(samples) / sampling_rate
    swell = 1 + 0.3 * np.sin(2 * np.pi * (rng.uniform(0.1, 0.4) * times + rng.random()))
    return rms_mV * rng.uniform(0.8, 1.2, (8, 1)) * swell * noise


def mains_hum(
    amplitude_mV: float, mains_hz: float, times_s: Floats, rng: np.random.Generator
) -> Floats:
    """A sine of the mains frequency, each lead its own size and phase: (8, samples) in mV."""
    size = amplitude_mV * rng.uniform(0.5, 1.0, (8, 1))
    phase = 2 * np.pi * rng.random() + 0.5 * rng.standard_normal((8, 1))
    return size * np.sin(2 * np.pi * mains_hz * times_s + phase)


def baseline_wander(
    amplitude_mV: float, respiration_hz: float, times_s: Floats, rng: np.random.Generator
) -> Floats:
    """Breathing and slow electrode drift below 0.5 Hz, each lead its own: (8, samples) in mV."""
    rates = np.array([respiration_hz, rng.uniform(0.04, 0.10), rng.uniform(0.10, 0.18)])
    waves = np.sin(2 * np.pi * (rates[:, None] * times_s + rng.random((3, 1))))
    return amplitude_mV * (rng.standard_normal((8, 3)) * [0.5, 0.4, 0.25]) @ waves
