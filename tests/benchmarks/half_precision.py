"""`python -m tests.benchmarks.half_precision MODEL`: whether bfloat16 pays on this processor.

The processor seconds of one step of LoRA (r 16, all linear layers; 4 sequences of 240 tokens) in
float32 and under bfloat16's autocast on a base in bfloat16, as `training/finetune.py` trains, by
turns in one process; medians without the first turn. `reading.precision.bf16_pays` says which
processors it is for.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

import torch

from ecg_byte_hf.progress import quiet_libraries

_SEQUENCES, _TOKENS = 4, 240
_TURNS = 4


def lora(name: str, dtype: torch.dtype) -> Any:
    """A Llama with an adapter in float32 on a base of `dtype`."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(name, dtype=dtype)
    return get_peft_model(model, LoraConfig(r=16, target_modules="all-linear"))


def step_seconds(model: Any, ids: torch.Tensor, *, half: bool) -> float:
    """Processor seconds of one step forwards and back."""
    began = time.process_time()
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
        loss = model(input_ids=ids, labels=ids).loss
    loss.backward()
    model.zero_grad()
    return time.process_time() - began


def main() -> int:
    """Measure with the model that the command line names."""
    if len(sys.argv) != 2:
        print("python -m tests.benchmarks.half_precision MODEL", file=sys.stderr)
        return 2
    quiet_libraries()
    torch.manual_seed(0)
    full = lora(sys.argv[1], torch.float32)
    half = lora(sys.argv[1], torch.bfloat16)
    ids = torch.randint(full.config.vocab_size, (_SEQUENCES, _TOKENS))
    seconds: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    for _ in range(_TURNS):
        seconds["float32"].append(step_seconds(full, ids, half=False))
        seconds["bfloat16"].append(step_seconds(half, ids, half=True))
    medians = {name: statistics.median(each[1:]) for name, each in seconds.items()}
    has = torch.cpu.get_capabilities()
    print({name: has.get(name) for name in ("avx2", "avx512_bf16", "amx_bf16")})
    for name, median in medians.items():
        print(f"{name}: {median:.2f} processor seconds a step")
    print(f"bfloat16 in times of float32: {medians['bfloat16'] / medians['float32']:.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
