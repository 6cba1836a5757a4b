"""The folder of a two-stage model: the Llama or its adapter, the encoder, the projector."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from ecg_byte_hf.reading.adapter import save_adapter
from ecg_byte_hf.reading.checkpoint import generation_config, save_checkpoint
from ecg_byte_hf.reading.sequences import Chat

from .projection import PROJECTOR_WEIGHTS, EcgEmbedding, save_projector

if TYPE_CHECKING:
    from peft import PeftModel

ENCODER_FOLDER = "encoder"
_ENCODER_FILES = ("config.json", "model.safetensors", PROJECTOR_WEIGHTS)


def is_two_stage(folder: str | Path) -> bool:
    """Whether training/two_stage.py wrote this folder."""
    return (Path(folder) / ENCODER_FOLDER / PROJECTOR_WEIGHTS).is_file()


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


def remove_encoder(out: Path) -> None:
    """Remove the encoder that training/two_stage.py wrote there, and no other file."""
    folder = out / ENCODER_FOLDER
    for name in _ENCODER_FILES:
        (folder / name).unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
