"""One stage of a fine-tuning: packed readings through transformers' Trainer."""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecg_byte_hf.fidelity.report_output import write_json
from ecg_byte_hf.hub_code.errors import EcgByteError

from .batches import collate
from .output_folder import GATHERED, SPEED_FILE
from .packing import packer
from .reading_arguments import ReadingArguments
from .resuming import is_over, last_whole_checkpoint
from .sequences import Chat, Reading

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, TrainingArguments

    from .learning_curve import LearningCurve
    from .training_log import Throughput
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
    generators: Sequence[torch.Generator] = (),
) -> dict[str, float]:
    """Train `model` on packed readings; what came of it.

    With `variants` the ECGs of the training split are varied anew each epoch. `curve` measures the
    model on the way. `generators` are what the model draws from beside torch's own. `max_steps` 0
    trains nothing and gives nothing. Where the stage is told to resume it goes on from its latest
    whole checkpoint. Its speed is written to `speed.json` in its folder, apart from what the same
    seed gives again.

    Returns:
        The losses `train`, the mean of all steps, and `validation`; `steps` of the optimiser;
        `padding`, the share of padding in the training batches of this run (none where it was over
        before); `world_size`, how many processes trained.

    Raises:
        EcgByteError: memory ran out, or the loss is not finite; with advice.
    """
    from transformers import EarlyStoppingCallback, PrinterCallback

    from .so_far import SoFar
    from .trainer import ReadingTrainer
    from .training_log import LogLines, ProgressBar
    from .varied import VariedReadings

    if stage.max_steps == 0:
        return {}
    resume = bool(stage.resume_from_checkpoint)
    folder = Path(stage.output_dir)
    stage.remove_unused_columns = False
    stage.dataloader_pin_memory = stage.dataloader_pin_memory and stage.device.type == "cuda"
    stage.prediction_loss_only = True
    stage.disable_tqdm = True
    stage.label_names = ["labels"]
    # Whatever is trained has a part in every batch; DDP would look for what has not.
    stage.ddp_find_unused_parameters = False
    # That of early stopping: how long nothing was gained.
    stage.restore_callback_states_from_checkpoint = resume
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
        data_collator=partial(collate, pad_id=pad_id, fill_rows=arguments.fill_rows),
        eval_collator=partial(collate, pad_id=pad_id),
        first_ecg_id=shift,
        ecg_loss_weight=ecg_loss_weight,
    )
    trainer.remove_callback(PrinterCallback)
    if variants is not None:
        trainer.epoch_of.tell(packed["train"])
    if curve is not None:
        curve.begin_stage(folder.name, trainer.throughput.leave_out)
        trainer.add_callback(curve)
    trainer.add_callback(ProgressBar(title, arguments.quiet))
    trainer.add_callback(LogLines(title, arguments.quiet))
    if arguments.early_stopping_patience:
        trainer.add_callback(EarlyStoppingCallback(arguments.early_stopping_patience))
    so_far = SoFar(trainer, curve, generators)
    last = last_whole_checkpoint(folder, stage.world_size) if resume else None
    if last is not None:
        so_far.go_on(last)
    elif resume and any(folder.glob("checkpoint-*")) and trainer.is_world_process_zero():
        print(f"{folder}: no whole checkpoint to go on from; begun anew", file=sys.stderr)
    with _advice_on_memory(
        f"{title}: memory ran out with batches of {stage.per_device_train_batch_size}: halve "
        "per_device_train_batch_size and double gradient_accumulation_steps, which trains the "
        "same, or set activation_checkpointing or a shorter context"
    ):
        if last is not None and is_over(last):
            trainer.take(last)
        else:
            trainer.train(resume_from_checkpoint=last)
    model.eval()
    steps = int(trainer.state.global_step)
    losses = {"train": round(so_far.loss_sum() / steps, 4), "steps": steps}
    with _advice_on_memory(
        f"{title}: memory ran out on validation ECGs with batches of "
        f"{stage.per_device_eval_batch_size}: halve per_device_eval_batch_size, which changes "
        "nothing else"
    ):
        losses["validation"] = round(float(trainer.evaluate()["eval_loss"]), 4)
    losses["world_size"] = stage.world_size
    if trainer.is_fsdp_enabled:
        trainer.save_model(str(folder / GATHERED))
    return losses | _note_speed(trainer)


@contextmanager
def _advice_on_memory(advice: str) -> Iterator[None]:
    """Raise `EcgByteError` with `advice` where memory runs out."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not _is_out_of_memory(error):
            raise
        raise EcgByteError(advice) from error


def _is_out_of_memory(error: Exception) -> bool:
    import torch

    # The allocator of the processor raises a plain RuntimeError.
    known = isinstance(error, torch.OutOfMemoryError | MemoryError)
    return known or "can't allocate memory" in str(error)


def _note_speed(trainer: Any) -> dict[str, float]:
    """The share of padding of all processes; the main one writes and logs their speed."""
    import torch

    own: Throughput = trainer.throughput
    counted = torch.tensor([own.sequences, own.tokens, own.places], device=trainer.args.device)
    if trainer.args.world_size > 1:
        counted = trainer.accelerator.reduce(counted)
    sequences, tokens, places = counted.tolist()
    if not places:
        return {}
    speed = {
        "padding": round(1 - tokens / places, 4),
        "sequences_per_second": round(sequences / own.seconds, 2),
        "tokens_per_second": round(tokens / own.seconds, 1),
    }
    if trainer.is_world_process_zero():
        write_json(speed, Path(trainer.args.output_dir) / SPEED_FILE)
    trainer.log(speed)
    return {"padding": speed["padding"]}
