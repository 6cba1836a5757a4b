"""A small simulated corpus and its tokenizer, made once per session."""

from pathlib import Path

import pytest
import torch

from . import tiny


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """Tiny matrices: more threads only wait for one another."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory) -> Path:
    return tiny.make_corpus(tmp_path_factory.mktemp("reading") / "corpus")


@pytest.fixture(scope="session")
def tokenizer(tmp_path_factory, corpus) -> Path:
    return tiny.make_tokenizer(corpus, tmp_path_factory.mktemp("reading") / "tokenizer")
