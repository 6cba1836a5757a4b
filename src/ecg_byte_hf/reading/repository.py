"""A model's folder, wherever it is: here, or in a repository on the Hub."""

from __future__ import annotations

import re
from pathlib import Path

from ecg_byte_hf.hub_code.errors import EcgByteError

_REPOSITORY = re.compile(r"\w[\w.-]*/\w[\w.-]*")
# What loads a model and what is known about it: no code, nothing pickled.
_WANTED = ("*.json", "questions.txt", "*.safetensors", "*.jinja", "*.md", "*.png", "*.svg")


def is_repository_name(name: str) -> bool:
    """Whether `name` reads as `owner/name` of a repository on the Hub."""
    return bool(_REPOSITORY.fullmatch(name))


def commit_of(name: str) -> str | None:
    """The commit of the Hub repository `name` that was loaded last; None for a folder."""
    from huggingface_hub import try_to_load_from_cache

    found = None if Path(name).is_dir() else try_to_load_from_cache(name, "config.json")
    return Path(found).parent.name if isinstance(found, str) else None


def model_folder(model: str | Path, revision: str | None = None) -> Path:
    """`model` itself where it is a folder, else the files of the Hub repository of that name.

    Code and pickles in a repository are not downloaded.

    Raises:
        EcgByteError: there is neither, or the Hub does not give it.
    """
    folder = Path(model)
    if folder.is_dir():
        return folder
    if not is_repository_name(str(model)):
        raise EcgByteError(f"{model}: no such folder, and no name of a repository on the Hub")
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(str(model), revision=revision, allow_patterns=[*_WANTED]))
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise EcgByteError(
            f"{model}: no such folder, and the Hub does not give a repository of that name "
            f"({reason})"
        ) from error
