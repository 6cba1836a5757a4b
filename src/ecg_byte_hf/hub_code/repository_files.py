"""A look at a repository's files before transformers reads them: they may come from anybody.

What is found wrong here would otherwise fill the memory, read a file elsewhere or import code.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers.utils.hub import cached_file

from .errors import EcgByteError, one_line

PROCESSOR_FILE = "processor_config.json"

_MEBIBYTE = 2**20
# A Llama's tokenizer.json has 17 MiB, ours 0.3 (4,096 tokens) to 3 (10,000 imported ones).
_LARGEST_MIB = {
    PROCESSOR_FILE: 1,
    # Not read here, but AutoTokenizer wants it in the cache when there is no network.
    "config.json": 1,
    "preprocessor_config.json": 1,
    "tokenizer_config.json": 8,
    "tokenizer.json": 40,
}
_LARGEST_OTHER_MIB = 40
_ECG_TOKENIZER_MIB = 16

# Of these, transformers would open what a configuration says.
_PATHS = ("tokenizer_file", "vocab_file", "merges_file", "spm_file", "fast_tokenizer_files")

_OPTIONS = ("cache_dir", "revision", "token", "local_files_only", "force_download")


def find_file(name: str, filename: str, kwargs: Mapping[str, Any]) -> Path | None:
    """The path of a file of a folder or Hub repository, `None` where it has none of this name.

    `kwargs` are those of `from_pretrained`. Raises what transformers raises where the repository
    cannot be reached.
    """
    found = cached_file(
        name,
        filename,
        subfolder=kwargs.get("subfolder", ""),
        _raise_exceptions_for_missing_entries=False,
        **{key: kwargs[key] for key in _OPTIONS if key in kwargs},
    )
    return None if found is None else Path(found)


def check_repository_files(
    name: str,
    kwargs: Mapping[str, Any],
    *,
    largest_tokenizer_mib: int = _LARGEST_OTHER_MIB,
) -> None:
    """Raise `EcgByteError` for files that are too large, or no JSON object, or that point outside.

    `name`: a folder or a Hub repository; `kwargs`: those of `from_pretrained`. A file that is not
    there is left to transformers to miss.
    """
    folder = Path(name) / kwargs.get("subfolder", "")
    if folder.is_dir():
        for path in folder.iterdir():
            _check_size(name, path, _LARGEST_OTHER_MIB)
    for filename, largest in _LARGEST_MIB.items():
        try:
            path = find_file(name, filename, kwargs)
        except (OSError, ValueError) as error:
            reason = one_line(error)
            raise EcgByteError(f"{name}: {filename} cannot be had ({reason})") from None
        if path is None:
            continue
        if filename == "tokenizer.json":
            _check_size(name, path, min(largest, largest_tokenizer_mib))
            continue
        _check_size(name, path, largest)
        config = _json_object(name, path)
        if filename == PROCESSOR_FILE and "audio_tokenizer" in config:
            raise EcgByteError(
                f"{name}: {filename} names an audio tokenizer; an ECG processor has none"
            )
        if filename == "tokenizer_config.json":
            _check_tokenizer_config(name, config)


def check_ecg_tokenizer_files(name: str, kwargs: Mapping[str, Any]) -> None:
    """`check_repository_files` for the folder of an ECG BPE, which is smaller than a Llama's."""
    check_repository_files(name, kwargs, largest_tokenizer_mib=_ECG_TOKENIZER_MIB)


def _check_size(name: str, path: Path, largest_mib: int) -> None:
    if path.suffix not in (".json", ".jinja", ".txt", ".model") or not path.is_file():
        return
    size = path.stat().st_size
    if size > largest_mib * _MEBIBYTE:
        raise EcgByteError(
            f"{name}: {path.name} has {size / _MEBIBYTE:.0f} MiB, more than the {largest_mib} "
            f"of any ECG processor; this repository is not one"
        )


def _json_object(name: str, path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = one_line(error, 100)
        raise EcgByteError(f"{name}: {path.name} cannot be read as JSON ({reason})") from None
    if not isinstance(value, dict):
        raise EcgByteError(f"{name}: {path.name} holds a {type(value).__name__}, not an object")
    return value


def _check_tokenizer_config(name: str, config: dict[str, Any]) -> None:
    if config.get("auto_map"):
        raise EcgByteError(
            f"{name}: tokenizer_config.json asks for code of its own (auto_map); an ECG tokenizer "
            f"needs none, and none is run"
        )
    for key in _PATHS:
        value = config.get(key)
        for given in value if isinstance(value, list) else [value]:
            if isinstance(given, str) and ("/" in given or "\\" in given):
                raise EcgByteError(
                    f"{name}: tokenizer_config.json names a file by its path ({key}: "
                    f"{given[:60]!r}); files must lie in the repository"
                )
