"""What a push adds to a folder, or makes anew: cards, figures, pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..hub_code.errors import EcgByteError
from .cards import CARD_FILE, pictures_in
from .folders import imported_tokens
from .kinds import IMPORTED, METRIC, MODEL, TOKENIZER, FolderKind
from .tokenizer_card import IMPORTED_FILE, imported_card, read_json, tokenizer_card_files


def generated_files(
    folder: Path, kind: FolderKind, report: Mapping[str, Any] | None = None, *, quiet: bool = True
) -> dict[str, bytes | None]:
    """Files by name that go with a folder and are not in it, or not like this; nothing is written.

    A tokenizer's card where there is none, or where `report` brings figures; with pictures, where
    it has none and matplotlib is installed. A model's card, unless somebody wrote one of his own.
    `None`: a file that is of something else and goes.

    Raises `EcgByteError` for a report of anything but this tokenizer.
    """
    if report is not None and kind is not TOKENIZER:
        raise EcgByteError(f"{folder}: a {kind.name} takes no report; leave out --report")
    present = (folder / CARD_FILE).is_file()
    if kind is TOKENIZER and (report is not None or not present):
        return _of_tokenizer(folder, report, quiet)
    if kind is MODEL:
        from .model_card import fresh_model_card

        return _card(fresh_model_card(folder))
    if kind is IMPORTED and not present:
        return _card(imported_card(read_json(folder / IMPORTED_FILE), imported_tokens(folder)))
    if kind is METRIC and not present:
        from .metric_card import metric_card

        return _card(metric_card(folder))
    return {}


def _of_tokenizer(
    folder: Path, report: Mapping[str, Any] | None, quiet: bool
) -> dict[str, bytes | None]:
    from ..hub_code.processing_ecg_byte import EcgByteProcessor
    from .pictures import tokenizer_pictures

    pictures = {}
    if not pictures_in(folder):
        pictures = tokenizer_pictures(EcgByteProcessor.from_pretrained(folder), quiet=quiet)
    return tokenizer_card_files(folder, report, pictures=pictures)


def _card(text: str | None) -> dict[str, bytes | None]:
    return {} if text is None else {CARD_FILE: text.encode()}
