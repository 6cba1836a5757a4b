"""Peak memory of opening a corpus and of the map step, at two numbers of records.

`python -m tests.benchmarks.map_memory CORPUS TOKENIZER` is the measured process itself.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

from .ecgs import run_ecg_byte

# ru_maxrss is in KiB on Linux and in bytes on macOS.
_BYTES_PER_RSS = 1 if sys.platform == "darwin" else 1024


def map_memory(tokenizer: Path, folder: Path, few: int = 200, many: int = 2000) -> dict[str, float]:
    """Peak memory (MiB) of tokenising `few` and `many` simulated records, each in its own process.

    `resident` is all that is resident at the peak; `own` is what the process holds of its own,
    without the pages of memory-mapped Arrow files, which the system drops when it needs room, and
    which `resident` counts. Where the system does not say `own` (no /proc), it is `resident`.
    """
    found: dict[str, float] = {}
    for name, records in (("few", few), ("many", many)):
        corpus = folder / f"simulated-{records}"
        run_ecg_byte(
            *("prepare", "simulation", "--records", str(records), "--seed", "0"),
            *("--out", corpus, "--quiet"),
        )
        command = [sys.executable, "-m", __name__, str(corpus), str(tokenizer)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"map step on {corpus} failed:\n{done.stderr}")
        found |= {f"{name}_{k}": v for k, v in json.loads(done.stdout.splitlines()[-1]).items()}
    return found


class _OwnMemory(threading.Thread):
    """Watches the memory that is the process's own; `peak_MiB` is 0 where there is no /proc."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak_MiB = 0.0

    def run(self) -> None:
        status = Path("/proc/self/status")
        while status.exists():
            for line in status.read_text().splitlines():
                if line.startswith("RssAnon:"):
                    self.peak_MiB = max(self.peak_MiB, int(line.split()[1]) / 1024)
            time.sleep(0.02)


def _measured(corpus: str, tokenizer: str) -> None:
    watch = _OwnMemory()
    watch.start()
    from ecg_byte_hf.corpora import open_corpus
    from ecg_byte_hf.hub_code.processing_ecg_byte import EcgByteProcessor
    from ecg_byte_hf.symbolize import tokenize_dataset

    processor = EcgByteProcessor.from_pretrained(tokenizer)
    for split in open_corpus(corpus).values():
        tokenize_dataset(split, processor)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _BYTES_PER_RSS / 2**20
    print(json.dumps({"resident": peak, "own": watch.peak_MiB or peak}))


if __name__ == "__main__":
    _measured(*sys.argv[1:])
