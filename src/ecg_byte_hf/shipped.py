"""Files that lie at the top of the repository and travel in the wheel: card templates, configs."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def shipped_file(name: str) -> Path:
    """The path of `hub_cards/...` or `training/configs/...`, in a checkout or an installed wheel.

    Raises `FileNotFoundError` where the installation is incomplete.
    """
    for top in (_PACKAGE / "shipped", _PACKAGE.parents[1]):
        if (top / name).is_file():
            return top / name
    raise FileNotFoundError(f"{name} is not part of this installation of ecg_byte_hf")
