"""The one exception a user of this package has to catch."""

from __future__ import annotations


class EcgByteError(ValueError):
    """Something about the input is wrong, said in one line.

    The message names the record, file or repository, what is wrong with it and what to do.
    A subclass of `ValueError`, so that code written for other Hugging Face processors catches it.
    """


def one_line(error: object, longest: int = 160) -> str:
    """What an exception says, on one line: beyond `longest` characters cut after a whole word."""
    text = " ".join(str(error).split())
    return text if len(text) <= longest else text[:longest].rsplit(" ", 1)[0] + " …"
