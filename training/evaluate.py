"""Accuracy of a fine-tuned Llama beside its controls.

    accelerate launch training/evaluate.py --model OUT --corpus CORPUS --split validation

writes OUT/evaluation-validation.json (or `--json FILE`) and prints a table.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ecg_byte_hf.fidelity.report_output import write_json
from ecg_byte_hf.hub.model_card import refresh_model_card
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.reading.arguments import parse_evaluate, run_script
from ecg_byte_hf.reading.evaluation import evaluate
from ecg_byte_hf.reading.output_folder import evaluation_file
from ecg_byte_hf.reading.tables import print_accuracies


def main() -> None:
    options = parse_evaluate(sys.argv[1:])
    if not (options.json or Path(options.model).is_dir()):
        raise EcgByteError(
            f"{options.model} is no folder here: say with --json where the result goes"
        )
    result = evaluate(
        options.model,
        options.corpus,
        split=options.split,
        base=options.base,
        gguf_file=options.gguf_file,
        max_records=options.max_records,
        seed=options.seed,
        shuffles=options.shuffles,
        quiet=options.quiet,
        answers_path=Path(options.answers) if options.answers else None,
    )
    target = Path(options.json or Path(options.model) / evaluation_file(options.split))
    write_json(result, target)
    if target.parent == Path(options.model):
        refresh_model_card(options.model)
    print_accuracies(result)
    print(f"wrote {target}")


if __name__ == "__main__":
    sys.exit(run_script(main, "nothing was written, run it again"))
