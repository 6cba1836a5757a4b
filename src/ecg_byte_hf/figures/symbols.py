"""What the symbols of a transform codec's words are called in a figure."""

from __future__ import annotations

from ..hub_code.placed_words import PlacedWords
from ..hub_code.run_lengths import FIRST_CHARACTER, SYMBOLS, parse

# One for each kind of word of `beat`.
_ALPHABETS = 3
_SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


def in_common_alphabet(symbols: str) -> str:
    """Symbols of words with alphabets of their own, as `run_lengths` reads them.

    Those alphabets are the common one, moved on by whole multiples of its size.
    """
    return "".join(
        chr(FIRST_CHARACTER + (ord(symbol) - FIRST_CHARACTER) % SYMBOLS) for symbol in symbols
    )


def symbol_name(symbol: str) -> str:
    """`+2` for a value in steps, `0₇` for a run of seven zeros, a letter of `paper` as it is.

    `|` for an end mark, or that of a second beat, `>` for an extension of the value that follows,
    `▸` for the name of a block in placed words.
    """
    if symbol.isascii():
        return symbol
    if ord(symbol) - FIRST_CHARACTER >= _ALPHABETS * SYMBOLS:
        return _placed_name(symbol)
    parsed = parse(in_common_alphabet(symbol))
    if parsed.values[0]:
        return f"{parsed.values[0]:+d}"
    if parsed.widths[0]:
        return "0" + str(parsed.widths[0]).translate(_SUBSCRIPTS)
    return "|" if parsed.end is not None else ">"


def _placed_name(symbol: str) -> str:
    # What a value is called hangs on no component; the name of a block is foreign without blocks.
    parsed = PlacedWords(0, 0).parse(symbol, 0)
    if parsed.foreign:
        return "▸"
    if parsed.values[0]:
        return f"{parsed.values[0]:+d}"
    return ">" if parsed.widths[0] == 1 else "|"
