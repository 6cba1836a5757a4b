"""The map step: same words as the extractor, cached across processes, parallel."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ecg_byte_hf import EcgByteProcessor
from ecg_byte_hf.corpora import open_corpus, signal_mV
from ecg_byte_hf.corpora.simulated import simulated
from ecg_byte_hf.corpora.writer import write_corpus
from ecg_byte_hf.corpus_tokenizer import processor_from_corpus
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.hub_code.feature_extraction_ecg_byte import EcgByteFeatureExtractor
from ecg_byte_hf.symbolize import symbolize_dataset, tokenize_dataset
from ecg_byte_hf.training_words import training_words_dataset
from tests.small_tokenizer import small_processor

PROGRAM = """
import json, sys
from ecg_byte_hf import EcgByteProcessor
from ecg_byte_hf.corpora import open_corpus
from ecg_byte_hf.symbolize import symbolize_dataset, tokenize_dataset
corpus, tokenizer = sys.argv[1:]
processor = EcgByteProcessor.from_pretrained(tokenizer)
train = open_corpus(corpus)["train"]
words = symbolize_dataset(train, processor.feature_extractor)
ids = tokenize_dataset(train, processor)
print(json.dumps([words._fingerprint, ids._fingerprint,
    [f["filename"] for f in words.cache_files], [f["filename"] for f in ids.cache_files]]))
"""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpora") / "simulation"
    write_corpus(simulated(40, seed=3), folder, quiet=True)
    return folder


def test_words_and_ids_are_those_of_extractor_and_processor(corpus):
    processor = small_processor()
    train = open_corpus(corpus)["train"]
    words = symbolize_dataset(train, processor.feature_extractor, keep_signal=True)
    ids = tokenize_dataset(train, processor)
    assert "signal" not in ids.column_names
    row = words.with_format("numpy")[0]
    signal = row["signal"][:, : int(row["samples"])] * row["scale"]
    expected = processor.feature_extractor.encode(signal, float(row["sampling_rate"]))
    assert words.with_format(None)[0]["words"] == expected
    assert ids.with_format(None)[0]["ecg_ids"] == processor.words_to_ids(expected)


def test_beat_learns_from_copies_and_from_short_pieces_without_a_template(corpus):
    extractor = small_processor("beat").feature_extractor
    train = open_corpus(corpus)["train"]
    rows = training_words_dataset(train, extractor, augment=1)["words"]
    lengths = [extractor.codec.length(words) for words in rows]
    assert len(rows) == len(train) * (1 + 1 + 2 * 2)
    assert lengths.count(500) == len(train) * 4
    assert all(words[:9] == [""] * 9 for words in rows if extractor.codec.length(words) == 500)
    # The ECGs themselves are among them, coded as they will be.
    own = symbolize_dataset(train, extractor).with_format(None)["words"]
    assert {tuple(words) for words in own} < {tuple(words) for words in rows}


def test_training_words_do_not_depend_on_processes_and_compact_has_no_pieces(corpus):
    train = open_corpus(corpus)["train"]
    extractor = small_processor().feature_extractor
    alone = training_words_dataset(train, extractor, augment=1, seed=3)["words"]
    together = training_words_dataset(train, extractor, augment=1, seed=3, num_proc=2)["words"]
    assert list(alone) == list(together)
    assert len(alone) == 2 * len(train)
    other = training_words_dataset(train, extractor, augment=1, seed=4)["words"]
    assert list(other) != list(alone)


def test_how_a_bpe_was_trained_stands_in_its_config(corpus, tmp_path):
    processor = processor_from_corpus(
        corpus, preset="beat", vocabulary_size=500, augment=1, seed=5, quiet=True
    )
    processor.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "tokenizer_config.json").read_text())
    assert config["training"].items() >= {"augment": 1, "seed": 5}.items()
    again = EcgByteProcessor.from_pretrained(tmp_path)
    assert again.tokenizer.get_vocab() == processor.tokenizer.get_vocab()


def test_a_corpus_in_standard_deviations_is_taken_as_it_is(tmp_path):
    source = replace(simulated(6, seed=3, sampling_rate=100.0), unit="SD")
    write_corpus(source, tmp_path / "corpus", quiet=True)
    processor = processor_from_corpus(tmp_path / "corpus", vocabulary_size=800, quiet=True)
    extractor = processor.feature_extractor
    assert (extractor.unit, extractor.sampling_rate, extractor.cleaning) == ("SD", 100.0, "none")
    assert (extractor.codec.state["step"], extractor.codec.state["template_step"]) == (3.0, 0.8)
    finer = processor_from_corpus(
        tmp_path / "corpus", vocabulary_size=800, codec={"step": 2.0}, quiet=True
    )
    assert finer.feature_extractor.codec.state["step"] == 2.0


def test_vocabularies_per_kind_of_word(corpus, tmp_path):
    from transformers import AutoTokenizer

    sizes = {"rr": 310, "t": 330, "r": 360}
    processor = processor_from_corpus(corpus, preset="beat", vocabulary_sizes=sizes, quiet=True)
    assert processor.ecg_vocabulary_size == 3 + 17 + 310 + 330 + 360
    extractor = processor.feature_extractor
    assert extractor.codec.alphabets == "separate"
    joint = EcgByteFeatureExtractor("beat", codec=extractor.codec.state | {"alphabets": "joint"})
    processor.save_pretrained(tmp_path)
    again = EcgByteProcessor.from_pretrained(tmp_path)
    plain = AutoTokenizer.from_pretrained(tmp_path)
    for row in open_corpus(corpus)["validation"].with_format("numpy"):
        signal, rate = signal_mV(row), float(row["sampling_rate"])
        ids = processor.ecg_ids(signal, rate)
        assert again.ecg_ids(signal, rate) == ids
        text = processor.tokenizer.decode(ids)
        assert plain(text, add_special_tokens=False)["input_ids"] == ids
        assert np.array_equal(
            again.decode_ecg(ids, strict=True), joint.decode(joint.encode(signal, rate))
        )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_records": 0}, "max_records 0"),
        ({"num_proc": 0}, "num_proc 0"),
        ({"augment": -1}, "augment -1"),
        ({"vocabulary_size": -5}, "too small"),
        ({"vocabulary_sizes": {"rr": 400}}, "one each for rr, t, r"),
        ({"vocabulary_sizes": {"rr": 400, "t": 10, "r": 400}}, "10 of t is too small"),
        ({"vocabulary_sizes": {"r": 400}, "preset": "compact"}, "one alphabet for all words"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(corpus, options, message):
    with pytest.raises(EcgByteError, match=message):
        processor_from_corpus(corpus, **{"preset": "beat", "quiet": True} | options)


def test_two_processes_give_the_same_rows(corpus):
    extractor = small_processor().feature_extractor
    train = open_corpus(corpus)["train"]
    alone = symbolize_dataset(train, extractor).with_format(None)["words"]
    together = symbolize_dataset(train, extractor, num_proc=2).with_format(None)["words"]
    assert list(alone) == list(together)


def test_a_fresh_process_finds_the_cache(corpus, tmp_path):
    small_processor().save_pretrained(tmp_path / "tokenizer")
    runs = []
    for _ in range(2):
        run = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(corpus), str(tmp_path / "tokenizer")],
            capture_output=True,
            text=True,
            check=True,
        )
        fingerprint_words, fingerprint_ids, *files = json.loads(run.stdout.splitlines()[-1])
        times = [Path(name).stat().st_mtime_ns for names in files for name in names]
        runs.append((fingerprint_words, fingerprint_ids, files, times))
    assert runs[0][2][0]
    assert runs[0][2][1]
    assert runs[0] == runs[1]


def test_a_bad_row_is_named(corpus):
    train = open_corpus(corpus)["train"].select(range(3)).with_format(None)
    rows = train.map(lambda row: {"sampling_rate": 7.0 if row["record_id"] else 0.0})
    with pytest.raises(EcgByteError, match=rows[0]["record_id"]):
        symbolize_dataset(rows, small_processor().feature_extractor)


def test_a_tokenizer_of_a_corpus_is_the_same_twice(corpus, tmp_path):
    for name in ("a", "b"):
        processor_from_corpus(corpus, vocabulary_size=700, quiet=True).save_pretrained(
            tmp_path / name
        )
    for name in ("tokenizer.json", "processor_config.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_missing_split_or_preset_is_refused(corpus):
    with pytest.raises(EcgByteError, match="no split 'tset'"):
        processor_from_corpus(corpus, split="tset", quiet=True)
    with pytest.raises(EcgByteError, match="preset 'papers' is unknown"):
        processor_from_corpus(corpus, preset="papers", quiet=True)
