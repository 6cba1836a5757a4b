"""A run that is killed goes on as if it had not been."""

import json
import shutil
import signal
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from ecg_byte_hf.reading.arguments import parse_finetune
from ecg_byte_hf.reading.resuming import SO_FAR_FILE, last_whole_checkpoint
from ecg_byte_hf.reading.training import finetune

from . import script, tiny

STEPS = 24
# Twelve sequences: three steps an epoch, so that every checkpoint but some lies inside of one.
OPTIONS = {
    "max_train_records": 12,
    "per_device_train_batch_size": 2,
    "gradient_accumulation_steps": 2,
    "lora_dropout": 0.1,
    "augment": "true",
    "max_steps": STEPS,
    "save_steps": 4,
    "curve_every_steps": 6,
    "quiet": "true",
    "use_cpu": "true",
}

# training/finetune.py that is killed after step 11: a signal from outside comes when it may.
KILLED = """
import os, runpy, signal, sys
from ecg_byte_hf.reading.training_log import Throughput

real = Throughput.on_step_end

def counted(self, args, state, control, **more):
    real(self, args, state, control, **more)
    if state.global_step == 11:
        os.kill(os.getpid(), signal.SIGKILL)

Throughput.on_step_end = counted
sys.argv[0] = "training/finetune.py"
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def start(command):
    return subprocess.Popen(
        command,
        cwd=script.REPOSITORY,
        env=script.ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_killed_run_goes_on_to_the_same_losses_weights_and_optimizer(
    corpus, tokenizer, public_base, tmp_path
):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    arguments = script.line(corpus, tokenizer, public_base, killed, **OPTIONS)
    first = start([sys.executable, "-c", KILLED, *arguments])
    _, said = first.communicate()
    assert first.returncode == -signal.SIGKILL, said
    assert not (killed / "reading.json").exists()
    last = last_whole_checkpoint(killed / "training" / "adapter")
    assert last == str(killed / "training" / "adapter" / "checkpoint-8")
    second = start([*script.SCRIPT, *arguments, "--resume_from_checkpoint", "true"])
    finetune(*parse_finetune(script.line(corpus, tokenizer, public_base, whole, **OPTIONS)))
    _, said = second.communicate()
    assert second.returncode == 0, said
    last = [folder / "training" / "adapter" / f"checkpoint-{STEPS}" for folder in (whole, killed)]
    logs = [script.history(checkpoint) for checkpoint in last]
    assert [log["step"] for log in logs[1]] == list(range(1, STEPS + 1))
    for name in ("loss", "grad_norm", "learning_rate", "epoch"):
        assert [log[name] for log in logs[0]] == pytest.approx([log[name] for log in logs[1]])
    weights = [load_file(folder / "adapter_model.safetensors") for folder in (whole, killed)]
    torch.testing.assert_close(*weights)
    optimizers = [torch.load(checkpoint / "optimizer.pt")["state"] for checkpoint in last]
    assert optimizers[0]
    torch.testing.assert_close(*optimizers)
    # Epochs are drawn anew, and the ECGs in them varied.
    assert len({log["loss"] for log in logs[0]}) == STEPS
    settings = [json.loads((folder / "reading.json").read_text()) for folder in (whole, killed)]
    # Padding is that of the steps that were trained now.
    padding = [one["losses"]["adapter"].pop("padding") for one in settings]
    assert all(0 < one < 1 for one in padding)
    assert settings[0] == settings[1]
    mean = sum(log["loss"] for log in logs[0]) / STEPS
    assert settings[0]["losses"]["adapter"]["train"] == pytest.approx(mean, abs=1e-3)
    curves = [
        json.loads((folder / "curve.json").read_text())["points"] for folder in (whole, killed)
    ]
    for name in ("step", "examples", "auroc", "accuracy"):
        assert [point[name] for point in curves[0]] == [point[name] for point in curves[1]]
    # Steps 7 and 8, after the last point and before the checkpoint, are paid for as well.
    kept = json.loads((killed / "training/adapter/checkpoint-8" / SO_FAR_FILE).read_text())
    spent = [point["cpu_seconds"] for point in curves[1]]
    assert spent[0] < kept["cost"]["cpu_seconds"] < spent[1] < spent[2] < spent[3]


def unfinished(out):
    """Leave of a run what it had before its last evaluation."""
    (out / "reading.json").unlink()
    (out / "training" / "finished.json").unlink()
    (out / "adapter_model.safetensors").unlink()


def losses_of(out):
    losses = json.loads((out / "reading.json").read_text())["losses"]
    for stage in losses.values():
        stage.pop("padding", None)
    return losses


def test_a_stage_that_was_over_is_not_trained_a_step_more(corpus, tokenizer, public_base, tmp_path):
    out = tmp_path / "out"
    reading = {"base": str(public_base), "base_id": tiny.BASE_ID}
    # Inside of the only epoch, where the Trainer looks for the end after a step alone.
    options = {"reading": reading, "max_steps": 3, "learning_rate": 1e-2}
    finetune(*tiny.arguments(corpus, tokenizer, out, **options))
    weights, losses = load_file(out / "adapter_model.safetensors"), losses_of(out)
    unfinished(out)
    finetune(*tiny.arguments(corpus, tokenizer, out, resume="true", **options))
    torch.testing.assert_close(load_file(out / "adapter_model.safetensors"), weights)
    assert losses_of(out) == losses
    assert not (out / "training" / "adapter" / "checkpoint-4").exists()


@pytest.mark.parametrize("left", [2, 3])
def test_a_resumed_run_stops_as_early(corpus, tokenizer, public_base, tmp_path, left):
    out = tmp_path / "out"
    reading = {"base": str(public_base), "base_id": tiny.BASE_ID, "early_stopping_patience": 2}
    # Nothing is gained after the first evaluation.
    options = {
        "reading": reading,
        "max_steps": 8,
        "learning_rate": 1e-9,
        "eval_strategy": "steps",
        "eval_steps": 1,
        "load_best_model_at_end": True,
        "metric_for_best_model": "loss",
    }
    finetune(*tiny.arguments(corpus, tokenizer, out, **options))
    losses = losses_of(out)
    steps = losses["adapter"]["steps"]
    assert steps < 8
    unfinished(out)
    for step in range(left + 1, steps + 1):
        shutil.rmtree(out / "training" / "adapter" / f"checkpoint-{step}")
    finetune(*tiny.arguments(corpus, tokenizer, out, resume="true", **options))
    assert losses_of(out) == losses


def test_half_a_checkpoint_is_passed_over(tmp_path):
    assert last_whole_checkpoint(tmp_path / "absent") is None
    for step in (4, 8, 12):
        (tmp_path / f"checkpoint-{step}").mkdir()
    assert last_whole_checkpoint(tmp_path) is None
    (tmp_path / "checkpoint-4" / "trainer_state.json").write_text(json.dumps({"step": 4}))
    assert last_whole_checkpoint(tmp_path) is None
    (tmp_path / "checkpoint-4" / SO_FAR_FILE).write_text('{"loss_sum": 1.0}')
    (tmp_path / "checkpoint-8" / "trainer_state.json").write_text('{"step":')
    assert last_whole_checkpoint(tmp_path) == str(tmp_path / "checkpoint-4")
    assert last_whole_checkpoint(tmp_path, processes=2) is None
    for rank in range(2):
        (tmp_path / "checkpoint-4" / f"rng_state_{rank}.pth").touch()
    assert last_whole_checkpoint(tmp_path, processes=2) == str(tmp_path / "checkpoint-4")
