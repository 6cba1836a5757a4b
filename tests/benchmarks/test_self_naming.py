import pytest

from ecg_byte_hf.corpora.simulation import simulate
from tests.small_tokenizer import small_processor

from .self_naming import shares


def test_fewer_tokens_hang_on_another_where_every_value_is_named():
    values = {}
    for preset in ("beat-placed", "beat-named"):
        processor = small_processor(preset)
        ecgs = [processor.ecg_ids(one.record.signal, 500.0) for one in simulate(4, 3)]
        found = shares(processor, ecgs)
        assert found["whole"] + found["block"] + found["value"] == pytest.approx(1)
        values[preset] = found["value"] * found["tokens"]
    assert values["beat-named"] < values["beat-placed"]
