"""Which half precision the machine at hand trains in faster than in float32."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from transformers import TrainingArguments

_WITHOUT = {"bf16": "is no faster than float32", "fp16": "is not available"}


def bf16_pays() -> bool:
    """Whether bfloat16 is faster than float32 here.

    On a GPU that computes in it, and where there is no accelerator on an x86 processor with AMX
    (`torch.cpu.get_capabilities`): SmolLM2-135M trains 1.6 times as fast there. With AVX512-BF16
    and no AMX it takes 1.3 times as long as in float32 (`python -m tests.benchmarks.half_precision
    models/smollm2-135m`); older processors emulate it.
    """
    import torch

    if torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if torch.accelerator.is_available():
        return False
    # Older releases of torch have no public way to ask.
    if not hasattr(torch.cpu, "get_capabilities"):
        return torch.cpu._is_amx_tile_supported()
    return bool(torch.cpu.get_capabilities().get("amx_bf16"))


def half_precision(name: str, value: str | bool) -> bool:
    """Whether to train in `name`, bf16 or fp16, where a config or command line says `value`.

    `auto` takes what the machine has and says nothing; what is asked for and is not there is
    switched off, with a line on stderr.

    Raises:
        argparse.ArgumentTypeError: `value` is neither `auto` nor true or false.
    """
    import torch
    from transformers.hf_argparser import string_to_bool

    there = bf16_pays() if name == "bf16" else torch.cuda.is_available()
    wanted = there if value == "auto" else bool(string_to_bool(value))
    if wanted and not there:
        print(f"{name} {_WITHOUT[name]} here: training in float32", file=sys.stderr)
    return wanted and there


def bf16_base(training: TrainingArguments) -> bool:
    """Whether the base's weights are held in bfloat16.

    They are where it is trained in it: it is frozen, and need not be cast each step. Not with
    FSDP, whose flat parameters need one dtype for the base and the float32 adapter.
    """
    return bool(training.bf16) and not sharded()


def sharded() -> bool:
    """Whether `accelerate launch` set up FSDP."""
    return os.environ.get("ACCELERATE_USE_FSDP", "false").lower() == "true"


def settle_precision(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a config with `bf16` and `fp16` true or false, as the machine has them.

    Without an accelerator `use_cpu` is set: `TrainingArguments` refuses bf16 on a processor
    otherwise.

    Raises:
        argparse.ArgumentTypeError: as `half_precision` does.
    """
    import torch

    given = [name for name in _WITHOUT if fields.get(name) is not None]
    fields = fields | {name: half_precision(name, fields[name]) for name in given}
    if not (torch.cuda.is_available() or torch.accelerator.is_available()):
        fields = {"use_cpu": True, **fields}
    return fields
