"""`python -m tests.benchmarks.trained_rows`: what becomes of embeddings that are trained, and when.

ECG-Byte's authors found trained embeddings much worse than frozen ones. Their published code
(github.com/willxxy/ECG-Byte, commit 66dcde7, `ecg_byte/main.py`) uses `torch.optim.Adam` with
`weight_decay=1e-2`: not AdamW's decay but an L2 penalty. Adam divides its gradient by its own size,
so that a row which no batch shows is moved towards 0 by the whole learning rate, step after step
(where output rows are tied to the embeddings, less what the softmax gives it); frozen embeddings
are spared. This trains an adapter with the one or the other:

    python -m tests.benchmarks.trained_rows --rows all --optimizer adam --weight_decay 0.01 \\
        --config tests/benchmarks/text_base.yaml --base TEXT_BASE --base_id local/text-base \\
        --corpus CORPUS --tokenizer TOKENIZER --output_dir OUT --curve_every_steps 333

`--rows` are the embeddings that are trained: `frozen`, `new` (the ECG's) or `all` (the text's too,
which training/finetune.py does not do). All other options are that script's. Prints and writes
OUT/trained-rows.json; with `all`, what OUT/ holds beside it lacks the trained text.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel

from ecg_byte_hf.fidelity.report_output import write_json
from ecg_byte_hf.reading import adapter
from ecg_byte_hf.reading.arguments import parse_finetune, run_script
from ecg_byte_hf.reading.output_folder import CURVE_FILE
from ecg_byte_hf.reading.trainer import ReadingTrainer
from ecg_byte_hf.reading.training import finetune

# Of its length at the start, below which a row counts as collapsed.
_COLLAPSED = 0.1


class Rows:
    """Input embeddings of an adapted Llama whose ECG tokens come last, and how long they were."""

    def __init__(self, model: PeftModel) -> None:
        layer = model.get_input_embeddings().token_adapter
        self._text = layer.base_layer.weight
        self._ecg = layer.trainable_tokens_delta["default"]
        self._lengths = self._measure()

    def train_text(self) -> None:
        """Train the rows of the text too."""
        self._text.requires_grad_(True)

    def _measure(self) -> dict[str, torch.Tensor]:
        text = self._text[: -len(self._ecg)]
        return {
            "text": text.detach().norm(dim=1).clone(),
            "ecg": self._ecg.detach().norm(dim=1).clone(),
        }

    def shortened(self) -> dict[str, dict[str, float]]:
        """Of text and ECG rows: their length now by that at the start (median), share collapsed."""
        facts = {}
        for kind, now in self._measure().items():
            # Not that of padding, which may be 0 from the start.
            there = self._lengths[kind] > 0
            ratio = now[there] / self._lengths[kind][there]
            facts[kind] = {
                "collapsed": round(float((ratio < _COLLAPSED).float().mean()), 4),
                "median_length": round(float(ratio.median()), 4),
            }
        return facts


def train(rows: str, optimizer: str, argv: list[str]) -> dict[str, Any]:
    """Fine-tune with what the module says; what came of it."""
    arguments, training = parse_finetune(argv)
    arguments.train_ecg_rows = rows != "frozen"
    arguments.train_blind = False
    add_adapter, kept = adapter.add_adapter, []

    def adapted(*args: Any, **options: Any) -> PeftModel:
        model = add_adapter(*args, **options)
        kept.append(Rows(model))
        if rows == "all":
            kept[0].train_text()
        return model

    def with_penalty(args: Any, model: Any = None) -> tuple[Any, dict[str, Any]]:
        betas = (args.adam_beta1, args.adam_beta2)
        return torch.optim.Adam, {
            "lr": args.learning_rate,
            "betas": betas,
            "eps": args.adam_epsilon,
        }

    own = ReadingTrainer.get_optimizer_cls_and_kwargs
    try:
        adapter.add_adapter = adapted
        if optimizer == "adam":
            ReadingTrainer.get_optimizer_cls_and_kwargs = staticmethod(with_penalty)
        settings = finetune(arguments, training)
    finally:
        adapter.add_adapter = add_adapter
        ReadingTrainer.get_optimizer_cls_and_kwargs = staticmethod(own)
    out = Path(training.output_dir)
    result = {
        "learning_rate": training.learning_rate,
        "losses": settings["losses"]["adapter"],
        "optimizer": optimizer,
        "rows": rows,
        "shortened": kept[0].shortened(),
        "weight_decay": training.weight_decay,
    }
    if (out / CURVE_FILE).is_file():
        last = json.loads((out / CURVE_FILE).read_text(encoding="utf-8"))["points"][-1]
        result |= {"macro_auroc": last["auroc"], "step": last["step"]}
    return result


def main() -> None:
    """Train as the command line says."""
    parser = argparse.ArgumentParser(prog="trained_rows", add_help=False)
    parser.add_argument("--rows", choices=("frozen", "new", "all"), required=True)
    parser.add_argument("--optimizer", choices=("adamw", "adam"), default="adamw")
    own, rest = parser.parse_known_args()
    out = Path(parse_finetune(rest)[1].output_dir)
    result = train(own.rows, own.optimizer, rest)
    print(json.dumps(result))
    write_json(result, out / "trained-rows.json")


if __name__ == "__main__":
    sys.exit(run_script(main, "run it again"))
