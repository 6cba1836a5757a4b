"""Records are in mV; a model may have learned another unit."""

import numpy as np
import pytest

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.corpora.simulation import simulate
from ecg_byte_hf.reading.answering import ask
from ecg_byte_hf.reading.loading import load_reader


@pytest.fixture
def reader(adapter, public_base):
    return load_reader(adapter, base=str(public_base))


@pytest.fixture
def record(tmp_path):
    np.save(tmp_path / "ecg.npy", next(iter(simulate(1, seed=3))).record.signal)
    return tmp_path / "ecg.npy"


def test_a_record_is_normalised_for_a_model_of_standard_deviations(reader, record, monkeypatch):
    given = []
    coded = reader.processor.ecg_ids

    def ecg_ids(signal, sampling_rate, lead_names):
        given.append((signal, sampling_rate))
        return coded(np.zeros((12, 2500), np.float32), 250, lead_names)

    monkeypatch.setattr(reader.processor, "ecg_ids", ecg_ids)
    monkeypatch.setattr(reader.processor.feature_extractor, "unit", "SD")
    ask(record, "Is it?", reader, sampling_rate=500.0)
    ((signal, rate),) = given
    assert (signal.shape, rate) == ((12, 1000), 100)
    # The limb leads are scaled once more, so that they obey Einthoven's law.
    assert signal[6:].std(axis=1) == pytest.approx(np.ones(6), rel=0.05)
    np.save(record, np.load(record)[:, ::2])
    with pytest.raises(EcgByteError, match="250 Hz; only 500 Hz is normalised"):
        ask(record, "Is it?", reader, sampling_rate=250.0)


def test_another_unit_is_refused(reader, record, monkeypatch):
    monkeypatch.setattr(reader.processor.feature_extractor, "unit", "V")
    with pytest.raises(EcgByteError, match="reads ECGs in V"):
        ask(record, "Is it?", reader, sampling_rate=500.0)
