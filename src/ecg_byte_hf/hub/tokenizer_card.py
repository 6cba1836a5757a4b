"""The card of a tokenizer folder, from its own files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import __version__
from ..hub_code.errors import EcgByteError
from .cards import fill_card, pictures_in, write_card
from .fidelity_table import FIDELITY_FILE, fidelity_fields, fidelity_results
from ..hub_code.fingerprint import tokenizer_sha256
from ..hub_code.licences import hub_licence

# Paths of the machine that measured are nobody's business.
_PATHS_OF_A_REPORT = ("tokenizer", "corpus")


def write_tokenizer_card(folder: str | Path, report: Mapping[str, Any] | None = None) -> None:
    """Write README.md of a saved ECG tokenizer from its configuration, vocabulary and figures.

    `report`: what `ecg-byte report --json` measured of this very tokenizer; it is kept as
    `fidelity.json` beside it. Without it, an earlier `fidelity.json` is on the card where it is of
    this tokenizer, and removed where it is not. Pictures in the folder are shown.

    Raises `EcgByteError` where the folder holds no tokenizer, or the report is of another one.
    """
    folder = Path(folder)
    write_card(folder, tokenizer_card(folder, report=report and keep_report(folder, report)))


def tokenizer_card(folder: Path, report: Mapping[str, Any] | None = None) -> str:
    """The text of a tokenizer's card; see `write_tokenizer_card`."""
    from huggingface_hub import ModelCardData

    extractor = read_json(folder / "preprocessor_config.json")
    tokenizer = read_json(folder / "tokenizer.json")
    config = read_json(folder / "tokenizer_config.json")
    training = dict(config.get("training") or {})
    corpus = training.pop("corpus", None)
    sha256 = tokenizer_sha256(extractor, tokenizer)
    report = report or _kept_report(folder, sha256)
    markers = len(config.get("additional_special_tokens", []))
    vocabulary, merges = tokenizer["model"]["vocab"], tokenizer["model"]["merges"]
    size = len(vocabulary.keys() | {token["content"] for token in tokenizer["added_tokens"]})
    data = ModelCardData(
        library_name="transformers",
        tags=["ecg", "electrocardiogram", "tokenizer", "biosignals", "ecg-byte"],
        tokenizer_sha256=sha256,
        **(hub_licence(corpus["licence"]) if corpus else {}),
        **(
            {
                "model_name": f"ECG tokenizer {extractor['preset']}",
                "eval_results": fidelity_results(report),
            }
            if report
            else {}
        ),
    )
    return fill_card(
        "tokenizer_card.md",
        data,
        preset=extractor["preset"],
        cleaning=extractor["cleaning"],
        sampling_rate=f"{extractor['sampling_rate']:g}",
        unit=extractor["unit"],
        vocabulary_size=f"{size:,}",
        markers=markers,
        alphabet=sum(len(symbol) == 1 for symbol in vocabulary),
        merges=f"{len(merges):,}",
        corpus=corpus,
        training=training,
        fidelity=fidelity_fields(report) if report else None,
        pictures=pictures_in(folder),
        version=__version__,
    )


def keep_report(folder: Path, report: Mapping[str, Any]) -> dict[str, Any]:
    """Put a fidelity report beside the tokenizer, without paths; returns what was written.

    Raises `EcgByteError` where it was measured of another tokenizer.
    """
    from ..fidelity.report_output import write_json

    try:
        measured = report["settings"]["tokenizer_sha256"]
    except (KeyError, TypeError):
        raise EcgByteError(
            f"{folder}: this is no report of `ecg-byte report --json`, or of an older version"
        ) from None
    if measured != folder_sha256(folder):
        raise EcgByteError(
            f"{folder}: the report is of another tokenizer; measure this one with `ecg-byte report`"
        )
    settings = {k: v for k, v in report["settings"].items() if k not in _PATHS_OF_A_REPORT}
    kept = {**report, "settings": settings}
    write_json(kept, folder / FIDELITY_FILE)
    return kept


def folder_sha256(folder: Path) -> str:
    """`tokenizer_sha256` of a saved tokenizer."""
    extractor = read_json(folder / "preprocessor_config.json")
    try:
        return tokenizer_sha256(extractor, read_json(folder / "tokenizer.json"))
    except (KeyError, TypeError, AttributeError) as error:
        raise EcgByteError(
            f"{folder}: tokenizer.json is no byte-pair encoding ({type(error).__name__}: {error})"
        ) from None


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object on disk. Raises `EcgByteError` where there is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise EcgByteError(f"{path}: no such file; write it again") from None
    except (OSError, ValueError, RecursionError) as error:
        raise EcgByteError(f"{path}: cannot be read ({error})") from None
    if not isinstance(content, dict):
        raise EcgByteError(f"{path}: holds no JSON object")
    return content


def _kept_report(folder: Path, sha256: str) -> dict[str, Any] | None:
    path = folder / FIDELITY_FILE
    if not path.is_file():
        return None
    report = read_json(path)
    if report.get("settings", {}).get("tokenizer_sha256") == sha256:
        return report
    path.unlink()
    return None
