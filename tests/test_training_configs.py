"""Every config of `training/configs`: its fields are known, and it builds at `--max-steps 0`."""

from pathlib import Path

import pytest
import yaml
from accelerate.commands.config.config_args import load_config_from_file
from accelerate.commands.launch import _validate_launch_command, launch_command_parser

from ecg_byte_hf.reading.arguments import parse_finetune
from ecg_byte_hf.reading.loading import load_reader
from ecg_byte_hf.reading.training import finetune

from .reading import script, tiny

CONFIGS = script.REPOSITORY / "training" / "configs"
TRAINING = sorted(CONFIGS.glob("*.yaml"))
ACCELERATE = sorted((CONFIGS / "accelerate").glob("*.yaml"))


@pytest.fixture(scope="module")
def tokenised(tmp_path_factory):
    """A corpus, its tokenizer and a base, each as small as can be."""
    folder = tmp_path_factory.mktemp("configs")
    corpus = tiny.make_corpus(folder / "corpus", records=80)
    tokenizer = tiny.make_tokenizer(corpus, folder / "tokenizer")
    return corpus, tokenizer, tiny.make_base(folder / tiny.BASE_ID)


@pytest.mark.parametrize("config", TRAINING, ids=lambda path: path.stem)
def test_a_config_builds_everything_without_a_step(config, tokenised, tmp_path):
    corpus, tokenizer, base = tokenised
    line = ["--config", str(config), "--corpus", str(corpus), "--tokenizer", str(tokenizer)]
    line += ["--output-dir", str(tmp_path / "out"), "--max-steps", "0", "--max-train-records", "8"]
    if yaml.safe_load(config.read_text()).get("base"):
        line += ["--base", str(base), "--base-id", tiny.BASE_ID]
    settings = finetune(*parse_finetune(line))
    assert not any(settings["losses"].values())
    assert settings["blind"] is not None
    load_reader(tmp_path / "out", base=str(base) if "--base" in line else None)


@pytest.mark.parametrize("config", ACCELERATE, ids=lambda path: path.stem)
def test_accelerate_takes_its_configs(config, monkeypatch):
    defaults = load_config_from_file(str(config))
    assert defaults.num_processes >= 2
    # What `accelerate launch` makes of it, up to where the processes start.
    parser = launch_command_parser()
    known = {action.dest for action in parser._actions}
    assert {f"fsdp_{name.removeprefix('fsdp_')}" for name in defaults.fsdp_config} <= known
    line = ["--config_file", str(config), "training/finetune.py"]
    arguments, _, _ = _validate_launch_command(parser.parse_args(line))
    assert arguments.num_processes == defaults.num_processes
    assert arguments.multi_gpu != arguments.use_fsdp
    assert arguments.use_fsdp == (config.stem == "fsdp")
    assert (arguments.num_machines > 1) == (config.stem == "two-nodes")
    # Precision is chosen in one place, the training's config.
    assert arguments.mixed_precision == "no"


def test_both_kinds_of_config_are_there():
    own = {"ptb-xl-normalised", "ptb-xl-normalised-smollm2", "small"}
    assert {path.stem for path in TRAINING} == own | {"llama-3.2-1b", "smollm2-135m"}
    assert [path.stem for path in ACCELERATE] == ["ddp", "fsdp", "two-nodes"]
    assert all(Path(path).read_text().startswith("# ") for path in [*TRAINING, *ACCELERATE])
