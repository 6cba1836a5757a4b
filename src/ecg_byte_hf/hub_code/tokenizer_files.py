"""What a saved tokenizer's config must say so that transformers 4.57 and 5.x both load it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def save_portable_tokenizer(tokenizer: Any, folder: str | Path) -> None:
    """`tokenizer.save_pretrained(folder)`, then name the class and special tokens for both.

    transformers 5.x writes `TokenizersBackend` and `extra_special_tokens` (a list), which 4.57
    does not know; it reads `PreTrainedTokenizerFast` and `additional_special_tokens`, as 5.x does.
    """
    tokenizer.save_pretrained(folder)
    path = Path(folder) / "tokenizer_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    if config.get("tokenizer_class") == "TokenizersBackend":
        config["tokenizer_class"] = "PreTrainedTokenizerFast"
    extra = config.pop("extra_special_tokens", None)
    if isinstance(extra, list):
        config["additional_special_tokens"] = extra
    elif extra:
        config["extra_special_tokens"] = extra
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def save_empty_model_config(folder: str | Path) -> None:
    """Write a `config.json` that says nothing, for a tokenizer that belongs to no model.

    AutoTokenizer asks for one, and fails offline on what `snapshot_download` left where there is
    none; the Hub counts downloads by it. A model's own that is there already stays.
    """
    path = Path(folder) / "config.json"
    if not path.exists():
        path.write_text("{}\n", encoding="utf-8")
