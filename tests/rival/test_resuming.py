"""A two-stage run that is interrupted goes on as if it had not been."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.reading.training_log import Throughput
from ecg_byte_hf.rival.two_stage import train_two_stage

from .conftest import two_stage_arguments

STEPS = 5
READING = {
    "augment": True,
    "curve_every_steps": 2,
    "lora_dropout": 0.1,
    "max_train_records": 24,
    "max_validation_records": 30,
}
WRITTEN = ("model.safetensors", "encoder/model.safetensors", "encoder/projector.safetensors")


class Interrupted(Exception):
    """As if the machine had been switched off."""


def arguments(corpus, encoder, out, **more):
    options = {"reading": READING, "max_steps": STEPS, "learning_rate": 1e-2, **more}
    both = two_stage_arguments(corpus, encoder, out, **options)
    both[0].train_encoder = True
    return both


@pytest.fixture(scope="module")
def whole(corpus, encoder, tmp_path_factory):
    """What a small new Llama with a trained encoder became without an interruption."""
    out = tmp_path_factory.mktemp("whole") / "out"
    return out, train_two_stage(*arguments(corpus, encoder, out))


def interrupt(monkeypatch, after):
    """End the training after so many steps of both stages together."""
    real, steps = Throughput.on_step_end, []

    def counted(self, *state, **more):
        real(self, *state, **more)
        steps.append(self)
        if len(steps) == after:
            raise Interrupted

    monkeypatch.setattr(Throughput, "on_step_end", counted)


@pytest.mark.parametrize("after", [4, STEPS + 1, STEPS + 3])
def test_it_goes_on_to_the_same_weights_and_curve(
    whole, corpus, encoder, tmp_path, monkeypatch, after
):
    out = tmp_path / "out"
    with monkeypatch.context() as patched:
        interrupt(patched, after)
        with pytest.raises(Interrupted):
            train_two_stage(*arguments(corpus, encoder, out))
    assert not (out / "reading.json").exists()
    base = out / "training" / "base"
    assert (base / "finished.json").exists() is (after > STEPS)
    known, settings = whole
    gone_on = train_two_stage(*arguments(corpus, encoder, out, resume="true"))
    for name in WRITTEN:
        torch.testing.assert_close(load_file(out / name), load_file(known / name))
    curves = [json.loads((one / "curve.json").read_text())["points"] for one in (known, out)]
    for name in ("stage", "step", "examples", "auroc", "accuracy"):
        assert [point[name] for point in curves[0]] == [point[name] for point in curves[1]]
    spent = [point["cpu_seconds"] for point in curves[1]]
    assert spent == sorted(set(spent))
    for one in (settings, gone_on):
        for stage in one["losses"].values():
            stage.pop("padding", None)
    assert gone_on == settings


def test_what_is_finished_is_not_trained_again(whole, corpus, encoder, tmp_path, monkeypatch):
    out = tmp_path / "out"
    shutil.copytree(whole[0], out)
    interrupt(monkeypatch, 1)
    before = json.loads((out / "reading.json").read_text())
    train_two_stage(*arguments(corpus, encoder, out, resume="true"))
    assert json.loads((out / "reading.json").read_text()) == before


def test_other_arguments_do_not_go_on(whole, corpus, encoder, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(whole[0], out)
    with pytest.raises(EcgByteError, match="was begun with other arguments"):
        train_two_stage(
            *arguments(corpus, encoder, out, resume="true", reading={**READING, "lora_r": 4})
        )
    for name in ("reading.json", "training/finished.json", "curve.json"):
        (out / name).unlink()
    with pytest.raises(EcgByteError, match="was trained without it"):
        train_two_stage(*arguments(corpus, encoder, out, resume="true"))
    # As a version left it that did not go on: of which arguments its checkpoints are nobody knows.
    for name in ("begun.json", "base/finished.json"):
        (out / "training" / name).unlink()
    with pytest.raises(EcgByteError, match="does not say with which arguments"):
        train_two_stage(*arguments(corpus, encoder, out, resume="true", seed=8))


@pytest.mark.parametrize("content", [b"", b"no pickle", None])
def test_states_that_are_damaged_are_named(whole, corpus, encoder, tmp_path, content):
    out = tmp_path / "out"
    shutil.copytree(whole[0], out)
    for name in ("reading.json", "training/finished.json"):
        (out / name).unlink()
    states = out / "training" / "base" / "generators_0.pth"
    if content is None:
        torch.save([torch.get_rng_state()], states)
    else:
        states.write_bytes(content)
    with pytest.raises(EcgByteError, match=r"generators_0\.pth is damaged"):
        train_two_stage(*arguments(corpus, encoder, out, resume="true"))
