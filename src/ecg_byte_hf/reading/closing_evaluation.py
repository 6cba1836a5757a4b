"""The evaluation on validation ECGs with which a training ends, where it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ecg_byte_hf.fidelity.report_output import write_json

from .evaluation import evaluate
from .loading import Reader, load_reader
from .output_folder import evaluation_file
from .tables import print_accuracies

if TYPE_CHECKING:
    from transformers import TrainingArguments

    from .reading_arguments import ReadingArguments


def evaluate_trained(
    arguments: ReadingArguments,
    training: TrainingArguments,
    load: Callable[..., Reader] = load_reader,
) -> None:
    """Write and print what training/evaluate.py gives for the model in `training.output_dir`.

    Raises:
        EcgByteError: as `evaluation.evaluate` does.
    """
    folder = Path(str(training.output_dir))
    target = folder / evaluation_file("validation")
    result = evaluate(
        str(folder),
        arguments.corpus,
        base=arguments.base,
        gguf_file=arguments.gguf_file,
        quiet=arguments.quiet,
        load=load,
    )
    write_json(result, target)
    print_accuracies(result)
    print(f"wrote {target}")
