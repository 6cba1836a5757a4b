"""The card of a repository that `push_to_hub` makes, where nobody wrote one.

transformers would leave its template there, all of it "[More Information Needed]". The package has
fuller cards and says so by `full_card`; code that travelled without it writes the one below.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from .fingerprint import processor_sha256
from .licences import hub_licence

CARD_FILE = "README.md"
TAGS = ("ecg", "electrocardiogram", "biosignals", "ecg-byte")

full_card: Callable[[Path, str, Sequence[str]], None] | None = None
"""Writes the card of a tokenizer's folder for a repository, with tags; the package sets it."""

_GAP = "[More Information Needed]"
_HASH = re.compile(r"^tokenizer_sha256: *(\w+)", re.MULTILINE)
_TAG_LIST = re.compile(r"^tags:\n((?:- .*\n)+)", re.MULTILINE)

_USE = """from transformers import AutoProcessor

processor = AutoProcessor.from_pretrained("{repository}", trust_remote_code=True)"""
_TOKENIZER_USE = """
ids = processor(ecg=signal, sampling_rate=rate)["input_ids"][0]  # (12, samples), {unit}; Hz
decoded = processor.decode_ecg(ids)"""
_LIMITS = """## Intended use and limits

For research. **Not a medical device**: it must not be used to diagnose, monitor or treat anybody.

Method: Han et al., ECG-Byte, arXiv 2412.14373. This card was written by `push_to_hub` without the
package ecg-byte-hf, whose `ecg-byte push` says more."""


def write_card(processor: Any, folder: Path, repository: str) -> None:
    """Put a card in a folder that is pushed: that of the package, or a short one.

    One that is there stays, unless it is an empty template or says the hash of another tokenizer.
    """
    path = folder / CARD_FILE
    found = path.read_text(encoding="utf-8") if path.is_file() else ""
    alone = processor.ecg_tokenizer is None
    sha256 = processor_sha256(processor)
    said = _HASH.search(found)
    of_another = alone and said is not None and said[1] != sha256
    # PEFT's template has gaps too, but names the base.
    empty = _GAP in found and "\nbase_model:" not in found
    if found and not empty and not of_another:
        return
    tags = _TAG_LIST.search(found)
    given = [tag[2:].strip("'\"") for tag in tags[1].splitlines()] if tags else []
    if alone and full_card is not None:
        full_card(folder, repository, given)
        return
    text = short_card(processor, repository, given, sha256 if alone else None)
    path.write_text(text, encoding="utf-8")


def short_card(
    processor: Any, repository: str, tags: Sequence[str] = (), sha256: str | None = None
) -> str:
    """A card of what the processor itself says. `sha256`: its hash, where it is a tokenizer's."""
    licence = corpus_licence(processor)
    metadata: dict[str, Any] = {"library_name": "transformers"}
    metadata["tags"] = list(dict.fromkeys([*tags, *TAGS]))
    metadata |= {} if licence is None else hub_licence(licence)
    metadata |= {} if sha256 is None else {"tokenizer_sha256": sha256}
    # JSON is YAML.
    header = "".join(f"{key}: {json.dumps(value)}\n" for key, value in metadata.items())
    extractor = processor.feature_extractor
    coding = (
        f"preset `{extractor.preset}`, cleaning `{extractor.cleaning}`, "
        f"{extractor.sampling_rate:g} Hz, {extractor.unit}; {processor.ecg_vocabulary_size} tokens"
    )
    if processor.ecg_tokenizer is None:
        title = f"ECG tokenizer, preset {extractor.preset}"
        what = "Turns a twelve-lead ECG into token ids for a language model, and ids back"
    else:
        title = "Processor of a language model that reads ECGs"
        what = "Turns twelve-lead ECGs and questions into the token ids of a language model"
    use = _USE.format(repository=repository)
    if processor.ecg_tokenizer is None:
        use += _TOKENIZER_USE.format(unit=processor.feature_extractor.unit)
    return (
        f"---\n{header}---\n\n# {title}\n\n{what}: {coding}.\n\n## Use\n\n```python\n{use}\n```\n\n"
        f"## Data\n\n{_data(processor)}\n\n{_LIMITS}\n"
    )


def corpus_licence(processor: Any) -> str | None:
    """The licence of the ECGs that an ECG tokenizer was trained on, where it says it."""
    licence = _corpus(processor).get("licence")
    return licence if isinstance(licence, str) else None


def _corpus(processor: Any) -> dict[str, Any]:
    training = (processor.ecg_tokenizer or processor.tokenizer).init_kwargs.get("training")
    corpus = training.get("corpus") if isinstance(training, dict) else None
    return corpus if isinstance(corpus, dict) else {}


def _data(processor: Any) -> str:
    corpus = _corpus(processor)
    if not corpus:
        return "Not said by the one who made it."
    return (
        f"Fitted on {corpus.get('rows')} ECGs of {corpus.get('title')}: statistics and merges, no "
        f"signal. {corpus.get('attribution')} Licence of the recordings: {corpus.get('licence')}."
    )
