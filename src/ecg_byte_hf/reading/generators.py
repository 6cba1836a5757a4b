"""The states of random generators beside what was trained with them, for a run that goes on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ecg_byte_hf.hub_code.errors import EcgByteError

if TYPE_CHECKING:
    import torch

_NAME = "generators_{}.pth"
GENERATOR_FILES = _NAME.format("*")


def keep_states(generators: Sequence[torch.Generator], folder: Path, process: int) -> None:
    """Write the states of a process's generators into `folder`; no file for none."""
    import torch

    if generators:
        states = [generator.get_state() for generator in generators]
        torch.save(states, folder / _NAME.format(process))


def restore_states(generators: Sequence[torch.Generator], folder: Path, process: int) -> None:
    """Set the generators to what `keep_states` wrote.

    A process that was not there then leaves them as they are: with another number of processes
    other numbers are drawn anyway.

    Raises:
        EcgByteError: the file is damaged, or of other generators.
    """
    import pickle

    import torch

    path = folder / _NAME.format(process)
    if not (generators and path.is_file()):
        return
    try:
        states = torch.load(path, weights_only=True)
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)
    except (OSError, EOFError, ValueError, TypeError, RuntimeError, pickle.PickleError) as error:
        raise EcgByteError(f"{path} is damaged: train again with --overwrite true") from error
