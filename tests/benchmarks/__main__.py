"""`python -m tests.benchmarks`: measure everything, print one table, write out/bench.json.

Times are on one core and compared within this run. Exit code 1 where a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from .results import Result, results_table

# Read by the libraries when they are loaded, which `measure` does.
ONE_CORE = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "RAYON_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
PARTS = ("leads", "fidelity", "training", "speed", "memory")


def measure(parts: set[str], console: Console) -> tuple[list[Result], str, dict[str, Any]]:
    """The results of the chosen parts, the name of the ECGs, the reports behind them."""
    from ecg_byte_hf.hub_code.processing_ecg_byte import EcgByteProcessor

    from . import bpe_training, einthoven, fidelity, flat_memory, speed
    from .ecgs import prepare_ecgs

    results: list[Result] = []
    reports: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        os.environ["HF_DATASETS_CACHE"] = str(folder / "datasets-cache")
        with console.status("preparing the corpus"):
            ecgs = prepare_ecgs(folder)
        if "leads" in parts:
            with console.status("12 leads from 8"):
                results += einthoven.twelve_from_eight(
                    signal for split in ("train", "validation") for signal, _ in ecgs.signals(split)
                )
        with console.status("training the tokenizers"):
            tokenizers = fidelity.train_presets(ecgs, folder)
        if "fidelity" in parts:
            with console.status("tokens and errors"):
                found, reports = fidelity.tokens_and_errors(ecgs, tokenizers)
                results += [replace(result, binding=ecgs.real) for result in found]
        processors = {
            preset: EcgByteProcessor.from_pretrained(str(path))
            for preset, path in tokenizers.items()
        }
        if "training" in parts:
            with console.status("training a BPE twice, once the plain way"):
                results += bpe_training.against_recounting(
                    processors["compact"].feature_extractor,
                    ecgs.signals("train", bpe_training.RECORDS),
                )
        if "speed" in parts:
            with console.status("from the array to the ids"):
                for processor in processors.values():
                    processor.feature_extractor.cleaning = "clean"
                results += speed.array_to_ids(
                    processors, list(ecgs.signals("validation", speed.RECORDS))
                )
        if "memory" in parts:
            with console.status("memory of prepare and of the map step"):
                results += flat_memory.flat_in_records(tokenizers["compact"], folder)
    return results, ecgs.name, reports


def main() -> None:
    """Parse, measure, print, write."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART")
    parser.add_argument("--json", type=Path, default=Path("out/bench.json"))
    arguments = parser.parse_args()
    os.environ.update(ONE_CORE, HF_HUB_OFFLINE="1", HF_DATASETS_DISABLE_PROGRESS_BARS="1")
    console = Console(stderr=True)
    results, ecgs, reports = measure(set(arguments.only), console)
    out = Console()
    if not out.is_terminal:
        out.width = 150  # a file or a pipe has no width of its own
    out.print(results_table(results, ecgs))
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    content = {
        "ecgs": ecgs,
        "results": [result.as_json() for result in results],
        "reports": reports,
    }
    arguments.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    sys.exit(not all(result.passed or not result.binding for result in results))


main()
