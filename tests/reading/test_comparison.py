import json
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.reading.comparison import compare, comparison_table
from ecg_byte_hf.reading.output_folder import config_digest


def run(folder, share, *, config, seed, split="validation", questions=40, auroc=0.9, ids=None):
    """A folder with an evaluation, as `evaluate` writes it."""
    macro = {"superclass": {"auroc": auroc, "interval": [auroc - 0.03, auroc + 0.03]}}
    above = {"overall": round(share - 0.5, 4), "interval": [share - 0.6, share - 0.4]}
    above["per_type"] = {"verify": round(share - 0.55, 4)}
    evaluation = {
        "accuracy": {
            "overall": share,
            "interval": [share - 0.05, share + 0.05],
            "n": questions,
            "per_type": {"verify": round(share + 0.02, 4)},
            "per_attribute": {"verify/superclass": share},
            "above_blind": above,
            "auroc": {"macro": macro, "findings": {}},
        },
        "blind": {"overall": 0.5, "interval": [0.45, 0.55]},
        "shuffled": None,
        "blackout": {"overall": 0.49, "interval": None, "per_type": {"verify": 0.51}},
        "majority": {"overall": 0.48, "interval": None},
        "settings": {
            "split": split,
            "records": 20,
            "ecg_tokens_mean": 113.4,
            "training": {"config": config, "seed": seed},
        },
    }
    if ids:
        evaluation["settings"] |= {"records_sha256": "of all", "questions_sha256": ids}
    folder.mkdir(parents=True)
    (folder / f"evaluation-{split}.json").write_text(json.dumps(evaluation))
    return folder


def test_seeds_of_one_configuration_are_one_line(tmp_path):
    shares = [0.70, 0.72, 0.77]
    seeds = [run(tmp_path / f"a{i}", share, config="x", seed=i) for i, share in enumerate(shares)]
    alone = run(tmp_path / "b", 0.8, config="y", seed=0)
    result = compare([*seeds, alone])
    several, single = result["groups"]
    assert (several["n"], single["n"]) == (3, 1)
    assert several["seeds"] == [0, 1, 2]
    half = t.ppf(0.975, 2) * np.std(shares, ddof=1) / np.sqrt(3)
    assert several["accuracy"]["value"] == pytest.approx(0.73)
    assert several["accuracy"]["sd"] == pytest.approx(np.std(shares, ddof=1), abs=1e-4)
    assert several["accuracy"]["interval"] == pytest.approx([0.73 - half, 0.73 + half], abs=1e-4)
    assert (several["interval_of"], single["interval_of"]) == ("seeds", "patients")
    assert single["accuracy"]["interval"] == [0.75, pytest.approx(0.85)]
    assert several["shuffled"] is None
    assert len(result["runs"]) == 4
    assert result["notes"] == []
    lines = comparison_table(result).splitlines()
    assert "| a0 | 3 | 113 | 73.0 ± 3.6 (64.0 to 82.0) |" in lines[-2]
    assert "| b | 1 | 113 | 80.0 (75.0 to 85.0) | 30.0 (20.0 to 40.0) | 50.0 | - |" in lines[-1]
    assert "| majority | yes/no, % | yes/no above blind, points | yes/no blind |" in lines[2]
    assert "| yes/no blackout | yes/no majority | yes/no, superclass, % |" in lines[2]
    of_yes_no = "| 82.0 | 25.0 | - | - | 51.0 | - | 80.0 |"
    assert lines[-1].endswith(f"| 48.0 {of_yes_no} 0.900 (0.870 to 0.930) |")
    assert all(line.count("|") == lines[-1].count("|") for line in lines[2:])


def test_the_interval_of_two_seeds_is_of_what_can_be(tmp_path):
    seeds = [
        run(tmp_path / f"a{i}", share, config="x", seed=i) for i, share in enumerate((0.6, 0.9))
    ]
    (group,) = compare(seeds)["groups"]
    assert group["accuracy"]["interval"] == [0.0, 1.0]
    assert group["above_blind"]["interval"] == [-1.0, 1.0]


def test_the_same_run_twice_is_no_second_seed(tmp_path):
    pair = [run(tmp_path / name, 0.7, config="x", seed=0) for name in "ab"]
    with pytest.raises(EcgByteError, match="several trainings"):
        compare(pair)


def test_runs_that_do_not_say_how_they_were_trained_stay_apart(tmp_path):
    pair = [run(tmp_path / name / "out", 0.7, config=None, seed=None) for name in "ab"]
    assert [group["name"] for group in compare(pair)["groups"]] == ["a/out", "b/out"]


def test_other_questions_are_noted_and_what_is_missing_refused(tmp_path):
    pair = [run(tmp_path / n, 0.7, config=n, seed=0, questions=len(n)) for n in ("a", "bb")]
    result = compare(pair)
    assert result["notes"] == ["not the same questions (a: 1, bb: 2)"]
    assert "not the same questions" in comparison_table(result)
    with pytest.raises(EcgByteError, match="no evaluation of split test"):
        compare(pair, "test")
    with pytest.raises(EcgByteError, match="is of split validation, not test"):
        compare([pair[0] / "evaluation-validation.json"], "test")


def test_as_many_other_questions_are_noted_where_both_runs_say_which(tmp_path):
    names = {"a": "some", "b": "others", "c": "some", "old": None}
    runs = {
        name: run(tmp_path / name, 0.7, config=name, seed=0, ids=ids) for name, ids in names.items()
    }
    notes = compare([runs["a"], runs["b"]])["notes"]
    assert notes == ["not the same questions (a: 40, b: 40, but other ids)"]
    assert compare([runs["a"], runs["c"], runs["old"]])["notes"] == []


def test_a_resnet_that_answers_superclasses_alone_has_no_accuracy_over_all_types(tmp_path):
    runs = []
    for seed in (0, 1):
        runs.append(run(tmp_path / f"resnet{seed}", 0.8, config="x", seed=seed))
        path = runs[-1] / "evaluation-validation.json"
        evaluation = json.loads(path.read_text())
        evaluation["yes_no"] = evaluation["accuracy"].pop("auroc")
        del evaluation["accuracy"]["above_blind"], evaluation["blind"]
        path.write_text(json.dumps(evaluation))
    result = compare(runs)
    assert [group["n"] for group in result["groups"]] == [2]
    assert result["runs"][0]["verify"]["value"] is None
    last = comparison_table(result).splitlines()[-1]
    assert last.startswith("| resnet0 | 2 | 113 | - | - | - |")
    assert "| 80.0 ± 0.0 (80.0 to 80.0) | 0.900" in last


def test_a_resnet_without_controls_stands_in_the_table(tmp_path):
    folder = run(tmp_path / "resnet", 0.8, config=None, seed=None, auroc=0.925)
    path = folder / "evaluation-validation.json"
    evaluation = json.loads(path.read_text())
    yes_no = evaluation["accuracy"].pop("auroc")
    settings = {"split": "validation", "records": 20}
    bare = {"accuracy": None, "yes_no": yes_no, "settings": settings}
    path.write_text(json.dumps(bare))
    last = comparison_table(compare([folder])).splitlines()[-1]
    assert last.startswith("| resnet | 1 | - | - |")
    assert last.endswith("| 0.925 (0.895 to 0.955) |")


def test_a_configuration_is_all_but_seed_and_places():
    what = {"seed": "0", "corpus": "/a", "tokenizer": "/b", "base": "/c", "base_id": "o/l", "r": 8}
    same = what | {"seed": "1", "corpus": "/x", "base": "/y"}
    assert config_digest(what) == config_digest(same)
    assert config_digest(what) != config_digest(what | {"r": 16})
    by_name = {**what, "base": "org/llama", "base_id": None}
    assert config_digest(by_name) != config_digest(by_name | {"base": "org/other"})


def test_the_script_compares_without_a_model(tmp_path, monkeypatch, capsys):
    runs = [run(tmp_path / name, 0.7, config=name, seed=0) for name in "ab"]
    target = tmp_path / "comparison.json"
    folders = [str(folder) for folder in runs]
    arguments = ["--compare", *folders, "--split", "validation", "--json", str(target)]
    monkeypatch.setattr(sys, "argv", ["evaluate.py", *arguments])
    script = runpy.run_path(str(Path(__file__).parents[2] / "training" / "evaluate.py"))
    script["main"]()
    assert capsys.readouterr().out.strip() == comparison_table(compare(runs))
    assert json.loads(target.read_text()) == json.loads(json.dumps(compare(runs)))
    monkeypatch.setattr(sys, "argv", ["evaluate.py", "--corpus", "c"])
    with pytest.raises(EcgByteError, match="--model is missing: give it, or runs with --compare"):
        script["main"]()
