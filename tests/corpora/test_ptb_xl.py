import csv
from pathlib import Path

import numpy as np
import pytest
import wfdb
from typer.testing import CliRunner

from ecg_byte_hf.cli import app
from ecg_byte_hf.corpora import open_corpus, open_questions, signal_mV, write_corpus
from ecg_byte_hf.corpora.ptb_xl import ptb_xl
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.hub_code.leads import STANDARD_LEADS

from .some_records import some_signal

GOOD = {
    "ecg_id": "1",
    "patient_id": "77.0",
    "age": "56.0",
    "sex": "1",
    "report": "sinus rhythm",
    "scp_codes": "{'NORM': 100.0, 'SR': 0.0}",
    "strat_fold": "3",
    "filename_hr": "records500/00000/00001_hr",
}


def write_ptb_xl(root: Path, *changes: dict[str, str]) -> Path:
    """PTB-XL's layout with one good record, and one row per change of it (ecg_id 2, 3 ...)."""
    (root / "records500" / "00000").mkdir(parents=True)
    wfdb.wrsamp(
        "00001_hr",
        fs=500,
        units=["mV"] * 12,
        sig_name=list(STANDARD_LEADS),
        p_signal=some_signal(1, 10, 500).T,
        fmt=["16"] * 12,
        adc_gain=[1000.0] * 12,
        baseline=[0] * 12,
        write_dir=str(root / "records500" / "00000"),
    )
    rows = [{"ecg_id": str(number + 1)} | change for number, change in enumerate(({}, *changes))]
    write_rows(root, *(GOOD | row for row in rows))
    return root


def write_rows(root: Path, *rows: dict[str, str]) -> None:
    with (root / "ptbxl_database.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def test_columns_and_splits(tmp_path):
    root = write_ptb_xl(
        tmp_path / "ptb",
        {"strat_fold": "9", "age": "300.0", "sex": "0"},
        {"strat_fold": "10", "age": "", "sex": "", "scp_codes": "{}"},
    )
    write_corpus(ptb_xl(root), tmp_path / "c", quiet=True)
    corpus = open_corpus(tmp_path / "c")
    train, validation, test = (corpus[split][0] for split in ("train", "validation", "test"))
    assert (train["record_id"], train["patient_id"], train["sex"]) == ("1", "77", "female")
    assert train["age"] == 56
    assert list(train["scp_codes"]) == ["NORM", "SR"]
    assert train["report"] == "sinus rhythm"
    np.testing.assert_allclose(signal_mV(train), some_signal(1, 10, 500), rtol=1e-6)
    assert (validation["sex"], validation["age"]) == ("male", 90)
    assert list(validation["flags"]) == ["age over 89, stored as 90"]
    assert test["sex"] == ""
    assert np.isnan(test["age"])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"filename_hr": "records500/00000/00009_hr"}, "no such record"),
        ({"filename_hr": "../../etc/passwd"}, "does not stay in PTB-XL's folder"),
        ({"filename_hr": "/etc/passwd"}, "does not stay in PTB-XL's folder"),
        ({"filename_hr": ""}, "does not stay in PTB-XL's folder"),
        ({"scp_codes": "__import__('os').remove('x')"}, "no dictionary of codes"),
        ({"scp_codes": "[" * 500}, "no dictionary of codes"),
        ({"scp_codes": "['NORM']"}, "no dictionary of codes"),
        ({"strat_fold": "11"}, "strat_fold '11' is not 1 ... 10"),
        ({"strat_fold": ""}, "strat_fold '' is not 1 ... 10"),
        ({"patient_id": ""}, "no patient_id"),
        ({"patient_id": "x"}, "patient_id 'x' is no number"),
        ({"age": "-4"}, "age '-4' is not within"),
        ({"ecg_id": "1"}, "there twice"),
        ({"ecg_id": ""}, "ecg_id is missing"),
    ],
)
def test_a_wrong_row_is_skipped_and_the_rest_goes_through(tmp_path, change, reason):
    root = write_ptb_xl(tmp_path / "ptb", change)
    summary = write_corpus(ptb_xl(root), tmp_path / "c", quiet=True)
    assert summary.rows == 1
    ((record_id, said),) = summary.skipped.items()
    assert reason in said
    assert said.startswith(record_id)


def test_what_is_not_ptb_xl(tmp_path):
    with pytest.raises(EcgByteError, match=r"no ptbxl_database\.csv"):
        ptb_xl(tmp_path)
    (tmp_path / "ptbxl_database.csv").write_text("ecg_id,age\n")
    with pytest.raises(EcgByteError, match=r"column .*patient_id.* is missing"):
        ptb_xl(tmp_path)
    (tmp_path / "ptbxl_database.csv").write_text(",".join(GOOD) + "\n")
    with pytest.raises(EcgByteError, match="no records"):
        ptb_xl(tmp_path)
    write_rows(tmp_path, GOOD)
    with pytest.raises(EcgByteError, match=r"no folder records500 in it.*--rate"):
        ptb_xl(tmp_path)
    with pytest.raises(EcgByteError, match="500 and 100 Hz"):
        ptb_xl(tmp_path, rate=250)


def test_a_rate_that_is_not_there_leaves_nothing_behind(tmp_path):
    root = write_ptb_xl(tmp_path / "ptb")
    write_rows(root, GOOD | {"filename_lr": "records100/00000/00001_lr"})
    command = ["prepare", "ptb-xl", str(root), "--rate", "100", "--out", str(tmp_path / "c")]
    done = CliRunner().invoke(app, command)
    assert isinstance(done.exception, EcgByteError)
    assert "no folder records100 in it" in str(done.exception)
    assert not (tmp_path / "c").exists()


def test_the_corpus_of_another_ptb_xl_is_not_taken_for_this_one(tmp_path, monkeypatch):
    root = write_ptb_xl(tmp_path / "ptb", {"filename_hr": "../../etc/passwd"}, {"report": "paced"})
    monkeypatch.chdir(root)
    # However the folder is named.
    write_corpus(ptb_xl("../ptb"), tmp_path / "c", quiet=True)
    done = str(write_corpus(ptb_xl(root), tmp_path / "c", quiet=True))
    assert done.endswith(
        "already there, nothing done; give --overwrite to try again what was skipped"
    )
    header = root / "records500" / "00000" / "00001_hr.hea"
    text = header.read_text()
    header.write_text(text + "# other\n")
    with pytest.raises(EcgByteError, match=r"another corpus in it .input_files_sha256"):
        write_corpus(ptb_xl("../ptb"), tmp_path / "c", quiet=True)
    header.write_text(text)
    assert write_corpus(ptb_xl(root), tmp_path / "c", quiet=True).written_by
    rows = (root / "ptbxl_database.csv").read_text()
    (root / "ptbxl_database.csv").write_text(rows.replace("paced", "sinus"))
    with pytest.raises(EcgByteError, match=r"another corpus in it .input_files_sha256"):
        write_corpus(ptb_xl(root), tmp_path / "c", quiet=True)


def test_real_ptb_xl(ecg_byte_data, tmp_path):
    """All records go through; every sample of a few comes back as the converter's own number."""
    root = ecg_byte_data / "ptb-xl"
    summary = write_corpus(ptb_xl(root), tmp_path / "c", quiet=True)
    assert summary.skipped == {}
    assert summary.splits["train"]["rows"] == 352
    assert summary.splits["validation"]["rows"] == 82
    corpus = open_corpus(tmp_path / "c")
    assert not set(corpus["train"]["patient_id"]) & set(corpus["validation"]["patient_id"])
    with (root / "ptbxl_database.csv").open() as file:
        paths = {row["ecg_id"]: row["filename_hr"] for row in csv.DictReader(file)}
    for row in corpus["validation"].select(range(0, 82, 9)):
        recorded = wfdb.rdrecord(str(root / paths[str(row["record_id"])]), physical=False)
        np.testing.assert_array_equal(np.asarray(row["signal"]), recorded.d_signal.T)
        assert row["scale"] == np.float32(0.001)
    questions = open_questions(tmp_path / "c")
    assert set(questions["train"]["record_id"]) <= set(corpus["train"]["record_id"])
