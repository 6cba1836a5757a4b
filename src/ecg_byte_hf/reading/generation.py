"""Greedy answers token by token, of many prompts at once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from .sequences import Chat

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Tokens of the prompts of one batch, padding included.
_BATCH_TOKENS = {"cpu": 4096, "cuda": 65536}


def generate_answers(
    model: PreTrainedModel,
    chat: Chat,
    prompts: Sequence[Sequence[int]],
    longest: Sequence[int],
) -> Iterator[tuple[int, str]]:
    """The greedy answer to each prompt (ids), special tokens removed and trimmed.

    Each is cut after its number of tokens in `longest`. Prompts of like length go together, padded
    on the left.

    Yields:
        The prompt's index and its answer, in the order in which they are ready.
    """
    import torch

    from .checkpoint import generation_config

    device = model.device
    ends = chat.end_ids
    order = sorted(range(len(prompts)), key=lambda i: (-longest[i], -len(prompts[i])))
    budget = _BATCH_TOKENS.get(device.type, 4096)
    while order:
        count = max(1, budget // max(len(prompts[i]) for i in order))
        batch, order = order[:count], order[count:]
        length = max(len(prompts[i]) for i in batch)
        ids = torch.full((len(batch), length), int(chat.tokenizer.pad_token_id), dtype=torch.long)
        mask = torch.zeros_like(ids)
        for row, i in enumerate(batch):
            start = length - len(prompts[i])
            ids[row, start:] = torch.tensor(prompts[i])
            mask[row, start:] = 1
        cut = max(longest[i] for i in batch)
        with torch.inference_mode():
            said = model.generate(
                input_ids=ids.to(device),
                attention_mask=mask.to(device),
                generation_config=generation_config(chat, cut),
            )[:, length:].tolist()
        for i, row in zip(batch, said, strict=True):
            stop = next((at for at, token in enumerate(row) if token in ends), len(row))
            answer = row[: min(stop, longest[i])]
            yield i, chat.tokenizer.decode(answer, skip_special_tokens=True).strip()
