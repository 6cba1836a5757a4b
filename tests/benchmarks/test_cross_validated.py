import numpy as np

from ecg_byte_hf.reading.yes_no import auroc

from .cross_validated import PARTS, held_out_logits, parts_by_patient
from .reading_ecgs import Labelled

PATIENTS = [f"p{i // 2}" for i in range(200)]


def test_a_patient_is_in_one_part_and_every_part_has_some():
    parts = parts_by_patient(PATIENTS)
    assert (parts[::2] == parts[1::2]).all()
    assert set(parts) == set(range(PARTS))


def test_only_what_other_patients_show_is_learned():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, (200, 2))
    # Token 1 tells the first class of everybody, a token of his own the second of each patient.
    labels[1::2] = labels[::2]
    ids = [np.array([0, *([1] * 4 if labels[i, 0] else []), *[2 + i // 2] * 4]) for i in range(200)]
    logits = held_out_logits(ids, Labelled([], labels, PATIENTS), 102)
    assert auroc(logits[:, 0], labels[:, 0]) > 0.95
    assert abs(auroc(logits[:, 1], labels[:, 1]) - 0.5) < 0.15
