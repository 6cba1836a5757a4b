"""A fine-tuned folder as one object that answers questions from ECG tokens."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecg_byte_hf.extras import require_extra
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.progress import quiet_libraries

from .generation import answer_all
from .model import load_adapted, read_settings
from .sequences import Chat

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass
class Reader:
    """A fine-tuned Llama, its processor and its chat.

    `settings` is the content of `reading.json`.
    """

    model: PreTrainedModel
    processor: Any
    chat: Chat
    settings: dict[str, Any]

    def longest_answer(self, without: Collection[str] = ()) -> int:
        """Tokens of the longest answer in training, some question types left out."""
        lengths = self.settings["longest_answers"].items()
        return max((n for kind, n in lengths if kind not in without), default=1)

    @property
    def shift(self) -> int:
        """What is added to an id of the ECG BPE to get the Llama's."""
        return int(self.processor.ecg_shift)

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
        vocabulary = len(self.chat.tokenizer)
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
        return answer_all(self.model, self.chat, ecg_ids, asked, cut)


def load_reader(
    folder: str | Path, *, base: str | None = None, gguf_file: str | None = None
) -> Reader:
    """Load what `training/finetune.py` wrote; `base` replaces the base model that it names.

    Raises:
        EcgByteError: the folder or its base cannot be loaded.
    """
    require_extra("train", "a Llama")
    import torch

    from ecg_byte_hf.hub_code.processing_ecg_byte import EcgByteProcessor

    quiet_libraries()
    folder = Path(folder)
    settings = read_settings(folder)
    processor = EcgByteProcessor.from_pretrained(str(folder))
    chat = Chat(processor.tokenizer)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = load_adapted(
        folder, len(processor.tokenizer), base=base, gguf_file=gguf_file, device=device
    )
    return Reader(model, processor, chat, settings)
