"""`python -m tests.benchmarks.resized_rows MODEL`: how far apart transformers draws new rows.

Since 4.46, `resize_token_embeddings` draws new rows around the mean row with a billionth of the
covariance (huggingface/transformers#33325), unless told otherwise. Prints how far the old rows and
3,503 new ones (as many as ECG-Byte's authors add) lie from the mean, and how far from one another:
medians of 500 of either, drawn, in bfloat16.
"""

from __future__ import annotations

import sys
from typing import Any

import torch

from ecg_byte_hf.progress import quiet_libraries

_NEW = 3503
_COMPARED = 500


def distances(model: Any, new: int) -> dict[str, float]:
    """Median distances of rows from the mean row and from one another, before and in `new` rows."""
    before = model.get_input_embeddings().weight.detach().float().clone()
    torch.manual_seed(0)
    model.resize_token_embeddings(len(before) + new)
    added = model.get_input_embeddings().weight.detach().float()[len(before) :]
    mean = before.mean(dim=0)
    facts = {}
    for name, rows in (("old", before), ("new", added)):
        few = rows[torch.randperm(len(rows))[:_COMPARED]]
        facts[f"{name}_from_mean"] = float((few - mean).norm(dim=1).median())
        facts[f"{name}_from_one_another"] = float(torch.pdist(few).median())
    return facts


def main() -> int:
    """Measure the model that the command line names."""
    from transformers import AutoModelForCausalLM

    if len(sys.argv) != 2:
        print("python -m tests.benchmarks.resized_rows MODEL", file=sys.stderr)
        return 2
    quiet_libraries()
    model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.bfloat16)
    for name, value in distances(model, _NEW).items():
        print(f"{name}: {value:.4g}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
