"""`python -m tests.benchmarks.cross_validated CORPUS TOKENIZER...`: what tokens tell by themselves.

The ridge regression of tests/benchmarks/reading.py, on how often each token occurs, cross-validated
over the training split of a corpus of `ptb-xl-normalised`: ten parts, by patient, each told by a
regression on the other nine. No ECG of fold 9 is looked at, and there are seven times as many, so
that tokenizers can be chosen by it and smaller differences seen. The differences to the first
tokenizer are paired: the same patients drawn for both.

The tokenizers themselves were fitted on the whole training split, without its labels.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import numpy as np  # noqa: E402

from ecg_byte_hf.corpora import check_corpus_unit  # noqa: E402
from ecg_byte_hf.hub_code.errors import EcgByteError  # noqa: E402
from ecg_byte_hf.progress import track  # noqa: E402
from ecg_byte_hf.reading.intervals import PatientBootstrap  # noqa: E402
from ecg_byte_hf.reading.tokenised import load_ecg_processor  # noqa: E402
from ecg_byte_hf.reading.yes_no import auroc  # noqa: E402

from .reading_ecgs import CLASSES, Labelled, read_split  # noqa: E402
from .reading_model import Ids, linear_logits  # noqa: E402

PARTS = 10
_SAMPLING_RATE_HZ = 100.0


def parts_by_patient(patients: Sequence[str], seed: int = 0) -> np.ndarray:
    """The part (of `PARTS`) of each ECG, all of a patient's in the same: int64 (ECGs,)."""
    names = sorted(set(patients))
    drawn = np.random.default_rng(seed).integers(0, PARTS, len(names))
    part = dict(zip(names, drawn, strict=True))
    return np.array([part[name] for name in patients])


def held_out_logits(ids: Ids, ecgs: Labelled, tokens: int) -> np.ndarray:
    """Logits (ECGs, classes), each of a regression that has not seen the patient."""
    parts = parts_by_patient(ecgs.patients)
    logits = np.zeros(ecgs.labels.shape)
    for part in np.unique(parts):
        seen, asked = np.flatnonzero(parts != part), np.flatnonzero(parts == part)
        labels = ecgs.labels[seen].astype(float)
        logits[asked] = linear_logits(
            [ids[i] for i in seen], labels, [ids[i] for i in asked], tokens
        )
    return logits


def main() -> int:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.cross_validated")
    parser.add_argument("corpus", type=Path, help="corpus of `ecg-byte prepare ptb-xl-normalised`")
    parser.add_argument("tokenizers", nargs="+", help="tokenizer folders; the first is compared to")
    arguments = parser.parse_args()
    try:
        ecgs = read_split(arguments.corpus, "train")
        bootstrap = PatientBootstrap(ecgs.patients)
        weights = bootstrap.weights(ecgs.patients)
        first: np.ndarray | None = None
        for name in arguments.tokenizers:
            processor = load_ecg_processor(name)
            check_corpus_unit(arguments.corpus, processor.feature_extractor.unit, name)
            ids = [
                np.array(processor.ecg_ids(signal, _SAMPLING_RATE_HZ))
                for signal in track(ecgs.signals, name, len(ecgs.signals))
            ]
            logits = held_out_logits(ids, ecgs, processor.ecg_vocabulary_size)
            columns = list(zip(logits.T, ecgs.labels.T, strict=True))
            areas = [auroc(*one) for one in columns]
            drawn = np.mean([auroc(*one, weights) for one in columns], axis=0)
            tokens = np.mean([len(one) for one in ids])
            line = f"{name}: {tokens:.1f} tokens, macro AUROC {np.mean(areas):.4f}"
            if first is None:
                low, high = bootstrap.interval(drawn) or (np.nan, np.nan)
                first = drawn
                line += f" ({low:.4f} ... {high:.4f})"
            else:
                low, high = bootstrap.interval(drawn - first) or (np.nan, np.nan)
                line += f", minus the first {low:+.4f} ... {high:+.4f}"
            each = ", ".join(f"{c} {a:.3f}" for c, a in zip(CLASSES, areas, strict=True))
            print(f"{line}; {each}", flush=True)
    except EcgByteError as error:
        print(f"cross_validated: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
