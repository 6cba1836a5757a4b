"""The map step: same words as the extractor, cached across processes, parallel."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ecg_byte_hf.corpora import open_corpus
from ecg_byte_hf.corpora.simulated import simulated
from ecg_byte_hf.corpora.writer import write_corpus
from ecg_byte_hf.corpus_tokenizer import processor_from_corpus
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.symbolize import symbolize_dataset, tokenize_dataset
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


def test_beat_learns_from_short_pieces_too(corpus):
    extractor = small_processor("beat").feature_extractor
    train = open_corpus(corpus)["train"]
    pieces = symbolize_dataset(train, extractor, seconds=2.0).with_format(None)
    assert {extractor.codec.length(words) for words in pieces["words"]} == {500}
    processor = processor_from_corpus(corpus, preset="beat", vocabulary_size=500, quiet=True)
    assert processor.feature_extractor.preset == "beat"


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
        processor_from_corpus(corpus, vocabulary_size=400, quiet=True).save_pretrained(
            tmp_path / name
        )
    for name in ("tokenizer.json", "processor_config.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_missing_split_or_preset_is_refused(corpus):
    with pytest.raises(EcgByteError, match="no split 'tset'"):
        processor_from_corpus(corpus, split="tset", quiet=True)
    with pytest.raises(EcgByteError, match="preset 'papers' is unknown"):
        processor_from_corpus(corpus, preset="papers", quiet=True)
