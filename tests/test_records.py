import math
import os
from pathlib import Path

import numpy as np
import pytest
import wfdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.hub_code.leads import STANDARD_LEADS
from ecg_byte_hf.records import read_record

RATE = 250


def some_ecg(seconds: float = 10.0, leads: int = 12, seed: int = 0) -> np.ndarray:
    """Float64 (leads, samples) mV on a grid of 0.005 mV: beats and noise; the limb leads agree."""
    rng = np.random.default_rng(seed)
    times = np.arange(round(seconds * RATE)) / RATE
    beat = np.exp(-(((times % 0.8 - 0.4) / 0.012) ** 2))
    signal = np.outer(rng.uniform(0.5, 1.5, 12), beat) + rng.normal(0, 0.02, (12, len(times)))
    signal = np.round(signal / 0.005) * 0.005
    first, second = signal[0].copy(), signal[1].copy()
    signal[2:6] = second - first, -(first + second) / 2, first - second / 2, second - first / 2
    return signal[:leads]


def write_record(
    folder: Path,
    name: str = "rec",
    *,
    signal: np.ndarray | None = None,
    fmt: str = "16",
    names: tuple[str, ...] = STANDARD_LEADS,
    units: str = "mV",
    gain: float = 200.0,
    rate: float = RATE,
) -> Path:
    signal = some_ecg() if signal is None else signal
    count = len(signal)
    wfdb.wrsamp(
        name,
        fs=rate,
        units=[units] * count,
        sig_name=list(names),
        p_signal=signal.T,
        fmt=[fmt] * count,
        adc_gain=[gain] * count,
        baseline=[0] * count,
        write_dir=str(folder),
    )
    return folder / name


def edit_header(record: Path, old: str, new: str, count: int = -1) -> None:
    header = record.with_name(record.name + ".hea")
    text = header.read_text()
    assert old in text
    header.write_text(text.replace(old, new, count))


def refused(source, match: str, **arguments) -> None:
    with pytest.raises(EcgByteError, match=match) as caught:
        read_record(source, **arguments)
    message = str(caught.value)
    assert "\n" not in message
    name = arguments.get("record_id") or (
        Path(source).stem if isinstance(source, str | os.PathLike) else "array"
    )
    assert message.startswith(f"{name}: ")


@pytest.mark.parametrize("fmt", ["16", "212", "24", "32", "80"])
def test_formats_give_back_what_was_written(tmp_path, fmt):
    gain = 50.0 if fmt == "80" else 200.0
    signal = np.round(some_ecg() * gain) / gain
    record = read_record(write_record(tmp_path, fmt=fmt, signal=signal, gain=gain))
    assert record.signal.dtype == np.float32
    assert record.sampling_rate == RATE
    assert record.lead_names == STANDARD_LEADS
    assert record.resolution_mV == pytest.approx(1 / gain)
    np.testing.assert_allclose(record.signal, signal, atol=1e-6)


def test_flac(tmp_path):
    pytest.importorskip("soundfile")
    # FLAC holds eight channels at most.
    record = read_record(
        write_record(tmp_path, fmt="516", signal=some_ecg()[:8], names=STANDARD_LEADS[:8]),
        missing_leads="zero",
    )
    np.testing.assert_allclose(record.signal[:8], np.round(some_ecg()[:8] * 200) / 200, atol=1e-6)
    edit_header(tmp_path / "rec", " 2500\n", " 25000000000\n")
    refused(tmp_path / "rec", "claims 25000000000 samples")
    (tmp_path / "rec.dat").write_bytes(b"no flac")
    refused(tmp_path / "rec", "no FLAC file")


def test_flac_without_soundfile_says_what_to_install(tmp_path, monkeypatch):
    write_record(tmp_path)
    edit_header(tmp_path / "rec", "rec.dat 16 ", "rec.dat 516 ")
    monkeypatch.setitem(__import__("sys").modules, "soundfile", None)
    refused(tmp_path / "rec", "needs soundfile")


def test_every_way_to_name_a_record(tmp_path):
    write_record(tmp_path, "ab")
    expected = read_record(tmp_path / "ab").signal
    for name in ("ab.hea", "ab.dat"):
        np.testing.assert_array_equal(read_record(str(tmp_path / name)).signal, expected)


def test_lead_spelling_and_order(tmp_path):
    shuffled = list(np.random.default_rng(1).permutation(12))
    spellings = {"I": "Lead I", "aVR": "AVR", "aVL": "avl", "II": "MLII", "V1": "v 1"}
    names = tuple(spellings.get(STANDARD_LEADS[row], STANDARD_LEADS[row]) for row in shuffled)
    signal = some_ecg()
    record = read_record(signal[shuffled], sampling_rate=RATE, lead_names=names)
    np.testing.assert_allclose(record.signal, signal, rtol=1e-6)
    written = read_record(write_record(tmp_path, signal=signal[shuffled], names=names))
    np.testing.assert_allclose(written.signal, signal, atol=0.0026)


def test_duplicated_and_foreign_leads(tmp_path):
    names = (*STANDARD_LEADS[:11], "MLII")
    refused(write_record(tmp_path, names=names), "lead II is there twice")
    signal = np.vstack([some_ecg(), some_ecg()[:1]])
    record = read_record(signal, sampling_rate=RATE, lead_names=(*STANDARD_LEADS, "RESP"))
    assert record.signal.shape[0] == 12
    assert "lead RESP left out (not one of the 12)" in record.flags
    refused(signal[:2], "none of its leads", sampling_rate=RATE, lead_names=("x", "y"))


def test_missing_leads():
    signal = some_ecg()
    rows = [0, 4, 6]
    names = [STANDARD_LEADS[row] for row in rows]
    refused(signal[rows], "missing II, III", sampling_rate=RATE, lead_names=names)
    record = read_record(signal[rows], sampling_rate=RATE, lead_names=names, missing_leads="zero")
    # I and aVL determine the other limb leads.
    np.testing.assert_allclose(record.signal[:6], signal[:6], atol=1e-5)
    assert "lead II missing, computed from I, aVL" in record.flags
    assert "lead V2 missing, zero" in record.flags
    assert not record.signal[7:].any()
    assert not any(flag.startswith("flat") for flag in record.flags)
    with pytest.raises(EcgByteError, match="must be 'refuse' or 'zero'"):
        read_record(signal, sampling_rate=RATE, missing_leads="drop")


@pytest.mark.parametrize(("units", "factor"), [("V", 1e-3), ("uV", 1e3), ("mV", 1.0)])
def test_units_of_the_header_become_millivolts(tmp_path, units, factor):
    signal = np.round(some_ecg() * 200) / 200
    record = read_record(
        write_record(tmp_path, signal=signal * factor, units=units, gain=200 / factor)
    )
    np.testing.assert_allclose(record.signal, signal, atol=1e-6)


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_micro_sign_is_not_lost(tmp_path, encoding):
    # The wfdb package drops the sign and reads volts.
    signal = np.round(some_ecg() * 200) / 200
    write_record(tmp_path, signal=signal * 1000, units="uV", gain=0.2)
    header = tmp_path / "rec.hea"
    header.write_bytes(header.read_text().replace("/uV", "/µV").encode(encoding))
    np.testing.assert_allclose(read_record(tmp_path / "rec").signal, signal, atol=1e-6)


def test_a_unit_that_is_no_voltage_is_refused_for_leads_only(tmp_path):
    signal = np.vstack([some_ecg(), 80 + some_ecg()[:1]])
    write_record(tmp_path, signal=signal, names=(*STANDARD_LEADS, "ABP"), gain=200.0)
    lines = (tmp_path / "rec.hea").read_text().splitlines()
    lines[-1] = lines[-1].replace("/mV", "/mmHg")
    (tmp_path / "rec.hea").write_text("\n".join(lines))
    assert read_record(tmp_path / "rec").signal.shape == (12, 2500)
    lines[1] = lines[1].replace("/mV", "/mmHg")
    (tmp_path / "rec.hea").write_text("\n".join(lines))
    refused(tmp_path / "rec", "unit of lead I is no voltage")


def test_uncalibrated_leads_are_flagged(tmp_path):
    write_record(tmp_path)
    edit_header(tmp_path / "rec", "200.0(0)/mV", "0", 1)
    assert "lead I not calibrated: 200 steps per mV assumed" in read_record(tmp_path / "rec").flags


@pytest.mark.parametrize(
    ("old", "new", "match"),
    [
        ("rec 12 250 2500", "rec 11 250 2500", "promises 11 signals and describes 12"),
        ("rec 12 250 2500", "rec 13 250 2500", "promises 13 signals"),
        ("rec 12 250 2500", "rec 12 0 2500", "sampling rate 0"),
        ("rec 12 250 2500", "rec 12 -500 2500", "not a positive number"),
        ("rec 12 250 2500", "rec 12 1e3 2500", "not a positive number"),
        ("rec 12 250 2500", "rec 12 30 2500", "not within 80"),
        ("rec 12 250 2500", "rec 12 96000 2500", "not within 80"),
        ("rec 12 250 2500", "rec 12 250 1000000000000", "claims 1000000000000 samples"),
        ("rec 12 250 2500", "rec 12 250 -2500", "no number of samples"),
        ("rec 12 250 2500", "rec/2 12 250 2500", "promises 2 segments and lists 12"),
        # The wfdb package drops what is not ASCII and would read 2500999999999 samples.
        ("rec 12 250 2500", "rec 12 250 2500\u00a0999999999", "no number of samples"),
        ("rec 12 250 2500", "", "does not start as a WFDB header"),
        ("rec.dat 16 ", "../rec.dat 16 ", "plain file name"),
        ("rec.dat 16 ", "/etc/hostname 16 ", "plain file name"),
        ("rec.dat 16 ", "..\\rec.dat 16 ", "plain file name"),
        ("rec.dat 16 ", "gone.dat 16 ", "gone.dat is missing"),
        ("rec.dat 16 ", "rec.dat 17 ", "unknown WFDB format 17"),
        ("rec.dat 16 ", "rec.dat 16+999999999999 ", "claims 2500 samples"),
        ("rec.dat 16 ", "rec.dat 16:999999999999 ", "shifts a lead"),
        ("rec.dat 16 ", "rec.dat 16x2 ", "claims 2500 samples"),
        ("200.0(0)/mV", "x(0)/mV", "gain 'x"),
        ("200.0(0)/mV", "0.2(0)/mV", "raw counts"),
        ("200.0(0)/mV", "200000000.0(0)/mV", "volts"),
    ],
)
def test_headers_that_are_wrong(tmp_path, old, new, match):
    write_record(tmp_path)
    edit_header(tmp_path / "rec", old, new)
    refused(tmp_path / "rec", match)


def test_several_sampling_rates_are_refused_one_of_many_samples_per_frame_is_not(tmp_path):
    signal = np.round(some_ecg() * 200) / 200
    write_record(tmp_path, signal=signal)
    edit_header(tmp_path / "rec", "rec.dat 16 ", "rec.dat 16x2 ", 1)
    refused(tmp_path / "rec", "several sampling rates")
    # Two samples of each lead per frame: 125 frames a second, still 250 Hz.
    frames = np.round(signal * 200).astype("<i2").reshape(12, -1, 2).transpose(1, 0, 2)
    frames.tofile(tmp_path / "rec.dat")
    edit_header(tmp_path / "rec", "rec.dat 16x2 ", "rec.dat 16 ")
    edit_header(tmp_path / "rec", "rec.dat 16 ", "rec.dat 16x2 ")
    edit_header(tmp_path / "rec", "rec 12 250 2500", "rec 12 125 1250")
    record = read_record(tmp_path / "rec")
    assert record.sampling_rate == 250
    np.testing.assert_allclose(record.signal, signal, atol=1e-6)


def test_count_of_samples_from_the_size_of_the_file(tmp_path):
    write_record(tmp_path)
    edit_header(tmp_path / "rec", "12 250 2500", "12 250")
    assert read_record(tmp_path / "rec").signal.shape == (12, 2500)
    edit_header(tmp_path / "rec", "12 250", "12 250 0")
    refused(tmp_path / "rec", "says 0 samples")


def test_truncated_data_file(tmp_path):
    write_record(tmp_path)
    data = (tmp_path / "rec.dat").read_bytes()
    (tmp_path / "rec.dat").write_bytes(data[: len(data) // 2])
    refused(tmp_path / "rec", "claims 2500 samples a lead and rec.dat holds 1250")
    (tmp_path / "rec.dat").write_bytes(b"")
    refused(tmp_path / "rec", "holds 0")


def test_a_link_out_of_the_folder_is_refused(tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "inside").mkdir()
    write_record(tmp_path / "outside")
    (tmp_path / "inside" / "rec.hea").write_text((tmp_path / "outside" / "rec.hea").read_text())
    (tmp_path / "inside" / "rec.dat").symlink_to(tmp_path / "outside" / "rec.dat")
    refused(tmp_path / "inside" / "rec", "link out of the header's folder")
    # A link that the user names is the user's business.
    (tmp_path / "linked").symlink_to(tmp_path / "outside")
    assert read_record(tmp_path / "linked" / "rec").signal.shape == (12, 2500)


def test_invalid_samples_of_wfdb_are_nan_and_refused(tmp_path):
    write_record(tmp_path)
    data = np.fromfile(tmp_path / "rec.dat", "<i2")
    data[12 * 100 + 7] = -(2**15)
    data.tofile(tmp_path / "rec.dat")
    refused(tmp_path / "rec", "1 of 30000 samples are NaN or infinite, in lead V2 .WFDB's value")


def segments(folder: Path, lengths=(1000, 1500)) -> None:
    signal, start = some_ecg(), 0
    for number, length in enumerate(lengths):
        write_record(folder, f"seg{number}", signal=signal[:, start : start + length])
        start += length
    lines = [f"multi/{len(lengths)} 12 250 {sum(lengths)}"]
    lines += [f"seg{number} {length}" for number, length in enumerate(lengths)]
    (folder / "multi.hea").write_text("\n".join(lines) + "\n")


def test_records_of_several_segments(tmp_path):
    segments(tmp_path)
    record = read_record(tmp_path / "multi")
    np.testing.assert_allclose(record.signal, some_ecg(), atol=0.0026)
    original = (tmp_path / "multi.hea").read_text()
    for old, new, match in [
        ("seg1 1500", "~ 1500", "gap of 1500 samples"),
        ("seg1 1500", "~ 999999999999", "gap of"),
        ("seg1 1500", "seg1 1000000000000", "segment seg1 holds 1500"),
        ("seg1 1500", "seg2 1500", "seg2.hea is missing"),
        ("seg1 1500", "../seg1 1500", "plain file name"),
        ("seg1 1500", "multi 1500", "segments itself"),
        ("seg1 1500", "seg0 1000", "names segment seg0 twice"),
        ("12 250 2500", "12 250 1000000000000", "its segments have 2500"),
        ("12 250 2500", "12 500 2500", "at 250 Hz, the header says"),
    ]:
        (tmp_path / "multi.hea").write_text(original.replace(old, new))
        refused(tmp_path / "multi", match)


def test_what_is_no_record(tmp_path):
    refused(tmp_path / "nothing", "no such record")
    refused(tmp_path, "is a folder")
    (tmp_path / "notes.txt").write_text("hello")
    refused(tmp_path / "notes.txt", "neither a WFDB record")
    (tmp_path / "photo.hea").write_bytes(b"\x89PNG\0\0")
    refused(tmp_path / "photo.hea", "no text")
    (tmp_path / "text.hea").write_text("dear diary\n")
    refused(tmp_path / "text", "does not start as a WFDB header")
    (tmp_path / "blank.hea").write_text("# only a comment\n")
    refused(tmp_path / "blank", "is empty")
    (tmp_path / "notes.hea").write_text("notes 0 250\n")
    refused(tmp_path / "notes", "no signals")


def test_arrays():
    signal = some_ecg()
    assert read_record(signal, sampling_rate=RATE, record_id="mine").record_id == "mine"
    refused(signal, "no sampling rate")
    refused(signal, "not within 80", sampling_rate=-500)
    refused(signal, "not within 80", sampling_rate=float("nan"))
    refused(signal.T, "transposed", sampling_rate=RATE)
    refused(signal[0], "not \\(leads, samples\\)", sampling_rate=RATE)
    refused(signal[:, :RATE], "1.00 s is too short", sampling_rate=RATE)
    refused(signal / 1000, "volts", sampling_rate=RATE)
    refused(signal * 1000, "raw counts or microvolts", sampling_rate=RATE)
    refused((signal * 1000).astype(np.int16), "raw counts", sampling_rate=RATE)
    refused(np.zeros_like(signal), "every lead is flat", sampling_rate=RATE)
    refused(signal.astype(complex), "real numbers", sampling_rate=RATE)
    refused([["a"]], "real numbers", sampling_rate=RATE)
    refused([[1.0], [1.0, 2.0]], "not an array", sampling_rate=RATE)
    refused(np.zeros((12, 0)), "too short", sampling_rate=RATE)
    for value in (np.nan, np.inf, 1e300):
        broken = signal.copy()
        broken[3, 5] = value
        refused(broken, "in lead aVR", sampling_rate=RATE)


def test_the_unit_of_a_few_leads_is_judged_without_the_missing_ones():
    signal, names = some_ecg()[[1, 6]], ("MLII", "V1")
    arguments = {"sampling_rate": RATE, "lead_names": names, "missing_leads": "zero"}
    assert read_record(signal, **arguments).signal[6].any()
    refused(signal * 1000, "half of the leads span more than 40 mV.*raw counts", **arguments)
    refused(signal / 1000, "looks like volts", **arguments)
    # An offset of the only lead is no difference between leads.
    one = {"sampling_rate": RATE, "lead_names": ("II",), "missing_leads": "zero"}
    refused(signal[:1] / 1000 + 0.3, "looks like volts", **one)


def test_a_flat_lead_goes_through_flagged():
    signal = some_ecg()
    signal[8] = 0.3
    assert read_record(signal, sampling_rate=RATE).flags == ("flat lead V3",)


def test_npy_files(tmp_path):
    np.save(tmp_path / "ecg.npy", some_ecg())
    record = read_record(tmp_path / "ecg.npy", sampling_rate=RATE)
    np.testing.assert_allclose(record.signal, some_ecg(), rtol=1e-6)
    refused(tmp_path / "ecg.npy", "no sampling rate")
    data = (tmp_path / "ecg.npy").read_bytes()
    (tmp_path / "ecg.npy").write_bytes(data.replace(b"(12, 2500)", b"(12, 2500000000000)", 1))
    refused(tmp_path / "ecg.npy", "cannot be read", sampling_rate=RATE)
    np.save(tmp_path / "pickle.npy", np.array([{"a": 1}], dtype=object))
    refused(tmp_path / "pickle.npy", "cannot be read", sampling_rate=RATE)
    refused(tmp_path / "gone.npy", "no such file", sampling_rate=RATE)


def write_csv(path: Path, header: str, columns: np.ndarray, separator: str = ",") -> Path:
    np.savetxt(path, columns.T, fmt="%.6g", delimiter=separator, header=header, comments="")
    return path


def test_csv_files(tmp_path):
    signal = some_ecg()
    times = np.round(np.arange(2500) / RATE, 3)
    names = ",".join(STANDARD_LEADS)
    plain = write_csv(tmp_path / "plain.csv", names, signal)
    np.testing.assert_allclose(read_record(plain, sampling_rate=RATE).signal, signal, atol=1e-5)
    refused(plain, "no time column")
    timed = write_csv(
        tmp_path / "timed.csv",
        "Time (s);" + names.replace(",", ";"),
        np.vstack([times, signal]),
        ";",
    )
    assert read_record(timed).sampling_rate == 250
    refused(timed, "says 250 Hz, not 500 Hz", sampling_rate=500)
    table = write_csv(tmp_path / "index.csv", "," + names, np.vstack([np.arange(2500), signal]))
    assert read_record(table, sampling_rate=RATE).flags == ()
    bent = np.vstack([times**2, signal])
    refused(write_csv(tmp_path / "bent.csv", "t," + names, bent), "not evenly spaced")
    text = plain.read_text().splitlines()
    text[7] = "oops," + text[7].partition(",")[2]
    (tmp_path / "text.csv").write_text("\n".join(text))
    refused(
        tmp_path / "text.csv", "column 'I' of text.csv has 'oops' in line 8", sampling_rate=RATE
    )
    text[7] = "," + text[7].partition(",")[2]
    (tmp_path / "hole.csv").write_text("\n".join(text))
    refused(tmp_path / "hole.csv", "NaN", sampling_rate=RATE)
    headless = write_csv(tmp_path / "headless.csv", "", signal)
    headless.write_text(headless.read_text().lstrip("\n"))
    refused(headless, "none of its leads", sampling_rate=RATE)
    (tmp_path / "empty.csv").write_text("")
    refused(tmp_path / "empty.csv", "cannot be read|no leads", sampling_rate=RATE)


def test_windows_of_a_long_record():
    record = read_record(some_ecg(1800), sampling_rate=RATE, record_id="long")
    windows = list(record.windows())
    assert len(windows) == 180
    assert [window.offset_s for window in windows[:3]] == [0, 10, 20]
    assert windows[3].record_id == "long@30s"
    assert all(window.signal.shape == (12, 2500) for window in windows)
    np.testing.assert_array_equal(
        np.concatenate([window.signal for window in windows], axis=1), record.signal
    )


def test_the_rest_of_a_record():
    short = read_record(some_ecg(10), sampling_rate=RATE)
    assert next(iter(short.windows())) is short
    rest = list(read_record(some_ecg(23), sampling_rate=RATE).windows())
    assert [window.duration_s for window in rest] == [10, 10, 3]
    left_out = list(read_record(some_ecg(21), sampling_rate=RATE).windows())
    assert [window.flags for window in left_out] == [(), ("last 1.00 s left out",)]


@pytest.mark.parametrize("seconds", [0, -10, 1.9, float("nan"), float("inf"), -float("inf"), 1e308])
def test_windows_that_cannot_be_cut(seconds):
    record = read_record(some_ecg(21), sampling_rate=RATE, record_id="long")
    with pytest.raises(EcgByteError, match=r"long: windows of .* too short or not finite"):
        list(record.windows(seconds))


def test_a_lead_that_is_flat_in_one_window_only():
    signal = some_ecg(20)
    signal[6, 2500:] = 0.0
    windows = list(read_record(signal, sampling_rate=RATE).windows())
    assert [window.flags for window in windows] == [(), ("flat lead V1",)]


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_no_header_brings_down_the_reader(tmp_path, data):
    """Whatever a header says, it is read or refused with one line; nothing else is raised."""
    if not (tmp_path / "rec.dat").exists():
        write_record(tmp_path)
    valid = (tmp_path / "rec.hea").read_text() if not (tmp_path / "valid").exists() else ""
    if valid:
        (tmp_path / "valid").write_text(valid)
    fields = [line.split(" ") for line in (tmp_path / "valid").read_text().splitlines()]
    pieces = st.one_of(
        st.sampled_from(
            ["", "0", "-1", "1e9", "99999999999999999999", "16x3", "212", "8", "24", "32", "516",
             "16+7", "16:5", "../x", "~", "-", "/", "rec/1", "rec/12", "nan", "1/0", "(", "250()",
             "500/5(9)", "0(0)/V", "1e-300", "-200(3)/uV", "/mV", "II", "MLII", "\x00", "\t", "#"]
        ),
        st.text(max_size=8),
    )  # fmt: skip
    for _ in range(data.draw(st.integers(1, 3))):
        line = fields[data.draw(st.integers(0, len(fields) - 1))]
        line[data.draw(st.integers(0, len(line) - 1))] = data.draw(pieces)
    text = "\n".join(" ".join(line) for line in fields)
    (tmp_path / "rec.hea").write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        record = read_record(tmp_path / "rec", missing_leads="zero")
    except EcgByteError as error:
        record, message = None, str(error)
    if record is None:
        assert message.startswith("rec: ")
        assert "\n" not in message
    else:
        assert record.signal.shape[0] == 12
        assert np.isfinite(record.signal).all()
        assert 80 <= record.sampling_rate <= 2000


def test_real_records(ecg_byte_data):
    """Three databases, two formats; the values are those that the wfdb package gives."""
    for path, rate in [
        ("ptb-xl/records500/00000/00001_hr", 500),
        ("challenge-2021/JS20000", 500),
        ("ludb/data/1", 500),
    ]:
        record = read_record(ecg_byte_data / path)
        assert record.sampling_rate == rate
        assert record.signal.shape == (12, 5000)
        reference = wfdb.rdrecord(str(ecg_byte_data / path))
        rows = [
            [name.lower() for name in reference.sig_name].index(lead.lower())
            for lead in STANDARD_LEADS
        ]
        np.testing.assert_allclose(record.signal, reference.p_signal.T[rows], atol=1e-6)
        assert math.isfinite(record.signal.sum())
