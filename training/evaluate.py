"""Accuracy of a fine-tuned Llama beside its controls; several runs side by side.

    accelerate launch training/evaluate.py --model OUT --corpus CORPUS --split validation

writes OUT/evaluation-validation.json (or `--json FILE`) and prints a table;

    python training/evaluate.py --compare OUT1 OUT2 OUT3 --split validation

prints one table, in Markdown, of runs that were evaluated on that split (`--json FILE` writes it
too). Runs that differ in the seed of training alone are one line: mean and interval over seeds.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from ecg_byte_hf.fidelity.report_output import write_json
from ecg_byte_hf.hub.model_card import refresh_model_card
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.reading.arguments import parse_evaluate, run_script
from ecg_byte_hf.reading.comparison import compare, comparison_table
from ecg_byte_hf.reading.evaluation import evaluate
from ecg_byte_hf.reading.loading import Reader, load_reader
from ecg_byte_hf.reading.output_folder import evaluation_file
from ecg_byte_hf.reading.tables import print_accuracies
from ecg_byte_hf.reading.text_scores import check_encoder
from ecg_byte_hf.rival.two_stage_files import is_two_stage
from ecg_byte_hf.writing import check_can_write


def main() -> None:
    options = parse_evaluate(sys.argv[1:], __doc__)
    if int(os.environ.get("RANK", "0")):
        # One process measures; another that `accelerate launch` started would do it all again.
        return
    options.check()
    if options.compare:
        if options.json:
            check_can_write(Path(options.json))
        compared = compare(options.compare, options.split)
        if options.json:
            write_json(compared, options.json)
        print(comparison_table(compared))
        return
    if not (options.json or Path(options.model).is_dir()):
        raise EcgByteError(
            f"{options.model} is no folder here: say with --json where the result goes"
        )
    target = Path(options.json or Path(options.model) / evaluation_file(options.split))
    for path in (target, *([Path(options.answers)] if options.answers else [])):
        check_can_write(path)
    if options.encoder:
        check_encoder(options.encoder)
    result = evaluate(
        options.model,
        options.corpus,
        split=options.split,
        base=options.base,
        gguf_file=options.gguf_file,
        max_records=options.max_records,
        max_reports=options.max_reports,
        encoder=options.encoder,
        dtype=options.dtype,
        seed=options.seed,
        shuffles=options.shuffles,
        question_types=options.question_types,
        variants=options.variants,
        quiet=options.quiet,
        answers_path=Path(options.answers) if options.answers else None,
        load=_two_stage if is_two_stage(options.model) else load_reader,
    )
    write_json(result, target)
    # A two-stage model is a rival to measure against, not one to push: it has no card.
    if target.parent == Path(options.model) and not is_two_stage(options.model):
        refresh_model_card(options.model)
    print_accuracies(result)
    print(f"wrote {target}")


def _two_stage(model: str | Path, **options: Any) -> Reader:
    from ecg_byte_hf.rival.two_stage_reader import load_two_stage

    return load_two_stage(model, **options)


if __name__ == "__main__":
    sys.exit(run_script(main, "nothing was written, run it again"))
