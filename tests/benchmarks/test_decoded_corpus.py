import json

import numpy as np
import pytest

from ecg_byte_hf.corpora import open_corpus, open_questions, signal_mV
from ecg_byte_hf.hub_code.errors import EcgByteError
from tests.reading import tiny
from tests.small_tokenizer import small_processor

from .decoded_corpus import without_rest, write_decoded


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return tiny.make_corpus(tmp_path_factory.mktemp("decoded") / "corpus", records=24)


def test_signals_are_those_of_the_tokens_and_all_else_is_kept(corpus, tmp_path):
    processor = small_processor("compact")
    write_decoded(processor, corpus, tmp_path / "decoded")
    before, after = open_corpus(corpus), open_corpus(tmp_path / "decoded")
    assert after.keys() == before.keys()
    for split in before:
        changed = {"signal", "scale", "samples", "sampling_rate"}
        kept = [name for name in before[split].column_names if name not in changed]
        plain = [one[split].select_columns(kept).with_format(None) for one in (before, after)]
        assert plain[0].to_list() == plain[1].to_list()
    row, decoded = before["train"][0], after["train"][0]
    ids = processor.ecg_ids(signal_mV(row), float(row["sampling_rate"]))
    expected = processor.decode_ecg(ids)
    assert float(decoded["sampling_rate"]) == 250.0
    assert signal_mV(decoded) == pytest.approx(expected, abs=1e-3)
    assert np.abs(expected).max() > 0.1
    asked = [open_questions(one)["train"].to_list() for one in (corpus, tmp_path / "decoded")]
    assert asked[0] == asked[1]


def test_a_corpus_in_another_unit_is_refused(corpus, tmp_path):
    file = corpus / "corpus.json"
    assert json.loads(file.read_text())["unit"] == "mV"
    with pytest.raises(EcgByteError, match="in SD"):
        write_decoded(small_processor("compact", "SD"), corpus, tmp_path / "decoded")


def test_without_what_is_left_only_rhythm_and_beats_are_decoded(corpus):
    processor = small_processor("beat-placed")
    row = open_corpus(corpus)["train"][0]
    ids = processor.ecg_ids(signal_mV(row), float(row["sampling_rate"]))
    kept = without_rest(processor, ids)
    dropped = processor.tokenizer.convert_ids_to_tokens(ids[len(kept) - 1 : -1])
    assert dropped[0].startswith("<|r")
    assert not any(name.startswith(("<|rr", "<|t")) for name in dropped)
    left = sum(list(processor.token_contributions(ids))[len(kept) - 1 : -1])
    difference = processor.decode_ecg(ids) - processor.decode_ecg(kept)
    assert difference == pytest.approx(left, abs=1e-4)
    assert np.abs(left).max() > 0.01
    # Nothing is left of an ECG that is cut already.
    assert without_rest(processor, kept) == kept
