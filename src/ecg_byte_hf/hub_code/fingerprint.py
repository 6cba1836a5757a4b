"""What makes two ECG tokenizers the same: one hash over configuration, vocabulary and merges."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

# What transformers adds to a saved configuration: it decides no id.
_LABELS = {"auto_map", "feature_extractor_type", "processor_class", "transformers_version"}


def tokenizer_sha256(extractor: Mapping[str, Any], tokenizer: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of all that decides which ids an ECG becomes and which signal ids become.

    `extractor`: the configuration, as `preprocessor_config.json` holds it; `tokenizer`: what
    `tokenizer.json` holds. Names of code and versions do not count, nor how the files are written.
    """
    added = [[token["id"], token["content"]] for token in tokenizer.get("added_tokens", [])]
    model = tokenizer["model"]
    # A merge is "a b" in older files and a pair in newer ones.
    pairs = (merge.split(" ") if isinstance(merge, str) else merge for merge in model["merges"])
    content = [
        {key: value for key, value in extractor.items() if key not in _LABELS},
        model["vocab"],
        list(pairs),
        sorted(added),
    ]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def processor_sha256(processor: Any) -> str:
    """`tokenizer_sha256` of the ECG tokenizer of an `EcgByteProcessor`."""
    tokenizer = processor.ecg_tokenizer or processor.tokenizer
    backend = json.loads(tokenizer.backend_tokenizer.to_str())
    return tokenizer_sha256(processor.feature_extractor.to_dict(), backend)
