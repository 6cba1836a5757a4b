"""A first stage without labels: the next token of ECGs, kept so that a resumed run has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecg_byte_hf.fidelity.report_output import write_json
from ecg_byte_hf.hub_code.errors import EcgByteError

from .output_folder import PRETRAINED_FILE, PRETRAINED_WEIGHTS, arguments_digest, read_losses
from .sequences import Reading

if TYPE_CHECKING:
    import torch


def ecgs_alone(ecgs: Mapping[str, Sequence[int]]) -> list[Reading]:
    """Readings without questions of ECGs (record id -> ids in the Llama's vocabulary)."""
    return [Reading(record, "", tuple(ids), ()) for record, ids in ecgs.items()]


def pretrain(
    model: Any,
    folder: Path,
    what: Mapping[str, Any],
    train: Callable[[], dict[str, float]],
    *,
    resume: bool,
    write: bool,
) -> dict[str, float]:
    """Run `train()`, which trains `model` in place, or load what it gave in an earlier run.

    `folder` keeps the weights that are trained, and `what` they were trained with; `write` is of
    the one process that writes them.

    Returns:
        The losses that the stage reached.

    Raises:
        EcgByteError: the weights of an earlier run are damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file, save_file

    weights, note = folder / PRETRAINED_WEIGHTS, folder / PRETRAINED_FILE
    if resume and (losses := read_losses(note, what)) is not None:
        try:
            kept = load_file(weights)
            _load(model, kept)
        except (OSError, SafetensorError, KeyError, RuntimeError) as error:
            raise EcgByteError(
                f"{weights} is damaged: train again with --overwrite true"
            ) from error
        return losses
    losses = train()
    if write:
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {name: tensor.detach().contiguous() for name, tensor in _trained(model).items()}
        save_file(tensors, weights)
        write_json({"arguments": arguments_digest(what), "losses": losses}, note)
    return losses


def _trained(model: Any) -> dict[str, torch.Tensor]:
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def _load(model: Any, kept: Mapping[str, torch.Tensor]) -> None:
    import torch

    with torch.no_grad():
        for name, weight in _trained(model).items():
            weight.copy_(kept[name])
