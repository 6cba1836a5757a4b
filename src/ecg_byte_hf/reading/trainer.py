"""transformers' Trainer with the loss of answers (and of ECG tokens), and a quiet progress bar."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.nn import functional
from transformers import Trainer, TrainerCallback

from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.progress import bars_wanted

from .adapter import save_adapter
from .sequences import IGNORED


class ReadingTrainer(Trainer):
    """Trains on batches of `sequences.collate`.

    The loss is the mean cross-entropy of the answers' tokens plus `ecg_loss_weight` times that of
    the ECG's tokens, where they are labelled. Logits are computed at labelled positions only: a
    vocabulary of 128,000 at all positions of an ECG would not fit anywhere.
    """

    loss_is_scaled_for_ga = False

    def __init__(self, *args: Any, first_ecg_id: int, ecg_loss_weight: float, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.model_accepts_loss_kwargs = False
        self.first_ecg_id = first_ecg_id
        self.ecg_loss_weight = ecg_loss_weight

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: dict[str, torch.Tensor],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """Loss of a batch.

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
        loss = losses[~of_ecg].sum() / (~of_ecg).sum().clamp(min=1)
        if self.ecg_loss_weight and bool(of_ecg.any()):
            loss = loss + self.ecg_loss_weight * losses[of_ecg].mean()
        if not bool(torch.isfinite(loss)):
            raise EcgByteError(
                f"the loss became {loss.item()} at step {self.state.global_step}: lower "
                "learning_rate, raise warmup_steps, or switch bf16/fp16 off"
            )
        return (loss, outputs) if return_outputs else loss

    def _save(self, output_dir: str | None = None, state_dict: dict | None = None) -> None:
        """Write a checkpoint; of an adapted model the adapter, as fine-tuning ends with it."""
        from peft import PeftModel

        model = self.accelerator.unwrap_model(self.model)
        if not isinstance(model, PeftModel):
            return super()._save(output_dir, state_dict)
        target = Path(output_dir if output_dir is not None else self.args.output_dir)
        save_adapter(model, target)
        torch.save(self.args, target / "training_args.bin")
        return None

    def _issue_warnings_after_load(self, load_result: Any) -> None:
        """Warn of what a checkpoint lacks, save an output layer tied to the embeddings."""
        if self.model.config.tie_word_embeddings:
            missing = [name for name in load_result.missing_keys if name != "lm_head.weight"]
            load_result.missing_keys[:] = missing
        super()._issue_warnings_after_load(load_result)


class ProgressBar(TrainerCallback):
    """One rich bar per stage of training, with the latest loss; nothing off a terminal."""

    def __init__(self, title: str, quiet: bool) -> None:
        self._bar = Progress(
            TextColumn(title),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[loss]}"),
            console=Console(stderr=True),
            transient=True,
        )
        self._wanted = bars_wanted(quiet)
        self._task: Any = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Show the bar on the main process."""
        if self._wanted and state.is_world_process_zero:
            self._task = self._bar.add_task("", total=state.max_steps, loss="")
            self._bar.start()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Move it."""
        if self._task is not None:
            self._bar.update(self._task, completed=state.global_step)

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Show the latest loss."""
        if self._task is not None and logs and "loss" in logs:
            self._bar.update(self._task, loss=f"loss {logs['loss']}")

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Take it away."""
        if self._task is not None:
            self._bar.stop()
