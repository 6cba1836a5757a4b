"""The card of a metric's folder: the README.md of the Space that holds it."""

from __future__ import annotations

import ast
from pathlib import Path

from .. import __version__
from ..hub_code.errors import EcgByteError
from .cards import fill_card

_TEXTS = {"description": "_DESCRIPTION", "inputs": "_INPUTS", "citation": "_CITATION"}


def metric_card(folder: Path) -> str:
    """The text of a metric's card, with what its own module and `requirements.txt` say.

    The module `<name>/<name>.py` is read, not run. Raises `EcgByteError` where it lacks one of the
    texts that `evaluate.MetricInfo` is made of.
    """
    from huggingface_hub import ModelCardData

    module = folder / f"{folder.name}.py"
    try:
        tree = ast.parse(module.read_text(encoding="utf-8"))
        requirements = (folder / "requirements.txt").read_text(encoding="utf-8").split()
    except (OSError, SyntaxError, ValueError) as error:
        raise EcgByteError(f"{folder}: cannot be read as a metric ({error})") from None
    said = {
        node.targets[0].id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and isinstance(node.value, ast.Constant)
    }
    missing = [name for name in _TEXTS.values() if not isinstance(said.get(name), str)]
    if missing:
        raise EcgByteError(f"{module}: has no text {missing[0]}, which its card needs")
    texts = {field: str(said[name]).strip() for field, name in _TEXTS.items()}
    data = ModelCardData(
        title=folder.name,
        emoji="\N{BEATING HEART}",
        colorFrom="red",
        colorTo="gray",
        sdk="static",
        license="mit",
        tags=["evaluate", "metric"],
        description=" ".join(texts["description"].split()),
    )
    return fill_card(
        "metric_card.md",
        data,
        name=folder.name,
        requirements=requirements,
        version=__version__,
        **texts,
    )
