import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from typer.testing import CliRunner

from ecg_byte_hf.cli import app
from ecg_byte_hf.corpora import open_corpus, open_questions, signal_mV, write_corpus
from ecg_byte_hf.corpora.ptb_xl_normalised import limb_gains, ptb_xl_normalised, superclasses
from ecg_byte_hf.corpora.row_record import record_of_row
from ecg_byte_hf.corpora.simulation import simulate
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.hub_code.leads import LEADS_FROM_INDEPENDENT, independent_leads

GOOD = {
    "ecg_id": 1,
    "patient_id": 77,
    "strat_fold": 3,
    "superclass": ["STTC", "CD"],
    "subclass": ["ISC", "AVB"],
    "rhythm": ["SR"],
    "form": ["NT", "PVC"],
    "age": 56.0,
    "sex": 1.0,
    "report": "sinus rhythm ",
}


def simulated_signal(seed: int) -> np.ndarray:
    """Float32 (12, 1000) in mV at 100 Hz that obeys Einthoven's law."""
    signal = next(iter(simulate(1, seed, sampling_rate=100.0))).record.signal
    return LEADS_FROM_INDEPENDENT @ independent_leads(signal)


def normalised(signal: np.ndarray) -> np.ndarray:
    """Each lead by itself to zero mean and unit variance, as 12,000 int16."""
    scaled = (signal - signal.mean(1, keepdims=True)) / signal.std(1, keepdims=True)
    return np.rint(200 * scaled).astype(np.int16).ravel()


def write_parquet(path, *changes: dict) -> None:
    rows = [
        GOOD | {"ecg_id": number + 1, "signal": normalised(simulated_signal(number))} | change
        for number, change in enumerate(changes)
    ]
    pa.parquet.write_table(pa.Table.from_pylist(rows), path)


def test_gains_restore_the_limb_leads_up_to_one_factor():
    signal = simulated_signal(3)[:6]
    signal -= signal.mean(1, keepdims=True)
    gains, residual = limb_gains(signal / signal.std(1, keepdims=True))
    assert residual < 1e-4
    assert gains.mean() == pytest.approx(1)
    assert gains == pytest.approx(signal.std(1) / signal.std(1).mean(), rel=1e-3)


def test_gains_of_leads_that_are_unrelated_leave_a_residual():
    noise = np.random.default_rng(0).normal(size=(6, 1000))
    assert limb_gains(noise)[1] > 0.2
    assert limb_gains(np.zeros((6, 1000)))[1] == np.inf


def test_corpus_obeys_einthoven_and_keeps_the_labels(tmp_path):
    write_parquet(tmp_path / "train.parquet", {}, {"age": None, "sex": None, "report": None})
    write_parquet(tmp_path / "validation.parquet", {"ecg_id": 9, "strat_fold": 9})
    command = ["prepare", "ptb-xl-normalised", str(tmp_path), "--out", str(tmp_path / "out")]
    done = CliRunner().invoke(app, [*command, "--quiet"])
    assert done.exit_code == 0, done.output
    assert record_of_row(tmp_path / "out", "9").unit == "SD"
    splits = open_corpus(tmp_path / "out")
    assert {name: len(rows) for name, rows in splits.items()} == {"train": 2, "validation": 1}
    first, second = splits["train"]
    signal = signal_mV(first)
    assert signal.shape == (12, 1000)
    assert np.abs(signal - LEADS_FROM_INDEPENDENT @ independent_leads(signal)).max() < 0.02
    assert signal[:6].std(axis=1).mean() == pytest.approx(1, rel=0.01)
    assert signal[6:].std(axis=1) == pytest.approx(np.ones(6), rel=0.01)
    assert list(first["scp_codes"]) == ["ISC_", "_AVB", "SR", "NT_", "PVC"]
    assert superclasses(first["scp_codes"]) == {"STTC", "CD"}
    assert (first["sex"], first["report"], first["patient_id"]) == ("female", "sinus rhythm", "77")
    assert second["sex"] == ""
    assert np.isnan(second["age"])


def test_questions_are_asked_about_what_the_columns_say(tmp_path):
    other = {"superclass": ["NORM"], "subclass": ["NORM"], "form": [], "patient_id": 78}
    write_parquet(tmp_path / "train.parquet", *[{}, other] * 4)
    write_corpus(ptb_xl_normalised(tmp_path), tmp_path / "out", quiet=True)
    asked = open_questions(tmp_path / "out")["train"]
    answers = {
        (row["record_id"], row["answer"])
        for row in asked
        if row["question"] in ("Is this ECG normal?", "Is this a normal ECG?")
    }
    assert answers
    assert all((answer == "yes") == (int(r) % 2 == 0) for r, answer in answers)


def test_questions_of_an_older_corpus_are_about_one_ecg_and_balanced(tmp_path):
    other = {"superclass": ["NORM"], "subclass": ["NORM"], "form": [], "patient_id": 78}
    write_parquet(tmp_path / "train.parquet", *[{}, other] * 4)
    write_corpus(ptb_xl_normalised(tmp_path), tmp_path / "out", quiet=True)
    (path,) = (tmp_path / "out" / "questions").iterdir()
    new = open_questions(tmp_path / "out")["train"]
    assert not all(new["balanced"])
    older = pyarrow.parquet.read_table(path).drop_columns(["record_ids", "balanced"])
    pyarrow.parquet.write_table(older, path)
    read = open_questions(tmp_path / "out")["train"]
    assert read.column_names == new.column_names
    assert read["record_ids"] == new["record_ids"]
    assert all(read["balanced"])


def test_unusable_rows_are_named(tmp_path):
    noise = np.random.default_rng(0).normal(0, 200, 12_000).astype(np.int16)
    write_parquet(
        tmp_path / "train.parquet",
        *({}, {"ecg_id": 1}, {"signal": noise}, {"strat_fold": 11}, {"signal": noise[:600]}),
    )
    summary = write_corpus(ptb_xl_normalised(tmp_path), tmp_path / "out", quiet=True)
    assert summary.rows == 1
    reasons = {name.split()[0]: reason for name, reason in summary.skipped.items()}
    assert "twice" in reasons["1"]
    assert "Einthoven" in reasons["3"]
    assert "strat_fold 11" in reasons["4"]
    assert "600 values" in reasons["5"]


def test_a_folder_without_the_files_or_a_column_is_refused(tmp_path):
    with pytest.raises(EcgByteError, match=r"no train.parquet"):
        ptb_xl_normalised(tmp_path)
    (tmp_path / "train.parquet").write_text("no Parquet")
    with pytest.raises(EcgByteError, match="cannot be read"):
        ptb_xl_normalised(tmp_path)
    pa.parquet.write_table(pa.table({"ecg_id": [1]}), tmp_path / "train.parquet")
    with pytest.raises(EcgByteError, match="superclass"):
        ptb_xl_normalised(tmp_path)


def test_real_records_obey_einthoven_but_for_rounding(ecg_byte_data):
    path = ecg_byte_data / "ptb-xl-normalised" / "validation.parquet"
    if not path.is_file():
        pytest.skip("no ptb-xl-normalised among the real ECGs")
    signals = pyarrow.parquet.read_table(path, columns=["signal"])["signal"].combine_chunks()
    leads = signals.flatten().to_numpy().reshape(-1, 12, 1000)[:, :6] / 200
    residuals = [limb_gains(one)[1] for one in leads]
    assert np.max(residuals) < 0.01
