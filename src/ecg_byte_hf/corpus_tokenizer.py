"""From a corpus folder to an `EcgByteProcessor`: fit the extractor, train the BPE."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .corpora import corpus_facts, describe_corpus, open_corpus, signal_mV
from .hub.cards import RUN_PICTURES
from .hub.fidelity_table import FIDELITY_FILE
from .hub.pictures import tokenizer_pictures
from .hub.tokenizer_card import write_tokenizer_card
from .hub_code.errors import EcgByteError
from .hub_code.feature_extraction_ecg_byte import EcgByteFeatureExtractor
from .hub_code.presets import BEAT_PRESETS, DEFAULT_PRESET, STEPS_IN_SD
from .hub_code.processing_ecg_byte import EcgByteProcessor
from .progress import datasets_bars, track
from .tokenizer import check_vocabulary_size, check_vocabulary_sizes, train_tokenizer
from .training_words import training_words_dataset

# Measured (docs/codec.md): 1.5 % fewer tokens for `beat` where a few hundred ECGs train it.
DEFAULT_AUGMENT = {"paper": 0, "compact": 0} | dict.fromkeys(BEAT_PRESETS, 2)

# A model folder holds a processor too; nothing may be trained into it.
_OF_A_MODEL = {"adapter_config.json", "reading.json", "ecg_tokenizer", "training"}


def processor_from_corpus(
    corpus: str | Path,
    *,
    preset: str = DEFAULT_PRESET,
    vocabulary_size: int = 4096,
    vocabulary_sizes: Mapping[str, int] | None = None,
    augment: int | None = None,
    seed: int = 0,
    split: str = "train",
    max_records: int | None = None,
    cleaning: str | None = None,
    codec: dict[str, Any] | None = None,
    num_proc: int | None = None,
    quiet: bool = False,
) -> EcgByteProcessor:
    """Fit an extractor on a split of a corpus and train its BPE there.

    `vocabulary_sizes`: tokens per kind of word instead of `vocabulary_size`, as `train_tokenizer`
    has it (beat presets, whose words then have separate alphabets); `augment`: how many shifted
    and scaled copies of each ECG the BPE also sees (default: 2 for beat presets, else 0), drawn
    from `seed`; `max_records`: only the first so many rows; `codec`: options of the preset's codec,
    such as `{"step": 0.3}`. A corpus in standard deviations (`prepare ptb-xl-normalised`) gives an
    extractor of its unit and rate that cleans nothing. The same corpus and options give the same
    files.

    Raises `EcgByteError` where the corpus or the split is missing or an option makes no sense.
    """
    for name, number, least in (
        ("max_records", max_records, 1),
        ("num_proc", num_proc, 1),
        ("augment", augment, 0),
        ("seed", seed, 0),
    ):
        if number is not None and number < least:
            raise EcgByteError(f"{name} {number} makes no sense; give {least} or more")
    if vocabulary_sizes is not None and preset in BEAT_PRESETS:
        codec = {**(codec or {}), "alphabets": "separate"}
    extractor = _new_extractor(preset, describe_corpus(corpus), cleaning, codec)
    if vocabulary_sizes is None:
        check_vocabulary_size(vocabulary_size, extractor)
    else:
        check_vocabulary_sizes(vocabulary_sizes, extractor)
    copies = DEFAULT_AUGMENT[preset] if augment is None else augment
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
        rows = training_words_dataset(
            dataset, extractor, augment=copies, seed=seed, num_proc=num_proc
        )
    tokenizer = train_tokenizer(
        (row["words"] for row in rows),
        extractor,
        vocabulary_size,
        vocabulary_sizes=vocabulary_sizes,
        training={
            "augment": copies,
            "seed": seed,
            "corpus": corpus_facts(corpus)
            | {
                "split": split,
                "rows": len(dataset),
                "patients": len(set(dataset.with_format(None)["patient_id"])),
            },
        },
    )
    return EcgByteProcessor(extractor, tokenizer)


def _new_extractor(
    preset: str, corpus: Mapping[str, Any], cleaning: str | None, codec: dict[str, Any] | None
) -> EcgByteFeatureExtractor:
    """In mV at 250 Hz; for a corpus in another unit as its signals are, cleaned already."""
    if corpus["unit"] == "mV":
        return EcgByteFeatureExtractor(preset, cleaning=cleaning, codec=codec)
    return EcgByteFeatureExtractor(
        preset,
        sampling_rate=float(corpus["sampling_rate"]),
        unit=corpus["unit"],
        cleaning=cleaning or "none",
        codec={**STEPS_IN_SD.get(preset, {}), **(codec or {})},
    )


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


def save_processor(
    processor: EcgByteProcessor, out: str | Path, *, draw: bool = False, quiet: bool = True
) -> None:
    """Write the tokenizer and its card; `EcgByteError` where it cannot be done (a full disk).

    `draw`: with pictures of a simulated ECG, where matplotlib is installed. Figures and pictures
    of an earlier tokenizer in `out` go.
    """
    for name in (FIDELITY_FILE, *RUN_PICTURES):
        (Path(out) / name).unlink(missing_ok=True)
    try:
        processor.save_pretrained(out)
        pictures = tokenizer_pictures(processor, quiet=quiet) if draw else None
        write_tokenizer_card(out, pictures=pictures)
    except OSError as error:
        raise EcgByteError(
            f"{out}: the tokenizer could not be written ({error.strerror or error}); make room and "
            f"run the same command again with --overwrite"
        ) from None
