"""The card of a model folder, from what training and evaluation left in it."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from pathlib import Path
from typing import Any

from .. import __version__
from ..hub_code.errors import EcgByteError
from ..hub_code.licences import hub_licence
from .cards import CARD_FILE, fill_card, pictures_in, write_card
from .tokenizer_card import read_json

# Whoever takes this line out of a card keeps what he wrote.
MARKER = "<!-- ecg-byte writes this card anew; take this line out to keep words of your own -->"

_UNTOUCHED_OF_PEFT = "# Model Card for Model ID\n"
_CONTROLS = ("accuracy", "blind", "blackout", "shuffled", "majority")
_TASK = {"task_type": "question-answering", "task_name": "Questions about ECGs"}


def refresh_model_card(folder: str | Path) -> None:
    """Write README.md of a model folder, unless somebody wrote one of his own.

    Raises `EcgByteError` where `reading.json` or an evaluation cannot be read.
    """
    folder = Path(folder)
    text = fresh_model_card(folder)
    if text is not None:
        write_card(folder, text)


def fresh_model_card(folder: Path) -> str | None:
    """The text of a model's card, None where somebody wrote one of his own; see above."""
    path = folder / CARD_FILE
    if path.is_file() and not is_written_card(path):
        return None
    try:
        return model_card(folder)
    except (KeyError, TypeError, AttributeError) as error:
        raise EcgByteError(
            f"{folder}: reading.json or an evaluation is of another version ({error!r}); train or "
            f"evaluate it again"
        ) from None


def is_written_card(path: Path) -> bool:
    """Whether a card is as we or PEFT wrote it, so that no word of anybody's is lost with it."""
    text = path.read_text(encoding="utf-8", errors="replace")
    return MARKER in text or _UNTOUCHED_OF_PEFT in text


def model_card(folder: Path) -> str:
    """The text of a model's card: settings, data, accuracy beside its controls, model-index."""
    from huggingface_hub import ModelCardData

    from ..reading.repository import is_repository_name

    settings = read_json(folder / "reading.json")
    corpus = settings.get("corpus")
    tokens = settings["ecg_tokens_mean"]
    adapter = (folder / "adapter_config.json").is_file()
    # "made here" and a path on somebody's disk are names to nobody.
    base = settings["base"] if is_repository_name(settings["base"]) else None
    evaluations = [read_json(path) for path in sorted(folder.glob("evaluation-*.json"))]
    splits = [split for split in settings["records"] if settings["records"][split]]
    title = corpus["title"] if corpus else "a corpus of ECGs"
    results = [one for result in evaluations for one in _results(result, corpus, title)]
    data = ModelCardData(
        library_name="peft" if adapter else "transformers",
        pipeline_tag="text-generation",
        base_model=base,
        **({"base_model_relation": "adapter" if adapter else "finetune"} if base else {}),
        tags=["ecg", "electrocardiogram", "ecg-byte", *(["lora"] if adapter else [])],
        **(hub_licence(corpus["licence"]) if corpus else {}),
        **({"model_name": f"ECG reader, {title}", "eval_results": results} if results else {}),
    )
    return fill_card(
        "model_card.md",
        data,
        marker=MARKER,
        adapter=adapter,
        merged=settings["base"] != "made here" and not adapter,
        base=base or "a base without a public name",
        asked=_asked(folder),
        corpus=corpus,
        preset=settings["preset"],
        parameters=f"{_stored_parameters(folder):,}",
        ecg_vocabulary=f"{settings['ecg_vocabulary']:,}",
        ecg_tokens_mean=None if tokens is None else f"{tokens:.0f}",
        splits=splits,
        records=settings["records"],
        questions=settings["questions"],
        seed=settings["seed"],
        context=settings["context"],
        ecg_loss_weight=settings.get("ecg_loss_weight", 0.0),
        results=[_table(result) for result in evaluations],
        pictures=pictures_in(folder),
        version=__version__,
    )


def _asked(folder: Path) -> str | None:
    """A question that the model was trained on; None where the folder does not say them."""
    from ..reading.wordings import read_wordings

    return next(iter(read_wordings(folder)), None)


def _stored_parameters(folder: Path) -> int:
    """How many numbers the safetensors files of a folder hold; a tied matrix lies there once."""
    from safetensors import safe_open

    count = 0
    for path in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(path, framework="numpy") as tensors:
                names = list(tensors.keys())
                count += sum(prod(tensors.get_slice(name).get_shape()) for name in names)
        except Exception as error:
            raise EcgByteError(f"{path}: cannot be read ({error}); train it again") from None
    return count


def _results(result: Mapping[str, Any], corpus: Mapping[str, Any] | None, title: str) -> list[Any]:
    from huggingface_hub import EvalResult

    of_data = {
        "dataset_type": corpus["source"] if corpus else "ecg",
        "dataset_name": title,
        "dataset_split": result["settings"]["split"],
    }

    def one(kind: str, name: str, run: str, value: float, interval: Any) -> EvalResult:
        return EvalResult(
            **_TASK,
            **of_data,
            metric_type=kind,
            metric_name=name if run == "accuracy" else f"{name}, control {run}",
            metric_value=value,
            **({"metric_args": {"interval_95": interval, "over": "patients"}} if interval else {}),
        )

    results = []
    for run in _CONTROLS:
        scores = result.get(run)
        if scores is None:
            continue
        accuracy, interval = scores["overall"], scores.get("interval")
        if accuracy is not None:
            results.append(one("exact_match", "exact match", run, accuracy, interval))
        macro = (scores.get("auroc") or {}).get("macro", {})
        for attribute, found in macro.items():
            name = f"macro AUROC of P(yes), {attribute}"
            results.append(one("roc_auc", name, run, found["auroc"], found["interval"]))
    return results


def _table(result: Mapping[str, Any]) -> dict[str, Any]:
    from ..reading.tables import accuracy_of, apart_lines, auroc_rows, with_interval

    kinds = list(result["accuracy"]["per_type"])
    rows = [
        {
            "name": name,
            "cells": [
                with_interval(*accuracy_of(result.get(name), kind)) for kind in (None, *kinds)
            ],
        }
        for name in _CONTROLS
        if result["accuracy"]["overall"] is not None
    ]
    settings = result["settings"]
    floors = {floor: result["accuracy"].get(f"above_{floor}") for floor in ("blind", "majority")}
    runs = [run for run in _CONTROLS if (result.get(run) or {}).get("auroc")]
    return {
        "split": settings["split"],
        "records": settings["records"],
        "questions": settings["questions"],
        "kinds": kinds,
        "rows": rows,
        "above": {
            floor: with_interval(above["overall"], above["interval"])
            for floor, above in floors.items()
            if above
        },
        "auroc_runs": runs,
        "auroc": [
            row | {"cells": [_area(row["found"].get(run)) for run in runs]}
            for row in auroc_rows(result)
        ],
        "apart": apart_lines(result),
        "not_made": result.get("not_made", {}),
    }


def _area(found: Mapping[str, Any] | None) -> str:
    from ..reading.tables import with_interval

    return with_interval(found["auroc"], found["interval"], per_cent=False) if found else "-"
