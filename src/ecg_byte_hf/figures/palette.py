"""Colours that a colour-blind reader tells apart.

Okabe and Ito, "Color universal design" (2008), as recommended in Wong, "Color blindness" (Nature
Methods 8, 2011).
"""

from __future__ import annotations

INK = "#101010"
GREY = "#6b6b6b"
LIGHT_GREY = "#c8c8c8"

ORANGE = "#e69f00"
SKY_BLUE = "#56b4e9"
GREEN = "#009e73"
YELLOW = "#f0e442"
BLUE = "#0072b2"
VERMILLION = "#d55e00"
PURPLE = "#cc79a7"

# In an order in which neighbours differ in lightness as well as in hue.
OKABE_ITO = (SKY_BLUE, ORANGE, GREEN, PURPLE, BLUE, YELLOW, VERMILLION, GREY)

# The kinds of words of `beat`, and what decodes from them, in every figure.
RHYTHM, BEAT, REST, DECODED = GREEN, BLUE, VERMILLION, BLUE


def tint(colour: str, share: float = 0.5) -> str:
    """`colour` ("#rrggbb") mixed with white, of which it keeps `share` (0 ... 1)."""
    parts = [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
    return "#" + "".join(f"{round(255 - share * (255 - part)):02x}" for part in parts)


# Under dark text: one token beside the next.
TINTS = tuple(tint(colour) for colour in (SKY_BLUE, ORANGE, GREEN, PURPLE, YELLOW))
