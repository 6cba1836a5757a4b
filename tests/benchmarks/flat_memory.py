"""Whether peak memory is flat in the number of records: of `prepare`, and of the map step.

`python -m tests.benchmarks.flat_memory TOKENIZER FOLDER` measures both: a slim process, because
Linux starts the peak of a new process at the size of the one that starts it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from .map_memory import map_memory
from .memory import prepare_memory
from .results import Result, at_most

FEW, MANY = 200, 2000

# What counts as flat for ten times the records; the allocator alone moves a few per cent.
GROWTH = 1.1


def flat_in_records(tokenizer: Path, folder: Path) -> list[Result]:
    """Growth of the peak from 200 to 2,000 simulated records; ten times would be 10."""
    command = [sys.executable, "-m", __name__, str(tokenizer), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"measuring memory failed:\n{done.stderr}")
    prepare, step = json.loads(done.stdout)
    return [
        at_most(
            "prepare: peak memory, 2,000 records / 200",
            GROWTH,
            prepare["many_MiB"] / prepare["few_MiB"],
            "x",
            f"{prepare['many_MiB']:.0f} MiB against {prepare['few_MiB']:.0f}; "
            f"{prepare['imports_MiB']:.0f} of it are imports",
        ),
        at_most(
            "map step: peak memory, 2,000 records / 200",
            GROWTH,
            step["many_own"] / step["few_own"],
            "x",
            f"{step['many_own']:.0f} MiB against {step['few_own']:.0f}; with the mapped pages of "
            f"Arrow files {step['many_resident']:.0f} against {step['few_resident']:.0f}",
        ),
    ]


if __name__ == "__main__":
    _, tokenizer, folder = sys.argv
    found = prepare_memory(FEW, MANY), map_memory(Path(tokenizer), Path(folder), FEW, MANY)
    print(json.dumps(found))
