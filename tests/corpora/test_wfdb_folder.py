import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ecg_byte_hf.cli import app
from ecg_byte_hf.corpora import open_corpus, write_corpus
from ecg_byte_hf.corpora.wfdb_folder import split_of, wfdb_folder
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.hub_code.leads import STANDARD_LEADS

from ..test_records import edit_header, segments, some_ecg, write_record


def test_a_folder_of_good_and_bad_records(tmp_path):
    """Every kind of bad input in one folder: the rest goes through, the reasons are named."""
    root = tmp_path / "in"
    for name in ("good", "short", "cut", "counts", "rate", "nan", "missing", "up", "volts"):
        (root / name).mkdir(parents=True)
    write_record(root / "good", "a", signal=some_ecg(10, seed=1))
    write_record(root / "good", "b", signal=some_ecg(25, seed=2))
    segments(root / "good")
    with (root / "good" / "a.hea").open("a") as header:
        header.write("# Age: 64\n# Sex: Female\n")
    flat = some_ecg()
    flat[9] = 0.5
    write_record(root / "good", "flat", signal=flat)
    write_record(root / "short", signal=some_ecg(1))
    data = (write_record(root / "cut").with_suffix(".dat")).read_bytes()
    (root / "cut" / "rec.dat").write_bytes(data[:100])
    edit_header(write_record(root / "counts"), "rec 12 ", "rec 10 ")
    edit_header(write_record(root / "rate"), " 250 ", " -250 ")
    broken = some_ecg()
    broken[0, 3] = np.nan
    write_record(root / "nan", signal=broken)
    write_record(root / "missing", signal=some_ecg()[:11], names=STANDARD_LEADS[:11])
    edit_header(write_record(root / "up"), "rec.dat", "../rec.dat")
    edit_header(write_record(root / "volts"), "200.0(0)/mV", "200000.0(0)/mV")
    (root / "notes.hea").write_text("not a header\n")
    (root / "notes.txt").write_text("not a record\n")

    summary = write_corpus(wfdb_folder(root), tmp_path / "c", quiet=True)
    assert summary.records == 4
    assert summary.rows == 6
    reasons = {
        "short/rec": "too short",
        "cut/rec": "claims 2500 samples",
        "counts/rec": "promises 10 signals",
        "rate/rec": "not a positive number",
        "nan/rec": "NaN",
        "missing/rec": "missing V6",
        "up/rec": "plain file name",
        "volts/rec": "volts",
        "notes": "does not start as a WFDB header",
    }
    assert summary.skipped.keys() == reasons.keys()
    for record_id, reason in reasons.items():
        assert summary.skipped[record_id].startswith(f"{record_id}: ")
        assert reason in summary.skipped[record_id]
    rows = {row["record_id"]: row for rows in open_corpus(tmp_path / "c").values() for row in rows}
    assert set(rows) == {
        "good/a",
        "good/b@0s",
        "good/b@10s",
        "good/b@20s",
        "good/multi",
        "good/flat",
    }
    assert (rows["good/a"]["age"], rows["good/a"]["sex"]) == (64, "female")
    assert list(rows["good/flat"]["flags"]) == ["flat lead V4"]


def test_missing_leads_zero(tmp_path):
    (tmp_path / "in").mkdir()
    write_record(tmp_path / "in", signal=some_ecg()[:2], names=("I", "II"))
    summary = write_corpus(
        wfdb_folder(tmp_path / "in", missing_leads="zero"), tmp_path / "c", quiet=True
    )
    assert summary.rows == 1


def test_splits_are_by_patient_and_do_not_depend_on_other_records(tmp_path):
    for patient in range(8):
        for record in range(2):
            folder = tmp_path / "in" / f"patient{patient:03d}"
            folder.mkdir(parents=True, exist_ok=True)
            write_record(folder, f"s{record}", signal=some_ecg(2))
    source = wfdb_folder(
        tmp_path / "in",
        patient_pattern="(patient[0-9]+)/",
        validation_share=0.3,
        test_share=0.3,
        seed=3,
    )
    splits: dict[str, set[str]] = {}
    for entry in source.records():
        splits.setdefault(entry.record_id.split("/")[0], set()).add(entry.split)
    assert all(len(of_patient) == 1 for of_patient in splits.values())
    assert len(set.union(*splits.values())) > 1
    shares = [split_of(str(number), 0, 0.1, 0.2) for number in range(4000)]
    assert shares.count("validation") / 4000 == pytest.approx(0.1, abs=0.02)
    assert shares.count("test") / 4000 == pytest.approx(0.2, abs=0.02)
    # A database that is kept for measuring only.
    assert {split_of(str(number), 0, 1.0, 0.0) for number in range(200)} == {"validation"}


def test_what_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(EcgByteError, match="no such folder"):
        wfdb_folder(tmp_path / "nothing")
    with pytest.raises(EcgByteError, match="no WFDB header"):
        wfdb_folder(tmp_path)
    write_record(tmp_path)
    with pytest.raises(EcgByteError, match="at most 1 together"):
        wfdb_folder(tmp_path, validation_share=0.5, test_share=0.6)
    with pytest.raises(EcgByteError, match="is wrong"):
        wfdb_folder(tmp_path, patient_pattern="(")
    for pattern in ("patient", "", "(a)(b)"):
        with pytest.raises(EcgByteError, match="one group"):
            wfdb_folder(tmp_path, patient_pattern=pattern)
    for pattern in ("(nomatch)/", "(x)?", "()"):
        with pytest.raises(EcgByteError, match=r"finds no patient in any record's path.*'rec'"):
            wfdb_folder(tmp_path, patient_pattern=pattern)


def test_a_record_without_a_patient_is_in_no_split(tmp_path):
    for folder in ("patient1", "patient2", "calibration"):
        (tmp_path / "in" / folder).mkdir(parents=True)
        write_record(tmp_path / "in" / folder, signal=some_ecg(2))
    source = wfdb_folder(tmp_path / "in", patient_pattern="(patient[0-9]+)/", test_share=0.5)
    summary = write_corpus(source, tmp_path / "c", quiet=True)
    assert summary.skipped.keys() == {"calibration/rec"}
    assert "finds no patient in this path" in summary.skipped["calibration/rec"]
    rows = [row for rows in open_corpus(tmp_path / "c").values() for row in rows]
    assert sorted(row["patient_id"] for row in rows) == ["patient1", "patient2"]
    assert "patients unknown" not in str(summary)
    card = (tmp_path / "c" / "README.md").read_text()
    assert "All windows and records of a patient are in one split. 1 record could" in card
    assert "unknown" not in card.split("---")[2]


def test_without_a_pattern_nothing_is_said_of_patients(tmp_path):
    (tmp_path / "in").mkdir()
    write_record(tmp_path / "in", signal=some_ecg(2))
    summary = write_corpus(wfdb_folder(tmp_path / "in"), tmp_path / "c", quiet=True)
    assert str(summary).splitlines()[1].startswith("split by record; patients unknown")
    card = (tmp_path / "c" / "README.md").read_text()
    assert "Split by record; patients unknown" in card
    assert "of a patient are in one split" not in card
    assert "| 1 | 1 | unknown |" in card
    again = write_corpus(wfdb_folder(tmp_path / "in"), tmp_path / "c", quiet=True)
    assert "split by record; patients unknown" in str(again)


def folder_of_records(parent, *seeds: int) -> Path:
    root = parent / "ecg"
    root.mkdir(parents=True)
    for number, seed in enumerate(seeds):
        write_record(root, f"r{number}", signal=some_ecg(4, seed=seed))
    return root


def test_the_corpus_of_another_folder_of_the_same_name_is_not_taken_for_this_one(tmp_path):
    first = folder_of_records(tmp_path / "w1", 1, 2)
    second = folder_of_records(tmp_path / "w2", 1, 3)
    write_corpus(wfdb_folder(first), tmp_path / "c", quiet=True)
    with pytest.raises(
        EcgByteError, match=r"another corpus in it .input_files_sha256.*--overwrite"
    ):
        write_corpus(wfdb_folder(second), tmp_path / "c", quiet=True)
    with pytest.raises(EcgByteError, match=r"another corpus in it .licence"):
        write_corpus(wfdb_folder(first, licence="cc-by-4.0"), tmp_path / "c", quiet=True)
    # A copy has the same files at other times, and its corpus the same bytes.
    copy = Path(shutil.copytree(first, tmp_path / "w3" / "ecg", copy_function=shutil.copyfile))
    os.utime(copy / "r0.hea", (0, 0))
    summary = write_corpus(wfdb_folder(copy), tmp_path / "c", quiet=True)
    assert str(summary).splitlines()[-1] == "already there, nothing done"
    write_corpus(wfdb_folder(copy), tmp_path / "of-copy", quiet=True)
    for path in (tmp_path / "c").rglob("*"):
        if path.is_file():
            copied = tmp_path / "of-copy" / path.relative_to(tmp_path / "c")
            assert copied.read_bytes() == path.read_bytes()


def test_what_the_digest_of_input_files_sees(tmp_path):
    root = folder_of_records(tmp_path, 1, 2)
    segments(root)
    (root / "blank.hea").write_text("\u00a0\n")
    (root / "odd.hea").write_text("odd 3 250 9\n/etc/hostname 16\n.. 16\ngone.dat 16\n")

    def digest() -> str:
        return wfdb_folder(root).arguments["input_files_sha256"]

    digests = [digest(), digest()]
    assert digests[0] == digests[1]
    (root / "notes.txt").write_text("no record")
    assert digest() == digests[0]
    for path, change in (
        (root / "r0.hea", b"# Age: 64\n"),
        (root / "r1.dat", b"\0"),
        (root / "seg1.dat", b"\0"),
        (root / "gone.dat", b""),
    ):
        with path.open("ab") as file:
            file.write(change)
        assert digest() not in digests
        digests.append(digest())


def test_records_that_were_mended_go_into_a_corpus_of_which_nothing_was_finished(tmp_path):
    root = folder_of_records(tmp_path, 1)
    whole = (root / "r0.dat").read_bytes()
    (root / "r0.dat").write_bytes(whole[:100])
    with pytest.raises(EcgByteError, match="no record could be used"):
        write_corpus(wfdb_folder(root), tmp_path / "c", quiet=True)
    (root / "r0.dat").write_bytes(whole)
    assert write_corpus(wfdb_folder(root), tmp_path / "c", quiet=True).rows == 1
    assert not (tmp_path / "c" / "progress.json").exists()


def test_the_command(tmp_path):
    (tmp_path / "in").mkdir()
    write_record(tmp_path / "in")
    arguments = ["prepare", "wfdb", str(tmp_path / "in"), "--out", str(tmp_path / "c")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "1 row of 1 record at 250 Hz" in done.output
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "already there, nothing done" in done.output
    assert CliRunner().invoke(app, [*arguments, "--missing-leads", "drop"]).exit_code == 2
    for command in ("ptb-xl", "wfdb", "simulation"):
        shown = CliRunner().invoke(app, ["prepare", command, "--help"]).output
        assert "Example" in shown


def test_real_databases(ecg_byte_data, tmp_path):
    for name, count in (("ludb", 140), ("challenge-2021", 20)):
        summary = write_corpus(
            wfdb_folder(ecg_byte_data / name), tmp_path / name, sampling_rate=250, quiet=True
        )
        assert (summary.rows, summary.skipped) == (count, {})
        row = open_corpus(tmp_path / name)["train"][0]
        assert row["samples"] == 2500
        assert row["sex"] in ("female", "male")
