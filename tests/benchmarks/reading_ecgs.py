"""The labelled ECGs that are read, and how they are varied while a reader learns."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ecg_byte_hf.augmentation import TURNED_AND_SCALED
from ecg_byte_hf.corpora import open_corpus, signal_mV
from ecg_byte_hf.corpora.ptb_xl_normalised import superclasses

CLASSES = ("NORM", "MI", "STTC", "CD", "HYP")


@dataclass(frozen=True)
class Labelled:
    """Signals, each (12, samples) in standard deviations, labels (ECGs, classes) of 0 or 1."""

    signals: list[np.ndarray]
    labels: np.ndarray
    patients: list[str]


def read_split(corpus: Path, split: str) -> Labelled:
    """The ECGs of one split of a corpus of `ptb-xl-normalised`."""
    signals, labels, patients = [], [], []
    for row in open_corpus(corpus)[split]:
        patients.append(str(row["patient_id"]))
        signals.append(signal_mV(row))
        found = superclasses(row["scp_codes"])
        labels.append([name in found for name in CLASSES])
    return Labelled(signals, np.array(labels, dtype=np.int64), patients)


VARIATION = replace(TURNED_AND_SCALED, lead_gain=0.1)
"""How an ECG is changed each time it is shown."""
