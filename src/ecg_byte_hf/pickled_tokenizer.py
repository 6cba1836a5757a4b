"""Tokenizers that ECG-Byte's authors released, read without ever running what is in the file.

Such a file is one pickle of `(vocab, merges)`: `vocab` a dict of id to str (0 to 255 single bytes,
from 256 up merged tokens), `merges` a list of `(base ids, new id)`
(their `save_vocab_and_merges`, github.com/willxxy/ECG-Byte). `plain_pickle` reads it: no code in it
is ever run.

Their encoder takes the longest token at every place and knows no order of merges. `tokenizers` has
the exact equivalent: a BPE model without merges for the letters, and every merged string as an
added token, which its automaton matches leftmost and longest.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .hub.cards import write_card
from .hub.tokenizer_card import IMPORTED_FILE, imported_card, write_tokenizer_card
from .hub_code.codec_paper import LETTERS
from .hub_code.ecg_ids import BEGIN, END, PAD
from .hub_code.errors import EcgByteError
from .hub_code.feature_extraction_ecg_byte import EcgByteFeatureExtractor
from .hub_code.processing_ecg_byte import EcgByteProcessor
from .hub_code.tokenizer_files import save_empty_model_config, save_portable_tokenizer
from .plain_pickle import read_plain_pickle

SOURCE_FILE = IMPORTED_FILE
BYTES = 256
MAX_MEGABYTES = 32
# The whole file is read into memory.
_MOST_MEGABYTES = 1024
# The published tokenizers have 3,500 to 10,000 merges of up to some hundred letters. What is larger
# than this would make a tokenizer.json that `EcgByteProcessor` refuses to load.
_MOST_TOKENS = 30_000
_MOST_LETTERS = 2_000_000
_LONGEST_TOKEN = 65_536


@dataclass(frozen=True)
class ReleasedTokenizer:
    """What a file of the authors says, checked.

    `tokens`: the str of every id; `merged`: str -> the id that their encoder gives it (of two
    merges that make the same str the later one; the earlier id only ever decodes).
    """

    tokens: tuple[str, ...]
    merged: dict[str, int]
    sha256: str


def _load_plain(path: Path, max_megabytes: float, quiet: bool) -> tuple[Any, str]:
    # "not in between" holds for nan too.
    if not 0 < max_megabytes <= _MOST_MEGABYTES:
        raise EcgByteError(
            f"{path}: --max-megabytes {max_megabytes:g} must be above 0 and at most "
            f"{_MOST_MEGABYTES:,}; a released tokenizer has a few"
        )
    try:
        with path.open("rb") as file:
            data = file.read(int(max_megabytes * 2**20) + 1)
    except OSError as error:
        raise EcgByteError(
            f"{path}: cannot be read ({error.strerror or error}); give the path of a pickle"
        ) from None
    if len(data) > max_megabytes * 2**20:
        raise EcgByteError(
            f"{path}: larger than {max_megabytes:g} MiB; a released tokenizer has a few, and "
            f"--max-megabytes raises the limit"
        )
    return read_plain_pickle(data, str(path), quiet=quiet), hashlib.sha256(data).hexdigest()


def _byte_string(byte: int) -> str:
    return chr(byte) if byte < 128 else f"<{byte}>"


def read_released_tokenizer(
    file: str | Path, *, max_megabytes: float = MAX_MEGABYTES, quiet: bool = True
) -> ReleasedTokenizer:
    """Read and check one of the authors' files.

    Raises `EcgByteError` where it cannot be read, is larger than `max_megabytes` (MiB), holds
    anything but dict, list, tuple, str and int, or is not `(vocab, merges)` of ECGs' letters.
    """
    path = Path(file)
    loaded, sha256 = _load_plain(path, max_megabytes, quiet)
    shape = "it must be one pickle of (vocab, merges)"
    if type(loaded) not in (tuple, list) or len(loaded) != 2:
        raise EcgByteError(f"{path}: {type(loaded).__name__} instead of a pair; {shape}")
    vocab, merges = loaded
    if type(vocab) is not dict or type(merges) is not list:
        raise EcgByteError(
            f"{path}: ({type(vocab).__name__}, {type(merges).__name__}) instead of (dict, list); "
            f"{shape}"
        )
    if not BYTES <= len(vocab) <= _MOST_TOKENS or len(merges) != len(vocab) - BYTES:
        raise EcgByteError(
            f"{path}: {len(vocab)} tokens and {len(merges)} merges; there must be "
            f"{BYTES} more tokens than merges, {_MOST_TOKENS} at most"
        )
    if any(type(i) is not int or type(token) is not str for i, token in vocab.items()):
        raise EcgByteError(f"{path}: vocab must map int to str")
    if any(i not in vocab for i in range(len(vocab))):
        raise EcgByteError(f"{path}: the ids of vocab must be 0 ... {len(vocab) - 1} without gaps")
    for byte in range(BYTES):
        if vocab[byte] != _byte_string(byte):
            raise EcgByteError(
                f"{path}: id {byte} is {vocab[byte][:20]!r} instead of {_byte_string(byte)!r}"
            )
    return ReleasedTokenizer(
        tokens=tuple(vocab[i] for i in range(len(vocab))),
        merged=_checked_merges(path, vocab, merges),
        sha256=sha256,
    )


def _checked_merges(path: Path, vocab: dict[int, str], merges: list[Any]) -> dict[str, int]:
    merged: dict[str, int] = {}
    letters = 0
    seen = set()
    for place, merge in enumerate(merges):
        if type(merge) not in (tuple, list) or len(merge) != 2:
            raise EcgByteError(f"{path}: merge {place} must be a pair of (base ids, new id)")
        base, new = merge
        if type(base) not in (tuple, list) or type(new) is not int or new in seen:
            raise EcgByteError(f"{path}: merge {place} must be a pair of (base ids, new id)")
        # A list may stand in the file once and be referred to a million times.
        letters += len(base)
        if not 2 <= len(base) <= _LONGEST_TOKEN or letters > _MOST_LETTERS:
            raise EcgByteError(
                f"{path}: merge {place} has {len(base)} base ids ({letters} letters so far); no "
                f"tokenizer of theirs has so few or so many"
            )
        if any(type(i) is not int or not 0 <= i < 128 for i in base):
            raise EcgByteError(
                f"{path}: merge {place} has base ids outside 0 ... 127; an ECG has letters only"
            )
        string = bytes(base).decode("ascii")
        if not BYTES <= new < len(vocab) or vocab[new] != string:
            raise EcgByteError(f"{path}: merge {place} does not spell token {new} of vocab")
        seen.add(new)
        merged[string] = new
    return merged


def tokenizer_from_released(released: ReleasedTokenizer) -> Any:
    """A `tokenizers.Tokenizer` that gives their very ids and decodes as they decode.

    Every token keeps its id. Bytes that no ECG has keep theirs too (`unused_byte_ids`); those above
    127 are written `<n>` as in their file and are never met in encoding.
    """
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models

    vocabulary = {}
    for i, token in enumerate(released.tokens):
        # Two merges can spell one string, but two tokens cannot have one name.
        earlier = i >= BYTES and released.merged[token] != i
        vocabulary[f"{token}<|{i}|>" if earlier else token] = i
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    backend.add_tokens(
        [AddedToken(token, normalized=False, special=False) for token in released.merged]
    )
    backend.decoder = decoders.Sequence(
        [decoders.Replace(Regex(r"<\|[0-9]+\|>$"), ""), decoders.Fuse()]
    )
    return backend


def unused_byte_ids(released: ReleasedTokenizer) -> dict[int, str]:
    """The ids of single bytes that are no letter of an ECG, and how they decode."""
    return {i: released.tokens[i] for i in range(BYTES) if released.tokens[i] not in LETTERS}


def import_pickle(
    file: str | Path,
    out: str | Path,
    *,
    low: float | None = None,
    high: float | None = None,
    max_megabytes: float = MAX_MEGABYTES,
    quiet: bool = False,
) -> ReleasedTokenizer:
    """Write one of the authors' tokenizers to the folder `out`, in our format, with a card.

    `AutoTokenizer` loads the folder with no custom code. The file does not say which amplitudes
    its letters stand for. Where `low` and `high` (mV) say it, the range that the 26 letters divide
    (in the paper the first percentile - 0.5 and the 99th + 0.5), four tokens come behind theirs
    (pad, begin, end, the word's marker) and the folder is an `EcgByteProcessor` of the preset
    `paper` with one word in their order of leads.

    Raises `EcgByteError` as `read_released_tokenizer` does, for a range that makes no sense, and
    where `out` cannot be written.
    """
    from transformers import PreTrainedTokenizerFast

    folder = Path(out)
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        raise EcgByteError(f"{folder}: holds other files; give an empty or a new folder as --out")
    extractor = None
    if low is not None or high is not None:
        extractor = EcgByteFeatureExtractor(
            "paper",
            codec={"low": low, "high": high, "one_word": True, "lead_order": "paper"},
        )
    released = read_released_tokenizer(file, max_megabytes=max_megabytes, quiet=quiet)
    backend = tokenizer_from_released(released)
    names: dict[str, Any] = {}
    if extractor is not None:
        names = {
            "pad_token": PAD,
            "bos_token": BEGIN,
            "eos_token": END,
            "additional_special_tokens": list(extractor.markers),
        }
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend, clean_up_tokenization_spaces=False, **names
    )
    source = {
        "file": Path(file).name,
        "sha256": released.sha256,
        "tokens": len(released.tokens),
        "merges": len(released.tokens) - BYTES,
        "encoding": "longest match from the left, not merge order",
        "unused_byte_ids": {str(i): token for i, token in unused_byte_ids(released).items()},
        "ids_that_only_decode": [
            i
            for i, token in enumerate(released.tokens)
            if i >= BYTES and released.merged[token] != i
        ],
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(source, indent=2, ensure_ascii=True) + "\n"
        (folder / SOURCE_FILE).write_text(text, encoding="utf-8")
        if extractor is None:
            save_portable_tokenizer(tokenizer, folder)
            save_empty_model_config(folder)
            write_card(folder, imported_card(source, len(released.tokens)))
        else:
            EcgByteProcessor(extractor, tokenizer).save_pretrained(folder)
            write_tokenizer_card(folder)
    except OSError as error:
        raise EcgByteError(
            f"{folder}: the tokenizer could not be written ({error.strerror or error}); give "
            f"another --out"
        ) from None
    return released
