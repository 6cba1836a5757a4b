"""A stage whose outcome is kept, so that a run that goes on has it without training again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecg_byte_hf.fidelity.report_output import write_json
from ecg_byte_hf.hub_code.errors import EcgByteError

from .generators import keep_states, restore_states
from .output_folder import KEPT_FILE, KEPT_WEIGHTS, arguments_digest, read_losses

if TYPE_CHECKING:
    import torch


def train_or_take(
    model: Any,
    folder: Path,
    what: Mapping[str, Any],
    train: Callable[[], dict[str, float]],
    *,
    resume: bool,
    process: int,
    generators: Sequence[torch.Generator] = (),
) -> dict[str, float]:
    """Run `train()`, which trains `model` in place, or load what it gave in an earlier run.

    `folder` keeps the weights that are trained, the model's buffers, and `what` they were trained
    with; beside them the states of torch's own random generator and of `generators`, so that what
    is drawn next is the same. `process` 0 writes the weights.

    Returns:
        The losses that the stage reached.

    Raises:
        EcgByteError: the weights of an earlier run are damaged.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file, save_file

    generators = (torch.default_generator, *generators)
    weights, note = folder / KEPT_WEIGHTS, folder / KEPT_FILE
    if resume and (losses := read_losses(note, what)) is not None:
        try:
            _load(model, load_file(weights))
        except (OSError, SafetensorError, KeyError, RuntimeError) as error:
            raise EcgByteError(
                f"{weights} is damaged: train again with --overwrite true"
            ) from error
        restore_states(generators, folder, process)
        return losses
    losses = train()
    folder.mkdir(parents=True, exist_ok=True)
    keep_states(generators, folder, process)
    if process == 0:
        tensors = {name: tensor.detach().contiguous() for name, tensor in _kept(model).items()}
        save_file(tensors, weights)
        write_json({"arguments": arguments_digest(what), "losses": losses}, note)
    return losses


def _kept(model: Any) -> dict[str, torch.Tensor]:
    trained = {name: weight for name, weight in model.named_parameters() if weight.requires_grad}
    persistent = model.state_dict().keys()
    buffers = {name: each for name, each in model.named_buffers() if name in persistent}
    return trained | buffers


def _load(model: Any, kept: Mapping[str, torch.Tensor]) -> None:
    import torch

    with torch.no_grad():
        for name, tensor in _kept(model).items():
            tensor.copy_(kept[name])
