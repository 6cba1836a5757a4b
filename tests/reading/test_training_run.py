"""How a training runs: memory, logs, TensorBoard, padding, what is kept for the next run."""

import json

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from transformers import TrainingArguments

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.hub_code.processing_ecg_byte import EcgByteProcessor
from ecg_byte_hf.reading.trainer import ReadingTrainer
from ecg_byte_hf.reading.training import finetune

from . import script, tiny


@pytest.fixture
def train(corpus, tokenizer, public_base, tmp_path):
    """Fine-tune the public base for two steps; its output folder and the losses of its steps."""

    def run(name="out", reading=None, **options):
        out = tmp_path / name
        reading = {"base": str(public_base), "base_id": tiny.BASE_ID, **(reading or {})}
        finetune(
            *tiny.arguments(corpus, tokenizer, out, reading=reading, logging_steps=1, **options)
        )
        log = script.history(out / "training" / "adapter" / "checkpoint-2")
        return out, [one["loss"] for one in log]

    return run


def test_checkpointing_and_accumulation_and_filled_rows_train_the_same(train):
    _, expected = train()
    for number, options in enumerate(
        [
            {"activation_checkpointing": True},
            {"per_device_train_batch_size": 1, "gradient_accumulation_steps": 2},
            {"reading": {"fill_rows": False}},
        ]
    ):
        _, losses = train(f"{number}", **options)
        assert losses == pytest.approx(expected, abs=1e-4), options


def test_checkpointing_forgets_activations(train, monkeypatch):
    kept = []
    step = ReadingTrainer.compute_loss

    def measured(self, *args, **kwargs):
        held = []
        with torch.autograd.graph.saved_tensors_hooks(
            lambda tensor: held.append(tensor.numel()) or tensor, lambda tensor: tensor
        ):
            loss = step(self, *args, **kwargs)
        kept.append(sum(held))
        return loss

    monkeypatch.setattr(ReadingTrainer, "compute_loss", measured)
    train("plain", max_steps=2)
    whole = sum(kept)
    kept.clear()
    train("checkpointing", max_steps=2, activation_checkpointing=True)
    assert sum(kept) < 0.7 * whole


def test_tensorboard_gets_the_losses(train):
    out, losses = train(report_to="tensorboard")
    (folder,) = (out / "training" / "adapter" / "runs").iterdir()
    events = EventAccumulator(str(folder)).Reload()
    written = [event.value for event in events.Scalars("train/loss")]
    assert written == pytest.approx(losses, rel=1e-4)
    assert events.Scalars("train/tokens_per_second")[0].value > 0


def test_a_log_file_gets_a_line_per_log_and_quiet_none(train, capsys):
    _, losses = train("told", reading={"quiet": False}, eval_strategy="steps", eval_steps=2)
    lines = capsys.readouterr().err.splitlines()
    steps = [line for line in lines if line.startswith("adapter: step ") and "epoch" in line]
    assert len(steps) == len(losses)
    assert all(f"loss {loss:.4f}," in line for loss, line in zip(losses, steps, strict=True))
    assert sum("validation loss" in line for line in lines) >= 1
    assert sum("% padding" in line for line in lines) == 1
    train("quiet")
    assert "adapter: " not in capsys.readouterr().err


def test_a_warm_up_longer_than_the_training_is_said(train, capsys):
    train("long", reading={"quiet": False}, max_steps=3, warmup_steps=3)
    assert "adapter: the warm-up of 3 steps is not over when its 3 steps are" in (
        capsys.readouterr().err
    )
    train("short", reading={"quiet": False}, max_steps=3, warmup_steps=2)
    assert "warm-up" not in capsys.readouterr().err


def test_padding_and_processes_are_recorded_and_speed_apart(train):
    out, _ = train()
    reached = json.loads((out / "reading.json").read_text())["losses"]["adapter"]
    assert reached["world_size"] == 1
    assert 0 <= reached["padding"] < 1
    speed = json.loads((out / "training" / "adapter" / "speed.json").read_text())
    assert speed["tokens_per_second"] > speed["sequences_per_second"] > 0


def test_a_process_that_is_not_the_main_one_saves_no_checkpoint(train, tmp_path, monkeypatch):
    monkeypatch.setattr(TrainingArguments, "should_save", property(lambda self: False))
    with pytest.raises(FileNotFoundError, match="trainer_state"):
        train()
    assert (tmp_path / "out" / "adapter_model.safetensors").is_file()
    assert not list((tmp_path / "out" / "training").rglob("adapter_model.safetensors"))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
        MemoryError(),
    ],
)
def test_out_of_memory_ends_with_advice(train, monkeypatch, error):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(ReadingTrainer, "training_step", fail)
    with pytest.raises(EcgByteError, match="halve per_device_train_batch_size") as caught:
        train()
    assert "\n" not in str(caught.value)


def test_other_errors_are_not_taken_for_it(train, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(ReadingTrainer, "training_step", fail)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        train()


def test_a_second_run_finds_its_ecgs_tokenised(train, monkeypatch):
    tokenised, first = [], 0
    ecg_ids = EcgByteProcessor.ecg_ids

    def counted(self, *args, **kwargs):
        tokenised.append(kwargs)
        return ecg_ids(self, *args, **kwargs)

    monkeypatch.setattr(EcgByteProcessor, "ecg_ids", counted)
    for number, reading in enumerate([{}, {"lora_r": 4}]):
        train(f"{number}", reading={"max_train_records": 7, **reading})
        # The first run may find the validation split; it cannot find seven training ECGs.
        assert len(tokenised) == (first := first or len(tokenised)) >= 7
