"""The folder of a trained ResNet: weights, config, what the training took."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ecg_byte_hf.corpora import open_corpus, open_questions
from ecg_byte_hf.corpora.corpus import describe_corpus
from ecg_byte_hf.fidelity.report_output import write_json
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.progress import quiet_libraries
from ecg_byte_hf.reading.learning_curve import Cost
from ecg_byte_hf.reading.output_folder import config_digest, make_folder
from ecg_byte_hf.reading.usage import UsageError

from .labelled_ecgs import corpus_format, read_ecgs
from .resnet import EcgResNet
from .resnet_arguments import ResNetArguments
from .resnet_evaluation import best_thresholds
from .resnet_training import probabilities, train_resnet

COST_FILE = "training.json"


def make_resnet(arguments: ResNetArguments) -> EcgResNet:
    """Train a ResNet and write it: `model.safetensors`, `config.json`, `training.json`.

    Its thresholds are those of highest balanced accuracy on the ECGs it was trained on.

    Raises:
        EcgByteError: the folder is not empty (nor to be overwritten), a number cannot be trained
            with, or the corpus has no labels.
    """
    out = Path(arguments.output_dir)
    budget = arguments.budget
    if arguments.max_train_records is not None and arguments.max_train_records < 2:
        raise UsageError(f"--max-train-records {arguments.max_train_records} must be 2 or more")
    make_folder(out)
    _check_own(out, overwrite=arguments.overwrite)
    form = corpus_format(arguments.corpus)
    quiet_libraries()
    ecgs = read_ecgs(
        arguments.corpus, "train", form, limit=arguments.max_train_records, quiet=arguments.quiet
    )
    model, cost = train_resnet(
        ecgs,
        arguments.corpus,
        form,
        budget,
        pretraining=arguments.pretraining,
        quiet=arguments.quiet,
    )
    model.config.thresholds = list(best_thresholds(probabilities(model, ecgs).numpy(), ecgs.labels))
    model.save_pretrained(out)
    facts = asdict(budget) | {"pretraining": arguments.pretraining, "records": len(ecgs.record_ids)}
    content = {"config": _config(arguments), "cost": asdict(cost), "settings": facts}
    write_json(content, out / COST_FILE)
    return model


def _check_own(out: Path, *, overwrite: bool) -> None:
    """Raise `EcgByteError` unless a folder is empty, or holds a ResNet that may be written over."""
    if not any(out.iterdir()):
        return
    if not (out / COST_FILE).is_file():
        raise EcgByteError(
            f"{out} is not empty and holds no ResNet, so nothing in it is touched: take another "
            "--output-dir"
        )
    if not overwrite:
        raise EcgByteError(f"{out} holds a model: take another folder, or --overwrite true")


def check_splits(arguments: ResNetArguments) -> None:
    """Raise `EcgByteError` unless the corpus has every split that is measured on, with questions.

    A split that is missing would be found once the training is over.
    """
    corpus = arguments.corpus
    asked = open_questions(corpus)
    splits = [name for name in open_corpus(corpus) if name in asked]
    for split in arguments.splits.split(","):
        if split not in splits:
            raise EcgByteError(
                f"corpus {corpus} has no split {split!r} with questions: it has {', '.join(splits)}"
            )


def _config(arguments: ResNetArguments) -> str:
    """What ResNets share that differ in the seed alone."""
    what = asdict(arguments.budget) | {
        "corpus.json": describe_corpus(arguments.corpus),
        "max_train_records": arguments.max_train_records,
        "method": "ResNet",
        "pretraining": arguments.pretraining,
    }
    return config_digest(what)


def how_trained(folder: str | Path) -> dict[str, Any]:
    """`config`, which ResNets share that differ in the seed alone, and `seed`; None if not noted.

    Raises:
        EcgByteError: `training.json` is missing or damaged.
    """
    content = _read(folder)
    return {"config": content.get("config"), "seed": content["settings"].get("seed")}


def read_trained(folder: str | Path) -> dict[str, Any]:
    """How the ResNet in a folder was trained, but for its seed.

    Raises:
        EcgByteError: `training.json` is missing or damaged.
    """
    return {name: value for name, value in _read(folder)["settings"].items() if name != "seed"}


def read_cost(folder: str | Path) -> Cost:
    """What the training of the ResNet in a folder took.

    Raises:
        EcgByteError: `training.json` is missing or damaged.
    """
    return Cost(**_read(folder)["cost"])


def _read(folder: str | Path) -> dict[str, Any]:
    path = Path(folder) / COST_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        Cost(**content["cost"])
        return {**content, "settings": dict(content["settings"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EcgByteError(
            f"{path} is missing or damaged: make the ResNet again with training/resnet.py"
        ) from error
