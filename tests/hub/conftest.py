"""A Hub on 127.0.0.1 for the tests of this folder, and the real client pointed at it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecg_byte_hf.corpora.simulated import simulated
from ecg_byte_hf.corpora.writer import write_corpus
from ecg_byte_hf.corpus_tokenizer import processor_from_corpus, save_processor
from ecg_byte_hf.fidelity.report import report
from ecg_byte_hf.hub.pictures import tokenizer_pictures
from ecg_byte_hf.hub.tokenizer_card import write_tokenizer_card
from tests.hub.known_here import known_here
from tests.hub_server.server import HubServer


@pytest.fixture(scope="session")
def hub_process() -> Iterator[HubServer]:
    with HubServer() as server:
        yield server


@pytest.fixture
def hub(hub_process: HubServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """The Hub, known to this process, with a token."""
    with known_here(hub_process, monkeypatch):
        yield hub_process


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
