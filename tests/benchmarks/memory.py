"""Peak memory of `ecg-byte prepare`, which must not grow with the number of records."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

# ru_maxrss is in KiB on Linux and in bytes on macOS.
_BYTES_PER_RSS = 1 if sys.platform == "darwin" else 1024

_PREPARE = """
import resource, sys
from ecg_byte_hf.corpora import write_corpus
from ecg_byte_hf.corpora.simulated import simulated
write_corpus(simulated(int(sys.argv[1])), sys.argv[2], quiet=True)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def prepare_memory(few: int = 200, many: int = 2000) -> dict[str, float]:
    """Peak resident memory of preparing `few` and `many` simulated records of 10 s at 500 Hz.

    Each is prepared in a process of its own. Returns `few_MiB`, `many_MiB`, `growth` (many / few),
    and `imports_MiB`, what a process has that only imports the code.
    """
    with tempfile.TemporaryDirectory() as folder:
        few_MiB, many_MiB = (
            _peak_MiB(_PREPARE, str(records), str(Path(folder) / str(records)))
            for records in (few, many)
        )
    imports_MiB = _peak_MiB(
        "import resource, pyarrow.parquet, datasets, ecg_byte_hf.corpora.simulation\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    return {
        "few_MiB": few_MiB,
        "many_MiB": many_MiB,
        "growth": many_MiB / few_MiB,
        "imports_MiB": imports_MiB,
    }


def _peak_MiB(program: str, *arguments: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    )
    return int(done.stdout.split()[-1]) * _BYTES_PER_RSS / 2**20
