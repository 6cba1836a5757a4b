"""Models that go to the Hub when they are finished: what forbids it beforehand, what arrives."""

from __future__ import annotations

import json
import runpy
import shutil

import pytest
from huggingface_hub import ModelCard
from typer.testing import CliRunner

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.cli import app
from ecg_byte_hf.reading.pushing import check_push_of_model, push_model
from ecg_byte_hf.reading.training import finetune
from tests.hub.known_here import known_here
from tests.hub_server.server import HubServer

from . import tiny
from .script import REPOSITORY

HIDDEN = "PhysioNet Credentialed Health Data License 1.5.0"


@pytest.fixture(scope="module")
def server():
    with HubServer() as server:
        yield server


@pytest.fixture
def hub(server, monkeypatch):
    """A Hub on 127.0.0.1 that this process knows, with a token."""
    with known_here(server, monkeypatch):
        yield server


@pytest.fixture
def nowhere(monkeypatch, tmp_path):
    """No token."""
    monkeypatch.setenv("HF_TOKEN", "")
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "none"))


@pytest.fixture
def relicensed(corpus, tmp_path):
    """The corpus with another licence."""

    def make(licence):
        folder = shutil.copytree(corpus, tmp_path / "relicensed")
        description = json.loads((folder / "corpus.json").read_text())
        (folder / "corpus.json").write_text(json.dumps(description | {"licence": licence}))
        return folder

    return make


def arguments(corpus, tokenizer, out, push="org/reader", base=None, **more):
    reading = {"push": push} | ({} if base is None else {"base": str(base)})
    if base is not None:
        reading["base_id"] = tiny.BASE_ID
    return tiny.arguments(corpus, tokenizer, out, reading=reading, **more)


def trained_and_pushed(monkeypatch, capsys, *line):
    """`training/finetune.py` in this process; its exit status and what it wrote to stderr."""
    monkeypatch.setattr("sys.argv", ["finetune.py", *map(str, line)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(REPOSITORY / "training" / "finetune.py"), run_name="__main__")
    return ended.value.code or 0, capsys.readouterr().err


def test_what_the_trainer_would_upload_is_refused(hub, corpus, tokenizer, tmp_path):
    for push in (None, "org/reader"):
        given = arguments(corpus, tokenizer, tmp_path / "out", push=push, push_to_hub=True)
        with pytest.raises(EcgByteError, match="--push OWNER/NAME"):
            check_push_of_model(*given)
    assert hub.faults.requests == []


@pytest.mark.parametrize("licence", [HIDDEN, None])
def test_a_corpus_that_may_not_be_shared_is_refused(hub, relicensed, tokenizer, tmp_path, licence):
    folder = relicensed(licence)
    with pytest.raises(EcgByteError, match="licence of its recordings") as caught:
        check_push_of_model(*arguments(folder, tokenizer, tmp_path / "out"))
    assert str(caught.value).startswith(str(folder))
    # Without a push it stays here, and nothing is asked.
    check_push_of_model(*arguments(folder, tokenizer, tmp_path / "out", push=None))
    assert hub.faults.requests == []


def test_a_bad_name_or_no_token_is_refused(hub, nowhere, corpus, tokenizer, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(EcgByteError, match="no token"):
        check_push_of_model(*arguments(corpus, tokenizer, out))
    with pytest.raises(EcgByteError, match="no name of a repository"):
        check_push_of_model(*arguments(corpus, tokenizer, out, push="reader"))


def test_the_script_refuses_before_it_trains(
    hub, relicensed, tokenizer, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "out"
    line = ("--corpus", relicensed(HIDDEN), "--tokenizer", tokenizer, "--output_dir", out)
    for more, message in (
        (("--push", "org/reader"), "forbids sharing"),
        (("--push_to_hub", "true"), "--push OWNER/NAME"),
    ):
        code, err = trained_and_pushed(monkeypatch, capsys, *line, *more, "--use_cpu", "true")
        assert code == 1
        assert message in err
        assert len(err.splitlines()) == 1
    assert not out.exists()
    assert hub.faults.requests == []


def test_a_finished_adapter_goes_up_without_its_checkpoints(
    hub, corpus, tokenizer, public_base, tmp_path
):
    given = arguments(
        corpus, tokenizer, tmp_path / "out", base=public_base, hub_private_repo=True, max_steps=1
    )
    finetune(*given)
    done = push_model(*given)
    assert done.url == f"{hub.endpoint}/org/reader"
    assert hub.store.repositories["model", "org/reader"].private
    files = hub.store.files("model", "org/reader")
    assert {
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
        "ecg_tokenizer/tokenizer.json",
        "processing_ecg_byte.py",
        "processor_config.json",
        "reading.json",
        "tokenizer.json",
    } <= set(files)
    assert not [name for name in files if name.startswith(("training", "blind", "checkpoint"))]
    assert not [name for name in files if name.endswith((".pt", ".bin"))]
    card = ModelCard(files["README.md"].decode())
    assert (card.data.library_name, card.data.base_model) == ("peft", tiny.BASE_ID)
    assert str(tmp_path).encode() not in b"".join(files.values())


def test_a_finished_llama_of_ones_own_goes_up_whole(hub, corpus, tokenizer, tmp_path):
    given = arguments(corpus, tokenizer, tmp_path / "out", max_steps=1)
    finetune(*given)
    push_model(*given)
    assert not hub.store.repositories["model", "org/reader"].private
    files = hub.store.files("model", "org/reader")
    wanted = {"README.md", "config.json", "model.safetensors", "reading.json", "tokenizer.json"}
    assert wanted <= set(files)
    assert not [name for name in files if name.startswith(("adapter", "training"))]
    assert files["model.safetensors"] == (tmp_path / "out" / "model.safetensors").read_bytes()


def test_without_a_name_nothing_is_pushed(hub, adapter, corpus, tokenizer):
    assert push_model(*arguments(corpus, tokenizer, adapter, push=None)) is None
    assert hub.faults.requests == []


@pytest.mark.parametrize("named", [True, False], ids=["public base", "local base"])
def test_merge_pushes_what_it_made(hub, adapter, public_base, tmp_path, named):
    source = shutil.copytree(adapter, tmp_path / "adapter")
    if not named:
        settings = json.loads((source / "reading.json").read_text())
        (source / "reading.json").write_text(json.dumps(settings | {"base": str(public_base)}))
    options = ["--out", str(tmp_path / "merged"), "--base", str(public_base)]
    command = ["merge", str(source), *options, "--push", "org/merged", "--private", "-q"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.exception
    assert f"{hub.endpoint}/org/merged at " in done.output
    assert hub.store.repositories["model", "org/merged"].private
    files = hub.store.files("model", "org/merged")
    assert {"README.md", "model.safetensors", "reading.json", "tokenizer.json"} <= set(files)
    assert not [name for name in files if name.startswith("adapter")]
    base = json.loads(files["reading.json"])["base"]
    assert base == (tiny.BASE_ID if named else "a local Llama")
    everything = b"".join(files.values())
    for path in (tmp_path, public_base.parents[1]):
        assert str(path).encode() not in everything


def test_merge_asks_for_a_token_before_it_merges(hub, nowhere, adapter, tmp_path):
    command = ["merge", str(adapter), "--out", str(tmp_path / "merged"), "--push", "org/merged"]
    assert "no token" in str(CliRunner().invoke(app, command).exception)
    assert not (tmp_path / "merged").exists()
