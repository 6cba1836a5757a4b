"""Folders that look like a fine-tuned model and cannot be used as one: said in a line."""

from __future__ import annotations

from pathlib import Path

from ..hub_code.errors import EcgByteError


def check_model_folder(model: str) -> None:
    """Raise `EcgByteError` where `model` is a folder of the two-stage method or a blind control.

    What is no folder, or not to be read, is left to what loads it.
    """
    from ..rival.two_stage_files import is_two_stage

    folder = Path(model)
    if is_two_stage(folder):
        raise EcgByteError(
            f"{model}: is a two-stage model (training/two_stage.py), which reads no ECG tokens; "
            "measure it with training/evaluate.py, or give a model of training/finetune.py"
        )
    if not _sees_ecg(folder):
        raise EcgByteError(
            f"{model}: is the control that was trained without any ECG and cannot read one; give "
            "the model that it is the control of"
        )


def _sees_ecg(folder: Path) -> bool:
    import json

    try:
        settings = json.loads((folder / "reading.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return True
    return not (isinstance(settings, dict) and settings.get("sees_ecg") is False)
