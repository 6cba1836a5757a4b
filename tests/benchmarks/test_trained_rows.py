import pytest
import torch

from ecg_byte_hf.reading.adapter import add_adapter
from tests.reading import tiny

from .resized_rows import distances
from .trained_rows import Rows


@pytest.mark.parametrize(
    ("optimizer", "collapsed"), [(torch.optim.Adam, True), (torch.optim.AdamW, False)]
)
def test_an_untied_row_that_no_batch_shows_collapses_under_a_penalty_not_under_a_decay(
    optimizer, collapsed
):
    tokenizer, shift = tiny.chat_tokenizer()
    model = add_adapter(
        tiny.llama(tokenizer, tied=False).train(),
        range(shift, len(tokenizer)),
        r=2,
        alpha=4,
        dropout=0.0,
        target_modules=["q_proj"],
        base_id=tiny.BASE_ID,
    )
    rows = Rows(model)
    assert rows.shortened()["text"] == {"collapsed": 0.0, "median_length": 1.0}
    rows.train_text()
    ids = torch.tensor([[0, 1, 2, shift, shift + 1, 3]])
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    steps = optimizer(trained, lr=1e-2, weight_decay=1e-2)
    for _ in range(60):
        steps.zero_grad()
        model(input_ids=ids, labels=ids).loss.backward()
        steps.step()
    for facts in rows.shortened().values():
        assert (facts["collapsed"] > 0.7) is collapsed
        assert (facts["median_length"] < 0.1) is collapsed


def test_rows_that_transformers_draws_lie_on_one_point():
    tokenizer, _ = tiny.chat_tokenizer()
    found = distances(tiny.llama(tokenizer), 40)
    assert found["new_from_one_another"] < found["old_from_one_another"] / 1000
    assert found["new_from_mean"] < found["old_from_mean"] / 1000
