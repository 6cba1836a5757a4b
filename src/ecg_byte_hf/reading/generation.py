"""Greedy answers to many questions about one ECG from one key-value cache."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .sequences import Chat

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def answer_all(
    model: PreTrainedModel,
    chat: Chat,
    ecg_ids: Sequence[int],
    questions: Sequence[Sequence[int]],
    max_new_tokens: int,
) -> list[str]:
    """The greedy answer to each question about one ECG, special tokens removed and trimmed.

    `ecg_ids` is the ECG in the Llama's ids, `questions` are `Chat.question_ids`. The cache of what
    comes before the questions is computed once and repeated for all of them; questions are padded
    on the right, and the mask hides the padding from the tokens generated after it.
    """
    import torch

    device = model.device
    shared = torch.tensor([[*chat.prefix_ids, *ecg_ids]], device=device)
    asked = len(questions)
    lengths = torch.tensor([len(question) for question in questions], device=device)
    longest = int(lengths.max())
    ids = torch.zeros((asked, longest), dtype=torch.long, device=device)
    for row, question in zip(ids, questions, strict=True):
        row[: len(question)] = torch.tensor(question, device=device)
    known = torch.arange(longest, device=device) < lengths[:, None]
    before = shared.shape[1]
    ends = torch.tensor(sorted(chat.end_ids), device=device)
    with torch.inference_mode():
        cache = None
        if before:
            cache = model(input_ids=shared, use_cache=True, logits_to_keep=1).past_key_values
            cache.batch_repeat_interleave(asked)
        seen = torch.cat([known.new_ones((asked, before)), known], dim=1)
        last = torch.zeros_like(known)
        last[torch.arange(asked), lengths - 1] = True
        outputs = model(
            input_ids=ids,
            attention_mask=seen.long(),
            position_ids=before + torch.arange(longest, device=device).expand(asked, -1),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=last,
        )
        cache = outputs.past_key_values
        following = outputs.logits.reshape(asked, -1).argmax(-1)
        positions = before + lengths
        generated = [following]
        done = torch.isin(following, ends)
        while not bool(done.all()) and len(generated) < max_new_tokens:
            seen = torch.cat([seen, seen.new_ones((asked, 1))], dim=1)
            outputs = model(
                input_ids=following[:, None],
                attention_mask=seen.long(),
                position_ids=positions[:, None],
                past_key_values=cache,
                use_cache=True,
            )
            following = outputs.logits[:, -1].argmax(-1)
            generated.append(following)
            positions = positions + 1
            done |= torch.isin(following, ends)
    answers = []
    end_ids = chat.end_ids
    for row in torch.stack(generated, dim=1).tolist():
        stop = next((i for i, token in enumerate(row) if token in end_ids), len(row))
        answers.append(chat.tokenizer.decode(row[:stop], skip_special_tokens=True).strip())
    return answers
