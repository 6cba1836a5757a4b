"""The tokenizer that comes with the package: it loads, and is what its command makes."""

import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import ModelCard

from ecg_byte_hf import EcgByteError, EcgByteProcessor
from ecg_byte_hf.bundled import FOLDER
from ecg_byte_hf.bundled.make import NAME, make_bundled
from ecg_byte_hf.hub.fidelity_table import FIDELITY_FILE
from ecg_byte_hf.hub_code import processor_files
from ecg_byte_hf.hub_code.presets import DEFAULT_PRESET
from tests.small_tokenizer import simulated_records

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def processor():
    return EcgByteProcessor.from_bundled("ptb-xl")


def test_an_ecg_there_and_back(processor):
    assert processor.feature_extractor.preset == DEFAULT_PRESET
    record = simulated_records()[0].record
    ids = processor(ecg=record)["input_ids"][0]
    cleaned = processor.feature_extractor.clean(record.signal, record.sampling_rate)
    error = processor.decode_ecg(ids, strict=True) - cleaned
    assert np.sqrt(np.mean(error**2)) < 0.06
    assert len(ids) < 2000


def test_pushed_it_is_a_whole_repository(processor, tmp_path):
    processor.save_pretrained(tmp_path)
    record = simulated_records()[0].record
    again = EcgByteProcessor.from_pretrained(tmp_path)
    assert again(ecg=record)["input_ids"] == processor(ecg=record)["input_ids"]
    assert (tmp_path / "processing_ecg_byte.py").is_file()


@pytest.mark.parametrize("name", ["mimic", "", "../hub_code", "ptb-xl/", ".", str(FOLDER / NAME)])
def test_an_unknown_name_lists_those_that_exist(name):
    with pytest.raises(EcgByteError, match=r"there are: ptb-xl$"):
        EcgByteProcessor.from_bundled(name)


def test_code_that_travelled_without_the_package_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(processor_files, "_BUNDLED", tmp_path / "bundled")
    with pytest.raises(EcgByteError, match="install ecg-byte-hf"):
        EcgByteProcessor.from_bundled("ptb-xl")


def test_small_and_without_code_and_with_its_licence():
    files = {path.name: path.stat().st_size for path in (FOLDER / NAME).iterdir()}
    assert sum(files.values()) < 600_000
    assert {Path(name).suffix for name in files} == {".json", ".md"}
    card = ModelCard.load(FOLDER / NAME / "README.md")
    assert card.data.license == "cc-by-4.0"
    assert "Wagner" in card.text
    vocabulary = json.loads((FOLDER / NAME / "tokenizer.json").read_text())["model"]["vocab"]
    assert f"{len(vocabulary):,} tokens" in card.text


def test_its_command_makes_it_anew(ecg_byte_data, tmp_path):
    made = make_bundled(ecg_byte_data / "ptb-xl", tmp_path / NAME, quiet=True)
    names = sorted(path.name for path in (FOLDER / NAME).iterdir())
    assert sorted(path.name for path in made.iterdir()) == names
    for name in names:
        new, old = ((folder / name).read_bytes() for folder in (made, FOLDER / NAME))
        if name == FIDELITY_FILE:
            # Errors are sums of many floats, whose last digits are the processor's.
            new, old = (dict(leaves(json.loads(content))) for content in (new, old))
            old = {path: approximately(value) for path, value in old.items()}
        assert new == old, (
            f"{name}: run python -m ecg_byte_hf.bundled.make again and commit what it writes"
        )


def leaves(report: dict, path: str = "") -> Iterator[tuple[str, object]]:
    """Every value of a nested report, with its path."""
    for key, value in report.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{path}{key}.")
        else:
            yield path + key, value


def approximately(value: object) -> object:
    return pytest.approx(value, rel=1e-5) if isinstance(value, float) else value


@pytest.mark.slow
def test_the_wheel_holds_it(tmp_path):
    tree = tmp_path / "tree"
    ignored = shutil.ignore_patterns(".git", ".venv*", "out", "__pycache__")
    shutil.copytree(REPOSITORY, tree, ignore=ignored)
    wheel = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path, tree]
    subprocess.run(wheel, check=True)
    [built] = tmp_path.glob("*.whl")
    zipfile.ZipFile(built).extractall(tmp_path / "site")
    program = (
        "import ecg_byte_hf; print(ecg_byte_hf.__file__);"
        "p = ecg_byte_hf.EcgByteProcessor.from_bundled('ptb-xl'); print(p.ecg_vocabulary_size)"
    )
    run = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path / "site"), "HF_HUB_OFFLINE": "1", "HOME": str(tmp_path)},
    )
    assert run.returncode == 0, run.stderr
    place, size = run.stdout.split()
    assert place.startswith(str(tmp_path / "site"))
    assert int(size) == 4096
    assert (
        tmp_path / "site" / "ecg_byte_hf" / "shipped" / "hub_cards" / "metric_card.md"
    ).is_file()
