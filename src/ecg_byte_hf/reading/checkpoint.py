"""A plain checkpoint: loads without PEFT and without code of ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .sequences import Chat

if TYPE_CHECKING:
    from transformers import GenerationConfig, PreTrainedModel


def generation_config(chat: Chat, max_new_tokens: int) -> GenerationConfig:
    """How answers are generated: greedily, to the end of the turn or `max_new_tokens`."""
    from transformers import GenerationConfig

    return GenerationConfig(
        do_sample=False,
        max_new_tokens=max_new_tokens,
        eos_token_id=sorted(chat.end_ids),
        pad_token_id=chat.tokenizer.pad_token_id,
    )


def save_checkpoint(model: PreTrainedModel, generation: GenerationConfig, folder: Path) -> None:
    """Write weights (safetensors), `config.json` and `generation_config.json`.

    A tied output layer stays tied: its matrix is written once.
    """
    model.generation_config = generation
    model.save_pretrained(folder)
