"""An ECG shown a little differently: varied before it is tokenised, still obeying Einthoven's law.

A time shift, other gains, noise and wander are what the same patient's next ECG might have; what is
asked about it has the same answer. Electrodes and hands differ more than that: lead dropout.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .hub_code.errors import EcgByteError
from .hub_code.leads import INDEPENDENT_LEADS, LEADS_FROM_INDEPENDENT, independent_leads
from .hub_code.signal_checks import MAX_DURATION_S, MIN_DURATION_S

# Of baseline wander (breathing), in Hz.
_WANDER_HZ = (0.1, 0.6)
# A beat may lie 0.1 s outside of its record, and its alignment uses up to half of that.
_LARGEST_PHASE_MS = 50.0
# With more there is hardly an ECG left.
_MOST_DROPPED = 0.9

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class Augmentation:
    """How strongly ECGs are varied.

    `share`: of all ECGs shown, those that are varied at all; `turn`: chance of a circular turn in
    time; `window`: chance that only a stretch is shown, of at least `window_s` seconds; `gain`,
    `lead_gain`: standard deviations of the logarithm of a gain of all leads, and of one for each
    independent lead; `noise`, `wander`: largest root mean square of white noise and of a slow
    sine, in those of the lead; `lead_dropout`: chance that one independent lead is flat;
    `phase_ms`: how far the beat presets' template is moved at most against the R peaks;
    `token_dropout`: share of its tokens that any ECG shown lacks, varied or not (as word dropout:
    Bowman et al., CoNLL 2016, section 3.1).
    """

    share: float = 0.5
    turn: float = 0.5
    window: float = 0.5
    window_s: float = 6.0
    gain: float = 0.15
    lead_gain: float = 0.1
    noise: float = 0.03
    wander: float = 0.1
    lead_dropout: float = 0.05
    phase_ms: float = 10.0
    token_dropout: float = 0.0

    @classmethod
    def of(cls, strengths: Mapping[str, Any]) -> Augmentation:
        """The defaults with some strengths of one's own.

        Raises:
            EcgByteError: naming the strength that there is not, or that no ECG can be varied with.
        """
        names = [field.name for field in fields(cls)]
        for name, value in strengths.items():
            if name not in names:
                raise EcgByteError(f"augmentation has no {name!r}; it has {', '.join(names)}")
            low, high = 0.0, 1.0
            if name == "window_s":
                low, high = MIN_DURATION_S, MAX_DURATION_S
            elif name == "phase_ms":
                high = _LARGEST_PHASE_MS
            elif name == "token_dropout":
                high = _MOST_DROPPED
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not (number and math.isfinite(value) and low <= value <= high):
                raise EcgByteError(f"augmentation {name} {value!r} must be {low:g} to {high:g}")
        return cls(**strengths)

    def __call__(self, signal: Float32, sampling_rate: float, rng: np.random.Generator) -> Float32:
        """A variant of a signal (12, samples) in the standard lead order, at `sampling_rate` Hz.

        float32 (12, samples or fewer), in the same unit.
        """
        varied = signal
        if happens(self.window, rng):
            varied = self._stretch(varied, sampling_rate, rng)
        if happens(self.turn, rng):
            varied = np.roll(varied, int(rng.integers(1, varied.shape[1])), axis=1)
        if self.gain:
            varied = varied * np.float32(np.exp(rng.normal(0, self.gain)))
        if self.lead_gain or self.noise or self.wander or self.lead_dropout:
            leads = self._leads(independent_leads(varied), sampling_rate, rng)
            varied = LEADS_FROM_INDEPENDENT @ leads
        return np.ascontiguousarray(varied, dtype=np.float32)

    def phase_s(self, rng: np.random.Generator) -> float:
        """How far a template is moved against its R peaks, in seconds."""
        return float(rng.uniform(-self.phase_ms, self.phase_ms)) / 1e3 if self.phase_ms else 0.0

    def kept(self, ids: Sequence[int], rng: np.random.Generator) -> list[int]:
        """The ids of an ECG that `token_dropout` leaves; first and last, the markers, always."""
        if not self.token_dropout:
            return list(ids)
        stays = rng.random(len(ids)) >= self.token_dropout
        stays[[0, -1]] = True
        return [i for i, stay in zip(ids, stays, strict=True) if stay]

    def _stretch(self, signal: Float32, sampling_rate: float, rng: np.random.Generator) -> Float32:
        samples = signal.shape[1]
        shortest = min(math.ceil(self.window_s * sampling_rate), samples)
        length = int(rng.integers(shortest, samples + 1))
        start = int(rng.integers(0, samples - length + 1))
        return signal[:, start : start + length]

    def _leads(
        self, leads: NDArray[Any], sampling_rate: float, rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Independent leads (8, samples), each changed by itself."""
        count, samples = leads.shape
        varied = np.asarray(leads, dtype=np.float64)
        rms = varied.std(axis=1, keepdims=True)
        if self.lead_gain:
            varied = varied * np.exp(rng.normal(0, self.lead_gain, (count, 1)))
        if self.noise:
            strength = rng.uniform(0, self.noise, (count, 1)) * rms
            varied = varied + strength * rng.standard_normal((count, samples))
        if self.wander:
            strength = rng.uniform(0, self.wander, (count, 1)) * rms * math.sqrt(2)
            turns = rng.uniform(*_WANDER_HZ) * np.arange(samples) / sampling_rate
            varied = varied + strength * np.sin(2 * np.pi * (turns + rng.uniform(0, 1, (count, 1))))
        if happens(self.lead_dropout, rng):
            varied[rng.integers(len(INDEPENDENT_LEADS))] = 0.0
        return varied


TURNED_AND_SCALED = Augmentation(
    share=1.0,
    turn=1.0,
    window=0.0,
    lead_gain=0.0,
    noise=0.0,
    wander=0.0,
    lead_dropout=0.0,
    phase_ms=0.0,
)
"""Always another phase of the 16-sample blocks and another gain, the same for all leads."""


def happens(chance: float, rng: np.random.Generator) -> bool:
    """Whether something of that chance happens; what is certain draws no number."""
    return chance >= 1 or (chance > 0 and float(rng.random()) < chance)
