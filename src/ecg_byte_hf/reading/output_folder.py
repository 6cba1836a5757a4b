"""The folder that fine-tuning writes: whose it is, what may be removed, what is finished in it.

It is a Hub repository as it stands, but for what `.gitignore` in it names: the Hub heeds that file,
and `NOT_FOR_THE_HUB` says the same.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ecg_byte_hf import hub_code
from ecg_byte_hf.corpora.columns import SPLITS
from ecg_byte_hf.fidelity.report_output import write_json
from ecg_byte_hf.hub.model_card import is_written_card
from ecg_byte_hf.hub_code.errors import EcgByteError

from .generators import GENERATOR_FILES
from .repository import is_repository_name

BLIND_FOLDER = "blind"
STAGES_FOLDER = "training"
PRETRAINING = "ecg_pretraining"
SETTINGS_FILE = "reading.json"
CURVE_FILE = "curve.json"
SPEED_FILE = "speed.json"
WORDINGS_FILE = "questions.txt"
ADAPTER_CONFIG = "adapter_config.json"
ADAPTER_WEIGHTS = "adapter_model.safetensors"
MODEL_CONFIG = "config.json"
# What stands for the preset in the settings of a model whose ECGs are a ResNet's features.
TWO_STAGE = "two-stage"
# Checkpoints (with the optimiser's state, and pickles) and the control that sees no ECG.
NOT_FOR_THE_HUB = (f"{STAGES_FOLDER}/", f"{BLIND_FOLDER}/")

# Of a stage whose outcome is kept: what it trained, and with which arguments.
KEPT_WEIGHTS = "trained.safetensors"
KEPT_FILE = "finished.json"

# Of a stage whose processes share the weights: the whole adapter, gathered.
GATHERED = "gathered"
# Where the Trainer puts its event files.
_TENSORBOARD = "runs"
_FINISHED_FILE = "finished.json"
_BASE_FILE = "base.json"
_BEGUN_FILE = "begun.json"
_IGNORE_FILE = ".gitignore"
_IGNORED = "".join(f"/{name}\n" for name in NOT_FOR_THE_HUB)
_WEIGHTS = "model*.safetensors*"
_STAGES = {PRETRAINING, "base", "adapter", _BEGUN_FILE, _FINISHED_FILE, _BASE_FILE}
_FILES = {
    SETTINGS_FILE,
    CURVE_FILE,
    ADAPTER_WEIGHTS,
    ADAPTER_CONFIG,
    MODEL_CONFIG,
    WORDINGS_FILE,
    "chat_template.jinja",
    "generation_config.json",
    "preprocessor_config.json",
    "processor_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
}


def evaluation_file(split: str) -> str:
    """The name under which the accuracy on a split lies beside the model."""
    return f"evaluation-{split}.json"


def base_folder(folder: Path) -> Path:
    """Where a small new Llama lies once it is trained in full, until the adapter is merged."""
    return folder / STAGES_FOLDER / "base" / "model"


def write_ignore_file(folder: Path) -> None:
    """Name in `.gitignore`, where there is none, what does not belong into a Hub repository."""
    path = folder / _IGNORE_FILE
    if not path.exists():
        path.write_text(_IGNORED, encoding="utf-8")


def _ignores(folder: Path) -> str:
    path = folder / _IGNORE_FILE
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def check_base_is_public(folder: Path) -> str | None:
    """The Hub id of the base that the adapter in `folder` names; None where there is no adapter.

    What `push` asks before anything is uploaded: a local path means nothing elsewhere, and says
    what somebody's disk looks like.

    Raises:
        EcgByteError: the adapter names no base, or a local path.
    """
    path = folder / ADAPTER_CONFIG
    if not path.is_file():
        return None
    try:
        name = json.loads(path.read_text(encoding="utf-8"))["base_model_name_or_path"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EcgByteError(f"{path} is damaged: make it again with training/finetune.py") from error
    if not (isinstance(name, str) and is_repository_name(name)) or Path(name).exists():
        raise EcgByteError(
            f"{path} names {name!r} as its base, which is no repository on the Hub: train with "
            "--base-id, or push what `ecg-byte merge` makes of it"
        )
    return name


def _written() -> set[str]:
    """All names in the folder that are ours."""
    code = {path.name for path in Path(hub_code.__path__[0]).glob("*.py")}
    folders = {"ecg_tokenizer", STAGES_FOLDER, BLIND_FOLDER}
    return _FILES | code | folders | {evaluation_file(split) for split in SPLITS}


def is_output(folder: Path) -> bool:
    """Whether a fine-tuning wrote this folder, finished or not."""
    try:
        settings = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        settings = None
    if isinstance(settings, dict) and "sees_ecg" in settings:
        return True
    stages = folder / STAGES_FOLDER
    names = {path.name for path in stages.iterdir()} if stages.is_dir() else set()
    return bool(names) and names <= _STAGES


def setting(folder: Path, name: str) -> str | None:
    """A field of `reading.json`, such as the preset of the ECGs; None where there is none."""
    try:
        settings = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
        return None if settings[name] is None else str(settings[name])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def make_folder(folder: Path) -> None:
    """Make the folder for the output, unless it is there.

    Raises:
        EcgByteError: it is a file, below one, or cannot be made or read.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        any(folder.iterdir())
    except OSError as error:
        raise EcgByteError(
            f"{folder}: no folder can be made there ({error.strerror or error}); take another "
            "--output-dir"
        ) from error


def claim_output(folder: Path, *, resume: bool, overwrite: bool, two_stage: bool = False) -> bool:
    """Make the folder, unless it is there; whether what an earlier run wrote must be removed.

    Raises:
        EcgByteError: it is a file or cannot be made, holds something else, or holds a model that
            neither `resume` nor `overwrite` allows to touch, or one of another method.
    """
    make_folder(folder)
    if not any(folder.iterdir()):
        return False
    if not is_output(folder):
        if resume and not any((folder / name).exists() for name in _written()):
            return False
        raise EcgByteError(
            f"{folder} is not empty and holds no fine-tuned model, so nothing in it is touched: "
            "take another --output-dir"
        )
    preset = setting(folder, "preset")
    if preset and (preset == TWO_STAGE) is not two_stage:
        raise EcgByteError(
            f"{folder} holds a model of another method than this script's: take another "
            "--output-dir"
        )
    if not (resume or overwrite):
        raise EcgByteError(
            f"{folder} is not empty: take another folder, --overwrite true, or "
            "--resume-from-checkpoint true to go on with what is in it"
        )
    return not resume


def remove_output(folder: Path) -> None:
    """Remove what fine-tuning and evaluation wrote there, and nothing else.

    A card stays where somebody wrote one of his own.
    """
    card = folder / "README.md"
    if card.is_file() and is_written_card(card):
        card.unlink()
    for name in _written() - {STAGES_FOLDER, BLIND_FOLDER}:
        if (folder / name).is_dir():
            _remove_model_files(folder / name)
        else:
            (folder / name).unlink(missing_ok=True)
    for weights in folder.glob(_WEIGHTS):
        weights.unlink()
    if _ignores(folder) == _IGNORED:
        (folder / _IGNORE_FILE).unlink()
    if base_folder(folder).is_dir():
        _remove_model_files(base_folder(folder))
    stages = folder / STAGES_FOLDER
    for stage in (PRETRAINING, "base", "adapter"):
        for name in (KEPT_WEIGHTS, KEPT_FILE, GENERATOR_FILES):
            for old in stages.glob(f"{stage}/{name}"):
                old.unlink()
        for folders in ("checkpoint-*", GATHERED, _TENSORBOARD):
            for old in stages.glob(f"{stage}/{folders}"):
                shutil.rmtree(old, ignore_errors=True)
        (stages / stage / SPEED_FILE).unlink(missing_ok=True)
        if (stages / stage).is_dir() and not any((stages / stage).iterdir()):
            (stages / stage).rmdir()
    for name in (_BEGUN_FILE, _FINISHED_FILE, _BASE_FILE):
        (stages / name).unlink(missing_ok=True)
    blind = folder / BLIND_FOLDER
    if blind.is_dir() and is_output(blind):
        remove_output(blind)
    for inner in (stages, blind):
        if inner.is_dir() and not any(inner.iterdir()):
            inner.rmdir()


def _remove_model_files(folder: Path) -> None:
    """Remove a model's or tokenizer's files from a folder, and the folder if that empties it."""
    for path in folder.iterdir():
        if path.name in _FILES or path.match(_WEIGHTS):
            path.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


def begin_training(folder: Path, arguments: Mapping[str, Any]) -> None:
    """Note with which arguments a training begins there, or goes on."""
    note = folder / STAGES_FOLDER / _BEGUN_FILE
    note.parent.mkdir(parents=True, exist_ok=True)
    write_json({"arguments": arguments_digest(arguments)}, note)


def check_begun(folder: Path, arguments: Mapping[str, Any]) -> None:
    """See that a training which is to go on was begun with these arguments.

    Checkpoints say nothing of the corpus, the seed or the schedule that they are of.

    Raises:
        EcgByteError: it was not, or nothing says so.
    """
    noted = False
    for name in (_BEGUN_FILE, _FINISHED_FILE, _BASE_FILE):
        try:
            text = (folder / STAGES_FOLDER / name).read_text(encoding="utf-8")
            begun = json.loads(text)["arguments"]
        except (OSError, ValueError, KeyError, TypeError):
            continue
        noted = True
        if begun != arguments_digest(arguments):
            raise EcgByteError(
                f"{folder} was begun with other arguments, another corpus or tokenizer, so there "
                "is nothing to go on with: give the same ones, take another --output-dir, or "
                "--overwrite true"
            )
    if not noted and any((folder / STAGES_FOLDER).glob("*/checkpoint-*")):
        raise EcgByteError(
            f"{folder} does not say with which arguments it was begun, so there is nothing to go "
            "on with: take another --output-dir, or --overwrite true"
        )


def write_base_trained(
    folder: Path, arguments: Mapping[str, Any], losses: Mapping[str, Any]
) -> None:
    """Note with which arguments the base that lies in `base_folder` was trained, how far."""
    content = {"arguments": arguments_digest(arguments), "losses": losses}
    write_json(content, folder / STAGES_FOLDER / _BASE_FILE)


def read_base_trained(folder: Path, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    """The losses of a whole base there that the same arguments trained; None where there is none.

    Per stage up to the base.
    """
    losses = read_losses(folder / STAGES_FOLDER / _BASE_FILE, arguments)
    return losses if (base_folder(folder) / MODEL_CONFIG).is_file() else None


def read_losses(note: Path, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    """The losses noted in a file by a run with the same arguments; None where there are none."""
    try:
        content = json.loads(note.read_text(encoding="utf-8"))
        same = content["arguments"] == arguments_digest(arguments)
        return dict(content["losses"]) if same else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_finished(folder: Path, arguments: Mapping[str, Any], settings: Mapping[str, Any]) -> None:
    """Note that a model is whole, and with which arguments, before `reading.json` is written."""
    content = {"arguments": arguments_digest(arguments), "settings": settings}
    write_json(content, folder / STAGES_FOLDER / _FINISHED_FILE)


def read_finished(folder: Path, arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    """The settings of a model that the same arguments finished there; None where they did not."""
    try:
        text = (folder / STAGES_FOLDER / _FINISHED_FILE).read_text(encoding="utf-8")
        content = json.loads(text)
    except (OSError, ValueError):
        return None
    whole = any((folder / name).is_file() for name in (ADAPTER_WEIGHTS, MODEL_CONFIG))
    return (
        dict(content["settings"])
        if whole and content["arguments"] == arguments_digest(arguments)
        else None
    )


def config_digest(arguments: Mapping[str, Any]) -> str:
    """What trainings share that differ in their seed alone: 16 hexadecimal digits.

    `arguments` are those that decide what is trained; where corpus, tokenizer and base lie does not
    count beside what is in them.
    """
    without = {"seed", "corpus", "tokenizer", *(["base"] if arguments.get("base_id") else [])}
    of_all = {name: of for name, of in arguments.items() if name not in without}
    return arguments_digest(of_all)[:16]


def arguments_digest(arguments: Mapping[str, Any]) -> str:
    """What tells the arguments of two runs apart: a SHA-256 in hexadecimal digits."""
    # Not the arguments themselves: they hold local paths.
    text = json.dumps(arguments, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()
