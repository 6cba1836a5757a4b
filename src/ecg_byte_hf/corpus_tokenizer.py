"""From a corpus folder to an `EcgByteProcessor`: fit the extractor, train the BPE."""

from __future__ import annotations

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
