"""What a folder is, which of its files go to the Hub, and whether they belong together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..hub_code.errors import EcgByteError, one_line
from ..hub_code.licences import check_licence, check_licence_known, licence_text
from .cards import CARD_FILE, card_metadata
from .kinds import CORPUS, IMPORTED, MODEL, TOKENIZER, FolderKind, kind_of
from .tokenizer_card import IMPORTED_FILE, corpus_said, folder_sha256, read_json, training_of


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
    """Path in the repository to path on the disk of every file that goes; no hidden ones.

    Raises `EcgByteError` for a link to a file outside of the folder.
    """
    paths = sorted(path for pattern in ("*", "*/*") for path in folder.glob(pattern))
    named = {path.relative_to(folder).as_posix(): path for path in paths if path.is_file()}
    files = {
        name: path
        for name, path in named.items()
        if kind.takes(name) and not name.startswith(".") and "/." not in name
    }
    whole = folder.resolve()
    for name, path in files.items():
        # Whoever made the link may not know what it would publish.
        if not path.resolve().is_relative_to(whole):
            raise EcgByteError(
                f"{folder}: {name} is a link to {path.resolve()}, outside of the folder; put a "
                f"copy in its place, or take it away"
            )
    return files


def check_folder(folder: Path, kind: FolderKind, *, private: bool) -> None:
    """Raise `EcgByteError` where files are missing, disagree, or may not be shared."""
    if kind is TOKENIZER:
        check_tokenizer_folder(folder)
    elif kind is CORPUS:
        _check_corpus_folder(folder, private)
    elif kind is MODEL:
        _check_model_folder(folder)
    elif kind is IMPORTED:
        imported_tokens(folder)


def imported_tokens(folder: Path) -> int:
    """How many tokens an imported tokenizer has; `EcgByteError` where its files do not say so."""
    said = read_json(folder / IMPORTED_FILE).get("tokens")
    path = folder / "tokenizer.json"
    # A file of another shape is no tokenizer, and one that is not there says so by its name.
    read_json(path)
    tokens = _load_tokenizer(path).get_vocab_size()
    if said != tokens:
        raise EcgByteError(
            f"{folder}: tokenizer.json has {tokens} tokens where {IMPORTED_FILE} says {said!r}; "
            f"run `ecg-byte import-pickle` again"
        )
    return int(tokens)


def _load_tokenizer(path: Path) -> Any:
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_file(str(path))
    except BaseException as error:
        # `tokenizers` raises plain Exception, or the panic of a Rust thread, which is none.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        reason = one_line(error)
        raise EcgByteError(
            f"{path}: no tokenizer can be loaded from it ({reason}); run `ecg-byte import-pickle` "
            f"again"
        ) from None


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
    _check_shared(folder, training_of(folder / "tokenizer_config.json")[1])


def check_code(folder: Path, config: dict[str, object]) -> None:
    """Raise `EcgByteError` where the code that Auto classes look for is not all in the folder.

    Without it AutoProcessor fails, or, without `auto_map`, gives the bare tokenizer.
    """
    from transformers.dynamic_module_utils import get_relative_import_files

    extractor = config.get("feature_extractor")
    maps = [one.get("auto_map") if isinstance(one, dict) else None for one in (config, extractor)]
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
    licence = licence_text(str(folder), description.get("licence"))
    check_licence(str(folder), licence)
    if not private:
        check_licence_known(str(folder), licence)
    try:
        rows = {split: int(counts["rows"]) for split, counts in description["splits"].items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise EcgByteError(
            f"{folder}: corpus.json does not say how many rows a split has ({error!r}); prepare "
            f"it again"
        ) from None
    for split, count in rows.items():
        found = len(list((folder / "data").glob(f"{split}-*.parquet")))
        told = {path.stem.rsplit("-", 1)[-1] for path in folder.glob(f"data/{split}-*.parquet")}
        if (found == 0) != (count == 0) or (found and told != {f"{found:05d}"}):
            raise EcgByteError(
                f"{folder}: files of split {split} are missing or left over; prepare it again"
            )


def _check_model_folder(folder: Path) -> None:
    from ..reading.output_folder import check_base_is_public
    from ..rival.two_stage_files import is_two_stage

    settings = read_json(folder / "reading.json")
    if is_two_stage(folder):
        raise EcgByteError(
            f"{folder}: is a two-stage model (training/two_stage.py), which is here to be compared "
            "with and is not pushed; push a model of training/finetune.py"
        )
    if settings.get("sees_ecg") is False:
        raise EcgByteError(
            f"{folder}: is the control that was trained without any ECG, so not pushed; push the "
            f"model that it is the control of"
        )
    check_base_is_public(folder)
    weights = ("adapter_model.safetensors", "model.safetensors", "model.safetensors.index.json")
    if not any((folder / name).is_file() for name in weights):
        raise EcgByteError(f"{folder}: no weights in it; finish its training first")
    check_code(folder, read_json(folder / "processor_config.json"))
    _check_shared(folder, training_of(folder / "ecg_tokenizer" / "tokenizer_config.json")[1])
    _check_shared(folder, corpus_said(folder / "reading.json", settings.get("corpus")))


def _check_shared(folder: Path, corpus: Mapping[str, Any] | None) -> None:
    """Raise `EcgByteError` where a folder's corpus may not be shared, nor what was made of it."""
    if corpus is not None:
        check_licence(str(folder), corpus["licence"])
