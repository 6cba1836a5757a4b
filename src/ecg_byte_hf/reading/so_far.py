"""What a stage has lost, cost and drawn up to a checkpoint, for a run that goes on from there."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ecg_byte_hf.fidelity.report_output import write_json

from .generators import keep_states, restore_states
from .resuming import SO_FAR_FILE

if TYPE_CHECKING:
    import torch

    from .learning_curve import LearningCurve
    from .trainer import ReadingTrainer


class SoFar:
    """The losses of all steps of a stage and what its curve counts, over interruptions.

    transformers' `training_loss` is the mean of the steps since the last resume alone. The Trainer
    keeps the states of torch's own random generators, `SoFar` those of `generators`.
    """

    def __init__(
        self,
        trainer: ReadingTrainer,
        curve: LearningCurve | None,
        generators: Sequence[torch.Generator] = (),
    ) -> None:
        self._trainer, self._curve, self._generators = trainer, curve, generators
        self._before = 0.0
        trainer.keep_beside = self.write

    def go_on(self, checkpoint: str) -> None:
        """Go on from what was written into a checkpoint (`last_whole_checkpoint` saw to it)."""
        content = json.loads((Path(checkpoint) / SO_FAR_FILE).read_text(encoding="utf-8"))
        self._before = float(content["loss_sum"])
        if self._curve is not None and content["cost"] is not None:
            self._curve.go_on_from(content["cost"])
        restore_states(self._generators, Path(checkpoint), self._trainer.args.process_index)

    def loss_sum(self) -> float:
        """The sum of the losses of all steps so far; every process has to ask."""
        return self._before + self._trainer.loss_sum()

    def write(self, checkpoint: Path) -> None:
        """Write it into a checkpoint; every process has to ask, one writes losses and cost."""
        keep_states(self._generators, checkpoint, self._trainer.args.process_index)
        loss_sum = self.loss_sum()
        if self._trainer.is_world_process_zero():
            cost = None if self._curve is None else asdict(self._curve.cost)
            write_json({"cost": cost, "loss_sum": loss_sum}, checkpoint / SO_FAR_FILE)
