"""What a reading becomes in training: sequences of its questions, or its ECG alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from .sequences import IGNORED, Chat, Reading, pack

Feature = dict[str, np.ndarray]
Packer = Callable[[Reading], Iterator[Feature]]


def packer(
    chat: Chat, *, context: int, ecg_labels: bool, questions_per_sequence: int | None = None
) -> Packer:
    """A function from a reading to its training sequences, as `sequences.pack` makes them.

    `questions_per_sequence`: how many questions share an ECG's tokens at most; None: as many as the
    `context` (tokens) holds. A reading without questions is one sequence, its ECG with nothing
    behind it, and none where that is longer than the context.
    """

    def sequences(reading: Reading) -> Iterator[Feature]:
        if not reading.turns:
            if len(chat.prefix_ids) + len(reading.ecg_ids) <= context:
                yield _ecg_alone(reading, chat)
            return
        most = questions_per_sequence or len(reading.turns)
        for first in range(0, len(reading.turns), most):
            asked = replace(reading, turns=reading.turns[first : first + most])
            yield from pack(asked, chat, context=context, ecg_labels=ecg_labels)

    return sequences


def _ecg_alone(reading: Reading, chat: Chat) -> Feature:
    ids = np.array([*chat.prefix_ids, *reading.ecg_ids], dtype=np.int64)
    labels = ids.copy()
    labels[: len(chat.prefix_ids)] = IGNORED
    return {
        "input_ids": ids,
        "labels": labels,
        "position_ids": np.arange(len(ids), dtype=np.int64),
        "segments": np.zeros(len(ids), dtype=np.int64),
    }
