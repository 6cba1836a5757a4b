"""A fine-tuned folder as one object that answers questions from ECG tokens."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecg_byte_hf.extras import require_extra
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.progress import quiet_libraries

from .adapter import load_merged
from .controls import flat_ecg_ids
from .generation import generate_answers
from .model import load_llama
from .output_folder import ADAPTER_CONFIG, MODEL_CONFIG, SETTINGS_FILE
from .repository import model_folder
from .scoring import REPORT
from .sequences import Chat
from .tokenised import tokenise
from .wordings import read_wordings

if TYPE_CHECKING:
    from transformers import PreTrainedModel

DTYPES = ("float32", "bfloat16")


@dataclass
class Reader:
    """A fine-tuned Llama, its processor and its chat.

    `settings` is the content of `reading.json`, `wordings` the questions of its training, none
    where its folder does not say them.
    """

    model: PreTrainedModel
    processor: Any
    chat: Chat
    settings: dict[str, Any]
    wordings: tuple[str, ...] = ()

    def longest_answer(self, question_type: str = "") -> int:
        """Tokens of the longest answer in training: to a report, to anything else, or ("") to all.

        A type that training did not have is cut where the longest answer of any is.
        """
        lengths = self.settings["longest_answers"]
        if question_type in lengths:
            reports = question_type == REPORT
            lengths = {kind: n for kind, n in lengths.items() if (kind == REPORT) is reports}
        return max(lengths.values(), default=1)

    @property
    def unit(self) -> str:
        """Of the ECGs that it was trained on: `mV`, or `SD` for standard deviations."""
        return str(self.processor.feature_extractor.unit)

    @property
    def shift(self) -> int:
        """What is added to an id of the ECG BPE to get the Llama's."""
        return int(self.processor.ecg_shift)

    def ids_of(self, rows: Any) -> dict[str, list[int]]:
        """Record id -> ids of its ECG in the Llama's vocabulary.

        `rows` is a split as `corpora.open_corpus` gives it.
        """
        own = type(self.processor)(self.processor.feature_extractor, self.processor.ecg_tokenizer)
        tokenised = tokenise(rows, own)
        return {record: [self.shift + i for i in ids] for record, ids in tokenised.items()}

    def flat_ids(self) -> list[int]:
        """The ids of an ECG of zeros."""
        return flat_ecg_ids(self.processor)

    def answers(
        self,
        ecg_ids: Sequence[int],
        questions: Sequence[str],
        max_new_tokens: int | None = None,
    ) -> list[str]:
        """The greedy answers to questions about one ECG (ids of the Llama, empty for a blind one).

        An answer is cut after `max_new_tokens`, by default those of the longest in training.

        Raises:
            EcgByteError: a question holds special tokens, an id is outside the vocabulary, or ECG
                and question do not fit the context together.
        """
        for question in questions:
            self.chat.check_text(question, "the question")
        asked = [self.chat.question_ids(question) for question in questions]
        vocabulary = self.chat.vocabulary
        if len(ecg_ids) and not (min(ecg_ids) >= 0 and max(ecg_ids) < vocabulary):
            raise EcgByteError(
                f"token ids up to {max(ecg_ids)} in a vocabulary of {vocabulary}: the ECG was "
                "tokenised for another model"
            )
        cut = self.longest_answer() if max_new_tokens is None else max_new_tokens
        needed = len(self.chat.prefix_ids) + len(ecg_ids) + max(map(len, asked)) + cut
        if needed > self.settings["context"]:
            raise EcgByteError(
                f"the ECG and the question take {needed} tokens, the model holds "
                f"{self.settings['context']}: ask a shorter question or cut the ECG into windows"
            )
        prompts = [[*self.chat.prefix_ids, *ecg_ids, *question] for question in asked]
        answers = dict(generate_answers(self.model, self.chat, prompts, [cut] * len(prompts)))
        return [answers[i] for i in range(len(prompts))]


def read_settings(folder: Path) -> dict[str, Any]:
    """Read `reading.json` of a model folder.

    Raises:
        EcgByteError: the folder is not one that `training/finetune.py` wrote.
    """
    try:
        settings = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        settings = None
    fields = {"context": int, "longest_answers": dict, "sees_ecg": bool}
    whole = isinstance(settings, dict) and all(
        isinstance(settings.get(name), kind) for name, kind in fields.items()
    )
    if not whole:
        raise EcgByteError(
            f"{folder} is no fine-tuned model ({SETTINGS_FILE} is missing or damaged): make one "
            "with training/finetune.py, or let it go on with --resume-from-checkpoint true"
        )
    return dict(settings)


def load_model(
    folder: Path, tokens: int, *, base: str | None = None, gguf_file: str | None = None
) -> PreTrainedModel:
    """The model of a folder in float32: a plain checkpoint, or a base with its adapter merged.

    The base is `base` if given, else the one that the adapter names. `tokens` is the size of the
    vocabulary with the ECG tokens.

    Raises:
        EcgByteError: there is no model, or its base cannot be loaded.
    """
    if (folder / MODEL_CONFIG).is_file() and not (folder / ADAPTER_CONFIG).is_file():
        if base:
            raise EcgByteError(f"{folder} holds a whole model, no adapter: leave --base out")
        return load_llama(str(folder))[0]
    return load_merged(folder, tokens, base=base, gguf_file=gguf_file)


def load_reader(
    model: str | Path,
    *,
    base: str | None = None,
    gguf_file: str | None = None,
    dtype: str = "float32",
) -> Reader:
    """Load what `training/finetune.py` or `ecg-byte merge` wrote: a folder or a Hub repository.

    `base` replaces the base model that an adapter names. `dtype` is what it computes in, float32 or
    bfloat16; an adapter is merged in float32 first.

    Raises:
        EcgByteError: the model or its base cannot be loaded, or the dtype is another.
    """
    if dtype not in DTYPES:
        raise EcgByteError(f"dtype {dtype!r} must be {' or '.join(DTYPES)}")
    require_extra("train", "a Llama")
    import torch

    from ecg_byte_hf.hub_code.processing_ecg_byte import EcgByteProcessor

    quiet_libraries()
    folder = model_folder(model)
    settings = read_settings(folder)
    processor = EcgByteProcessor.from_pretrained(str(folder))
    chat = Chat(processor.tokenizer)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    llama = load_model(folder, len(processor.tokenizer), base=base, gguf_file=gguf_file)
    llama = llama.to(device, getattr(torch, dtype))
    return Reader(llama.eval(), processor, chat, settings, read_wordings(folder))
