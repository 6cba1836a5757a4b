from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ecg_byte_hf.cli import app

from ..small_tokenizer import small_processor

RUNNER = CliRunner()


@pytest.fixture(scope="module")
def tokenizer_and_corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("report")
    corpus = folder / "corpus"
    made = RUNNER.invoke(
        app, ["prepare", "simulation", "--records", "40", "--out", str(corpus), "--quiet"]
    )
    assert made.exit_code == 0, made.output
    small_processor().save_pretrained(str(folder / "tokenizer"))
    return str(folder / "tokenizer"), str(corpus)


def test_clinical_figures_and_json(tokenizer_and_corpus: tuple[str, str], tmp_path: Path) -> None:
    pytest.importorskip("neurokit2")
    pytest.importorskip("matplotlib")
    file, figures = tmp_path / "report.json", tmp_path / "figures"
    done = RUNNER.invoke(
        app,
        [
            *("report", *tokenizer_and_corpus, "--clinical", "--json", str(file)),
            *("--figures", str(figures), "--figure-format", "svg"),
        ],
    )
    assert done.exit_code == 0, done.output
    result = json.loads(file.read_text())
    assert result["clinical"]["records"] == result["settings"]["records"]
    assert result["clinical"]["lead_II"]["rr_ms"]["floor"]["n"] > 1
    assert "QRS duration" in done.output
    pictures = sorted(path.name for path in figures.iterdir())
    assert "agreement_qrs_ms.svg" in pictures
    assert all(name.endswith(".svg") for name in pictures)


def test_what_cannot_be_is_said_before_any_work(
    tokenizer_and_corpus: tuple[str, str], tmp_path: Path
) -> None:
    arguments = ["report", *tokenizer_and_corpus]
    assert RUNNER.invoke(app, [*arguments, "--figures", str(tmp_path)]).exit_code == 2
    assert RUNNER.invoke(app, [*arguments, "--figure-format", "bmp"]).exit_code == 2
    nowhere = RUNNER.invoke(app, [*arguments, "--boundaries", str(tmp_path / "no")])
    assert "no such folder" in str(nowhere.exception)


def test_tokenizer_and_corpus_are_of_one_unit(
    tokenizer_and_corpus: tuple[str, str], tmp_path: Path
) -> None:
    corpus = tokenizer_and_corpus[1]
    small_processor(unit="SD").save_pretrained(str(tmp_path / "t"))
    picture = str(tmp_path / "a.png")
    for arguments in (["report"], ["plot", "usage", "--out", picture]):
        refused = RUNNER.invoke(app, [*arguments, str(tmp_path / "t"), corpus])
        assert re.search(r"t reads ECGs in SD, those of .* are in mV", str(refused.exception))
