"""From a corpus folder to an `EcgByteProcessor`: fit the extractor, train the BPE."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .corpora import open_corpus, signal_mV
from .hub_code.errors import EcgByteError
from .hub_code.feature_extraction_ecg_byte import EcgByteFeatureExtractor
from .hub_code.processing_ecg_byte import EcgByteProcessor
from .hub_code.signal_checks import MIN_DURATION_S
from .progress import datasets_bars, track
from .symbolize import symbolize_dataset
from .tokenizer import train_tokenizer

# A model folder holds a processor too; nothing may be trained into it.
_OF_A_MODEL = {"adapter_config.json", "reading.json", "ecg_tokenizer", "training"}


def processor_from_corpus(
    corpus: str | Path,
    *,
    preset: str = "compact",
    vocabulary_size: int = 4096,
    split: str = "train",
    max_records: int | None = None,
    cleaning: str | None = None,
    codec: dict[str, Any] | None = None,
    num_proc: int | None = None,
    quiet: bool = False,
) -> EcgByteProcessor:
    """Fit an extractor on a split of a corpus and train its BPE there.

    `max_records`: only the first so many rows; `codec`: options of the preset's codec, such as
    `{"step": 0.3}`. The same corpus and options give the same files.

    Raises `EcgByteError` where the corpus or the split is missing or an option makes no sense.
    """
    extractor = EcgByteFeatureExtractor(preset, cleaning=cleaning, codec=codec)
    splits = open_corpus(corpus)
    if split not in splits:
        raise EcgByteError(f"{corpus}: no split {split!r}; it has {', '.join(splits)}")
    dataset = splits[split]
    if max_records is not None:
        dataset = dataset.select(range(min(max_records, len(dataset))))

    def signals() -> Iterator[tuple[Any, float]]:
        for row in track(dataset, "fitting the codec", len(dataset), quiet=quiet):
            yield signal_mV(row), float(row["sampling_rate"])

    extractor.fit(signals())
    with datasets_bars(quiet):
        parts = [symbolize_dataset(dataset, extractor, num_proc=num_proc)]
        if preset == "beat":
            # Pieces so short that most have no template: long ECGs never show the BPE such words.
            parts.append(
                symbolize_dataset(dataset, extractor, num_proc=num_proc, seconds=MIN_DURATION_S)
            )
    rows = (row for part in parts for row in part.with_format(None).select_columns(["words"]))
    tokenizer = train_tokenizer((row["words"] for row in rows), extractor, vocabulary_size)
    return EcgByteProcessor(extractor, tokenizer)


def claim_tokenizer_folder(out: str | Path, *, overwrite: bool = False) -> None:
    """Make sure that a tokenizer can be written to `out`, before the work that it takes.

    Raises `EcgByteError` where `out` is a file, cannot be made, holds other files, or holds a
    tokenizer and `overwrite` is not set.
    """
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        names = {path.name for path in folder.iterdir()}
    except OSError as error:
        raise EcgByteError(
            f"{folder}: no folder can be made there ({error.strerror or error}); give another --out"
        ) from None
    if not os.access(folder, os.W_OK):
        raise EcgByteError(f"{folder}: may not be written to; give another --out")
    if names & _OF_A_MODEL:
        raise EcgByteError(f"{folder}: holds a fine-tuned model; give another --out")
    if names and "processor_config.json" not in names:
        raise EcgByteError(f"{folder}: holds other files; give an empty or a new folder as --out")
    if names and not overwrite:
        raise EcgByteError(f"{folder}: holds a tokenizer; give another --out, or --overwrite")


def save_processor(processor: EcgByteProcessor, out: str | Path) -> None:
    """`processor.save_pretrained(out)`; `EcgByteError` where it cannot be written (a full disk)."""
    try:
        processor.save_pretrained(out)
    except OSError as error:
        raise EcgByteError(
            f"{out}: the tokenizer could not be written ({error.strerror or error}); make room and "
            f"run the same command again with --overwrite"
        ) from None
