"""A small simulated corpus, a ResNet trained on it, and a Llama that reads its features."""

from pathlib import Path

import pytest
import torch

from ecg_byte_hf.rival.resnet_arguments import ResNetArguments
from ecg_byte_hf.rival.resnet_output import make_resnet
from ecg_byte_hf.rival.two_stage import train_two_stage
from ecg_byte_hf.rival.two_stage_arguments import TwoStageArguments
from tests.reading import tiny

COLUMNS = 8


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
    return tiny.make_corpus(tmp_path_factory.mktemp("rival") / "corpus", records=100)


@pytest.fixture(scope="session")
def encoder(tmp_path_factory, corpus) -> Path:
    """What training/resnet.py wrote after one epoch."""
    out = tmp_path_factory.mktemp("rival") / "resnet"
    make_resnet(ResNetArguments(str(corpus), str(out), epochs=1, batch=8, quiet=True))
    return out


@pytest.fixture(scope="session")
def public_base(tmp_path_factory) -> Path:
    """The folder of a Llama whose public id is `tiny.BASE_ID`; `chdir` above it to load it so."""
    return tiny.make_base(tmp_path_factory.mktemp("rival") / tiny.BASE_ID)


def two_stage_arguments(corpus, encoder, out, *, reading=None, **more):
    """`TwoStageArguments` of a training that takes seconds, and the Trainer's."""
    arguments, training = tiny.arguments(corpus, "none", out, reading=reading, **more)
    own = {"encoder": str(encoder), "columns": COLUMNS}
    return TwoStageArguments(**{**vars(arguments), **own}), training


@pytest.fixture(scope="session")
def joined(tmp_path_factory, corpus, encoder, public_base) -> Path:
    """What training/two_stage.py wrote for that Llama, with its blind control and a curve."""
    out = tmp_path_factory.mktemp("rival") / "joined"
    reading = {
        "base": str(public_base),
        "base_id": tiny.BASE_ID,
        "curve_every_steps": 2,
        "augment": True,
        "max_validation_records": 30,
    }
    more = {"blind": True, "max_steps": 3, "learning_rate": 1e-2}
    train_two_stage(*two_stage_arguments(corpus, encoder, out, reading=reading, **more))
    return out
