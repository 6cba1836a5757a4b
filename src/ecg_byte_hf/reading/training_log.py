"""What a training shows on the way: a bar on a terminal, lines elsewhere; what it costs."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from transformers import TrainerCallback

from ecg_byte_hf.progress import bars_wanted


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


class LogLines(TrainerCallback):
    """A line on stderr per log where there is no terminal, and a warm-up that is too long."""

    def __init__(self, title: str, quiet: bool) -> None:
        self._title = title
        self._said = not quiet
        self._wanted = not quiet and not bars_wanted(quiet)

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Say where the learning rate never reaches its peak."""
        warmup = args.get_warmup_steps(state.max_steps)
        if self._said and state.is_world_process_zero and warmup >= state.max_steps:
            print(
                f"{self._title}: the warm-up of {warmup} steps is not over when its "
                f"{state.max_steps} steps are: lower warmup_steps (below 1: a share of them)",
                file=sys.stderr,
            )

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """Write the losses of a log, on the main process."""
        if not (self._wanted and state.is_world_process_zero and logs):
            return
        place = f"{self._title}: step {state.global_step} of {state.max_steps}"
        if "loss" in logs:
            rate = f"learning rate {float(logs['learning_rate']):.3g}"
            epoch = f"epoch {float(logs['epoch']):.2f}"
            line = f"{place}, {epoch}: loss {float(logs['loss']):.4f}, {rate}"
        elif "eval_loss" in logs:
            line = f"{place}: validation loss {float(logs['eval_loss']):.4f}"
        elif "padding" in logs:
            line = (
                f"{self._title}: {logs['sequences_per_second']:.1f} sequences and "
                f"{logs['tokens_per_second']:.0f} tokens per second, {logs['padding']:.1%} padding"
            )
        else:
            return
        print(line, file=sys.stderr, flush=True)


@dataclass
class Throughput(TrainerCallback):
    """How many sequences and tokens a process trained on, and in how many seconds.

    `places` are tokens and padding; a sequence is an ECG (two for comparisons) with its questions.
    Loading the data counts, evaluating and saving do not. After a resume what came before it is
    missing.
    """

    sequences: int = 0
    tokens: int = 0
    places: int = 0
    seconds: float = 0.0
    _since: float = 0.0

    def count(self, batch: dict[str, Any]) -> None:
        """Add a batch of `batches.collate`."""
        self.sequences += len(batch["lengths"])
        self.tokens += int(batch["lengths"].sum())
        self.places += batch["input_ids"].numel()

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start the clock."""
        self._since = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Add the time since the step before."""
        now = time.perf_counter()
        self.seconds += now - self._since
        self._since = now

    def leave_out(self) -> None:
        """Do not count the time since the last step."""
        self._since = time.perf_counter()

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Leave out what the evaluation took."""
        self.leave_out()

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Leave out what saving took."""
        self.leave_out()
