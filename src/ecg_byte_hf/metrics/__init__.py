"""Metrics for `evaluate`, in folders that `evaluate.load` reads and that are pushed as Spaces."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..extras import require_extra

ECG_QA_FOLDER = Path(__file__).resolve().parent / "ecg_qa"


def load_ecg_qa(**options: Any) -> Any:
    """The metric `ecg_qa`, an `evaluate.Metric`: `evaluate.load(str(ECG_QA_FOLDER))`, offline.

    `options` are those of `evaluate.load`; unlike there, nothing is cached on disk by default
    (`keep_in_memory=True`). Raises `EcgByteError` where the extra `metric` is not installed.
    """
    require_extra("metric", "the metric ecg_qa")
    import evaluate

    return evaluate.load(str(ECG_QA_FOLDER), **{"keep_in_memory": True, **options})
