"""The questions that a model was trained on, word for word: what it can be asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path

from .output_folder import WORDINGS_FILE

# What is asked most often comes first; ECG-QA has more wordings than can be compared in a second.
_COMPARED = 2000


def write_wordings(questions: Iterable[str], folder: Path) -> None:
    """Write every question once, a line each: what was asked most often first."""
    counts = Counter(map(_one_line, questions))
    lines = sorted(counts, key=lambda line: (-counts[line], line))
    (folder / WORDINGS_FILE).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def read_wordings(folder: Path) -> tuple[str, ...]:
    """The questions of a model's training; none where the folder does not say them."""
    try:
        return tuple((folder / WORDINGS_FILE).read_text(encoding="utf-8").splitlines())
    except (OSError, UnicodeDecodeError):
        return ()


def unfamiliar(question: str, wordings: Sequence[str]) -> str | None:
    """A line for whoever asks what a model was not trained on, with the nearest that it was.

    A small Llama knows the questions of its training and answers others with whatever it learnt to
    say: its answer is none. None where the question is known, or nothing is.
    """
    asked = _one_line(question)
    if not wordings or asked in wordings:
        return None
    nearest = get_close_matches(asked, wordings[:_COMPARED], n=1, cutoff=0.5) or wordings[:1]
    return (
        f"the model was not trained on the question {asked!r}, so its answer may mean nothing; "
        f"nearest to it of {len(wordings)}: {nearest[0]!r} ({WORDINGS_FILE} in the model's folder "
        "has them all)"
    )


def _one_line(question: str) -> str:
    return " ".join(question.split())
