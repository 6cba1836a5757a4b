"""`python -m tests.benchmarks.reading`: how well a small Llama reads what a preset says.

Trains a Llama of 1.6 million parameters from scratch to tell the five superclasses of PTB-XL from
the tokens of an ECG: folds 1-8 of `ptb-xl-normalised`, measured on fold 9 (260 ECGs), the same
minutes of one core whatever the preset. Prints a line and writes a JSON. Needs the real ECGs
(`ECG_BYTE_DATA`) or a corpus of them.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

# Read by the libraries when they are loaded.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np  # noqa: E402
import torch  # noqa: E402

from ecg_byte_hf.augmentation import Augmentation  # noqa: E402
from ecg_byte_hf.hub_code.errors import EcgByteError  # noqa: E402
from ecg_byte_hf.hub_code.feature_extraction_ecg_byte import (  # noqa: E402
    CODECS,
    EcgByteFeatureExtractor,
)
from ecg_byte_hf.hub_code.presets import DEFAULT_PRESET, STEPS_IN_SD  # noqa: E402
from ecg_byte_hf.hub_code.processing_ecg_byte import EcgByteProcessor  # noqa: E402
from ecg_byte_hf.reading.row_starts import token_vectors  # noqa: E402
from ecg_byte_hf.tokenizer import train_tokenizer  # noqa: E402

from .ecgs import REPOSITORY, run_ecg_byte  # noqa: E402
from .reading_ecgs import CLASSES, VARIATION, Labelled, read_split  # noqa: E402
from .reading_model import (  # noqa: E402
    Budget,
    Ids,
    Reader,
    auroc,
    linear_logits,
    macro_interval,
    scores,
    train,
)

SAMPLING_RATE_HZ = 100.0
_SHARED_SEED = 100


def fitted_processor(
    preset: str,
    codec: dict[str, Any],
    vocabulary_size: int,
    ecgs: Labelled,
    vocabulary_sizes: dict[str, int] | None = None,
) -> EcgByteProcessor:
    """A processor fitted on signals in standard deviations at 100 Hz, already cleaned.

    `vocabulary_sizes`: tokens per kind of word instead, no merge shared.
    """
    if vocabulary_sizes:
        codec = {**codec, "alphabets": "separate"}
    extractor = EcgByteFeatureExtractor(
        preset, sampling_rate=SAMPLING_RATE_HZ, unit="SD", cleaning="none", codec=codec
    )
    extractor.fit((signal, SAMPLING_RATE_HZ) for signal in ecgs.signals)
    words = (extractor.encode(signal, SAMPLING_RATE_HZ) for signal in ecgs.signals)
    tokenizer = train_tokenizer(
        words, extractor, vocabulary_size, vocabulary_sizes=vocabulary_sizes
    )
    return EcgByteProcessor(extractor, tokenizer)


def measure(
    ids_of: Callable[[np.ndarray], np.ndarray],
    vocabulary_size: int,
    train_ecgs: Labelled,
    test_ecgs: Labelled,
    variation: Augmentation | None,
    budget: Budget,
    say: Callable[[str], None],
    vectors: np.ndarray | None = None,
) -> dict[str, Any]:
    """Train a reader of `ids_of(signal)` and measure it: everything that goes into the JSON.

    `vectors`: what its embeddings start from.
    """

    def tokenise(epoch: int) -> Ids:
        if variation is None:
            return [ids_of(signal) for signal in train_ecgs.signals]
        rng = np.random.default_rng([_SHARED_SEED + budget.seed, epoch])
        return [ids_of(variation(signal, SAMPLING_RATE_HZ, rng)) for signal in train_ecgs.signals]

    test_ids = [ids_of(signal) for signal in test_ecgs.signals]
    own_ids = [ids_of(signal) for signal in train_ecgs.signals]
    linear = auroc(
        linear_logits(own_ids, train_ecgs.labels, test_ids, vocabulary_size), test_ecgs.labels
    )
    tokens = float(np.mean([one.shape[-1] for one in test_ids]))
    say(f"linear AUROC {linear.mean():.4f}, {tokens:.0f} tokens")
    result: dict[str, Any] = {
        "auroc_linear_macro": float(linear.mean()),
        "auroc_linear": dict(zip(CLASSES, linear.tolist(), strict=True)),
        "tokens_mean": tokens,
        "tokens_mean_train": float(np.mean([one.shape[-1] for one in own_ids])),
        "vocabulary_size": vocabulary_size,
    }
    if not budget.minutes:
        return result
    some_ids, some_labels = own_ids[: len(test_ids)], train_ecgs.labels[: len(test_ids)]

    def each_epoch(model: Reader, entry: dict[str, float]) -> None:
        entry["auroc"] = float(auroc(scores(model, test_ids), test_ecgs.labels).mean())
        entry["auroc_train"] = float(auroc(scores(model, some_ids), some_labels).mean())
        say(
            f"epoch {entry['epoch']:5.1f}  loss {entry['loss']:.4f}  AUROC {entry['auroc']:.4f}"
            f"  on training ECGs {entry['auroc_train']:.4f}"
        )

    model, history = train(
        tokenise, train_ecgs.labels, vocabulary_size, budget, each_epoch, vectors
    )
    logits = scores(model, test_ids)
    per_class = auroc(logits, test_ecgs.labels)
    low, high = macro_interval(logits, test_ecgs.labels)
    epochs = history.epochs[-1]["epoch"]
    return result | {
        "auroc_macro": float(per_class.mean()),
        "auroc_interval": [low, high],
        "auroc": dict(zip(CLASSES, per_class.tolist(), strict=True)),
        "auroc_train": history.epochs[-1]["auroc_train"],
        "epochs": epochs,
        "seconds": history.seconds,
        "examples_per_second": len(train_ecgs.signals) * epochs / history.seconds,
        "parameters": sum(p.numel() for p in model.parameters()),
        "budget": asdict(budget),
        "variation": asdict(variation) if variation else None,
        "history": history.epochs,
        "logits": np.round(logits, 4).tolist(),
    }


def line(name: str, result: dict[str, Any]) -> str:
    """One line of a table."""
    linear = (
        f"{name}: linear AUROC {result['auroc_linear_macro']:.4f}, "
        f"{result['tokens_mean']:.0f} tokens, vocabulary {result['vocabulary_size']}"
    )
    if "auroc_macro" not in result:
        return linear
    classes = " ".join(f"{key} {value:.3f}" for key, value in result["auroc"].items())
    low, high = result["auroc_interval"]
    return (
        f"{linear}; Llama {result['auroc_macro']:.4f} ({low:.3f} ... {high:.3f}), "
        f"{result['epochs']:.1f} epochs in {result['budget']['minutes']:g} min, "
        f"{result['examples_per_second']:.1f} ECGs/s, "
        f"on training ECGs {result['auroc_train']:.3f}; {classes}"
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.reading", description=__doc__)
    parser.add_argument("--preset", choices=tuple(CODECS), default=DEFAULT_PRESET)
    parser.add_argument("--codec", type=json.loads, default={}, help="codec options, as JSON")
    parser.add_argument("--vocab-size", type=int, default=2048)
    parser.add_argument(
        "--vocab-sizes", type=json.loads, help="instead: tokens per kind of word, as JSON"
    )
    parser.add_argument("--rows-start", choices=("random", "waveform"), default="random")
    parser.add_argument("--minutes", type=float, default=20.0, help="of one idle core; 0: no Llama")
    parser.add_argument("--next-token", type=float, default=Budget.next_token)
    parser.add_argument("--plain", action="store_true", help="show each ECG as it is, every epoch")
    parser.add_argument(
        "--time", choices=("position", "embedding"), default="", help="tell tokens when they begin"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--corpus", type=Path, help="made by prepare ptb-xl-normalised")
    parser.add_argument("--json", type=Path, default=None)
    arguments = parser.parse_args()
    if not 0 <= arguments.minutes < float("inf"):
        parser.error(f"--minutes {arguments.minutes} must be 0 or more")
    if not isinstance(arguments.codec, dict):
        parser.error(f"--codec {arguments.codec} must be a mapping")
    return arguments


def _corpus(folder: Path) -> Path:
    data = Path(os.environ.get("ECG_BYTE_DATA", REPOSITORY.parent / "shared" / "data"))
    source = data / "ptb-xl-normalised"
    if not (source / "train.parquet").is_file():
        sys.exit(f"no {source}; set ECG_BYTE_DATA to the folder that holds ptb-xl-normalised/")
    run_ecg_byte(
        *("prepare", "ptb-xl-normalised", source, "--out", folder, "--no-questions", "--quiet")
    )
    return folder


def main() -> None:
    """Prepare, train, measure, print, write."""
    arguments = _arguments()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["HF_DATASETS_CACHE"] = str(Path(temporary) / "datasets-cache")
        corpus = arguments.corpus or _corpus(Path(temporary) / "corpus")
        train_ecgs, test_ecgs = read_split(corpus, "train"), read_split(corpus, "validation")
    codec = STEPS_IN_SD.get(arguments.preset, {}) | arguments.codec
    processor = fitted_processor(
        *(arguments.preset, codec, arguments.vocab_size, train_ecgs, arguments.vocab_sizes)
    )
    started = arguments.rows_start == "waveform"
    encode = processor.feature_extractor.encode

    def ids_of(signal: np.ndarray) -> np.ndarray:
        ids = processor.words_to_ids(encode(signal, SAMPLING_RATE_HZ))
        if not arguments.time:
            return np.array(ids, dtype=np.int64)
        begins = [span.start for span in processor.token_spans(ids)]
        return np.array([ids, begins], dtype=np.int64)

    budget = Budget(
        minutes=arguments.minutes,
        next_token=arguments.next_token,
        seed=arguments.seed,
        time=arguments.time,
    )
    variation = None if arguments.plain else VARIATION
    result = measure(
        *(ids_of, processor.ecg_vocabulary_size, train_ecgs, test_ecgs, variation, budget),
        say=lambda text: print(text, file=sys.stderr, flush=True),
        vectors=token_vectors(processor) if started else None,
    )
    result = {
        "preset": arguments.preset,
        "codec": codec,
        "vocabulary_sizes": arguments.vocab_sizes,
        "rows_start": arguments.rows_start,
    } | result
    print(line(arguments.preset, result))
    path = arguments.json or Path("out") / f"reading-{arguments.preset}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except EcgByteError as error:
        sys.exit(f"reading: {error}")
