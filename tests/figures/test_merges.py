from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from ecg_byte_hf.figures.merges import draw_merges
from ecg_byte_hf.figures.symbols import in_common_alphabet, symbol_name
from ecg_byte_hf.hub_code.codec_beat import BeatCodec
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.hub_code.leads import LEADS_FROM_INDEPENDENT
from ecg_byte_hf.hub_code.placed_words import PlacedWords
from ecg_byte_hf.hub_code.run_lengths import ALPHABET, encode_sequence
from ecg_byte_hf.records import read_record

from ..small_tokenizer import simulated_records, small_processor


def _counts(figure: Any) -> list[int]:
    """The column of token counts: numbers that end at the same place, from the top."""
    numbers = [t for t in figure.axes[0].texts if t.get_text().isdigit() and t.get_ha() == "right"]
    return [int(t.get_text()) for t in sorted(numbers, key=lambda t: -t.get_position()[1])]


@pytest.mark.parametrize(
    ("preset", "channel"), [("paper", None), ("compact", None), ("beat", None), ("beat", "r1")]
)
def test_tokens_become_fewer_from_the_symbols_to_the_ids(preset: str, channel: str | None) -> None:
    processor = small_processor(preset)
    record = simulated_records()[0].record
    figure = draw_merges(processor, record, channel=channel)
    counts = _counts(figure)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert 2 <= len(counts) <= 10
    assert counts == sorted(counts, reverse=True)
    assert any(text.startswith(f"{counts[0]} symbols become {counts[-1]} token") for text in texts)
    ids = {str(i) for i in processor.ecg_ids(record.signal, record.sampling_rate)}
    named = [text for text in texts if text in ids]
    assert named


def test_the_beat_that_is_asked_for() -> None:
    record = simulated_records()[0].record
    for at in (2.0, 7.0):
        figure = draw_merges(small_processor("compact"), record, at_s=at)
        title = next(t.get_text() for t in figure.axes[0].texts if "merges in r1" in t.get_text())
        assert abs(float(title.split(" beat at ")[1].split()[0]) - at) < 1.5


def test_channels_without_a_waveform_are_refused() -> None:
    record = simulated_records()[0].record
    for channel in ("rr", "II"):
        with pytest.raises(EcgByteError, match=f"'{channel}' is no channel of preset beat"):
            draw_merges(small_processor("beat"), record, channel=channel)


def test_symbols_have_names() -> None:
    word = encode_sequence([3, 0, 0, -2, 200])
    assert [symbol_name(symbol) for symbol in word] == ["+3", "0₂", "-2", ">", "+73"]
    assert symbol_name("k") == "k"
    words = PlacedWords(2, 3).encode(np.array([[0, 2, 0], [0, 0, -20]], dtype=np.int32))
    assert [symbol_name(symbol) for word in words for symbol in word] == ["▸", "+2", "▸", ">", "-4"]
    own = BeatCodec(alphabets="separate").alphabet_of_kind
    for alphabet in own.values():
        assert in_common_alphabet(alphabet) == ALPHABET


def test_a_silent_record_is_said() -> None:
    slow = 0.15 * np.sin(np.arange(5000) / 900)
    signal = LEADS_FROM_INDEPENDENT @ np.tile(slow, (8, 1))
    record = read_record(signal, sampling_rate=500, record_id="slow")
    with pytest.raises(EcgByteError, match="slow: this record has no tokens but its markers"):
        draw_merges(small_processor("compact"), record)
