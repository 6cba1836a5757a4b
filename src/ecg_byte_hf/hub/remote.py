"""What a repository on the Hub holds, by its content, before anything in it is replaced."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .kinds import CORPUS, IMPORTED, KINDS, METRIC, MODEL, TOKENIZER, FolderKind

# Names alone say little: a LLaVA has a processor_config.json, every Space its requirements.txt.
_LARGEST_MIB = 8
_WEIGHTS = (".safetensors", ".bin", ".gguf", ".pt", ".pth", ".onnx", ".h5", ".msgpack")


def held_kind(
    api: Any, repo_id: str, repo_type: str, revision: str, names: Collection[str]
) -> FolderKind | None:
    """The kind of ours that a repository with files of these names holds, `None` for all else."""

    def read(name: str) -> str:
        if name not in names:
            return ""
        return remote_text(api, repo_id, repo_type, revision, name)

    ours: dict[str, Callable[[], bool]] = {
        MODEL.name: lambda: "sees_ecg" in _object(read(MODEL.mark)),
        TOKENIZER.name: lambda: not _has_weights(names) and _names_our_classes(read),
        IMPORTED.name: lambda: (
            not _has_weights(names) and {"sha256", "tokens"} <= set(_object(read(IMPORTED.mark)))
        ),
        CORPUS.name: lambda: {"splits", "sampling_rate"} <= set(_object(read(CORPUS.mark))),
        METRIC.name: lambda: "evaluate.Metric" in read(f"{repo_id.split('/')[1]}.py"),
    }
    return next((kind for kind in KINDS if kind.repo_type == repo_type and ours[kind.name]()), None)


def _names_our_classes(read: Callable[[str], str]) -> bool:
    processor = _object(read("processor_config.json"))
    extractor = _object(read("preprocessor_config.json"))
    return (
        processor.get("processor_class") == "EcgByteProcessor"
        or extractor.get("feature_extractor_type") == "EcgByteFeatureExtractor"
    )


def _has_weights(names: Collection[str]) -> bool:
    """Whether it is somebody's model, whose config and tokenizer ours would replace."""
    return any(name.endswith(_WEIGHTS) for name in names)


def remote_text(api: Any, repo_id: str, repo_type: str, revision: str, name: str) -> str:
    """A file's text; none where it is larger than any of ours."""
    where = {"repo_type": repo_type, "revision": revision}
    (found,) = api.get_paths_info(repo_id, [name], **where)
    if found.size > _LARGEST_MIB * 2**20:
        return ""
    with TemporaryDirectory() as scratch:
        path = api.hf_hub_download(repo_id, name, local_dir=scratch, **where)
        return Path(path).read_text(encoding="utf-8", errors="replace")


def _object(text: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}
