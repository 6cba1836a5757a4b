"""Electrocardiograms for language models, native to the Hugging Face libraries.

Names are loaded when first used, so that `import ecg_byte_hf` stays under a second and free of
torch and transformers.
"""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from .hub_code import repository_card

if TYPE_CHECKING:
    from pathlib import Path

    from .hub_code.errors import EcgByteError
    from .hub_code.feature_extraction_ecg_byte import EcgByteFeatureExtractor
    from .hub_code.processing_ecg_byte import EcgByteProcessor
    from .hub_code.spans import Span
    from .records import EcgRecord, read_record
    from .registration import register_auto_classes
    from .tokenizer import train_tokenizer

__version__ = "0.1.0"

_HOMES = {
    "EcgByteError": ".hub_code.errors",
    "EcgByteFeatureExtractor": ".hub_code.feature_extraction_ecg_byte",
    "EcgByteProcessor": ".hub_code.processing_ecg_byte",
    "EcgRecord": ".records",
    "Span": ".hub_code.spans",
    "read_record": ".records",
    "register_auto_classes": ".registration",
    "train_tokenizer": ".tokenizer",
}

__all__ = [
    "EcgByteError",
    "EcgByteFeatureExtractor",
    "EcgByteProcessor",
    "EcgRecord",
    "Span",
    "read_record",
    "register_auto_classes",
    "train_tokenizer",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name], __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])


def _tokenizer_card(folder: Path, repository: str, tags: Sequence[str]) -> None:
    from .hub.tokenizer_card import write_pushed_card

    write_pushed_card(folder, repository, tags)


repository_card.full_card = _tokenizer_card
