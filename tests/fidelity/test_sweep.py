from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ecg_byte_hf.corpora import open_corpus
from ecg_byte_hf.corpora.simulated import simulated
from ecg_byte_hf.corpora.writer import write_corpus
from ecg_byte_hf.corpus_tokenizer import processor_from_corpus
from ecg_byte_hf.fidelity import sweep as sweep_module
from ecg_byte_hf.fidelity.curves import between_points
from ecg_byte_hf.fidelity.goals import judge_goals
from ecg_byte_hf.fidelity.report import measure
from ecg_byte_hf.fidelity.sweep import derive, sweep
from ecg_byte_hf.fidelity.sweep_output import (
    fast_table,
    front_table,
    goals_table,
    lossless_table,
)
from ecg_byte_hf.fidelity.sweep_plan import (
    PRESETS,
    Setting,
    default_setting,
    next_possible,
    not_possible,
    plan,
    too_small,
)
from ecg_byte_hf.hub_code.errors import EcgByteError

TRAIN = 24
SETTINGS = [
    default_setting("beat", TRAIN),
    Setting("beat", default_setting("beat", TRAIN).codec, 4096, 10),
    Setting("compact", (("step", 1.1),), 512, TRAIN),
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sweep") / "simulation"
    write_corpus(simulated(30, seed=3), folder, quiet=True)
    return folder


@pytest.fixture
def small(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> list[Setting]:
    """The sweep's plan made small; the settings, which a test may add to."""
    count = len(open_corpus(corpus)["train"])
    settings = [
        Setting(s.preset, s.codec, s.vocabulary, count if s.training_ecgs == TRAIN else 10)
        for s in SETTINGS
    ]
    monkeypatch.setattr(sweep_module, "plan", lambda count, quick=False: settings)
    monkeypatch.setattr(sweep_module, "FAST_VARIANTS", (("1-s chunks, 8 leads", 1.0, True),))
    monkeypatch.setattr(sweep_module, "FAST_SCALES", ())
    return settings


def test_points_are_those_of_train_tokenizer_and_report(
    corpus: Path, small: list[Setting], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_module, "FAST_SCALES", (4.0,))
    file = tmp_path / "out" / "sweep.json"
    result = sweep(corpus, file, also={"ludb": corpus}, quiet=True)
    assert json.loads(file.read_text()) == result
    assert result["complete"]
    assert [Setting.of_point(point) for point in result["points"]] == small
    processor = processor_from_corpus(
        corpus, preset="compact", vocabulary_size=512, codec={"step": 1.1}, quiet=True
    )
    rows = open_corpus(corpus)["validation"]
    overall = measure(processor, rows)["overall"]
    point = result["points"][2]
    for name in ("tokens_mean", "tokens_p50", "tokens_p95", "rmse_uV", "rmse_median_uV"):
        assert point[name] == overall[name]
    for name in ("prd_median", "bits_per_sample", "symbols_per_token"):
        assert point[name] == overall[name]
    assert point["vocabulary_size"] == 512
    assert point["ecgs"] == len(rows)
    # A smaller training set has only the codec and the merges of its own ECGs.
    default, fewer = result["points"][:2]
    assert default["default"]
    assert not fewer["default"]
    assert default["tokens_mean"] != fewer["tokens_mean"]
    # Other corpora: where the vocabulary is 4,096 and all ECGs were trained on, over all splits.
    assert [sorted(one.get("also", {})) for one in result["points"]] == [["ludb"], [], []]
    assert default["also"]["ludb"]["ecgs"] == sum(map(len, open_corpus(corpus).values()))
    assert any(one["pareto"] for one in result["points"])
    (fast,) = result["baselines"]["fast"]
    assert fast["tokens_mean"] > default["tokens_mean"]
    (lossless,) = result["baselines"]["lossless"]
    bits, times = lossless["bits_per_sample"], lossless["times_the_tokens"]
    assert bits["tokens"] == default["bits_per_sample"]
    assert times["zlib"] == pytest.approx(bits["zlib"] / bits["tokens"])
    assert lossless["rmse_uV"] == default["rmse_uV"]
    for table in (front_table, lossless_table, goals_table):
        assert table(result).row_count


def test_what_follows_from_the_points() -> None:
    points = [
        _point(100, 40, 9, default=True),
        _point(90, 20, 9, 0.4, default=False, training_ecgs=25),
    ]
    fast = [
        {"variant": "v", "tokens_mean": tokens, "rmse_uV": rmse}
        for tokens, rmse in ((800, 10), (200, 160))
    ]
    result = {
        "settings": {"training_ecgs": 352},
        "points": points,
        "baselines": {"fast": fast, "lossless": []},
    }
    derive(result)
    # Fewer training ECGs are no rival, however well they did.
    assert [one["pareto"] for one in (*points, *fast)] == [True, False, True, False]
    (row,) = result["baselines"]["fast_at_equal_rmse"]
    assert row["tokens_mean_fast"] == pytest.approx(400)
    assert row["ratio"] == pytest.approx(4)
    # Neither setting reaches PRD 9 % or less with 500 tokens; a sweep of two has not missed it.
    assert result["complete"] is False
    points[0]["prd_median"] = 10
    derive(result)
    assert [goal["reached"] for goal in result["goals"]] == [None] * 5
    assert fast_table(result).row_count == 1


def test_between_points() -> None:
    curve = [(4.0, 4.0), (1.0, 16.0)]
    assert between_points(curve, 2.0) == pytest.approx(8)
    assert between_points(curve, 4.0) == pytest.approx(4)
    assert between_points(curve, 0.99) is None
    assert between_points(curve, 4.01) is None
    assert between_points([], 1.0) is None


def test_an_interrupted_sweep_goes_on_and_redoes_nothing(
    corpus: Path, small: list[Setting], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "sweep.json"
    real, done = processor_from_corpus, []

    def counted(*arguments: Any, **options: Any) -> Any:
        done.append((options["preset"], options["vocabulary_size"], options["max_records"]))
        if len(done) == 2:
            raise KeyboardInterrupt
        return real(*arguments, **options)

    monkeypatch.setattr(sweep_module, "processor_from_corpus", counted)
    with pytest.raises(KeyboardInterrupt):
        sweep(corpus, file, quiet=True)
    written = json.loads(file.read_text())
    assert len(written["points"]) == 1
    assert not written["complete"]
    result = sweep(corpus, file, quiet=True)
    assert len(done) == 4
    assert done[1] == done[2]
    assert result["points"][0] == written["points"][0] | {"pareto": result["points"][0]["pareto"]}

    before = file.read_bytes()
    assert sweep(corpus, file, quiet=True) == result
    assert len(done) == 4
    assert file.read_bytes() == before
    # Another corpus to measure on is added to the points that are there.
    added = sweep(corpus, file, also={"chapman": corpus}, quiet=True)
    assert len(done) == 5
    assert len(added["points"]) == 3
    assert "chapman" in added["points"][0]["also"]


def test_a_file_of_something_else_is_not_gone_on_with(
    corpus: Path, small: list[Setting], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "sweep.json"
    del small[1:]
    sweep(corpus, file, quiet=True)
    kept = file.read_bytes()
    with pytest.raises(EcgByteError, match="no split 'all'"):
        sweep(corpus, file, split="all", quiet=True)
    with pytest.raises(EcgByteError, match="another split; give another --json, or --overwrite"):
        sweep(corpus, file, split="train", quiet=True)
    monkeypatch.setattr(sweep_module, "__version__", "9")
    with pytest.raises(EcgByteError, match="another version"):
        sweep(corpus, file, quiet=True)
    assert file.read_bytes() == kept
    assert sweep(corpus, file, overwrite=True, quiet=True)["settings"]["version"] == "9"
    file.write_text('{"thesis": 1}')
    with pytest.raises(EcgByteError, match=r"is no sweep's JSON"):
        sweep(corpus, file, quiet=True)
    assert file.read_text() == '{"thesis": 1}'


def test_plan() -> None:
    settings = plan(352)
    assert len(set(settings)) == len(settings)
    assert set(plan(352, quick=True)) < set(settings)
    assert {one.preset for one in settings} == {one.preset for one in plan(352, quick=True)}
    for preset in PRESETS:
        default = default_setting(preset, 352)
        own = [one for one in settings if one.preset == preset]
        at_default = [one for one in own if one.codec == default.codec]
        sizes = sorted({one.training_ecgs for one in at_default if one.vocabulary == 4096})
        assert sizes == [25, 50, 100, 200, 352]
        vocabularies = sorted(one.vocabulary for one in at_default if one.training_ecgs == 352)
        assert vocabularies[-5:] == [1024, 2048, 4096, 8192, 16384]
        smallest = {"paper": [256, 512], "beat-placed": [704]}.get(preset, [320, 512])
        assert vocabularies[:-5] == smallest
        assert not any(too_small(preset, one.vocabulary) for one in own)
    assert plan(10)[-1].training_ecgs == 10


def test_a_setting_is_named_and_made_by_options() -> None:
    setting = Setting("beat", (("step", 0.5), ("template_step", 0.15)), 4096, 352)
    assert setting.name == "beat 4,096, 0.5 / 0.15 mV"
    assert setting.command == "--preset beat --vocab-size 4096 --step 0.5 --template-step 0.15"
    assert Setting("paper", (), 256, 352).name == "paper 256"


def test_a_vocabulary_that_cannot_be_is_said_with_its_reason() -> None:
    assert [(row["preset"], row["vocabulary"], row["instead"]) for row in not_possible()] == [
        ("compact", 256, 320),
        ("beat", 256, 320),
        ("beat-placed", 256, 704),
        ("beat-placed", 512, 704),
    ]
    assert all("alphabet" in row["reason"] for row in not_possible())
    assert next_possible("paper", 256) == 256
    assert next_possible("beat", 512) == 512


def _point(
    tokens: float, rmse: float, prd: float, step: float = 0.5, **other: Any
) -> dict[str, Any]:
    figures = {"tokens_mean": tokens, "rmse_uV": rmse, "prd_median": prd}
    setting = {"preset": "beat", "codec": {"step": step}, "vocabulary": 4096, "training_ecgs": 352}
    return setting | figures | other


def test_goals_are_judged_by_what_was_measured() -> None:
    points = [
        _point(140, 34, 16, 0.6),
        _point(149, 32, 15, 0.5),
        _point(151, 20, 8, 0.4),
        _point(100, 10, 5, 0.3, vocabulary=8192),
        _point(100, 10, 5, 0.3, training_ecgs=200),
    ]
    first, second, third, chapman, ludb = judge_goals(points, 352)
    assert first["reached"] is True
    assert (first["tokens_mean"], first["rmse_uV"]) == (149, 32)
    assert first["setting"] == "--preset beat --vocab-size 4096 --step 0.5"
    assert second["reached"] is True
    assert third["reached"] is True
    assert third["prd_median"] == 8
    assert chapman["reached"] is None
    assert "--also chapman=" in chapman["why"]
    assert ludb["reached"] is None
    first, *_ = judge_goals(points[:1], 352)
    assert first["reached"] is False
    assert first["rmse_uV"] == 34
    assert judge_goals([_point(900, 5, 2)], 352)[0]["why"] == "no setting takes so few tokens"


@pytest.mark.parametrize(("more", "reached"), [(1.19, True), (1.21, False)])
def test_equal_prd_is_interpolated(more: float, reached: bool) -> None:
    # Tokens as 1000 / PRD here, and `more` times that on the other corpus, at other PRDs.
    points = []
    for prd, elsewhere in ((5, 8), (10, 14), (20, 40)):
        figures = {"tokens_mean": more * 1000 / elsewhere, "rmse_uV": 1, "prd_median": elsewhere}
        points.append(_point(1000 / prd, 1, prd, prd, also={"ludb": figures}))
    goal = judge_goals(points, 352)[-1]
    assert goal["reached"] is reached
    assert goal["worst_ratio"] == pytest.approx(more)
    assert [row["prd_median"] for row in goal["at"]] == [8, 14]


def test_command_line(corpus: Path, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from ecg_byte_hf.cli import app

    arguments = ["sweep", str(corpus), "--json", str(tmp_path / "x.json")]
    assert CliRunner().invoke(app, [*arguments, "--also", "ludb"]).exit_code == 2


def test_a_corpus_in_standard_deviations_is_refused(corpus: Path, tmp_path: Path) -> None:
    description = json.loads((corpus / "corpus.json").read_text()) | {"unit": "SD"}
    (tmp_path / "corpus.json").write_text(json.dumps(description))
    with pytest.raises(EcgByteError, match="sweep reads ECGs in mV"):
        sweep(tmp_path, tmp_path / "x.json")
