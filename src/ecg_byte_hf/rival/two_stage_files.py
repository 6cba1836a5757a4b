"""The files by which a two-stage model is known."""

from __future__ import annotations

from pathlib import Path

ENCODER_FOLDER = "encoder"
PROJECTOR_WEIGHTS = "projector.safetensors"
_ENCODER_FILES = ("config.json", "model.safetensors", PROJECTOR_WEIGHTS)


def is_two_stage(folder: str | Path) -> bool:
    """Whether training/two_stage.py wrote this folder."""
    return (Path(folder) / ENCODER_FOLDER / PROJECTOR_WEIGHTS).is_file()


def remove_encoder(folder: Path) -> None:
    """Remove the encoder that training/two_stage.py wrote there, and no other file."""
    inner = folder / ENCODER_FOLDER
    for name in _ENCODER_FILES:
        (inner / name).unlink(missing_ok=True)
    if inner.is_dir() and not any(inner.iterdir()):
        inner.rmdir()
