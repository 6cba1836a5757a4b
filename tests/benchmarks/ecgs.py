"""The ECGs that are measured: PTB-XL where it is, else the simulation, which is then said."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
SIMULATED_RECORDS = 500


@dataclass(frozen=True)
class Ecgs:
    """A prepared corpus and what it is."""

    corpus: Path
    name: str
    real: bool

    def signals(self, split: str, limit: int | None = None) -> Iterator[tuple[Any, float]]:
        """(signal (12, samples) in mV, sampling rate in Hz) of the records of a split."""
        from ecg_byte_hf.corpora import open_corpus, signal_mV

        rows = open_corpus(self.corpus)[split].with_format("numpy")
        for index in range(min(limit or len(rows), len(rows))):
            row = rows[index]
            yield signal_mV(row), float(row["sampling_rate"])


def run_ecg_byte(*arguments: str | Path) -> None:
    """Run one `ecg-byte` command; its own message is shown where it fails."""
    command = [sys.executable, "-m", "ecg_byte_hf.cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[2:])} failed:\n{done.stderr or done.stdout}")


def prepare_ecgs(folder: Path) -> Ecgs:
    """Prepare the corpus below `folder`, from `$ECG_BYTE_DATA`/ptb-xl or simulated."""
    data = Path(os.environ.get("ECG_BYTE_DATA", REPOSITORY.parent / "shared" / "data"))
    source = data / "ptb-xl"
    corpus = folder / "corpus"
    if (source / "ptbxl_database.csv").is_file():
        run_ecg_byte("prepare", "ptb-xl", source, "--out", corpus, "--quiet")
        return Ecgs(corpus, "PTB-XL, trained on folds 1-8, measured on fold 9", True)
    run_ecg_byte(
        *("prepare", "simulation", "--records", str(SIMULATED_RECORDS)),
        *("--seed", "0", "--out", corpus, "--quiet"),
    )
    name = f"{SIMULATED_RECORDS} simulated ECGs (no PTB-XL: set ECG_BYTE_DATA)"
    return Ecgs(corpus, name, False)
