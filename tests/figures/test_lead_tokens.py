from __future__ import annotations

import numpy as np
import pytest

from ecg_byte_hf.figures.lead_tokens import draw_lead_tokens, leading_tokens
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.hub_code.leads import STANDARD_LEADS

from ..small_tokenizer import simulated_records, small_processor


@pytest.mark.parametrize("preset", ["compact", "beat"])
def test_the_leading_token_is_the_one_that_adds_most_there(preset: str) -> None:
    processor = small_processor(preset)
    record = simulated_records()[0].record
    ids = processor.ecg_ids(record.signal, record.sampling_rate)
    owner, share = leading_tokens(processor, ids, "V2")
    row = STANDARD_LEADS.index("V2")
    parts = np.array([one[row] for one in processor.token_contributions(ids)], dtype=np.float64)
    lead = parts.sum(axis=0)
    assert owner.shape == lead.shape
    peak = int(np.abs(lead).argmax())
    near = slice(max(0, peak - 8), peak + 9)
    powers = (parts[:, near] ** 2).sum(axis=1)
    assert powers[owner[peak]] > 0.8 * powers.max()
    assert 0 < share <= 1
    # Markers and the rhythm add nothing and lead nowhere.
    symbols = processor.token_symbols(ids)
    assert all(symbols[i].symbols and symbols[i].channel != "rr" for i in set(owner) - {-1})
    said = np.take_along_axis(parts, np.maximum(owner, 0)[None], axis=0)[0] * (owner >= 0)
    assert share == pytest.approx(1 - ((lead - said) ** 2).sum() / (lead @ lead), abs=1e-6)


def test_the_legend_tells_components_and_their_weight_in_the_lead() -> None:
    processor = small_processor("beat")
    figure = draw_lead_tokens(processor, simulated_records()[0].record, "V2")
    texts = [text.get_text() for text in figure.axes[0].texts]
    weights = processor.feature_extractor.codec.klt[:, STANDARD_LEADS.index("V2")]
    assert {f"r{k} × {weight:+.2f}" for k, weight in enumerate(weights, 1)} <= set(texts)
    assert "beat (t)" in texts
    assert any(patch.get_hatch() for patch in figure.axes[0].patches)


def test_paper_shows_the_leads_own_tokens_and_other_names_are_refused() -> None:
    record = simulated_records()[0].record
    figure = draw_lead_tokens(small_processor("paper"), record, "V2")
    assert any("paper: lead V2" in text.get_text() for text in figure.axes[0].texts)
    with pytest.raises(EcgByteError, match="'V9' is no lead"):
        draw_lead_tokens(small_processor("compact"), record, "V9")
