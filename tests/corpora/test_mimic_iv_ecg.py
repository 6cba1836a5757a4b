"""A simulated tree in the layout of MIMIC-IV-ECG."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import wfdb
from typer.testing import CliRunner

from ecg_byte_hf.cli import app
from ecg_byte_hf.corpora import describe_corpus, open_corpus, open_questions, signal_mV
from ecg_byte_hf.corpora.mimic_iv_ecg import REPORT_COLUMNS, mimic_iv_ecg
from ecg_byte_hf.corpora.simulation import simulate
from ecg_byte_hf.corpora.wfdb_folder import split_of
from ecg_byte_hf.hub_code.errors import EcgByteError

from .test_ecg_qa import row as ecg_qa_row
from .test_ecg_qa import write_ecg_qa

# The database's own order: aVF before aVL.
LEADS = ["I", "II", "III", "aVR", "aVF", "aVL", "V1", "V2", "V3", "V4", "V5", "V6"]
STUDIES = {
    40000001: 10000032,
    40000002: 10000032,
    40000003: 10000117,
    40000004: 10000248,
    40000005: 10000248,
    40000006: 10000560,
}
STATEMENTS = {
    40000001: ["Sinus rhythm", "Possible anterior infarct - age undetermined", "Abnormal ECG"],
    40000002: ["Sinus rhythm.", "", "Normal ECG"],
    40000004: ["--- Warning: Data quality may affect interpretation ---"],
    40000006: [],
}


def path_of(study: int) -> str:
    patient = str(STUDIES[study])
    return f"files/p{patient[:4]}/p{patient}/s{study}/{study}"


def write_csv(path: Path, rows: list[dict]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def signals() -> dict[int, np.ndarray]:
    clear = (
        one.record.signal
        for one in simulate(60, 5, sampling_rate=500.0)
        if (one.truth["rhythm"], one.truth["noise"]) == ("sinus rhythm", "none")
    )
    return dict(zip(STUDIES, clear, strict=False))


@pytest.fixture(scope="module")
def database(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("mimic") / "mimic-iv-ecg"
    for study, signal in signals().items():
        folder = (root / path_of(study)).parent
        folder.mkdir(parents=True)
        by_name = dict(
            zip([*LEADS[:4], "aVL", "aVF", *LEADS[6:]], signal.astype(float), strict=True)
        )
        wfdb.wrsamp(
            str(study),
            fs=500,
            units=["mV"] * 12,
            sig_name=LEADS,
            p_signal=np.stack([by_name[name] for name in LEADS], axis=1),
            fmt=["16"] * 12,
            adc_gain=[200.0] * 12,
            baseline=[0] * 12,
            write_dir=str(folder),
        )
    time = "2180-07-23 08:44:00"
    listed = [
        {
            "subject_id": patient,
            "study_id": study,
            "file_name": study,
            "ecg_time": time,
            "path": path_of(study),
        }
        for study, patient in STUDIES.items()
    ]
    write_csv(root / "record_list.csv", listed)
    measured = []
    for study, statements in STATEMENTS.items():
        said = dict.fromkeys(REPORT_COLUMNS, "") | dict(
            zip(REPORT_COLUMNS, statements, strict=False)
        )
        line = {"subject_id": STUDIES[study], "study_id": study, "cart_id": 1, "ecg_time": time}
        measured.append(line | said | {"bandwidth": "0.005-150 Hz", "rr_interval": 800})
    write_csv(root / "machine_measurements.csv", measured)
    return root


@pytest.fixture(scope="module")
def corpus(database, tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("mimic-corpus")
    # Two ECGs of one patient, and two of which the second is not in the database.
    comparison = {"question_type": "comparison_consecutive-verify", "attribute": None}
    asked = [
        ecg_qa_row(0, [40000001], ["no"]),
        ecg_qa_row(1, [40000004, 40000005], ["yes"], **comparison),
        ecg_qa_row(2, [40000001, 49999999], ["yes"], **comparison),
    ]
    write_ecg_qa(root / "ecg-qa" / "mimic-iv-ecg", {"valid": asked})
    command = ["prepare", "mimic-iv-ecg", str(database), "--ecg-qa", str(root / "ecg-qa")]
    shares = ["--validation-share", "0.2", "--test-share", "0.5"]
    done = CliRunner().invoke(app, [*command, *shares, "--out", str(root / "c"), "--quiet"])
    assert done.exit_code == 0, done.output
    return root / "c"


def all_rows(splits) -> dict[str, dict]:
    return {
        row["record_id"]: row | {"split": split} for split, rows in splits.items() for row in rows
    }


def test_patients_stay_together_and_leads_are_told_by_their_names(corpus):
    rows = all_rows(open_corpus(corpus))
    true = signals()
    assert {int(record_id) for record_id in rows} == set(STUDIES)
    for record_id, row in rows.items():
        patient = str(STUDIES[int(record_id)])
        assert row["patient_id"] == patient
        assert row["split"] == split_of(patient, 0, 0.2, 0.5)
        assert np.abs(signal_mV(row) - true[int(record_id)]).max() < 0.005
        assert row["sex"] == ""
        assert np.isnan(row["age"])
    assert len({row["split"] for row in rows.values()}) > 1


def test_reports_are_the_recorders_statements(corpus):
    rows = all_rows(open_corpus(corpus))
    assert {int(record_id): row["report"] for record_id, row in rows.items()} == {
        40000001: "Sinus rhythm. Possible anterior infarct - age undetermined. Abnormal ECG.",
        40000002: "Sinus rhythm. Normal ECG.",
        40000003: "",
        40000004: "--- Warning: Data quality may affect interpretation ---.",
        40000005: "",
        40000006: "",
    }
    asked = [row for rows in open_questions(corpus).values() for row in rows]
    reports = [row for row in asked if row["question_type"] == "report"]
    assert {int(row["record_id"]) for row in reports} == {40000001, 40000002, 40000004}
    assert {row["attribute"] for row in reports} == {"report_en"}
    assert any(row["question_type"] == "numeric" for row in asked)


def test_ecg_qa_asks_by_study(corpus):
    asked = [row for rows in open_questions(corpus).values() for row in rows]
    ids = {row["question_id"] for row in asked if row["question_id"].startswith("ecg-qa")}
    assert ids == {f"ecg-qa:valid:{n}:{w}" for n in (0, 1) for w in ("template", "paraphrased")}
    assert describe_corpus(corpus)["question_counts"]["ECG-QA left out: no such ECG"] == 2


def test_its_recordings_are_not_pushed(database, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_none")
    command = ["prepare", "mimic-iv-ecg", str(database), "--out", str(tmp_path / "c")]
    done = CliRunner().invoke(app, [*command, "--push", "someone/mimic", "--private"])
    assert isinstance(done.exception, EcgByteError)
    assert "forbids sharing" in str(done.exception)
    assert not (tmp_path / "c").exists()


def test_wrong_rows_are_skipped_and_the_rest_goes_through(database, tmp_path):
    root = tmp_path / "db"
    root.mkdir()
    (root / "files").symlink_to(database / "files")
    good = {"subject_id": "10000117", "study_id": "40000003", "path": path_of(40000003)}
    rows = [
        good | {"path": f"../{database.name}/{path_of(40000003)}", "study_id": "1"},
        good | {"path": "files/p1000/p10000117/s2/2", "study_id": "2"},
        good | {"subject_id": "", "study_id": "3"},
        good | {"study_id": ""},
    ]
    write_csv(root / "record_list.csv", rows)
    (root / "machine_measurements.csv").write_bytes(
        (database / "machine_measurements.csv").read_bytes()
    )
    reasons = []
    for entry in mimic_iv_ecg(root).records():
        with pytest.raises(EcgByteError) as caught:
            entry.read()
        reasons.append(str(caught.value))
    for reason, said in zip(
        reasons,
        ["does not stay in MIMIC-IV-ECG's folder", "2: ", "no subject_id", "study_id is missing"],
        strict=True,
    ):
        assert said in reason


def test_other_folders_are_refused(tmp_path, database):
    with pytest.raises(EcgByteError, match=r"no record_list\.csv"):
        mimic_iv_ecg(tmp_path)
    write_csv(tmp_path / "record_list.csv", [{"study_id": 1, "path": "files/x"}])
    with pytest.raises(EcgByteError, match=r"no machine_measurements\.csv"):
        mimic_iv_ecg(tmp_path)
    (tmp_path / "machine_measurements.csv").write_text("study_id,report_0\n")
    with pytest.raises(EcgByteError, match="column subject_id is missing"):
        mimic_iv_ecg(tmp_path)
    write_csv(tmp_path / "record_list.csv", [{"subject_id": 1, "study_id": 1, "path": "files/x"}])
    with pytest.raises(EcgByteError, match="column report_1, "):
        mimic_iv_ecg(tmp_path)
    with pytest.raises(EcgByteError, match="at most 1 together"):
        mimic_iv_ecg(database, validation_share=0.6, test_share=0.6)


def test_the_other_order_of_the_two_files_changes_nothing(database, tmp_path):
    root = tmp_path / "db"
    root.mkdir()
    (root / "record_list.csv").write_bytes((database / "record_list.csv").read_bytes())
    lines = (database / "machine_measurements.csv").read_text().splitlines()
    (root / "machine_measurements.csv").write_text("\n".join([lines[0], *lines[:0:-1]]) + "\n")
    shutil.copytree(database / "files", root / "files")
    usual, other = (
        [entry.read()[1].report for entry in mimic_iv_ecg(at).records()] for at in (database, root)
    )
    assert usual == other
    assert "".join(usual).count("Sinus rhythm") == 2


def test_no_report_waits_for_a_record_that_is_not_there(database, tmp_path):
    for name in ("record_list.csv", "machine_measurements.csv"):
        (tmp_path / name).write_bytes((database / name).read_bytes())
    last = path_of(list(STUDIES)[-1])
    shutil.copytree((database / last).parent, (tmp_path / last).parent)
    entries = list(mimic_iv_ecg(tmp_path).records())
    for entry in entries[:-1]:
        with pytest.raises(EcgByteError):
            entry.read()
    entries[-1].read()
    assert entries[-1].read._reports._waiting == {}
