import numpy as np
import pytest

from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.hub_code.leads import (
    LEADS_FROM_INDEPENDENT,
    STANDARD_LEADS,
    independent_leads,
    standard_lead_name,
    to_standard_order,
)
from tests.small_tokenizer import simulated_records


@pytest.mark.parametrize(
    ("given", "standard"),
    [
        ("Lead I", "I"),
        ("aVR", "aVR"),
        ("AVR", "aVR"),
        ("avr", "aVR"),
        ("MLII", "II"),
        ("v 1", "V1"),
        ("ECG V6", "V6"),
        ("V-3", "V3"),
        ("ABP", None),
        ("V7", None),
        ("", None),
    ],
)
def test_spellings(given, standard):
    assert standard_lead_name(given) == standard


def test_rows_are_put_in_standard_order():
    signal = np.arange(12.0)[:, None] * np.ones((1, 5))
    order = list(reversed(STANDARD_LEADS))
    assert to_standard_order(signal, order)[:, 0].tolist() == list(range(11, -1, -1))


def test_duplicates_and_missing_leads_are_refused():
    signal = np.zeros((12, 5))
    twice = [*STANDARD_LEADS[:11], "lead i"]
    with pytest.raises(EcgByteError, match="rec7: lead I is there twice"):
        to_standard_order(signal, twice, "rec7")
    with pytest.raises(EcgByteError, match="rec7: missing V6"):
        to_standard_order(signal, [*STANDARD_LEADS[:11], "V7"], "rec7")


def test_eight_leads_give_back_twelve():
    signal = simulated_records()[0].record.signal.astype(np.float64)
    assert LEADS_FROM_INDEPENDENT @ independent_leads(signal) == pytest.approx(signal, abs=1e-5)


def test_eight_leads_give_back_twelve_within_2_uV_on_ptb_xl(ecg_byte_data):
    from ecg_byte_hf.records import read_record

    headers = sorted((ecg_byte_data / "ptb-xl" / "records500").glob("*/*.hea"))[:60]
    for header in headers:
        signal = read_record(header.with_suffix("")).signal.astype(np.float64)
        error = LEADS_FROM_INDEPENDENT @ independent_leads(signal) - signal
        assert np.abs(error).max() <= 0.002 + 1e-6, header
