"""Cards: README.md files filled from what was measured, and checked without a network."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from ..hub_code.errors import EcgByteError, one_line
from ..shipped import shipped_file

CARD_FILE = "README.md"
# Stands for the repository's name, which nobody knows before it is pushed.
REPOSITORY = "this/repository"

# An ECG with what its tokens decode to, and the tokens of one channel, as a run draws them.
RUN_PICTURES = ("ecg.png", "tokens.png")
_PICTURES = (".png", ".svg", ".jpg")


def fill_card(template: str, data: Any, **fields: Any) -> str:
    """The text of a card: `hub_cards/<template>` filled with `fields`, headed by `data`.

    `data`: a `ModelCardData` or `DatasetCardData`. Raises `EcgByteError` where the template asks
    for a field that is not given, or the result is no valid card.
    """
    import jinja2
    import jinja2.meta
    from huggingface_hub import DatasetCard, DatasetCardData, ModelCard

    text = shipped_file(f"hub_cards/{template}").read_text(encoding="utf-8")
    asked = jinja2.meta.find_undeclared_variables(jinja2.Environment().parse(text))
    missing = sorted(asked - set(fields) - {"card_data"})
    if missing:
        raise EcgByteError(f"{template}: nothing is given for {', '.join(missing)}")
    kind = DatasetCard if isinstance(data, DatasetCardData) else ModelCard
    card = str(kind.from_template(data, template_str=text, **fields)).rstrip() + "\n"
    check_card(card, template, dataset=kind is DatasetCard)
    return card


def check_card(text: str, source: str, *, dataset: bool = False) -> None:
    """Raise `EcgByteError` where a card has no metadata, no valid YAML or malformed results."""
    from huggingface_hub import DatasetCard, ModelCard

    try:
        data = (DatasetCard if dataset else ModelCard)(text).data.to_dict()
    except Exception as error:
        reason = one_line(error)
        raise EcgByteError(f"{source}: no valid card ({reason})") from error
    if not data:
        raise EcgByteError(f"{source}: the card has no metadata; delete it to have it written anew")


def card_metadata(path: Path) -> dict[str, Any]:
    """The metadata of a card on disk. Raises `EcgByteError` where they cannot be read."""
    from huggingface_hub import ModelCard

    try:
        return dict(ModelCard(path.read_text(encoding="utf-8")).data.to_dict())
    except Exception as error:
        reason = one_line(error)
        raise EcgByteError(f"{path}: no valid card ({reason})") from error


def pictures_in(folder: Path) -> list[str]:
    """The names of the pictures at the top of a folder."""
    return sorted(path.name for path in folder.iterdir() if path.suffix.lower() in _PICTURES)


def write_card(folder: Path, text: str) -> None:
    """Write README.md, whole or not at all; `EcgByteError` where it cannot be written."""
    write_files(folder, {CARD_FILE: text.encode()})


def write_files(folder: Path, files: Mapping[str, bytes | None]) -> None:
    """Write files into a folder, each whole or not at all, and remove those that are `None`.

    Raises `EcgByteError` where one cannot be written.
    """
    # The cards of corpora are made here too.
    from ..writing import write_whole

    for name, content in files.items():
        if content is None:
            (folder / name).unlink(missing_ok=True)
        else:
            write_whole(folder / name, partial(_write_bytes, content))


def _write_bytes(content: bytes, path: Path) -> None:
    path.write_bytes(content)
