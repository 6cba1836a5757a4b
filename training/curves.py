"""Time and examples after which trainings first reached given levels, side by side.

    python training/curves.py OURS/curve.json RIVAL/curve.json --levels 0.8 0.85 0.9

A curve.json is what training/finetune.py and training/two_stage.py write with
--curve-every-steps; `--measure accuracy` takes the accuracy of yes/no instead of the AUROC.
"""

from __future__ import annotations

import sys
from argparse import ArgumentTypeError

from ecg_byte_hf.reading.arguments import run_script
from ecg_byte_hf.reading.usage import script_parser


def level(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise ArgumentTypeError(f"{text} must be from 0 to 1")
    return value


def main() -> None:
    from ecg_byte_hf.reading.curve_table import curve_table
    from ecg_byte_hf.reading.learning_curve import read_curve

    parser = script_parser(__doc__)
    parser.add_argument("curves", nargs="+", help="curve.json of a training")
    parser.add_argument(
        "--levels", nargs="+", type=level, default=[0.7, 0.75, 0.8, 0.85, 0.9], help="0 to 1"
    )
    parser.add_argument(
        "--measure", choices=("auroc", "accuracy"), default="auroc", help="what reaches a level"
    )
    options = parser.parse_args()
    curves = {path: read_curve(path) for path in options.curves}
    print(curve_table(curves, options.levels, options.measure))


if __name__ == "__main__":
    sys.exit(run_script(main, "run it again"))
