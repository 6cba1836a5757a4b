"""training/resnet.py, training/two_stage.py and training/curves.py as they are started."""

import json
import runpy
import shutil
import sys
from pathlib import Path

import pytest

from ecg_byte_hf.rival import resnet_output
from ecg_byte_hf.rival.resnet_arguments import ResNetArguments
from ecg_byte_hf.rival.resnet_output import how_trained, make_resnet
from tests.reading import tiny

from .conftest import COLUMNS

SCRIPTS = Path(__file__).resolve().parents[2] / "training"


@pytest.fixture
def run(monkeypatch, capsys):
    """Run a script in this process; its exit code, stdout and stderr."""

    def start(name, *argv):
        monkeypatch.setattr(sys, "argv", [str(SCRIPTS / name), *map(str, argv)])
        monkeypatch.setattr(sys, "path", list(sys.path))
        with pytest.raises(SystemExit) as left:
            runpy.run_path(str(SCRIPTS / name), run_name="__main__")
        said = capsys.readouterr()
        return left.value.code, said.out, said.err

    return start


def test_a_resnet_a_two_stage_model_and_their_curve(run, corpus, tmp_path):
    encoder, out = tmp_path / "resnet", tmp_path / "model"
    code, said, _ = run(
        *("resnet.py", "--corpus", corpus, "--output_dir", encoder, "--epochs", 1),
        *("--max_train_records", 16, "--batch", 8),
    )
    assert code == 0
    assert "macro" in said
    evaluation = json.loads((encoder / "evaluation-validation.json").read_text())
    assert evaluation["settings"]["split"] == "validation"
    assert evaluation["settings"]["training"]["seed"] == 0
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"small_llama": tiny.SMALL_LLAMA, "context": 1024}))
    code, said, _ = run(
        *("two_stage.py", "--config", config, "--corpus", corpus, "--encoder", encoder),
        *("--columns", COLUMNS, "--output_dir", out, "--max_steps", 1, "--evaluate", "false"),
        *("--max_train_records", 8, "--max_validation_records", 30, "--curve_every_steps", 1),
        *("--train_blind", "false", "--use_cpu", "true", "--report_to", "none", "--quiet", "true"),
    )
    assert code == 0
    assert "losses" in said
    code, said, _ = run("curves.py", out / "curve.json", "--measure", "accuracy", "--levels", 0.0)
    assert code == 0
    assert "| 0 |" in said
    code, _, error = run("resnet.py", "--corpus", corpus, "--output_dir", encoder)
    assert code == 1
    assert "--overwrite true" in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--learning_rate", -1], "--learning-rate -1.0 must be greater than 0"),
        (["--seed", -1], "--seed -1 must be 0 or more"),
        (["--max_train_records", 1], "--max-train-records 1 must be 2 or more"),
        (["--learning_rate", "nan"], "--learning-rate nan must be greater than 0"),
        (["--splits", "validation,nosuch"], "has no split 'nosuch' with questions: it has train"),
        (["--output_dir", "file"], "no folder can be made there"),
        (["--output_dir", "file/out"], "no folder can be made there"),
        (["--pretraining", "none"], "invalid choice: 'none'"),
        (["--nosuch", 1], "unrecognized arguments: --nosuch 1"),
    ],
)
def test_a_resnet_that_cannot_be_made_is_refused_in_one_line_before_any_work(
    run, corpus, tmp_path, monkeypatch, options, message
):
    def train(*args, **kwargs):
        raise AssertionError("it began to train")

    monkeypatch.setattr(resnet_output, "read_ecgs", train)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    code, _, error = run("resnet.py", "--corpus", corpus, "--output_dir", "out", *options)
    assert code in (1, 2)
    assert message in error
    assert error.count("\n") == 1


def test_a_folder_with_another_model_is_not_touched_by_a_resnet(run, corpus, tmp_path):
    for name in ("config.json", "adapter_config.json"):
        out = tmp_path / name
        out.mkdir()
        (out / name).write_text("{}")
        code, _, error = run(
            "resnet.py", "--corpus", corpus, "--output_dir", out, "--overwrite", "true"
        )
        assert code == 1
        assert "is not empty and holds no ResNet, so nothing in it is touched" in error
        assert [path.name for path in out.iterdir()] == [name]


def test_seeds_of_a_resnet_share_a_configuration(corpus, tmp_path):
    def of(**more):
        options = {"epochs": 1, "contrastive_epochs": 1, "max_train_records": 12} | more
        out = tmp_path / str(len(list(tmp_path.iterdir())))
        make_resnet(ResNetArguments(str(corpus), str(out), quiet=True, **options))
        return how_trained(out)

    assert of(seed=1) == {"config": of()["config"], "seed": 1}
    others = [of(epochs=2), of(pretraining="contrastive"), of(max_train_records=9)]
    assert of()["config"] not in [other["config"] for other in others]


def test_a_resnet_that_is_there_is_measured_without_training(run, corpus, encoder, tmp_path):
    out = shutil.copytree(encoder, tmp_path / "out")
    weights = (out / "model.safetensors").stat().st_mtime_ns
    arguments = ("--corpus", corpus, "--output_dir", out, "--evaluate_only", "true")
    code, said, error = run("resnet.py", *arguments, "--splits", "test", "--quiet", "true")
    assert code == 0, error
    assert not error
    assert said.endswith("evaluation-test.json\n")
    assert (out / "model.safetensors").stat().st_mtime_ns == weights
    assert json.loads((out / "evaluation-test.json").read_text())["settings"]["split"] == "test"
    (out / "training.json").unlink()
    code, _, error = run("resnet.py", *arguments)
    assert (code, error.count("\n")) == (1, 1)


def test_what_is_missing_is_one_line(run, corpus, tmp_path):
    code, _, error = run("two_stage.py", "--corpus", corpus, "--output_dir", tmp_path / "out")
    assert code == 2
    assert error.count("\n") == 1
    assert "--encoder is missing" in error
    code, _, error = run("curves.py", tmp_path / "none.json")
    assert code == 1
    assert "no learning curve" in error
