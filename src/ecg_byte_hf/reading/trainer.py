"""transformers' Trainer with the loss of answers (and of ECG tokens)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional
from transformers import Trainer, TrainerState
from transformers.trainer_pt_utils import LengthGroupedSampler

from ecg_byte_hf.hub_code.errors import EcgByteError

from .adapter import save_adapter
from .sequences import IGNORED
from .training_log import Throughput
from .varied import EpochOf


class GroupedByLength(LengthGroupedSampler):
    """transformers' grouping by length, drawn anew each epoch from the seed and the epoch alone.

    Its own draws from torch's generator: a run that is resumed inside a later epoch, or a second
    process that has drawn more dropout, would get another order.
    """

    def __init__(self, batch_size: int, dataset: Any, seed: int) -> None:
        super().__init__(batch_size, dataset=dataset, generator=torch.Generator())
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Draw the order of this epoch from now on."""
        self._epoch = epoch

    def __iter__(self) -> Any:
        self.generator.manual_seed(self._seed + self._epoch)
        return super().__iter__()


class ReadingTrainer(Trainer):
    """Trains on batches of `batches.collate`.

    The loss is the mean cross-entropy of the answers' tokens plus `ecg_loss_weight` times that of
    the ECG's tokens, where they are labelled. The means are over all batches of a step, those of
    gradient accumulation and of other processes included: splitting a batch changes nothing. Logits
    are computed at labelled positions only: a vocabulary of 128,000 at all positions of an ECG
    would not fit anywhere. `throughput` counts what this process trained on. `eval_collator` makes
    the batches of the evaluation; without it, `data_collator` does. `keep_beside` writes into the
    folder of each checkpoint.
    """

    def __init__(
        self,
        *args: Any,
        first_ecg_id: int,
        ecg_loss_weight: float,
        eval_collator: Any = None,
        **kwargs: Any,
    ):
        super().__init__(*args, **kwargs)
        # Batches are counted, and the loss is taken to be scaled by the count.
        self.model_accepts_loss_kwargs = True
        self.first_ecg_id = first_ecg_id
        self.ecg_loss_weight = ecg_loss_weight
        self.eval_collator = eval_collator
        self.throughput = Throughput()
        self._loss_sum = 0.0
        self._undrained: torch.Tensor | None = None
        self.keep_beside: Callable[[Path], None] = lambda checkpoint: None
        self.epoch_of = EpochOf()
        for callback in (self.throughput, self.epoch_of):
            self.add_callback(callback)

    def get_eval_dataloader(self, eval_dataset: Any = None) -> Any:
        """The Trainer's own, with `eval_collator`."""
        collator = self.data_collator
        self.data_collator = self.eval_collator or collator
        try:
            return super().get_eval_dataloader(eval_dataset)
        finally:
            self.data_collator = collator

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        if self.args.train_sampling_strategy != "group_by_length":
            return super()._get_train_sampler(train_dataset)
        # What one step takes, so that two processes step through the order of one.
        step = self.args.train_batch_size * self.args.gradient_accumulation_steps
        dataset = self.train_dataset if train_dataset is None else train_dataset
        sampler = GroupedByLength(step * self.args.world_size, dataset, self.args.seed)
        self.epoch_of.tell(sampler)
        return sampler

    def _get_num_items_in_batch(self, batch_samples: list, device: Any) -> torch.Tensor | None:
        """Labelled tokens of answers and of ECGs in all batches of a step, of all processes."""
        if not batch_samples:
            return None
        counts = sum(self._count_labels(batch["labels"][:, 1:]) for batch in batch_samples)
        counts = counts.to(device)
        return self.accelerator.reduce(counts) if self.args.world_size > 1 else counts

    def _count_labels(self, labels: torch.Tensor) -> torch.Tensor:
        of_ecg = labels >= self.first_ecg_id
        return torch.stack([((labels != IGNORED) & ~of_ecg).sum(), of_ecg.sum()])

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Any:
        """The Trainer's own, counted."""
        self.throughput.count(inputs)
        loss = super().training_step(model, inputs, num_items_in_batch)
        self._undrained = loss if self._undrained is None else self._undrained + loss
        return loss

    def loss_sum(self) -> float:
        """The sum of the losses of this run's steps; every process has to ask.

        Read from the device where the Trainer reads its own: when it logs, and here.
        """
        if self._undrained is not None:
            drained = self._undrained.float()
            if self.args.world_size > 1:
                drained = self.accelerator.reduce(drained, reduction="mean")
            self._loss_sum += float(drained)
            self._undrained = None
        return self._loss_sum

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """The Trainer's own; where it reads its losses, ours are read too."""
        if "loss" in logs:
            self.loss_sum()
        super().log(logs, *args, **kwargs)

    def _save_rng_state(self, output_dir: str) -> None:
        """The Trainer's own, and what is kept beside it.

        Every process comes here, before the state is written that makes a checkpoint whole and
        before older ones are removed.
        """
        super()._save_rng_state(output_dir)
        self.keep_beside(Path(output_dir))

    def take(self, checkpoint: str) -> None:
        """Be as the training left it that ended with `checkpoint`, without a step."""
        self.state = TrainerState.load_from_json(str(Path(checkpoint) / "trainer_state.json"))
        # The state is that of the process which wrote it.
        self.state.is_world_process_zero = self.is_world_process_zero()
        self.state.is_local_process_zero = self.is_local_process_zero()
        self._load_from_checkpoint(checkpoint)
        if self.args.load_best_model_at_end and self.state.best_model_checkpoint is not None:
            self._load_best_model()
        for event in (self.callback_handler.on_train_begin, self.callback_handler.on_train_end):
            self.control = event(self.args, self.state, self.control)

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | None = None,
    ) -> Any:
        """A batch's part of its step's loss, times the number of processes.

        `num_items_in_batch` are the labelled tokens (answers', ECGs') of the step; without it, the
        batch is a step of its own.

        Raises:
            EcgByteError: it is not finite.
        """
        targets = functional.pad(inputs["labels"][:, 1:], (0, 1), value=IGNORED)
        kept = targets != IGNORED
        outputs = model(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            position_ids=inputs["position_ids"],
            logits_to_keep=kept,
            use_cache=False,
        )
        labels = targets[kept]
        logits = outputs.logits.reshape(-1, outputs.logits.shape[-1]).float()
        losses = functional.cross_entropy(logits, labels, reduction="none")
        of_ecg = labels >= self.first_ecg_id
        counts = self._count_labels(targets) if num_items_in_batch is None else num_items_in_batch
        of_answers, of_ecgs = counts.clamp(min=1)
        loss = losses[~of_ecg].sum() / of_answers
        if self.ecg_loss_weight:
            loss = loss + self.ecg_loss_weight * losses[of_ecg].sum() / of_ecgs
        if num_items_in_batch is not None:
            # The gradients of several processes are averaged.
            loss = loss * self.args.world_size
        if not bool(torch.isfinite(loss)):
            raise EcgByteError(
                f"the loss became {loss.item()} at step {self.state.global_step}: lower "
                "learning_rate, raise warmup_steps, or switch bf16/fp16 off"
            )
        return (loss, outputs) if return_outputs else loss

    def _save(self, output_dir: str | None = None, state_dict: dict | None = None) -> None:
        """Write a checkpoint; of an adapted model the adapter, as fine-tuning ends with it.

        Every process comes here; `state_dict` is given where they share the weights (FSDP).
        """
        from peft import PeftModel

        model = self.accelerator.unwrap_model(self.model)
        if not isinstance(model, PeftModel):
            return super()._save(output_dir, state_dict)
        if not self.args.should_save:
            return None
        target = Path(output_dir if output_dir is not None else self.args.output_dir)
        save_adapter(model, target, state_dict)
        torch.save(self.args, target / "training_args.bin")
        return None

    def _issue_warnings_after_load(self, load_result: Any) -> None:
        """Warn of what a checkpoint lacks, save an output layer tied to the embeddings."""
        if self.model.config.tie_word_embeddings:
            missing = [name for name in load_result.missing_keys if name != "lm_head.weight"]
            load_result.missing_keys[:] = missing
        super()._issue_warnings_after_load(load_result)
