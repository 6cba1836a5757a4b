"""Fine-tune a Llama on the questions of a corpus.

    accelerate launch training/finetune.py --config training/configs/small.yaml \\
        --corpus CORPUS --tokenizer TOKENIZER --output-dir OUT

A config holds fields of `ReadingArguments` (ecg_byte_hf.reading) and of transformers'
`TrainingArguments`; the command line overrides it, field by field. `--evaluate true` measures the
model on validation ECGs at the end, beside its controls, as training/evaluate.py does.
"""

from __future__ import annotations

import sys

from ecg_byte_hf.hub.model_card import refresh_model_card
from ecg_byte_hf.reading.arguments import parse_finetune, run_script
from ecg_byte_hf.reading.pushing import check_push_of_model, push_model
from ecg_byte_hf.reading.training import finetune


def main() -> None:
    from ecg_byte_hf.reading.closing_evaluation import evaluate_trained

    arguments, training = parse_finetune(sys.argv[1:], description=__doc__)
    check_push_of_model(arguments, training)
    settings = finetune(arguments, training)
    if training.process_index:
        return
    print(f"wrote {training.output_dir}: losses {settings['losses']}")
    if arguments.evaluate:
        evaluate_trained(arguments, training)
        refresh_model_card(str(training.output_dir))
    if pushed := push_model(arguments, training):
        print(pushed)


if __name__ == "__main__":
    sys.exit(run_script(main, "go on with --resume-from-checkpoint true"))
