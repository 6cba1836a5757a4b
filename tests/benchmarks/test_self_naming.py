import numpy as np
import pytest

from ecg_byte_hf.corpora.simulation import simulate
from ecg_byte_hf.hub_code.placed_words import PlacedWords
from tests.small_tokenizer import small_processor

from .self_naming import kind_of_token, shares


def test_fewer_tokens_hang_on_another_where_every_value_is_named():
    values = {}
    for preset in ("beat-placed", "beat-named"):
        processor = small_processor(preset)
        ecgs = [processor.ecg_ids(one.record.signal, 500.0) for one in simulate(4, 3)]
        found = shares(processor, ecgs)
        assert found["whole"] + found["none"] + found["value"] == pytest.approx(1)
        values[preset] = found["value"] * found["tokens"]
    assert values["beat-named"] < values["beat-placed"]


def test_a_block_without_a_value_names_none():
    processor = small_processor("beat-named")
    codec = processor.feature_extractor.codec
    words = PlacedWords(8, 12, every=True)
    values = np.zeros((8, 192), dtype=np.int32)
    values[2, 37] = -9
    block, more, value = words.encode(values)[2]
    kinds = {name: kind_of_token(name, codec) for name in (block, block + more, more, value)}
    assert set(kinds.values()) == {"none", "value"}
    assert kinds[value] == "value"
    assert kind_of_token(block + more + value, codec) == "whole"
    assert kind_of_token(words.starts[0], codec) == "none"
    assert kind_of_token("<|t1|>", codec) is None
