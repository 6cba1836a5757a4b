import json

import pytest
from typer.testing import CliRunner

from ecg_byte_hf import EcgByteError, EcgByteProcessor, train_tokenizer
from ecg_byte_hf.cli import app
from tests.small_tokenizer import simulated_records, small_processor


def words_of(preset: str) -> list[list[str]]:
    extractor = small_processor(preset).feature_extractor
    return [extractor.encode(one.record.signal, 500) for one in simulated_records()]


@pytest.mark.parametrize("preset", ["paper", "compact"])
def test_the_same_words_give_the_same_file_byte_for_byte(preset, tmp_path):
    words = words_of(preset)
    extractor = small_processor(preset).feature_extractor
    for name, order in (("a", words), ("b", list(reversed(words)))):
        processor = EcgByteProcessor(extractor, train_tokenizer(order, extractor, 400))
        processor.save_pretrained(tmp_path / name)
    files = {path.name for path in (tmp_path / "a").iterdir()}
    assert files == {path.name for path in (tmp_path / "b").iterdir()}
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name


def test_config_is_what_both_generations_of_transformers_read(tmp_path):
    small_processor().save_pretrained(tmp_path)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert config["tokenizer_class"] == "PreTrainedTokenizerFast"
    assert "extra_special_tokens" not in config
    assert "<|r1|>" in config["additional_special_tokens"]


def test_auto_tokenizer_loads_it_with_no_custom_code(tmp_path):
    from transformers import AutoTokenizer

    processor = small_processor()
    processor.save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert (tokenizer.pad_token, tokenizer.bos_token, tokenizer.eos_token) == (
        "<|pad|>",
        "<|ecg|>",
        "<|/ecg|>",
    )
    assert set(processor.feature_extractor.markers) <= set(tokenizer.all_special_tokens)
    ids = processor.words_to_ids(words_of("compact")[0])
    text = processor.tokenizer.decode(ids)
    assert tokenizer(text, add_special_tokens=False)["input_ids"] == ids


def test_symbols_never_seen_still_have_ids():
    processor = small_processor()
    unseen = processor.feature_extractor.alphabet[0] * 3
    words = [unseen, *[""] * 7]
    assert processor.ids_to_words(processor.words_to_ids(words)) == words


def test_vocabulary_size_counts_everything():
    assert len(small_processor().tokenizer) == 512
    assert small_processor().ecg_vocabulary_size == 512


def test_a_vocabulary_too_small_and_no_words_are_refused():
    extractor = small_processor().feature_extractor
    with pytest.raises(EcgByteError, match="too small"):
        train_tokenizer(words_of("compact"), extractor, 100)
    with pytest.raises(EcgByteError, match="no words"):
        train_tokenizer([], extractor, 512)


@pytest.mark.parametrize(
    "options",
    [
        ["--num-proc", "0"],
        ["--max-records", "0"],
        ["--vocab-size", "-3"],
        ["--augment", "-1"],
        ["--vocab-sizes", "rr=400,t"],
        ["--vocab-sizes", "rr=400,t=400"],
        ["--vocab-sizes", "rr=-400,t=400,r=400"],
        ["--step", "inf"],
        ["--vocab-sizes", "rr=400,t=400,r=many"],
        ["--vocab-sizes", "rr=400,t=400,r=400", "--vocab-size", "2000"],
    ],
)
def test_numbers_that_make_no_sense_are_usage_errors(options, tmp_path):
    out = tmp_path / "tokenizer"
    arguments = ["train-tokenizer", str(tmp_path), "--preset", "beat", "--out", str(out)]
    result = CliRunner().invoke(app, [*arguments, *options])
    assert result.exit_code == 2
    assert not out.exists()
