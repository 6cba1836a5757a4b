"""`training/finetune.py` as a process of its own, on the small corpus."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from . import tiny

REPOSITORY = Path(__file__).resolve().parents[2]
SCRIPT = [sys.executable, "training/finetune.py"]
ENVIRONMENT = {
    **os.environ,
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
    "PYTHONPATH": str(REPOSITORY / "src"),
}


def line(corpus: Path, tokenizer: Path, base: Path, out: Path, **options: object) -> list[str]:
    """The command line of a training that takes seconds."""
    options = {
        "corpus": corpus,
        "tokenizer": tokenizer,
        "base": base,
        "base_id": tiny.BASE_ID,
        "output_dir": out,
        "context": 1024,
        "max_train_records": 24,
        "max_validation_records": 4,
        "train_blind": "false",
        "learning_rate": 1e-2,
        "lr_scheduler_type": "cosine",
        "train_sampling_strategy": "group_by_length",
        "logging_steps": 1,
        "report_to": "none",
        **options,
    }
    return [part for name, value in options.items() for part in (f"--{name}", str(value))]


def history(checkpoint: Path) -> list[dict[str, float]]:
    """What was logged up to a checkpoint, but for what depends on the clock."""
    log = json.loads((checkpoint / "trainer_state.json").read_text())["log_history"]
    return [one for one in log if "loss" in one]
