import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ecg_byte_hf.corpora import open_corpus, open_questions, signal_mV, write_corpus
from ecg_byte_hf.corpora.columns import ecg_features, quantise
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.writing import check_can_write, write_whole
from tests.interrupts import heed_interrupts

from .some_records import RATE, some_record, some_signal, some_source


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    import datasets.config

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_every_sample_comes_back(tmp_path):
    summary = write_corpus(some_source(7), tmp_path / "c", quiet=True)
    assert (summary.rows, summary.records, summary.skipped) == (7, 7, {})
    corpus = open_corpus(tmp_path / "c")
    assert list(corpus) == ["train"]
    assert corpus["train"].features == ecg_features(10 * RATE)
    for number, row in enumerate(corpus["train"]):
        assert row["record_id"] == f"r{number}"
        assert row["samples"] == 4 * RATE
        assert not np.asarray(row["signal"])[:, 4 * RATE :].any()
        assert signal_mV(row).dtype == np.float32
        np.testing.assert_allclose(signal_mV(row), some_signal(number), rtol=1e-6)
        np.testing.assert_array_equal(
            np.asarray(row["signal"])[:, : 4 * RATE], np.rint(some_signal(number) / 0.005)
        )


def test_datasets_loads_the_folder_also_streaming(tmp_path):
    from datasets import load_dataset

    write_corpus(some_source(12), tmp_path / "c", quiet=True)
    whole = load_dataset(str(tmp_path / "c"))
    assert {split: len(rows) for split, rows in whole.items()} == {"train": 10, "validation": 2}
    assert whole["train"].features == ecg_features(10 * RATE)
    streamed = load_dataset(str(tmp_path / "c"), "ecg", split="validation", streaming=True)
    rows = list(streamed.with_format("numpy"))
    assert [row["record_id"] for row in rows] == ["r8", "r9"]
    np.testing.assert_allclose(signal_mV(rows[1]), some_signal(9), rtol=1e-6)


@given(st.integers(0, 2**32), st.floats(1e-3, 30), st.sampled_from([None, 0.001, 0.005, 1e-5]))
def test_quantiser_is_exact_or_off_by_half_a_unit(seed, size, resolution):
    values = np.random.default_rng(seed).normal(0, size, (12, 50)).astype(np.float32)
    units, scale = quantise(values, resolution)
    assert units.dtype == np.int16
    assert np.abs(units * scale - values).max() <= 0.51 * scale + 1e-6 * np.abs(values).max()
    assert scale <= np.abs(values).max() / 32767 * 1.001


def test_quantiser_of_a_resolution_that_the_signal_does_not_keep():
    steps = np.arange(-600, 600).reshape(12, 100)
    assert quantise((steps * 0.001).astype(np.float32), 0.001)[1] == np.float32(0.001)
    assert quantise((steps * 0.0015).astype(np.float32), 0.001)[1] != np.float32(0.001)
    # 24 bits do not fit into 16.
    assert quantise((steps * 1.0).astype(np.float32), 0.001)[1] != np.float32(0.001)


def test_bad_records_are_skipped_and_named(tmp_path):
    summary = write_corpus(some_source(9, bad=frozenset({0, 5})), tmp_path / "c", quiet=True)
    assert summary.rows == 7
    assert "2 skipped" in str(summary)
    lines = (tmp_path / "c" / "skipped.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"record_id": "r0", "reason": "r0: broken on purpose"},
        {"record_id": "r5", "reason": "r5: broken on purpose"},
    ]
    assert json.loads((tmp_path / "c" / "corpus.json").read_text())["skipped"] == 2


def test_nothing_went_through(tmp_path):
    with pytest.raises(EcgByteError, match=r"no record could be used.*broken on purpose"):
        write_corpus(some_source(3, bad=frozenset(range(3))), tmp_path / "c", quiet=True)
    assert len((tmp_path / "c" / "skipped.jsonl").read_text().splitlines()) == 3
    with pytest.raises(EcgByteError, match="unfinished"):
        open_corpus(tmp_path / "c")
    # Once the records are mended, the same command reads them.
    assert write_corpus(some_source(3), tmp_path / "c", quiet=True).skipped == {}
    assert len(open_corpus(tmp_path / "c")["train"]) == 3


def test_long_records_become_windows_and_other_rates_are_resampled(tmp_path):
    def make(number):
        return some_record(number, seconds=25) if number == 0 else some_record(number, rate=200)

    write_corpus(some_source(2, make=make), tmp_path / "c", quiet=True)
    rows = list(open_corpus(tmp_path / "c")["train"])
    assert [row["record_id"] for row in rows] == ["r0@0s", "r0@10s", "r0@20s", "r1"]
    assert [row["offset_s"] for row in rows] == [0, 10, 20, 0]
    assert [row["samples"] for row in rows] == [1000, 1000, 500, 400]
    assert {row["sampling_rate"] for row in rows} == {RATE}
    assert list(rows[3]["flags"]) == ["resampled from 200 to 100 Hz"]


def test_counts_in_a_few_leads_are_not_written_as_millivolts(tmp_path):
    def make(number):
        record = some_record(number)
        record.signal[:2] *= 1000
        record.signal[2:] = 0
        return record

    with pytest.raises(EcgByteError, match="raw counts"):
        write_corpus(some_source(1, make=make), tmp_path / "c", quiet=True)


def test_window_without_signal_is_skipped(tmp_path):
    def make(number):
        record = some_record(number, seconds=20)
        record.signal[:, 1000:] = 0
        return record

    summary = write_corpus(some_source(1, make=make), tmp_path / "c", quiet=True)
    assert summary.rows == 1
    assert list(summary.skipped) == ["r0@10s"]


class Stop(KeyboardInterrupt):
    pass


@pytest.mark.parametrize("stop_at", [3, 120, 131, 249])
def test_an_interrupted_run_is_continued_to_the_same_bytes(tmp_path, stop_at):
    bad = frozenset({4, 130, 240})
    write_corpus(some_source(250, bad=bad), tmp_path / "whole", quiet=True)
    reads: list[int] = []

    def before(number: int) -> None:
        reads.append(number)
        if number == stop_at and reads.count(number) == 1:
            raise Stop

    source = some_source(250, bad=bad, before=before)
    with pytest.raises(Stop):
        write_corpus(source, tmp_path / "cut", quiet=True)
    with pytest.raises(EcgByteError, match="unfinished"):
        open_corpus(tmp_path / "cut")
    finished = len(list((tmp_path / "cut" / "data").glob("train-*.parquet")))
    reads.clear()
    reads.append(stop_at)
    write_corpus(source, tmp_path / "cut", quiet=True)
    assert files_of(tmp_path / "cut") == files_of(tmp_path / "whole")
    # Records of finished shards are not read again.
    assert sum(number < stop_at for number in reads[1:]) <= max(0, stop_at + 1 - 99 * finished)


def test_a_second_run_does_nothing_and_another_corpus_is_refused(tmp_path):
    write_corpus(some_source(3), tmp_path / "c", quiet=True)
    before = files_of(tmp_path / "c")
    reads: list[int] = []
    write_corpus(some_source(3, before=reads.append), tmp_path / "c", quiet=True)
    assert not reads
    with pytest.raises(EcgByteError, match=r"another corpus in it .count.*--overwrite"):
        write_corpus(some_source(4), tmp_path / "c", quiet=True)
    assert files_of(tmp_path / "c") == before
    write_corpus(some_source(4), tmp_path / "c", overwrite=True, quiet=True)
    assert len(open_corpus(tmp_path / "c")["train"]) == 4


def test_the_summary_says_that_nothing_was_done_and_what_overwrite_would(tmp_path, monkeypatch):
    bad = frozenset({1})
    first = str(write_corpus(some_source(3, bad=bad), tmp_path / "c", quiet=True))
    assert "already there" not in first
    again = str(write_corpus(some_source(3), tmp_path / "c", quiet=True))
    assert again.startswith(first)
    assert again.endswith("nothing done; give --overwrite to try again what was skipped")
    for module in ("writer", "resuming", "summary"):
        monkeypatch.setattr(f"ecg_byte_hf.corpora.{module}.__version__", "99.0")
    other = str(write_corpus(some_source(3), tmp_path / "c", quiet=True))
    assert "already there, nothing done; give --overwrite to replace what version" in other
    anew = str(write_corpus(some_source(3), tmp_path / "c", overwrite=True, quiet=True))
    assert "already there" not in anew
    again = str(write_corpus(some_source(3), tmp_path / "c", quiet=True))
    assert again.endswith("already there, nothing done")


def test_a_corpus_that_another_version_began_is_not_continued(tmp_path, monkeypatch):
    def stop(number: int) -> None:
        if number == 2:
            raise Stop

    with pytest.raises(Stop):
        write_corpus(some_source(3, before=stop), tmp_path / "c", quiet=True)
    for module in ("writer", "resuming", "summary"):
        monkeypatch.setattr(f"ecg_byte_hf.corpora.{module}.__version__", "99.0")
    with pytest.raises(EcgByteError, match=r"version .* instead of 99\.0"):
        write_corpus(some_source(3), tmp_path / "c", quiet=True)


def test_other_arguments_for_an_unfinished_corpus_are_refused(tmp_path):
    def stop(number: int) -> None:
        if number == 2:
            raise Stop

    with pytest.raises(Stop):
        write_corpus(some_source(9, before=stop), tmp_path / "c", quiet=True)
    with pytest.raises(EcgByteError, match=r"other arguments is in it .count"):
        write_corpus(some_source(8), tmp_path / "c", quiet=True)
    with pytest.raises(EcgByteError, match="window_s"):
        write_corpus(some_source(9), tmp_path / "c", window_s=5, quiet=True)
    write_corpus(some_source(8), tmp_path / "c", overwrite=True, quiet=True)


def test_a_folder_of_other_files_is_never_touched(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    for overwrite in (False, True):
        with pytest.raises(EcgByteError, match="holds no corpus"):
            write_corpus(some_source(3), tmp_path, overwrite=overwrite, quiet=True)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_a_full_disk_keeps_what_was_finished(tmp_path, monkeypatch):
    import pyarrow.parquet

    real, calls = pyarrow.parquet.ParquetWriter.write_table, []

    def full(writer, table):
        calls.append(table)
        if len(calls) == 9:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(writer, table)

    monkeypatch.setattr(pyarrow.parquet.ParquetWriter, "write_table", full)
    with pytest.raises(EcgByteError, match="the disk is full; what was finished stays"):
        write_corpus(some_source(260), tmp_path / "c", quiet=True)
    assert [path.name for path in (tmp_path / "c" / "data").iterdir()] == ["train-00000.parquet"]
    monkeypatch.undo()
    write_corpus(some_source(260), tmp_path / "c", quiet=True)
    write_corpus(some_source(260), tmp_path / "whole", quiet=True)
    assert files_of(tmp_path / "c") == files_of(tmp_path / "whole")


def test_the_output_may_be_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_corpus(some_source(3), tmp_path / "link", quiet=True)
    assert len(open_corpus(tmp_path / "real")["train"]) == 3


def test_where_a_file_can_be_written_is_known_without_writing_one(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "x.json", tmp_path / "file" / "a" / "x.json"):
        for write in (check_can_write, lambda path: write_whole(path, Path.touch)):
            with pytest.raises(EcgByteError) as caught:
                write(path)
            assert str(path) in str(caught.value)
    check_can_write(tmp_path / "file")
    check_can_write(tmp_path / "a" / "b" / "x.json")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_what_is_no_corpus(tmp_path, caplog):
    with pytest.raises(EcgByteError, match="no such folder"):
        open_corpus(tmp_path / "nothing")
    with pytest.raises(EcgByteError, match="no corpus"):
        open_corpus(tmp_path)
    (tmp_path / "corpus.json").write_text("{")
    with pytest.raises(EcgByteError, match="cannot be read"):
        open_corpus(tmp_path)
    write_corpus(some_source(3), tmp_path / "c", quiet=True)
    with pytest.raises(EcgByteError, match="no questions"):
        open_questions(tmp_path / "c")
    torn = next((tmp_path / "c" / "data").iterdir())
    torn.write_bytes(b"torn")
    with pytest.raises(EcgByteError, match=f"{torn.name} cannot be read"):
        open_corpus(tmp_path / "c")
    assert not caplog.records


# `ecg-byte` that stops itself after so many calls of a method of `ShardWriter`: a signal from
# outside comes too late where the machine is busy.
STOPS_ITSELF = """
import os, sys
from ecg_byte_hf.cli import main
from ecg_byte_hf.corpora.shards import ShardWriter

method, calls, how = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
del sys.argv[1:4]
real = getattr(ShardWriter, method)

def counted(writer, *row):
    global calls
    real(writer, *row)
    calls -= 1
    if calls == 0:
        os.kill(os.getpid(), how)

setattr(ShardWriter, method, counted)
main()
"""


def simulation_into(out: Path) -> list[str]:
    options = ["--records", "250", "--sampling-rate", "100", "--out", str(out)]
    return ["prepare", "simulation", *options]


def prepared(out: Path) -> Path:
    done = subprocess.run(
        [sys.executable, "-m", "ecg_byte_hf.cli", *simulation_into(out)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "250 rows of 250 records at 100 Hz" in done.stdout.replace("\n", " ")
    return out


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return prepared(tmp_path_factory.mktemp("uninterrupted") / "c")


@pytest.mark.parametrize(
    ("method", "calls", "how"),
    [
        ("add", 150, signal.SIGINT),
        ("add", 150, signal.SIGKILL),
        # The shard is there and `progress.json` does not know it yet.
        ("close", 1, signal.SIGINT),
        ("close", 1, signal.SIGKILL),
    ],
)
def test_the_command_continues_after_it_was_stopped(tmp_path, uninterrupted, method, calls, how):
    counted = [method, str(calls), str(int(how))]
    stopped = subprocess.run(
        [sys.executable, "-c", STOPS_ITSELF, *counted, *simulation_into(tmp_path / "c")],
        capture_output=True,
        text=True,
        preexec_fn=heed_interrupts,
        check=False,
    )
    assert stopped.returncode == (130 if how == signal.SIGINT else -signal.SIGKILL), stopped.stderr
    assert len(list((tmp_path / "c").glob("data/*.parquet"))) == 1
    assert not (tmp_path / "c" / "corpus.json").exists()
    assert files_of(prepared(tmp_path / "c")) == files_of(uninterrupted)
