"""What no training can run with, and fields without effect: said before any work is done."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ecg_byte_hf.hub_code.errors import EcgByteError

from .precision import sharded
from .usage import UsageError

if TYPE_CHECKING:
    from transformers import TrainingArguments

    from .reading_arguments import ReadingArguments

_OF_A_NEW_LLAMA = (
    "small_llama",
    "text_vocab_size",
    "base_epochs",
    "base_learning_rate",
    "ecg_loss_weight",
)

# A byte-level BPE holds 256 bytes and its four special tokens at least.
_SMALLEST_TEXT_VOCABULARY = 260

_POSITIVE = (
    "learning_rate",
    "base_learning_rate",
    "ecg_pretraining_learning_rate",
    "lora_alpha",
    "num_train_epochs",
)
_NOT_NEGATIVE = (
    "base_epochs",
    "ecg_loss_weight",
    "ecg_pretraining_epochs",
    "ecg_rows_spread",
    "max_grad_norm",
    "seed",
    "warmup_steps",
    "weight_decay",
)
_BELOW_ONE = ("lora_dropout", "adam_beta1", "adam_beta2")
_AT_LEAST = {
    "context": 1,
    "curve_every_steps": 1,
    "early_stopping_patience": 1,
    "gradient_accumulation_steps": 1,
    "lora_r": 1,
    "max_train_records": 1,
    "max_validation_records": 1,
    "num_proc": 1,
    "per_device_eval_batch_size": 1,
    "per_device_train_batch_size": 1,
    "questions_per_sequence": 1,
    "text_vocab_size": _SMALLEST_TEXT_VOCABULARY,
    # -1 is how TrainingArguments says that epochs count.
    "max_steps": -1,
}


def check_arguments(arguments: ReadingArguments, training: TrainingArguments) -> None:
    """See that the two can be trained with, as far as that shows without a file.

    Raises:
        EcgByteError: naming what is missing, contradicts another, or cannot be: a `UsageError`;
            or what `report_to` names and is not installed.
    """
    arguments.check()
    if not training.output_dir:
        raise UsageError("--output-dir is missing: give it or set it in the config")
    check_numbers(arguments, training)
    if arguments.early_stopping_patience and not training.load_best_model_at_end:
        raise UsageError("early_stopping_patience needs load_best_model_at_end")
    _check_trackers(training)
    if arguments.base is None:
        from .small_llama import check_small_llama

        check_small_llama(arguments.small_llama, arguments.context)


def _check_trackers(training: TrainingArguments) -> None:
    """Raise `EcgByteError` where the losses are to be reported to what is not installed."""
    from transformers.integrations import get_available_reporting_integrations

    there = get_available_reporting_integrations()
    for name in training.report_to or []:
        if name not in there:
            raise EcgByteError(
                f"--report-to {name}: nothing of that name is installed, take "
                f"{', '.join(['none', *there])}"
            )


def check_numbers(arguments: ReadingArguments, training: TrainingArguments) -> None:
    """See that every number of the two is one that can be trained with.

    Raises:
        UsageError: naming the first that is not, and what it must be.
    """
    values: dict[str, Any] = {**vars(training), **vars(arguments)}
    for name in _POSITIVE:
        _require(name, values[name], lambda value: value > 0, "greater than 0")
    for name in _NOT_NEGATIVE:
        _require(name, values[name], lambda value: value >= 0, "0 or more")
    for name in _BELOW_ONE:
        _require(name, values[name], lambda value: 0 <= value < 1, "from 0 to below 1")
    for name, least in _AT_LEAST.items():
        if values[name] is not None:
            _require(
                name, values[name], lambda value, least=least: value >= least, f"{least} or more"
            )


def say_without_effect(arguments: ReadingArguments) -> None:
    """Name on stderr what is set for a small new Llama where a `base` takes its place."""
    if arguments.base is None:
        return
    if idle := changed(arguments, _OF_A_NEW_LLAMA):
        print(
            f"{', '.join(idle)}: of a small new Llama, without effect on --base {arguments.base}",
            file=sys.stderr,
        )


def changed(arguments: Any, names: Iterable[str]) -> list[str]:
    """Which of these fields of a dataclass are not at their defaults, in its order."""
    default, wanted = vars(type(arguments)()), set(names)
    given = vars(arguments)
    return [name for name in given if name in wanted and given[name] != default[name]]


def settle_processes(arguments: ReadingArguments, training: TrainingArguments) -> None:
    """See that the processes that `accelerate launch` started can do what is asked for.

    Where they share the weights (FSDP), PEFT 0.21 finds no adapter in the Trainer's checkpoints:
    none is gone on from, and the last step is kept rather than the best, which a line says.

    Raises:
        EcgByteError: several GPUs in one process, or FSDP with what it cannot do.
    """
    if training.n_gpu > 1:
        raise EcgByteError(
            f"{training.n_gpu} GPUs in one process: start with `accelerate launch`, or show one "
            "GPU alone with CUDA_VISIBLE_DEVICES=0"
        )
    if not sharded():
        return
    if arguments.base is None:
        raise EcgByteError(
            "FSDP is for the adapter of a large base: a small new Llama fits every GPU, train it "
            "with training/configs/accelerate/ddp.yaml"
        )
    if arguments.curve_every_steps:
        raise EcgByteError("curve_every_steps asks on one process, which FSDP does not allow")
    if arguments.ecg_pretraining_epochs:
        raise EcgByteError("ecg_pretraining_epochs wraps a model twice, which FSDP does not allow")
    if training.resume_from_checkpoint:
        raise EcgByteError(
            "FSDP: the Trainer's checkpoints hold no adapter to go on from: train again with "
            "--overwrite true"
        )
    if training.load_best_model_at_end:
        training.load_best_model_at_end = False
        arguments.early_stopping_patience = None
        if training.process_index == 0:
            print("FSDP: the last step is kept, not the best, none stops early", file=sys.stderr)


def _require(name: str, value: Any, holds: Any, what: str) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (number and math.isfinite(value) and holds(value)):
        raise UsageError(f"--{name.replace('_', '-')} {value} must be {what}")
