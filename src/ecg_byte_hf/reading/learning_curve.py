"""How well a Llama reads ECGs while it is trained, against time and examples."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from transformers import TrainerCallback

from ecg_byte_hf.fidelity.report_output import write_json
from ecg_byte_hf.hub_code.errors import EcgByteError

from .intervals import PatientBootstrap
from .output_folder import CURVE_FILE
from .responding import YES_NO, Ask, respond
from .scoring import Scored, is_balanced, is_verify
from .sequences import Chat, Reading
from .yes_no import SUPERCLASS, finding_aurocs

_EVEN = 0.5


@dataclass
class Cost:
    """What a training took: `seconds` on the clock, `cpu_seconds`, `examples`.

    `cpu_seconds` are those of all threads of the main process, which counts no other process.
    An example is one training sequence, an ECG with all questions that share its tokens; of a
    ResNet one ECG. Each counts as often as it was seen.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    examples: float = 0.0


class LearningCurve(TrainerCallback):
    """Asks yes/no questions about validation ECGs every so many steps; writes `curve.json`.

    The file holds `before` (the cost of what was trained before, which all points include),
    `records` and `questions` asked, and `points`: `stage`, `step` in it, `seconds`, `cpu_seconds`
    and `examples` so far, `auroc` (macro over the findings, None with too few ECGs) and `accuracy`
    of the balanced questions, yes being what is likelier than no. The time of measuring, and of the
    Trainer's own evaluations, does not count. Where the corpus asks about superclasses these
    questions are put, else all yes/no questions. A resumed run goes on from its last point.
    """

    def __init__(
        self,
        path: Path,
        readings: Sequence[Reading],
        chat: Chat,
        every: int,
        before: Cost | None = None,
        *,
        resume: bool = False,
    ) -> None:
        """`readings`: the part of the validation split; `every`: steps of the optimiser.

        `resume`: go on from the points that are in the file, those of earlier stages included.

        Raises:
            EcgByteError: no yes/no question is asked about these ECGs.
        """
        self._path, self._chat, self._every = path, chat, every
        self._resume = resume
        self._measured: Callable[[], None] = lambda: None
        self._before = before or Cost()
        self._cost = Cost(**asdict(self._before))
        self._stage, self._stage_began_with = "", 0.0
        self._resumed = (0.0, 0.0)
        self._kept: Cost | None = None
        self._points: list[dict[str, Any]] = []
        self._ecgs = {reading.record_id: reading.ecg_ids for reading in readings}
        asked = [(one, turn.row) for one in readings for turn in one.turns]
        asked = [(one, row) for one, row in asked if is_verify(row["question_type"])]
        asked = [(one, row) for one, row in asked if row["answer"] in YES_NO]
        main = [(one, row) for one, row in asked if row["attribute"] == SUPERCLASS]
        self._asked = [
            (Ask((one.record_id,), row["question"], YES_NO, greedy=False), row)
            for one, row in main or asked
        ]
        if not self._asked:
            raise EcgByteError(
                "curve_every_steps: no yes/no question about the validation ECGs to ask"
            )
        self._bootstrap = PatientBootstrap([row["patient_id"] for _, row in self._asked], draws=1)

    def begin_stage(self, name: str, measured: Callable[[], None] = lambda: None) -> None:
        """Say what the points that follow belong to; `measured` is called after each."""
        self._measured = measured
        self._stage, self._stage_began_with = name, self._cost.examples

    @property
    def cost(self) -> Cost:
        """What was spent up to the last step."""
        return self._cost

    def go_on_from(self, cost: Mapping[str, float]) -> None:
        """Say what was spent up to the checkpoint from which the stage goes on."""
        self._kept = Cost(**cost)

    def measure(self, model: Any) -> dict[str, float | None]:
        """`auroc` and `accuracy` of a Llama as it is."""
        training = model.training
        model.eval()
        try:
            said = respond(model, self._chat, self._ecgs, [ask for ask, _ in self._asked])
        finally:
            model.train(training)
        scored = []
        for ask, row in self._asked:
            p_yes = said[ask].p_yes or 0.0
            scored.append(Scored.of(row, YES_NO[0] if p_yes > _EVEN else YES_NO[1], p_yes))
        found = finding_aurocs(scored, self._bootstrap)
        macro = [one["auroc"] for one in found["macro"].values()] if found else []
        right = [one.correct for one in scored if is_balanced(vars(one))]
        return {
            "auroc": round(float(np.mean(macro)), 4) if macro else None,
            "accuracy": round(float(np.mean(right)), 4) if right else None,
        }

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Start the clock, from what an interrupted run had spent."""
        if self._resume and not self._points and self._path.is_file():
            self._go_on(state.global_step)
        if self._kept is not None:
            # What came after the last point was trained, and is not trained again.
            self._cost, self._kept = self._kept, None
        self._resume_clock()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Measure, if it is time."""
        self._note_time()
        self._count(state, kwargs)
        if state.global_step % self._every == 0:
            self._add_point(state, kwargs["model"])

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Note the time before the Trainer evaluates."""
        self._note_time()

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Leave out what the Trainer's evaluation took."""
        self._resume_clock()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Measure at the end, unless the last step was measured."""
        self._note_time()
        last = self._points[-1] if self._points else {}
        if (last.get("stage"), last.get("step")) != (self._stage, state.global_step):
            self._add_point(state, kwargs["model"])

    def _resume_clock(self) -> None:
        self._resumed = (time.perf_counter(), time.process_time())

    def _note_time(self) -> None:
        """Add what passed since the clock was resumed, and resume it."""
        clock, cpu = self._resumed
        self._resume_clock()
        self._cost.seconds += self._resumed[0] - clock
        self._cost.cpu_seconds += self._resumed[1] - cpu

    def _count(self, state: Any, kwargs: Mapping[str, Any]) -> None:
        sequences = len(kwargs["train_dataloader"].dataset)
        self._cost.examples = self._stage_began_with + round((state.epoch or 0.0) * sequences)

    def _add_point(self, state: Any, model: Any) -> None:
        if not state.is_world_process_zero:
            return
        with self._clock_stopped():
            cost = {name: round(value, 2) for name, value in asdict(self._cost).items()}
            place = {"stage": self._stage, "step": state.global_step}
            self._points.append({**place, **cost, **self.measure(model)})
            content = {
                "before": asdict(self._before),
                "records": len(self._ecgs),
                "questions": len(self._asked),
                "points": self._points,
            }
            write_json(content, self._path)

    @contextmanager
    def _clock_stopped(self) -> Iterator[None]:
        yield
        self._resume_clock()
        self._measured()

    def _go_on(self, step: int) -> None:
        points = read_curve(self._path)["points"]
        kept = [one for one in points if one["stage"] != self._stage or one["step"] <= step]
        self._points = kept
        if kept:
            self._cost = Cost(**{name: kept[-1][name] for name in asdict(self._cost)})
        ended = [one["examples"] for one in kept if one["stage"] != self._stage]
        self._stage_began_with = ended[-1] if ended else self._before.examples


def check_curve_goes_on(folder: Path) -> None:
    """See that a run whose small Llama is trained already was begun with a curve.

    Raises:
        EcgByteError: it was not, so that what it took is not known.
    """
    if not (folder / CURVE_FILE).is_file():
        raise EcgByteError(
            f"curve_every_steps: the small Llama in {folder} was trained without it, so what it "
            "took is not known: go on without it, or train again with --overwrite true"
        )


def read_curve(path: str | Path) -> dict[str, Any]:
    """Read a `curve.json`.

    Raises:
        EcgByteError: it is missing or damaged.
    """
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        for point in content["points"]:
            for name in ("seconds", "cpu_seconds", "examples", "auroc", "accuracy"):
                point[name]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EcgByteError(
            f"{path} is missing or no learning curve: train with --curve-every-steps"
        ) from error
    return dict(content)


def first_reached(
    curve: Mapping[str, Any], level: float, measure: str = "auroc"
) -> Mapping[str, Any] | None:
    """The first point of a curve at which `measure` is `level` or more; None if there is none."""
    for point in curve["points"]:
        if point[measure] is not None and point[measure] >= level:
            return dict(point)
    return None
