"""Train the ResNet that a Llama is measured against, and measure it.

    python training/resnet.py --corpus CORPUS --output-dir OUT

writes OUT/model.safetensors, OUT/config.json, OUT/training.json (what it took) and
OUT/evaluation-validation.json; with `--evaluate_only true` it measures the ResNet in OUT, as on
`--splits test`. training/two_stage.py takes OUT as its encoder.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ecg_byte_hf.fidelity.report_output import write_json
from ecg_byte_hf.progress import quiet_libraries
from ecg_byte_hf.reading.arguments import run_script
from ecg_byte_hf.reading.output_folder import evaluation_file


def main() -> None:
    from ecg_byte_hf.rival.resnet import load_resnet
    from ecg_byte_hf.rival.resnet_arguments import parse_resnet
    from ecg_byte_hf.rival.resnet_evaluation import evaluate_resnet
    from ecg_byte_hf.rival.resnet_output import check_splits, how_trained, make_resnet
    from ecg_byte_hf.rival.tables import print_resnet

    options = parse_resnet(sys.argv[1:], __doc__)
    out = Path(options.output_dir)
    check_splits(options)
    quiet_libraries()
    model = load_resnet(out) if options.evaluate_only else make_resnet(options)
    for split in options.splits.split(","):
        result = evaluate_resnet(
            model, options.corpus, split, training=how_trained(out), quiet=options.quiet
        )
        write_json(result, out / evaluation_file(split))
        print_resnet(result)
        print(f"wrote {out / evaluation_file(split)}")


if __name__ == "__main__":
    sys.exit(run_script(main, "nothing was written, run it again"))
