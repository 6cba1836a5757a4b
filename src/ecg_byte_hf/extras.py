"""What the extras of the package bring, and the line that says which one is missing."""

from __future__ import annotations

from importlib.util import find_spec

from .hub_code.errors import EcgByteError

_MODULES = {
    "train": ("torch", "peft", "accelerate", "yaml"),
    "plot": ("matplotlib",),
    "clinical": ("neurokit2",),
    "metric": ("evaluate", "nltk", "rouge_score", "sacrebleu"),
}


def require_extra(name: str, what: str) -> None:
    """Raise `EcgByteError` where a module of the extra `name` is not installed.

    `what` is the command or step that needs it. Nothing is imported: it takes no time, and comes
    before any work is done.
    """
    for module in _MODULES[name]:
        if find_spec(module) is None:
            raise EcgByteError(f"{what} needs {module}: pip install 'ecg-byte-hf[{name}]'")
