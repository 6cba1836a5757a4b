"""A Hub on 127.0.0.1 for the tests of this folder, and the real client pointed at it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from ecg_byte_hf.corpora.simulated import simulated
from ecg_byte_hf.corpora.writer import write_corpus
from ecg_byte_hf.corpus_tokenizer import processor_from_corpus, save_processor
from ecg_byte_hf.fidelity.report import report
from ecg_byte_hf.hub.pictures import tokenizer_pictures
from ecg_byte_hf.hub.tokenizer_card import write_tokenizer_card
from tests.hub_server.server import TOKEN, HubServer


@pytest.fixture(scope="session")
def hub_process() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture
def hub(hub_process: HubServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """The Hub, known to this process by `HF_ENDPOINT` as if set before the start, with a token.

    The client reads its environment when it is imported, and the tests' own is offline.
    """
    template = hub_process.endpoint + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", hub_process.endpoint)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    # transformers keeps the client that an earlier test made.
    monkeypatch.setattr("transformers.utils.hub._hf_api", None, raising=False)
    monkeypatch.setenv("HF_ENDPOINT", hub_process.endpoint)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    yield hub_process
    hub_process.faults.clear()
    hub_process.store.clear()


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`corpus/` and `tokenizer/`, as the commands write them, of a few simulated ECGs."""
    folder = tmp_path_factory.mktemp("made")
    write_corpus(simulated(24, seed=3), folder / "corpus", quiet=True)
    processor = processor_from_corpus(
        folder / "corpus", preset="compact", vocabulary_size=400, quiet=True
    )
    save_processor(processor, folder / "tokenizer")
    measured = report(folder / "tokenizer", folder / "corpus", "test", quiet=True)
    write_tokenizer_card(folder / "tokenizer", measured, pictures=tokenizer_pictures(processor))
    return folder


@pytest.fixture
def tokenizer(made: Path, tmp_path: Path) -> Path:
    """A tokenizer folder of the test's own."""
    return shutil.copytree(made / "tokenizer", tmp_path / "tokenizer")


@pytest.fixture
def corpus(made: Path, tmp_path: Path) -> Path:
    """A corpus folder of the test's own."""
    return shutil.copytree(made / "corpus", tmp_path / "corpus")
