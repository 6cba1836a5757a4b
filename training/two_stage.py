"""Train the two-stage rival of training/finetune.py, and measure it: a ResNet joined to a Llama.

    accelerate launch training/two_stage.py --config training/configs/small.yaml \\
        --corpus CORPUS --encoder RESNET --output-dir OUT

RESNET is what training/resnet.py wrote. A config holds fields of `ReadingArguments` and of
transformers' `TrainingArguments`, the same as for training/finetune.py, and those of
`TwoStageArguments` (ecg_byte_hf.rival). OUT/evaluation-validation.json is what
training/evaluate.py writes for OUT; `--evaluate false` leaves it to that script, which reads OUT as
it reads any other model.
"""

from __future__ import annotations

import sys

from ecg_byte_hf.reading.arguments import run_script


def main() -> None:
    from ecg_byte_hf.reading.closing_evaluation import evaluate_trained
    from ecg_byte_hf.rival.two_stage import train_two_stage
    from ecg_byte_hf.rival.two_stage_arguments import parse_two_stage
    from ecg_byte_hf.rival.two_stage_reader import load_two_stage

    arguments, training = parse_two_stage(sys.argv[1:], __doc__)
    settings = train_two_stage(arguments, training)
    if training.process_index:
        return
    print(f"wrote {training.output_dir}: losses {settings['losses']}")
    if arguments.evaluate:
        evaluate_trained(arguments, training, load_two_stage)


if __name__ == "__main__":
    sys.exit(run_script(main, "go on with --resume-from-checkpoint true"))
