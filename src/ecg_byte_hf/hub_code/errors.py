"""The one exception a user of this package has to catch."""

from __future__ import annotations


class EcgByteError(ValueError):
    """Something about the input is wrong, said in one line.

    The message names the record, file or repository, what is wrong with it and what to do.
    A subclass of `ValueError`, so that code written for other Hugging Face processors catches it.
    """
