"""`python -m tests.benchmarks.together ANSWERS...`: what several models say together.

Every file is `--answers` of training/evaluate.py: the same questions, another seed of training. The
log-odds of "yes" are averaged over the models, and the macro AUROC of the mean stands beside those
of each: what is gained is what one training gets wrong by chance.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.reading.averaging import log_odds, probability
from ecg_byte_hf.reading.intervals import PatientBootstrap
from ecg_byte_hf.reading.scoring import Scored
from ecg_byte_hf.reading.yes_no import SUPERCLASS, finding_aurocs


def read_answers(path: Path) -> dict[str, Scored]:
    """The answers with a probability of yes, by question."""
    with path.open(encoding="utf-8") as lines:
        answers = [Scored(**json.loads(line)) for line in lines]
    return {one.question_id: one for one in answers if one.p_yes is not None}


def averaged(runs: Sequence[dict[str, Scored]]) -> list[Scored]:
    """The answers of the first run, each with the probability of the mean log-odds of all.

    Raises:
        EcgByteError: the runs were not asked the same questions.
    """
    if any(run.keys() != runs[0].keys() for run in runs):
        raise EcgByteError("the files do not answer the same questions")
    scored = []
    for question_id, one in runs[0].items():
        odds = np.mean([log_odds(run[question_id].p_yes) for run in runs])
        scored.append(replace(one, p_yes=probability(float(odds))))
    return scored


def macro_auroc(scored: Sequence[Scored]) -> dict[str, Any]:
    """Macro AUROC over the superclasses, with its interval over patients.

    Raises:
        EcgByteError: nothing was asked about them.
    """
    bootstrap = PatientBootstrap(sorted({one.patient_id for one in scored}))
    found = finding_aurocs(scored, bootstrap)
    if not found or SUPERCLASS not in found["macro"]:
        raise EcgByteError("no yes/no question about a superclass was answered")
    return dict(found["macro"][SUPERCLASS])


def main() -> int:
    """Compare what the command line names."""
    paths = [Path(name) for name in sys.argv[1:]]
    if not paths:
        print("python -m tests.benchmarks.together ANSWERS...", file=sys.stderr)
        return 2
    try:
        runs = [read_answers(path) for path in paths]
        for name, scored in [
            *((str(path), list(run.values())) for path, run in zip(paths, runs, strict=True)),
            ("together", averaged(runs)),
        ]:
            macro = macro_auroc(scored)
            low, high = macro["interval"]
            print(f"{name}: {macro['auroc']:.3f} ({low:.3f}-{high:.3f})")
    except EcgByteError as error:
        print(f"together: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
