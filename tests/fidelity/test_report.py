from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from ecg_byte_hf.fidelity.report import measure
from ecg_byte_hf.fidelity.report_output import report_table, write_json
from ecg_byte_hf.hub_code.errors import EcgByteError

from ..small_tokenizer import small_processor
from .rows import corpus_rows


@pytest.mark.parametrize("preset", ["compact", "paper"])
def test_report_is_what_the_processor_gives(preset: str) -> None:
    processor = small_processor(preset)
    rows = corpus_rows(4)
    result = measure(processor, rows)
    tokens, squares, prds = [], [], []
    for row in rows:
        signal = row["signal"] * row["scale"]
        ids = processor(ecg=signal, sampling_rate=row["sampling_rate"])["input_ids"][0]
        x = processor.feature_extractor.clean(signal, row["sampling_rate"]).astype(np.float64)
        error = x - processor.decode_ecg(ids)
        tokens.append(len(ids))
        squares.append(np.mean(error**2))
        prds.append(100 * np.sqrt(np.sum(error**2) / np.sum(x**2)))
    overall = result["overall"]
    assert overall["tokens_mean"] == pytest.approx(np.mean(tokens))
    assert overall["rmse_uV"] == pytest.approx(1000 * np.sqrt(np.mean(squares)))
    assert overall["rmse_median_uV"] == pytest.approx(1000 * np.sqrt(np.median(squares)), rel=0.1)
    assert overall["prd_median"] == pytest.approx(np.median(prds))
    assert overall["symbols_per_token"] > 1
    assert result["settings"]["preset"] == preset
    assert result["settings"]["records"] == 4
    assert result["settings"]["vocabulary_size"] == 512
    lead_squares = [values["rmse_uV"] ** 2 for values in result["per_lead"].values()]
    assert len(lead_squares) == 12
    assert np.mean(lead_squares) == pytest.approx(overall["rmse_uV"] ** 2)


def test_a_bad_record_is_left_out_and_named() -> None:
    rows = corpus_rows(2)
    rows[0] = rows[0] | {"record_id": "flat one", "signal": np.zeros_like(rows[0]["signal"])}
    result = measure(small_processor(), rows)
    assert result["settings"]["records"] == 1
    assert result["settings"]["left_out"] == 1
    assert "flat one" in result["settings"]["left_out_reasons"][0]
    with pytest.raises(EcgByteError, match=r"no record went through.*flat one"):
        measure(small_processor(), rows[:1])


def test_table_and_json(tmp_path: Path) -> None:
    result = measure(small_processor(), corpus_rows(2))
    write_json(result, tmp_path / "new" / "report.json")
    assert json.loads((tmp_path / "new" / "report.json").read_text()) == result
    table = report_table(result)
    assert table.row_count == 13
    for shown in (result, measure(small_processor(unit="SD"), corpus_rows(2))):
        console = Console(width=80, record=True, file=StringIO())
        console.print(report_table(shown))
        text = console.export_text()
        assert text.count("median") == 5
        assert "max. error" in text
        assert "…" not in text
    with pytest.raises(EcgByteError, match="cannot be written"):
        write_json(result, tmp_path)


def test_another_unit_has_no_microvolts() -> None:
    result = measure(small_processor(unit="SD"), corpus_rows(2))
    assert not [name for name in result["overall"] if name.endswith("_uV")]
    assert result["overall"]["rmse"] > 0
    assert report_table(result).row_count == 13
