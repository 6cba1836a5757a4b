"""Where an interrupted stage goes on."""

from __future__ import annotations

import json
import re
from pathlib import Path

_NAME = re.compile(r"checkpoint-(\d+)")
_STATE = "trainer_state.json"
SO_FAR_FILE = "so_far.json"


def last_whole_checkpoint(folder: Path, processes: int = 1) -> str | None:
    """The path of the latest checkpoint in `folder` that was written to its end; None if none was.

    A run that is killed while it saves leaves half a checkpoint, which `get_last_checkpoint` of
    transformers would take. The Trainer writes its state last, after the weights, the optimiser's
    state, of each of the `processes` that of its random numbers, and `SO_FAR_FILE`.
    """
    if not folder.is_dir():
        return None
    found = [(int(m[1]), path) for path in folder.iterdir() if (m := _NAME.fullmatch(path.name))]
    for _, path in sorted(found, reverse=True):
        if _is_whole(path, processes):
            return str(path)
    return None


def _is_whole(checkpoint: Path, processes: int) -> bool:
    try:
        for name in (_STATE, SO_FAR_FILE):
            json.loads((checkpoint / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return processes == 1 or len(list(checkpoint.glob("rng_state_*.pth"))) >= processes


def is_over(checkpoint: str) -> bool:
    """Whether training ended with this whole checkpoint: after its last step, or stopped early.

    The Trainer looks for the end only after a step, and would take one too many.
    """
    state = json.loads((Path(checkpoint) / _STATE).read_text(encoding="utf-8"))
    control = state.get("stateful_callbacks", {}).get("TrainerControl", {})
    stopped = control.get("args", {}).get("should_training_stop", False)
    return bool(state["global_step"] >= state["max_steps"] or stopped)
