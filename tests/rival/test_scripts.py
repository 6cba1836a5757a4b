"""training/resnet.py, training/two_stage.py and training/curves.py as they are started."""

import json
import runpy
import sys
from pathlib import Path

import pytest

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


def test_what_is_missing_is_one_line(run, corpus, tmp_path):
    code, _, error = run("two_stage.py", "--corpus", corpus, "--output_dir", tmp_path / "out")
    assert code == 1
    assert error.count("\n") == 1
    assert "--encoder is missing" in error
    code, _, error = run("curves.py", tmp_path / "none.json")
    assert code == 1
    assert "no learning curve" in error
