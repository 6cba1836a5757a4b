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


def test_what_is_refused_before_anything_is_read(tmp_path):
    with pytest.raises(EcgByteError, match="no such folder"):
        wfdb_folder(tmp_path / "nothing")
    with pytest.raises(EcgByteError, match="no WFDB header"):
        wfdb_folder(tmp_path)
    write_record(tmp_path)
    with pytest.raises(EcgByteError, match="below 1 together"):
        wfdb_folder(tmp_path, validation_share=0.5, test_share=0.5)
    with pytest.raises(EcgByteError, match="is wrong"):
        wfdb_folder(tmp_path, patient_pattern="(")
    with pytest.raises(EcgByteError, match="one group"):
        wfdb_folder(tmp_path, patient_pattern="patient")


def test_the_command(tmp_path):
    (tmp_path / "in").mkdir()
    write_record(tmp_path / "in")
    arguments = ["prepare", "wfdb", str(tmp_path / "in"), "--out", str(tmp_path / "c")]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "1 rows of 1 records at 250 Hz" in done.output
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
