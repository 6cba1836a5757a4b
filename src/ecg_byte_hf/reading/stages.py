"""One stage of a fine-tuning: packed readings through transformers' Trainer."""

from __future__ import annotations

import copy
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .packing import packer
from .reading_arguments import ReadingArguments
from .sequences import Chat, Reading, collate

if TYPE_CHECKING:
    from transformers import PreTrainedModel, TrainingArguments

    from .learning_curve import LearningCurve
    from .varied import EcgVariants


def stage_arguments(training: TrainingArguments, folder: Path) -> TrainingArguments:
    """The arguments of a stage that keeps its checkpoints in `folder`."""
    # dataclasses.replace would run TrainingArguments' set-up of devices a second time.
    stage = copy.copy(training)
    stage.output_dir = str(folder)
    return stage


def run_stage(
    model: PreTrainedModel,
    stage: TrainingArguments,
    *,
    readings: dict[str, list[Reading]],
    chat: Chat,
    context: int,
    shift: int,
    arguments: ReadingArguments,
    pad_id: int,
    ecg_loss_weight: float,
    title: str,
    variants: EcgVariants | None = None,
    curve: LearningCurve | None = None,
) -> dict[str, float]:
    """Train `model` on packed readings; the losses reached and the steps taken.

    With `variants` the ECGs of the training split are varied anew each epoch. `curve` measures the
    model on the way. `max_steps` 0 trains nothing and gives no losses. Where the stage is told to
    resume it goes on from its latest checkpoint.
    """
    from transformers import EarlyStoppingCallback
    from transformers.trainer_utils import get_last_checkpoint

    from .trainer import ProgressBar, ReadingTrainer
    from .varied import EpochOf, VariedReadings

    if stage.max_steps == 0:
        return {}
    resume = bool(stage.resume_from_checkpoint)
    folder = Path(stage.output_dir)
    stage.remove_unused_columns = False
    stage.dataloader_pin_memory = stage.dataloader_pin_memory and stage.device.type == "cuda"
    stage.prediction_loss_only = True
    stage.disable_tqdm = True
    stage.label_names = ["labels"]
    pack = packer(
        chat,
        context=context,
        ecg_labels=bool(ecg_loss_weight),
        questions_per_sequence=arguments.questions_per_sequence,
    )
    packed: dict[str, Any] = {
        split: [feature for reading in rows for feature in pack(reading)]
        for split, rows in readings.items()
    }
    if variants is not None:
        # Workers that live on would keep the epoch that they began with.
        stage.dataloader_persistent_workers = False
        packed["train"] = VariedReadings(readings["train"], pack, variants, chat, context)
    trainer = ReadingTrainer(
        model=model,
        args=stage,
        train_dataset=packed["train"],
        eval_dataset=packed["validation"],
        data_collator=partial(collate, pad_id=pad_id),
        first_ecg_id=shift,
        ecg_loss_weight=ecg_loss_weight,
    )
    _silence(trainer)
    if variants is not None:
        trainer.add_callback(EpochOf(packed["train"]))
    if curve is not None:
        curve.begin_stage(folder.name)
        trainer.add_callback(curve)
    trainer.add_callback(ProgressBar(title, arguments.quiet))
    if arguments.early_stopping_patience:
        trainer.add_callback(EarlyStoppingCallback(arguments.early_stopping_patience))
    last = get_last_checkpoint(str(folder)) if resume and folder.is_dir() else None
    result = trainer.train(resume_from_checkpoint=last)
    model.eval()
    losses = {"train": round(float(result.training_loss), 4), "steps": int(result.global_step)}
    losses["validation"] = round(float(trainer.evaluate()["eval_loss"]), 4)
    return losses


def _silence(trainer: Any) -> None:
    """Take away the callback that prints every log line; the progress bar shows the loss."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)
