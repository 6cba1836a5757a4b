"""The labelled ECGs that are read, and how they are varied while a reader learns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ecg_byte_hf.corpora import open_corpus, signal_mV
from ecg_byte_hf.corpora.ptb_xl_normalised import superclasses
from ecg_byte_hf.hub_code.leads import LEADS_FROM_INDEPENDENT, independent_leads

CLASSES = ("NORM", "MI", "STTC", "CD", "HYP")


@dataclass(frozen=True)
class Labelled:
    """Signals, each (12, samples) in standard deviations, and labels (ECGs, classes) of 0 or 1."""

    signals: list[np.ndarray]
    labels: np.ndarray


def read_split(corpus: Path, split: str) -> Labelled:
    """The ECGs of one split of a corpus of `ptb-xl-normalised`."""
    signals, labels = [], []
    for row in open_corpus(corpus)[split]:
        signals.append(signal_mV(row))
        found = superclasses(row["scp_codes"])
        labels.append([name in found for name in CLASSES])
    return Labelled(signals, np.array(labels, dtype=np.int64))


@dataclass(frozen=True)
class Variation:
    """How an ECG is changed each time it is shown: turned in time, louder or softer.

    `shift`: whether to turn by any number of samples; `gain`, `lead_gain`: standard deviations of
    the logarithm of a gain of all leads, and of one for each of the eight independent leads.
    """

    shift: bool = True
    gain: float = 0.15
    lead_gain: float = 0.1

    def __call__(self, signal: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """A variant of a signal (12, samples), which obeys Einthoven's law as before."""
        gains = np.exp(rng.normal(0, self.gain) + rng.normal(0, self.lead_gain, 8))
        varied = (LEADS_FROM_INDEPENDENT * gains) @ independent_leads(signal)
        if self.shift:
            varied = np.roll(varied, int(rng.integers(varied.shape[1])), axis=1)
        return varied.astype(np.float32)
