"""`python -m tests.benchmarks.decoded_corpus TOKENIZER CORPUS OUT`: what tokens leave of the ECGs.

Writes a corpus with the rows and questions of CORPUS, each signal the one that its tokens decode
to, at the tokenizer's rate. A ResNet trained and measured on it (`training/resnet.py --corpus OUT`)
says what can still be read after the codec, whoever reads it: where it does as well as on the
signals themselves, what a Llama gets wrong was not lost in coding. `--without-rest` decodes rhythm
and representative beats alone, without what is left.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ecg_byte_hf.corpora import check_corpus_unit, open_corpus, signal_mV
from ecg_byte_hf.corpora.columns import ecg_features, quantise
from ecg_byte_hf.corpora.corpus import CORPUS_FILE, describe_corpus
from ecg_byte_hf.corpora.shards import write_rows
from ecg_byte_hf.fidelity.usage import kind_of_word
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.hub_code.processing_ecg_byte import EcgByteProcessor
from ecg_byte_hf.progress import track
from ecg_byte_hf.reading.tokenised import load_ecg_processor


def without_rest(processor: EcgByteProcessor, ids: list[int]) -> list[int]:
    """The ids of an ECG of rhythm and representative beats, which stand before what is left."""
    extractor = processor.feature_extractor
    words = zip(extractor.markers, extractor.channels, strict=True)
    rest = [marker for marker, name in words if kind_of_word(extractor.preset, name) == "rest"]
    marks = set(processor.tokenizer.convert_tokens_to_ids(rest))
    first = next((place for place, token in enumerate(ids) if token in marks), len(ids) - 1)
    return [*ids[:first], ids[-1]]


def decoded_columns(
    processor: EcgByteProcessor, row: Mapping[str, Any], samples: int, *, rest: bool = True
) -> dict[str, Any]:
    """The columns that tokens change; the signal is cut or filled with 0 to `samples`."""
    ids = processor.ecg_ids(signal_mV(row), float(row["sampling_rate"]))
    ids = ids if rest else without_rest(processor, ids)
    decoded = processor.decode_ecg(ids)[:, :samples]
    signal, scale = quantise(decoded)
    return {
        "signal": np.pad(signal, ((0, 0), (0, samples - decoded.shape[1]))),
        "scale": scale,
        "samples": decoded.shape[1],
        "sampling_rate": processor.feature_extractor.sampling_rate,
    }


def write_decoded(
    processor: EcgByteProcessor, corpus: Path, out: Path, *, rest: bool = True
) -> None:
    """Write the corpus; its description says nothing of the tokens.

    Without `rest`, signals are what rhythm and representative beats decode to.

    Raises:
        EcgByteError: `corpus` is none, or in another unit than the tokenizer's.
    """
    description = describe_corpus(corpus)
    rate = processor.feature_extractor.sampling_rate
    check_corpus_unit(corpus, processor.feature_extractor.unit, "the tokenizer")
    samples = round(description["samples"] * rate / description["sampling_rate"])
    for split, rows in open_corpus(corpus).items():
        # Other columns as Python has them, which is how shards are written.
        plain = rows.remove_columns("signal").with_format(None)
        decoded = [
            known | decoded_columns(processor, row, samples, rest=rest)
            for row, known in zip(track(rows, split, len(rows)), plain, strict=True)
        ]
        write_rows(out / "data" / f"{split}-00000-of-00001.parquet", decoded, ecg_features(samples))
    shutil.copytree(corpus / "questions", out / "questions")
    description |= {"sampling_rate": rate, "samples": samples}
    (out / CORPUS_FILE).write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")


def main() -> int:
    """Write what the command line names."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.decoded_corpus")
    parser.add_argument("tokenizer", help="folder of a tokenizer")
    parser.add_argument("corpus", type=Path)
    parser.add_argument("out", type=Path, help="folder to write, not there yet")
    parser.add_argument(
        "--without-rest", action="store_true", help="rhythm and representative beats alone"
    )
    arguments = parser.parse_args()
    if arguments.out.exists():
        parser.error(f"{arguments.out} is there already: name another folder")
    try:
        write_decoded(
            load_ecg_processor(arguments.tokenizer),
            arguments.corpus,
            arguments.out,
            rest=not arguments.without_rest,
        )
    except EcgByteError as error:
        print(f"decoded_corpus: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
