"""What a fine-tuning can be told beside its data: variants, rows, a stage without labels."""

from functools import cache

import pytest
import torch
from safetensors.torch import load_file

from ecg_byte_hf.reading.training import finetune

from . import tiny


def train(corpus, tokenizer, out, **options):
    return finetune(*tiny.arguments(corpus, tokenizer, out, **options))


def weights(folder):
    (file,) = folder.glob("*model.safetensors")
    return load_file(file)


def same(one, other):
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


EVERYTHING = {
    "augment": True,
    "augmentation": {"share": 1.0},
    "ecg_rows_start": "waveform",
    "ecg_pretraining_epochs": 1.0,
    "train_questions": "balanced",
    "questions_per_sequence": 2,
}


@pytest.fixture(scope="module")
def whole(corpus, tokenizer, public_base, tmp_path_factory):
    """A function from new or pretrained to a folder, its arguments and its settings."""

    @cache
    def train_once(kind):
        out = tmp_path_factory.mktemp("options") / kind
        base = {"base": str(public_base), "base_id": tiny.BASE_ID} if kind != "new" else {}
        reading = EVERYTHING | base
        return out, reading, train(corpus, tokenizer, out, reading=reading)

    return train_once


def interrupt(monkeypatch, at):
    """Raise KeyboardInterrupt in the training step with this number; the list of steps taken."""
    from ecg_byte_hf.reading.trainer import ReadingTrainer

    whole = ReadingTrainer.training_step
    steps = []

    def interrupted(self, *args, **kwargs):
        steps.append(1)
        if len(steps) == at:
            raise KeyboardInterrupt
        return whole(self, *args, **kwargs)

    monkeypatch.setattr(ReadingTrainer, "training_step", interrupted)
    return steps


@pytest.mark.parametrize(
    ("kind", "cut"),
    [
        ("new", 0),
        ("pretrained", 1),
        pytest.param("new", 1, marks=pytest.mark.slow),
        ("new", 2),
        pytest.param("pretrained", 0, marks=pytest.mark.slow),
    ],
)
def test_every_option_at_once_survives_an_interruption_in_any_stage(
    whole, corpus, tokenizer, tmp_path, monkeypatch, kind, cut
):
    folder, reading, expected = whole(kind)
    stages = list(expected["losses"])
    assert stages == ["ecg_pretraining", *(["base"] if kind == "new" else []), "adapter"]
    out = tmp_path / "out"
    with monkeypatch.context() as patched:
        interrupt(patched, 2 * cut + 2)
        with pytest.raises(KeyboardInterrupt):
            train(corpus, tokenizer, out, reading=reading)
    steps = interrupt(monkeypatch, -1)
    settings = train(corpus, tokenizer, out, reading=reading, resume="true")
    assert len(steps) == 2 * len(stages) - 2 * cut - 1
    assert list(settings["losses"]) == stages
    for stage, losses in settings["losses"].items():
        assert losses["validation"] == expected["losses"][stage]["validation"]
    assert same(weights(folder), weights(out))
