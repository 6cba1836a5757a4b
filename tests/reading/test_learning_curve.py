"""Accuracy against time and examples: what is counted, what is not, what is read from it."""

import json
from types import SimpleNamespace

import pytest

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.reading import learning_curve, training_log
from ecg_byte_hf.reading.curve_table import curve_table
from ecg_byte_hf.reading.learning_curve import Cost, LearningCurve, first_reached, read_curve
from ecg_byte_hf.reading.responding import Response
from ecg_byte_hf.reading.sequences import Reading, Turn
from ecg_byte_hf.reading.training import finetune

from . import tiny


def asked(record: int, answer: str, kind: str = "verify") -> Reading:
    row = tiny.question(f"r{record}", "Is the rhythm regular?", answer)
    row = row | {"question_type": kind, "balanced": True}
    return Reading(f"r{record}", f"r{record}", (1, 2), (Turn((3,), (4,), row),))


class Clock:
    """Time that passes when told."""

    def __init__(self):
        self.now = 0.0

    def perf_counter(self):
        return self.now

    def process_time(self):
        return 2 * self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(learning_curve, "time", clock)

    def respond(model, chat, ecgs, asks):
        clock.now += 1000.0
        yes = {ask: int(ask.ecgs[0][1:]) < model.right for ask in asks}
        return {ask: Response(None, 0.9 if yes[ask] else 0.1) for ask in asks}

    monkeypatch.setattr(learning_curve, "respond", respond)
    return clock


class Model:
    """A model that says yes to so many records, the first ones."""

    training = True
    right = 0

    def eval(self):
        self.training = False

    def train(self, mode):
        self.training = mode


def run_stage(curve, clock, model, stage, steps, first=0):
    """What the Trainer calls: a step takes a second, its own evaluation after step 2 takes 500."""
    curve.begin_stage(stage)
    loader = SimpleNamespace(dataset=[None] * 10)
    state = SimpleNamespace(global_step=first, epoch=0.0, is_world_process_zero=True)
    curve.on_train_begin(None, state, None)
    for step in range(first + 1, steps + 1):
        clock.now += 1.0
        state.global_step, state.epoch = step, step / 5
        model.right += 1
        curve.on_step_end(None, state, None, model=model, train_dataloader=loader)
        if step == 2:
            clock.now += 500.0
            curve.on_evaluate(None, state, None)
    curve.on_train_end(None, state, None, model=model, train_dataloader=loader)


def test_only_training_takes_time_and_what_came_before_is_counted(clock, tmp_path):
    readings = [asked(record, "yes" if record < 6 else "no") for record in range(12)]
    path = tmp_path / "curve.json"
    curve = LearningCurve(path, readings, None, every=2, before=Cost(100.0, 50.0, 7))
    model = Model()
    run_stage(curve, clock, model, "base", 3)
    run_stage(curve, clock, model, "adapter", 4)
    assert model.training
    content = read_curve(path)
    assert (content["records"], content["questions"]) == (12, 12)
    assert content["before"] == {"seconds": 100.0, "cpu_seconds": 50.0, "examples": 7}
    points = content["points"]
    stages = [("base", 2), ("base", 3), ("adapter", 2), ("adapter", 4)]
    assert [(p["stage"], p["step"]) for p in points] == stages
    assert [p["seconds"] for p in points] == [102.0, 103.0, 105.0, 107.0]
    assert [p["cpu_seconds"] for p in points] == [54.0, 56.0, 60.0, 64.0]
    assert [p["examples"] for p in points] == [7 + 4, 7 + 6, 7 + 6 + 4, 7 + 6 + 8]
    # Of 12 records 6 are yes; after n steps the first n are said to be.
    assert [p["accuracy"] for p in points] == [round((6 + n) / 12, 4) for n in (2, 3, 5)] + [
        round((12 - 1) / 12, 4)
    ]
    assert [p["auroc"] for p in points][2] == round((5 + 0.5) / 6, 4)


def test_a_resumed_run_goes_on_from_its_last_point(clock, tmp_path):
    readings = [asked(record, "yes") for record in range(3)]
    path = tmp_path / "curve.json"
    run_stage(LearningCurve(path, readings, None, every=2), clock, Model(), "adapter", 4)
    resumed = LearningCurve(path, readings, None, every=2, resume=True)
    run_stage(resumed, clock, Model(), "adapter", 6, first=2)
    points = read_curve(path)["points"]
    assert [p["step"] for p in points] == [2, 4, 6]
    assert [p["seconds"] for p in points] == [2.0, 4.0, 6.0]


def test_a_stage_that_begins_after_a_resume_keeps_what_earlier_stages_took(clock, tmp_path):
    readings = [asked(record, "yes") for record in range(3)]
    path = tmp_path / "curve.json"
    run_stage(LearningCurve(path, readings, None, every=2), clock, Model(), "base", 4)
    resumed = LearningCurve(path, readings, None, every=2, resume=True)
    run_stage(resumed, clock, Model(), "adapter", 2)
    points = read_curve(path)["points"]
    assert [(p["stage"], p["step"]) for p in points] == [("base", 2), ("base", 4), ("adapter", 2)]
    assert [p["seconds"] for p in points] == [2.0, 4.0, 6.0]
    assert [p["examples"] for p in points] == [4, 8, 12]
    anew = LearningCurve(path, readings, None, every=2)
    run_stage(anew, clock, Model(), "base", 2)
    assert [p["seconds"] for p in read_curve(path)["points"]] == [2.0]


def test_measuring_is_no_part_of_the_speed(clock, tmp_path, monkeypatch):
    monkeypatch.setattr(training_log, "time", clock)
    speed = training_log.Throughput()
    speed.on_train_begin(None, None, None)
    readings = [asked(record, "yes") for record in range(3)]
    curve = LearningCurve(tmp_path / "curve.json", readings, None, every=1)
    curve.begin_stage("base", speed.leave_out)
    loader = SimpleNamespace(dataset=[None] * 10)
    state = SimpleNamespace(global_step=1, epoch=0.0, is_world_process_zero=True)
    curve.on_train_begin(None, state, None)
    for _ in range(2):
        clock.now += 1.0
        speed.on_step_end(None, state, None)
        curve.on_step_end(None, state, None, model=Model(), train_dataloader=loader)
    assert speed.seconds == 2.0


def test_without_a_yes_or_no_question_there_is_no_curve(tmp_path):
    with pytest.raises(EcgByteError, match="curve_every_steps"):
        LearningCurve(tmp_path / "c", [asked(0, "slow", "query")], None, every=1)


def test_the_first_point_at_or_above_a_level(tmp_path):
    values = [None, 0.6, 0.8, 0.7, 0.8]
    points = [
        {
            "seconds": float(k),
            "cpu_seconds": float(k),
            "examples": 10 * k,
            "auroc": value,
            "accuracy": 0.5,
        }
        for k, value in enumerate(values)
    ]
    path = tmp_path / "curve.json"
    path.write_text(json.dumps({"points": points}))
    curve = read_curve(path)
    assert first_reached(curve, 0.7)["seconds"] == 2.0
    assert first_reached(curve, 0.6)["examples"] == 10
    assert first_reached(curve, 0.9) is None
    assert first_reached(curve, 0.5, "accuracy")["seconds"] == 0.0
    table = curve_table({"ours": curve}, [0.7, 0.9]).splitlines()
    assert table[0] == "| auroc | ours |"
    assert table[2:] == [
        "| pretraining | - |",
        "| 0.7 | 20 examples, 2 s, 2 core s |",
        "| 0.9 | - |",
        "| best | 0.800: 20 examples, 2 s, 2 core s |",
    ]
    path.write_text("{}")
    with pytest.raises(EcgByteError, match="no learning curve"):
        read_curve(path)


def test_fine_tuning_writes_one(corpus, tokenizer, tmp_path):
    reading = {"curve_every_steps": 1, "max_validation_records": 30}
    finetune(*tiny.arguments(corpus, tokenizer, tmp_path, reading=reading))
    points = read_curve(tmp_path / "curve.json")["points"]
    assert [(p["stage"], p["step"]) for p in points] == [
        (stage, step) for stage in ("base", "adapter") for step in (1, 2)
    ]
    assert all(0 <= p["accuracy"] <= 1 for p in points)
    times, examples = ([p[name] for p in points] for name in ("seconds", "examples"))
    assert times == sorted(times)
    assert examples == [2, 4, 6, 8]
