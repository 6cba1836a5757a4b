"""The kinds of folders that are pushed: what tells them, which files go, which may be replaced."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from .. import hub_code, metrics
from ..corpora.columns import SPLITS
from .cards import CARD_FILE, RUN_PICTURES
from .fidelity_table import FIDELITY_FILE
from .tokenizer_card import IMPORTED_FILE

_PICTURES = ("*.png", "*.svg", "*.jpg")
_SETTINGS = ("*.json", "*.jinja", "*.py", CARD_FILE, *_PICTURES)

_CODE = tuple(sorted(path.name for path in Path(hub_code.__path__[0]).glob("[a-z]*.py")))
_OF_METRICS = tuple(sorted(path.name for path in Path(metrics.__path__[0]).glob("*/*.py")))
_OF_TOKENIZERS = ("special_tokens_map.json", "tokenizer.json", "tokenizer_config.json")
_OF_PROCESSORS = ("preprocessor_config.json", "processor_config.json", *_OF_TOKENIZERS, *_CODE)


@dataclass(frozen=True)
class FolderKind:
    """A kind of folder: its repository's type, the file that tells it, the files that go.

    `patterns` match paths within the folder; a `*` stops at a slash. `written` match those that we
    write ourselves: what a repository has of them, and the folder no longer, goes from it.
    """

    name: str
    repo_type: str
    mark: str
    patterns: tuple[str, ...]
    written: tuple[str, ...]

    def takes(self, path: str) -> bool:
        """Whether a file of this path, with slashes, goes to the Hub."""
        return _matches(path, self.patterns)

    def writes(self, path: str) -> bool:
        """Whether a file of this path on the Hub can only be one that an earlier push put there."""
        return _matches(path, self.written)


def _matches(path: str, patterns: Iterable[str]) -> bool:
    return any(
        path.count("/") == pattern.count("/") and fnmatch(path, pattern) for pattern in patterns
    )


MODEL = FolderKind(
    "model",
    "model",
    "reading.json",
    (*_SETTINGS, "*.safetensors", "ecg_tokenizer/*.json", "questions.txt"),
    (
        *_OF_PROCESSORS,
        *RUN_PICTURES,
        *(f"evaluation-{split}.json" for split in SPLITS),
        *(f"ecg_tokenizer/{name}" for name in _OF_TOKENIZERS),
        "adapter_config.json",
        "adapter_model.safetensors",
        "chat_template.jinja",
        "config.json",
        "curve.json",
        "generation_config.json",
        "model.safetensors",
        "model-[0-9]*-of-[0-9]*.safetensors",
        "model.safetensors.index.json",
        "questions.txt",
        "reading.json",
    ),
)
TOKENIZER = FolderKind(
    "tokenizer",
    "model",
    "processor_config.json",
    _SETTINGS,
    (*_OF_PROCESSORS, *RUN_PICTURES, FIDELITY_FILE, IMPORTED_FILE),
)
CORPUS = FolderKind(
    "corpus",
    "dataset",
    "corpus.json",
    (CARD_FILE, "corpus.json", "skipped.jsonl", "data/*.parquet", "questions/*.parquet"),
    (
        "corpus.json",
        "skipped.jsonl",
        *(f"data/{split}-[0-9]*-of-[0-9]*.parquet" for split in SPLITS),
        *(f"questions/{split}.parquet" for split in SPLITS),
    ),
)
# Without a range of amplitudes it is no processor: AutoTokenizer loads it.
IMPORTED = FolderKind(
    "imported tokenizer",
    "model",
    IMPORTED_FILE,
    ("*.json", CARD_FILE),
    (IMPORTED_FILE, *_OF_TOKENIZERS),
)
METRIC = FolderKind(
    "metric",
    "space",
    "requirements.txt",
    ("*.py", CARD_FILE, "requirements.txt"),
    (*_OF_METRICS, "requirements.txt"),
)
# A model's folder holds a processor too, and so may that of an imported tokenizer.
KINDS = (MODEL, TOKENIZER, IMPORTED, CORPUS, METRIC)


def kind_of(names: Iterable[str]) -> FolderKind | None:
    """The kind of a folder with files of these names."""
    present = set(names)
    return next((kind for kind in KINDS if kind.mark in present), None)
