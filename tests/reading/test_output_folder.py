import json

import pytest

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.reading.output_folder import (
    base_folder,
    claim_output,
    is_output,
    read_finished,
    remove_output,
    write_finished,
    write_ignore_file,
)


def make_model(folder):
    for name in (
        "adapter_model.safetensors",
        "leads.py",
        "evaluation-test.json",
        "model.safetensors",
    ):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    (folder / "reading.json").write_text(json.dumps({"sees_ecg": True}))
    (folder / "training" / "adapter" / "checkpoint-1").mkdir(parents=True)
    base_folder(folder).mkdir(parents=True)
    write_ignore_file(folder)


def test_overwriting_removes_what_was_written_and_nothing_else(tmp_path):
    make_model(tmp_path / "out")
    make_model(tmp_path / "out" / "blind")
    foreign = ["thesis.tex", "training/notes.txt", "blind/thesis.tex", "README.md"]
    foreign += ["training/base/model/thesis.tex", "training/base/notes.txt"]
    foreign += ["blind/.gitignore"]
    for name in ("config.json", "model.safetensors"):
        (base_folder(tmp_path / "out") / name).write_text("ours")
    for name in foreign:
        (tmp_path / "out" / name).write_text("mine")
    assert claim_output(tmp_path / "out", resume=False, overwrite=True)
    remove_output(tmp_path / "out")
    left = [p.relative_to(tmp_path / "out") for p in (tmp_path / "out").rglob("*") if p.is_file()]
    assert sorted(map(str, left)) == sorted(foreign)


@pytest.mark.parametrize(
    ("name", "resume"),
    [
        ("thesis.tex", False),
        ("training/finetune.py", False),
        ("training/finetune.py", True),
        ("reading.json", False),
        ("reading.json", True),
        ("blind/notes.txt", True),
    ],
)
def test_a_folder_of_something_else_is_never_touched(tmp_path, name, resume):
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("{}")
    with pytest.raises(EcgByteError, match="nothing in it is touched"):
        claim_output(tmp_path, resume=resume, overwrite=True)
    assert path.read_text() == "{}"


def test_a_model_of_another_method_is_left_alone(tmp_path):
    make_model(tmp_path)
    for preset, two_stage in (("two-stage", False), ("beat", True)):
        (tmp_path / "reading.json").write_text(json.dumps({"sees_ecg": True, "preset": preset}))
        with pytest.raises(EcgByteError, match="holds a model of another method"):
            claim_output(tmp_path, resume=False, overwrite=True, two_stage=two_stage)
        assert claim_output(tmp_path, resume=False, overwrite=True, two_stage=not two_stage)


def test_an_interrupted_run_is_ours(tmp_path):
    (tmp_path / "training" / "base").mkdir(parents=True)
    assert is_output(tmp_path)
    assert not claim_output(tmp_path, resume=True, overwrite=False)
    with pytest.raises(EcgByteError, match="is not empty: take another folder"):
        claim_output(tmp_path, resume=False, overwrite=False)


def test_a_file_in_the_place_of_the_folder_is_said(tmp_path):
    (tmp_path / "file").write_text("x")
    for place in ("file", "file/out"):
        with pytest.raises(EcgByteError, match="no folder can be made there"):
            claim_output(tmp_path / place, resume=False, overwrite=True)


def test_only_the_same_arguments_find_a_model_finished(tmp_path):
    write_finished(tmp_path, {"seed": 1}, {"losses": {}})
    assert read_finished(tmp_path, {"seed": 1}) is None
    (tmp_path / "adapter_model.safetensors").write_text("x")
    assert read_finished(tmp_path, {"seed": 1}) == {"losses": {}}
    assert read_finished(tmp_path, {"seed": 2}) is None
