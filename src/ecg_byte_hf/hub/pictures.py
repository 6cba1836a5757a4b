"""The pictures of a tokenizer's card: what it makes of an ECG that is nobody's."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ..hub_code.presets import BEAT_PRESETS
from ..progress import bar
from .cards import RUN_PICTURES

if TYPE_CHECKING:
    from ..hub_code.processing_ecg_byte import EcgByteProcessor

_LEAD = "II"


def tokenizer_pictures(processor: EcgByteProcessor, *, quiet: bool = True) -> dict[str, bytes]:
    """PNG files by name: a simulated ECG with what its tokens decode to, and its tokens.

    Simulated, because a card is public and a tokenizer holds no patient's signal. Nothing where
    matplotlib is not installed, and for a unit other than mV, which a simulated ECG does not have.
    """
    extractor = processor.feature_extractor
    if find_spec("matplotlib") is None or extractor.unit != "mV":
        return {}
    from ..corpora.simulation import simulate
    from ..figures.beat import draw_beat
    from ..figures.canvas import save_figure
    from ..figures.lead_tokens import draw_lead_tokens
    from ..figures.record import draw_record

    record = next(iter(simulate(1, seed=0))).record
    pictures = {}
    with TemporaryDirectory() as folder, bar("drawing", len(RUN_PICTURES), quiet) as advance:
        for name in RUN_PICTURES:
            if name == RUN_PICTURES[0]:
                figure = draw_record(processor, record)
            elif extractor.preset in BEAT_PRESETS:
                figure = draw_beat(processor, record)
            else:
                figure = draw_lead_tokens(processor, record, _LEAD)
            pictures[name] = save_figure(figure, Path(folder) / name).read_bytes()
            advance()
    return pictures
