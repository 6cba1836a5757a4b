"""A model that goes to the Hub when its training ends.

Not by the Trainer's own `push_to_hub`: that uploads what lies in one stage's folder, checkpoints
with the optimiser's state and a card of its own, before adapter, processor and card are there.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ecg_byte_hf.corpora import describe_corpus
from ecg_byte_hf.hub.push import Pushed, check_push, push
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.hub_code.licences import check_licence, licence_text

if TYPE_CHECKING:
    from transformers import TrainingArguments

    from .reading_arguments import ReadingArguments


def check_push_of_model(arguments: ReadingArguments, training: TrainingArguments) -> None:
    """What forbids a push, before the training whose result is pushed.

    Raises:
        EcgByteError: a bad name, no token, a corpus that may not be shared, or `push_to_hub`.
    """
    if training.push_to_hub:
        raise EcgByteError(
            "--push-to-hub would upload checkpoints without what reads an ECG: give --push "
            "OWNER/NAME, which uploads the finished model with its card"
        )
    if arguments.push:
        check_push(arguments.push)
        if arguments.corpus:
            corpus = str(arguments.corpus)
            check_licence(corpus, licence_text(corpus, describe_corpus(corpus).get("licence")))


def push_model(arguments: ReadingArguments, training: TrainingArguments) -> Pushed | None:
    """Push the finished model where `arguments.push` asks for it; `hub_private_repo` hides it.

    Raises:
        EcgByteError: as `ecg_byte_hf.hub.push.push` does.
    """
    if not arguments.push:
        return None
    return push(
        Path(str(training.output_dir)),
        arguments.push,
        private=bool(training.hub_private_repo),
        quiet=arguments.quiet,
    )
