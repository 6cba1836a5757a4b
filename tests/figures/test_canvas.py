from __future__ import annotations

import pytest

from ecg_byte_hf.figures.canvas import check_picture_path, round_amount, shortened
from ecg_byte_hf.figures.palette import OKABE_ITO, TINTS, tint
from ecg_byte_hf.hub_code.errors import EcgByteError


@pytest.mark.parametrize(
    ("most", "amount"), [(0.3, 0.2), (0.2, 0.2), (7, 5), (1, 1), (0.9999, 0.5), (0.0011, 0.001)]
)
def test_bars_have_round_amounts(most: float, amount: float) -> None:
    assert round_amount(most) == amount


def test_other_suffixes_are_refused() -> None:
    assert check_picture_path("a/b.SVG").name == "b.SVG"
    for name in ("ecg", "ecg.gif", "ecg.png.txt"):
        with pytest.raises(EcgByteError, match="no picture format"):
            check_picture_path(name)


def test_long_titles_keep_both_ends() -> None:
    assert shortened("00001_hr") == "00001_hr"
    short = shortened("a" * 40 + "@20s")
    assert len(short) <= 36
    assert short.startswith("aaa")
    assert short.endswith("@20s")


def _lightness(colour: str) -> float:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_dark_text_is_readable_on_every_tint() -> None:
    assert tint("#000000", 1.0) == "#000000"
    assert tint("#000000", 0.0) == "#ffffff"
    assert min(map(_lightness, TINTS)) > 150
    assert len({*TINTS, *OKABE_ITO}) == len(TINTS) + len(OKABE_ITO)
