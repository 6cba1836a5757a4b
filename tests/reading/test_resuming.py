"""A run that is killed goes on as if it had not been."""

import json
import signal
import subprocess
import time

import pytest
import torch
from safetensors.torch import load_file

from ecg_byte_hf.reading.arguments import parse_finetune
from ecg_byte_hf.reading.resuming import last_whole_checkpoint
from ecg_byte_hf.reading.training import finetune

from . import script

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
    "quiet": "true",
}


def start(arguments):
    return subprocess.Popen(
        [*script.SCRIPT, *arguments],
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
    first = start(arguments)
    reached = killed / "training" / "adapter" / "checkpoint-8" / "trainer_state.json"
    while first.poll() is None and not reached.is_file():
        time.sleep(0.005)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert first.returncode == -signal.SIGKILL
    assert not (killed / "reading.json").exists()
    second = start([*arguments, "--resume_from_checkpoint", "true"])
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


def test_half_a_checkpoint_is_passed_over(tmp_path):
    assert last_whole_checkpoint(tmp_path / "absent") is None
    for step in (4, 8, 12):
        (tmp_path / f"checkpoint-{step}").mkdir()
    assert last_whole_checkpoint(tmp_path) is None
    (tmp_path / "checkpoint-4" / "trainer_state.json").write_text(json.dumps({"step": 4}))
    (tmp_path / "checkpoint-8" / "trainer_state.json").write_text('{"step":')
    assert last_whole_checkpoint(tmp_path) == str(tmp_path / "checkpoint-4")
    assert last_whole_checkpoint(tmp_path, processes=2) is None
    for rank in range(2):
        (tmp_path / "checkpoint-4" / f"rng_state_{rank}.pth").touch()
    assert last_whole_checkpoint(tmp_path, processes=2) == str(tmp_path / "checkpoint-4")
