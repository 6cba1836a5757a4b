"""A small simulated corpus and its tokenizer, made once per session."""

from pathlib import Path

import pytest
import torch

from ecg_byte_hf.reading.training import finetune

from . import tiny


def pytest_collection_modifyitems(items):
    """PEFT 0.21 reads an attribute that transformers 5.23 renamed; nothing here can help it."""
    for item in items:
        item.add_marker(
            pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")
        )


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


@pytest.fixture(scope="session")
def public_base(tmp_path_factory) -> Path:
    """The folder of a Llama whose public id is `tiny.BASE_ID`; `chdir` above it to load it so."""
    return tiny.make_base(tmp_path_factory.mktemp("reading") / tiny.BASE_ID)


@pytest.fixture(scope="session")
def adapter(tmp_path_factory, corpus, tokenizer, public_base) -> Path:
    """What fine-tuning that Llama wrote."""
    out = tmp_path_factory.mktemp("reading") / "adapter"
    reading = {"base": str(public_base), "base_id": tiny.BASE_ID}
    finetune(*tiny.arguments(corpus, tokenizer, out, reading=reading, learning_rate=1e-2))
    return out
