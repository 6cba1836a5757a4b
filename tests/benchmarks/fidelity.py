"""Tokens and errors of the presets on ECGs that they were not trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ecg_byte_hf.fidelity.report import report

from .ecgs import Ecgs, run_ecg_byte
from .results import Result, at_most

VOCABULARY_SIZE = 4096
TARGETS = {
    "paper": {"tokens_mean": 2050, "rmse_uV": 64},
    "compact": {"tokens_mean": 540, "rmse_uV": 34, "prd_median": 17.5},
    "beat": {"tokens_mean": 150, "rmse_uV": 33},
    "beat-placed": {"tokens_mean": 150, "rmse_uV": 33},
}
_UNITS = {"tokens_mean": "tokens", "rmse_uV": "uV", "prd_median": "%"}


def train_presets(ecgs: Ecgs, folder: Path) -> dict[str, Path]:
    """A tokenizer of each preset, trained on the train split with the preset's own settings."""
    folders = {preset: folder / preset for preset in TARGETS}
    for preset, out in folders.items():
        run_ecg_byte(
            *("train-tokenizer", ecgs.corpus, "--preset", preset),
            *("--vocab-size", str(VOCABULARY_SIZE), "--out", out, "--quiet"),
        )
    return folders


def tokens_and_errors(
    ecgs: Ecgs, tokenizers: dict[str, Path]
) -> tuple[list[Result], dict[str, Any]]:
    """The results, and the full report of each preset."""
    reports = {
        preset: report(folder, ecgs.corpus, "validation", quiet=True)
        for preset, folder in tokenizers.items()
    }
    results = []
    for preset, targets in TARGETS.items():
        overall, settings = reports[preset]["overall"], reports[preset]["settings"]
        note = (
            f"{settings['records']} ECGs, vocabulary {settings['vocabulary_size']:,}, "
            f"cleaning {settings['cleaning']}"
        )
        results += [
            at_most(f"{preset}: {name}", target, overall[name], _UNITS[name], note)
            for name, target in targets.items()
        ]
    return results, reports
