"""The folder of a two-stage model: the Llama or its adapter, the encoder, the projector."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from ecg_byte_hf.reading.adapter import save_adapter
from ecg_byte_hf.reading.checkpoint import generation_config, save_checkpoint
from ecg_byte_hf.reading.sequences import Chat

from .projection import EcgEmbedding, save_projector
from .two_stage_files import ENCODER_FOLDER

if TYPE_CHECKING:
    from peft import PeftModel


def save_two_stage(
    adapted: PeftModel, chat: Chat, longest_answer: int, out: Path, *, whole: bool
) -> None:
    """Write a trained model; `adapted` is merged by it.

    `encoder/` gets ResNet and projector, `out` the tokenizer and the adapter or, `whole`, a plain
    Llama with the adapter merged.
    """
    generation = generation_config(chat, longest_answer)
    if not whole:
        save_adapter(adapted, out)
        generation.save_pretrained(str(out))
    model: Any = adapted.merge_and_unload()
    embedding = model.get_input_embeddings()
    if isinstance(embedding, EcgEmbedding):
        embedding.encoder.save_pretrained(out / ENCODER_FOLDER)
        save_projector(embedding.projector, out / ENCODER_FOLDER)
        plain = nn.Embedding(1, 1, device="meta")
        plain.num_embeddings, plain.embedding_dim = embedding.weight.shape
        plain.weight = embedding.weight
        model.set_input_embeddings(plain)
    if whole:
        save_checkpoint(model, generation, out)
    chat.tokenizer.save_pretrained(out)
