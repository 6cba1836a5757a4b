import pytest

from ecg_byte_hf.corpora.simulation import simulate
from tests.small_tokenizer import small_processor

from .self_naming import shares


@pytest.mark.parametrize(("preset", "every"), [("beat-placed", False), ("beat-named", True)])
def test_values_follow_their_block_or_a_token_before_them(preset, every):
    processor = small_processor(preset)
    ecgs = [processor.ecg_ids(one.record.signal, 500.0) for one in simulate(4, 3)]
    found = shares(processor, ecgs)
    assert found["whole"] + found["block"] + found["value"] == pytest.approx(1)
    assert (found["value"] < found["whole"]) == every
