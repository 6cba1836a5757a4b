"""What a folder is, which of its files go to the Hub, and whether they belong together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from ..hub_code.errors import EcgByteError
from ..hub_code.licences import check_licence, check_licence_known
from .cards import CARD_FILE, card_metadata
from .tokenizer_card import IMPORTED_FILE, folder_sha256, read_json

_PICTURES = ("*.png", "*.svg", "*.jpg")
_SETTINGS = ("*.json", "*.jinja", "*.py", CARD_FILE, *_PICTURES)


@dataclass(frozen=True)
class FolderKind:
    """A kind of folder: its repository's type, the file that tells it, the files that go.

    `patterns` match paths within the folder; a `*` stops at a slash.
    """

    name: str
    repo_type: str
    mark: str
    patterns: tuple[str, ...]

    def takes(self, path: str) -> bool:
        """Whether a file of this path, with slashes, goes to the Hub."""
        return any(
            path.count("/") == pattern.count("/") and fnmatch(path, pattern)
            for pattern in self.patterns
        )


MODEL = FolderKind(
    "model",
    "model",
    "reading.json",
    (*_SETTINGS, "*.safetensors", "ecg_tokenizer/*.json"),
)
TOKENIZER = FolderKind("tokenizer", "model", "processor_config.json", _SETTINGS)
CORPUS = FolderKind(
    "corpus",
    "dataset",
    "corpus.json",
    (CARD_FILE, "corpus.json", "skipped.jsonl", "data/*.parquet", "questions/*.parquet"),
)
# Without a range of amplitudes it is no processor: AutoTokenizer loads it.
IMPORTED = FolderKind("imported tokenizer", "model", IMPORTED_FILE, ("*.json", CARD_FILE))
METRIC = FolderKind("metric", "space", "requirements.txt", ("*.py", CARD_FILE, "requirements.txt"))
# A model's folder holds a processor too, and so may that of an imported tokenizer.
KINDS = (MODEL, TOKENIZER, IMPORTED, CORPUS, METRIC)


def kind_of(names: Iterable[str], repo_type: str | None = None) -> FolderKind | None:
    """The kind of a folder or repository with files of these names."""
    present = set(names)
    return next(
        (kind for kind in KINDS if kind.mark in present and repo_type in (None, kind.repo_type)),
        None,
    )


def recognise(folder: Path) -> FolderKind:
    """The kind of a folder. Raises `EcgByteError` where it is none that is pushed."""
    if not folder.is_dir():
        raise EcgByteError(f"{folder}: no such folder; give one that a command of ours wrote")
    kind = kind_of(path.name for path in folder.iterdir())
    if kind is None:
        unfinished = (folder / "progress.json").is_file() or (folder / "training").is_dir()
        raise EcgByteError(
            f"{folder}: what is in it is unfinished; run the command that writes it again"
            if unfinished
            else f"{folder}: neither a tokenizer, a corpus, a model nor a metric, so not pushed"
        )
    return kind


def files_of(folder: Path, kind: FolderKind) -> dict[str, Path]:
    """Path in the repository to path on the disk of every file that goes."""
    paths = sorted(path for pattern in ("*", "*/*") for path in folder.glob(pattern))
    named = {path.relative_to(folder).as_posix(): path for path in paths if path.is_file()}
    return {name: path for name, path in named.items() if kind.takes(name)}


def check_folder(folder: Path, kind: FolderKind, *, private: bool) -> None:
    """Raise `EcgByteError` where files are missing, disagree, or may not be shared."""
    if kind is TOKENIZER:
        check_tokenizer_folder(folder)
    elif kind is CORPUS:
        _check_corpus_folder(folder, private)
    elif kind is MODEL:
        _check_model_folder(folder)


def check_tokenizer_folder(folder: Path) -> None:
    """Raise `EcgByteError` where a tokenizer's files do not belong together.

    Compared are the two copies of the extractor's configuration, configuration and vocabulary, the
    code with what it imports, and the hash of the card with all of it.
    """
    from ..hub_code.processing_ecg_byte import EcgByteProcessor

    extractor = read_json(folder / "preprocessor_config.json")
    config = read_json(folder / "processor_config.json")
    if config.get("feature_extractor") != extractor:
        raise EcgByteError(
            f"{folder}: preprocessor_config.json and processor_config.json are of two tokenizers; "
            f"save it again"
        )
    check_code(folder, config)
    EcgByteProcessor.from_pretrained(str(folder))
    card = folder / CARD_FILE
    if card.is_file() and card_metadata(card).get("tokenizer_sha256") != folder_sha256(folder):
        raise EcgByteError(
            f"{card}: is the card of another tokenizer (tokenizer_sha256); delete it to have it "
            f"written anew"
        )
    _check_shared(folder, _corpus_licence(folder / "tokenizer_config.json"))


def check_code(folder: Path, config: dict[str, object]) -> None:
    """Raise `EcgByteError` where the code that Auto classes look for is not all in the folder.

    Without it AutoProcessor fails, or, without `auto_map`, gives the bare tokenizer.
    """
    from transformers.dynamic_module_utils import get_relative_import_files

    maps = [config.get("auto_map"), config.get("feature_extractor", {}).get("auto_map")]
    for one, auto_class in zip(maps, ("AutoProcessor", "AutoFeatureExtractor"), strict=True):
        named = one.get(auto_class) if isinstance(one, dict) else None
        if not isinstance(named, str):
            raise EcgByteError(
                f"{folder}: no auto_map for {auto_class}; save it again with save_pretrained"
            )
        try:
            get_relative_import_files(folder / f"{named.split('.')[0]}.py")
        except FileNotFoundError as error:
            raise EcgByteError(
                f"{folder}: {Path(error.filename).name} is missing, without which {auto_class} "
                f"cannot load it; save it again with save_pretrained"
            ) from None


def _check_corpus_folder(folder: Path, private: bool) -> None:
    from ..corpora import describe_corpus

    description = describe_corpus(folder)
    licence = str(description["licence"])
    check_licence(str(folder), licence)
    if not private:
        check_licence_known(str(folder), licence)
    for split, counts in description["splits"].items():
        found = len(list((folder / "data").glob(f"{split}-*.parquet")))
        told = {path.stem.rsplit("-", 1)[-1] for path in folder.glob(f"data/{split}-*.parquet")}
        if (found == 0) != (counts["rows"] == 0) or (found and told != {f"{found:05d}"}):
            raise EcgByteError(
                f"{folder}: files of split {split} are missing or left over; prepare it again"
            )


def _check_model_folder(folder: Path) -> None:
    from ..reading.output_folder import check_base_is_public

    settings = read_json(folder / "reading.json")
    check_base_is_public(folder)
    weights = ("adapter_model.safetensors", "model.safetensors", "model.safetensors.index.json")
    if not any((folder / name).is_file() for name in weights):
        raise EcgByteError(f"{folder}: no weights in it; finish its training first")
    check_code(folder, read_json(folder / "processor_config.json"))
    _check_shared(folder, _corpus_licence(folder / "ecg_tokenizer" / "tokenizer_config.json"))
    _check_shared(folder, (settings.get("corpus") or {}).get("licence"))


def _corpus_licence(tokenizer_config: Path) -> str | None:
    training = read_json(tokenizer_config).get("training") or {}
    licence = training.get("corpus", {}).get("licence")
    return None if licence is None else str(licence)


def _check_shared(folder: Path, licence: str | None) -> None:
    if licence is not None:
        check_licence(str(folder), licence)
