"""The columns of a corpus, and the signal's way into and out of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from datasets import Features

SPLITS = ("train", "validation", "test")
_INT16_MAX = 32767


def ecg_features(samples: int) -> Features:
    """The `datasets.Features` of configuration `ecg`, for signals of up to `samples` samples."""
    from datasets import Array2D, Features, List, Value

    return Features(
        {
            "record_id": Value("string"),
            "patient_id": Value("string"),
            "signal": Array2D((12, samples), "int16"),
            "scale": Value("float32"),
            "samples": Value("int32"),
            "sampling_rate": Value("float32"),
            "offset_s": Value("float32"),
            "flags": List(Value("string")),
            "sex": Value("string"),
            "age": Value("float32"),
            "scp_codes": List(Value("string")),
            "scp_likelihoods": List(Value("float32")),
            "report": Value("string"),
            "truth": Value("string"),
        }
    )


def question_features() -> Features:
    """The `datasets.Features` of configuration `questions`.

    `record_ids` are the ECGs in the order in which they are shown, `record_id` and `patient_id`
    those of the first. `balanced` is false for the yes/no questions that every ECG is asked beside
    the balanced ones: a guesser gains by knowing how often their answers occur, so that they say
    something of a ranking (AUROC) and not of an accuracy.
    """
    from datasets import Features, List, Value

    return Features(
        {
            "question_id": Value("string"),
            "record_id": Value("string"),
            "record_ids": List(Value("string")),
            "patient_id": Value("string"),
            "question_type": Value("string"),
            "attribute": Value("string"),
            "question": Value("string"),
            "options": List(Value("string")),
            "answer": Value("string"),
            "balanced": Value("bool"),
        }
    )


def quantise(
    signal: NDArray[np.float32], resolution_mV: float | None = None
) -> tuple[NDArray[np.int16], np.float32]:
    """A signal (leads, samples) in mV as int16 and the mV of one unit.

    The unit is `resolution_mV`, the step of the recorder's converter, where every sample is a
    multiple of it, so that nothing is lost; else the largest value divided by 32,767.
    """
    if resolution_mV:
        scale = np.float32(resolution_mV)
        steps = np.rint(signal / scale)
        # A float32 in mV strays from its step by far less than this.
        exact = np.abs(signal / scale - steps).max() < 0.01
        if exact and np.abs(steps).max() <= _INT16_MAX:
            return steps.astype(np.int16), scale
    scale = np.float32(np.abs(signal).max() / _INT16_MAX) or np.float32(1.0)
    return np.rint(signal / scale).clip(-_INT16_MAX, _INT16_MAX).astype(np.int16), scale


def signal_mV(row: Mapping[str, Any]) -> NDArray[np.float32]:
    """The signal of a row of configuration `ecg` as float32 (12, samples) in mV, without padding.

    The row should come from a dataset in numpy format (`dataset.with_format("numpy")`): lists work
    and are thirty times slower.
    """
    units = np.asarray(row["signal"], np.int16)[:, : int(row["samples"])]
    return units * np.float32(row["scale"])
