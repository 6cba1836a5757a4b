"""The card of a tokenizer folder, from its own files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import __version__
from ..bundled import FOLDER as BUNDLED_FOLDER
from ..fidelity.report_output import json_text
from ..hub_code.errors import EcgByteError
from ..hub_code.fingerprint import tokenizer_sha256
from ..hub_code.licences import hub_licence, licence_text
from .cards import CARD_FILE, REPOSITORY, fill_card, pictures_in, write_files
from .fidelity_table import FIDELITY_FILE, fidelity_fields, fidelity_results

_TAGS = ("ecg", "electrocardiogram", "tokenizer", "biosignals", "ecg-byte")

IMPORTED_FILE = "imported_from.json"
"""What the folder of an imported tokenizer says about the file that it was made from."""

# Paths of the machine that measured are nobody's business.
_PATHS_OF_A_REPORT = ("tokenizer", "corpus")


def write_tokenizer_card(
    folder: str | Path,
    report: Mapping[str, Any] | None = None,
    *,
    pictures: Mapping[str, bytes] | None = None,
    tags: Sequence[str] = (),
) -> None:
    """Write README.md of a saved ECG tokenizer from its configuration, vocabulary and figures.

    `report`: what `ecg-byte report --json` measured of this very tokenizer; it is kept as
    `fidelity.json` beside it. Without it, an earlier `fidelity.json` is on the card where it is of
    this tokenizer, and removed where it is not; a tokenizer that is the bundled one gets what was
    measured of that. `pictures` are put there too; all in the folder are shown. `tags` come before
    ours.

    Raises `EcgByteError` where the folder holds no tokenizer, or the report is of another one.
    """
    folder = Path(folder)
    write_files(folder, tokenizer_card_files(folder, report, pictures=pictures, tags=tags))


def write_pushed_card(folder: Path, repository: str, tags: Sequence[str] = ()) -> None:
    """The card, with pictures, of a folder that `EcgByteProcessor.push_to_hub` uploads."""
    from ..hub_code.processing_ecg_byte import EcgByteProcessor
    from .pictures import tokenizer_pictures

    pictures = tokenizer_pictures(EcgByteProcessor.from_pretrained(folder))
    write_tokenizer_card(folder, pictures=pictures, tags=tags)
    path = folder / CARD_FILE
    text = path.read_text(encoding="utf-8").replace(REPOSITORY, repository)
    path.write_text(text, encoding="utf-8")


def tokenizer_card_files(
    folder: Path,
    report: Mapping[str, Any] | None = None,
    *,
    pictures: Mapping[str, bytes] | None = None,
    tags: Sequence[str] = (),
) -> dict[str, bytes | None]:
    """What `write_tokenizer_card` writes, by name; `None` for a file that it removes."""
    sha256 = folder_sha256(folder)
    measured = _kept_report(folder, sha256) if report is None else _without_paths(folder, report)
    files: dict[str, bytes | None] = dict(pictures or {})
    if measured is None:
        if (folder / FIDELITY_FILE).is_file():
            files[FIDELITY_FILE] = None
    else:
        files[FIDELITY_FILE] = json_text(measured).encode()
    shown = sorted({*pictures_in(folder), *(pictures or {})})
    files[CARD_FILE] = _card(folder, sha256, measured, shown, tags).encode()
    return files


def _card(
    folder: Path,
    sha256: str,
    report: Mapping[str, Any] | None,
    pictures: Sequence[str],
    tags: Sequence[str],
) -> str:
    from huggingface_hub import ModelCardData

    extractor = read_json(folder / "preprocessor_config.json")
    tokenizer = read_json(folder / "tokenizer.json")
    config = read_json(folder / "tokenizer_config.json")
    training, corpus = training_of(folder / "tokenizer_config.json")
    fidelity, results = _figures(folder, report) if report else (None, [])
    imported = None
    if (folder / IMPORTED_FILE).is_file():
        imported = read_json(folder / IMPORTED_FILE)
    vocabulary, merges = tokenizer["model"]["vocab"], tokenizer["model"]["merges"]
    size = len(vocabulary.keys() | {token["content"] for token in tokenizer["added_tokens"]})
    data = ModelCardData(
        library_name="transformers",
        tags=list(dict.fromkeys([*tags, *_TAGS])),
        tokenizer_sha256=sha256,
        **(hub_licence(corpus["licence"]) if corpus else {}),
        **(
            {
                "model_name": f"ECG tokenizer {extractor['preset']}",
                "eval_results": results,
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
        # Most recordings in mV have 500 Hz; those of a normalised corpus have the tokenizer's rate.
        rate="500" if extractor["unit"] == "mV" else f"{extractor['sampling_rate']:g}",
        vocabulary_size=f"{size:,}",
        markers=len(config.get("additional_special_tokens", [])),
        alphabet=sum(len(symbol) == 1 for symbol in vocabulary),
        merges=f"{len(merges):,}",
        corpus=corpus,
        training=training,
        imported=imported,
        fidelity=fidelity,
        pictures=pictures,
        version=__version__,
    )


def _figures(folder: Path, report: Mapping[str, Any]) -> tuple[dict[str, Any], list[Any]]:
    try:
        return fidelity_fields(report), fidelity_results(report)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise EcgByteError(
            f"{folder}: the report on it is not whole ({error!r}); measure it again with "
            f"`ecg-byte report --json`"
        ) from None


def training_of(tokenizer_config: Path) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """What a tokenizer's configuration says of its training, and of the corpus of that.

    Raises `EcgByteError` where either is no object, or the corpus comes without a licence.
    """
    training = read_json(tokenizer_config).get("training")
    if training is not None and not isinstance(training, dict):
        raise EcgByteError(
            f"{tokenizer_config}: what it says of its training is no object; train it again"
        )
    training = dict(training or {})
    return training, corpus_said(tokenizer_config, training.pop("corpus", None))


def corpus_said(path: Path, corpus: object) -> dict[str, Any] | None:
    """What a file says of its corpus, checked as `training_of` does."""
    if corpus is None:
        return None
    if not isinstance(corpus, dict):
        raise EcgByteError(f"{path}: what it says of its corpus is no object; train it again")
    licence_text(str(path), corpus.get("licence"))
    return corpus


def imported_card(source: Mapping[str, Any], vocabulary_size: int) -> str:
    """The card of an imported tokenizer that is no processor: `source` is its `IMPORTED_FILE`."""
    from huggingface_hub import ModelCardData

    return fill_card(
        "imported_tokenizer_card.md",
        ModelCardData(library_name="transformers", tags=list(_TAGS)),
        imported=source,
        vocabulary_size=f"{vocabulary_size:,}",
        version=__version__,
    )


def check_report(folder: Path, report: Mapping[str, Any]) -> None:
    """Raise `EcgByteError` where a fidelity report was measured of another tokenizer."""
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


def _without_paths(folder: Path, report: Mapping[str, Any]) -> dict[str, Any]:
    check_report(folder, report)
    settings = {k: v for k, v in report["settings"].items() if k not in _PATHS_OF_A_REPORT}
    return {**report, "settings": settings}


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
    """What was measured of this tokenizer: beside it, or beside the same one in the package."""
    for path in (folder / FIDELITY_FILE, *sorted(BUNDLED_FOLDER.glob(f"*/{FIDELITY_FILE}"))):
        if path.is_file():
            report = read_json(path)
            settings = report.get("settings")
            if isinstance(settings, dict) and settings.get("tokenizer_sha256") == sha256:
                return report
    return None
