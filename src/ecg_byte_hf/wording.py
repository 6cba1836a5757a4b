"""Numbers of things in words for a reader."""

from __future__ import annotations


def counted(number: int, thing: str) -> str:
    """`1 record`, `2,000 records`."""
    return f"{number:,} {thing}" + ("" if number == 1 else "s")
