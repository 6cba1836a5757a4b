"""Repositories of somebody else: a push leaves every file of them as it was."""

from __future__ import annotations

import json
import shutil

import pytest

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.hub.push import push
from ecg_byte_hf.metrics import ECG_QA_FOLDER
from tests.hub.finished_folders import imported_folder, model_folder

WEIGHTS = b"somebody's weights"
LLAVA = {
    "processor_config.json": b'{"processor_class": "LlavaProcessor"}',
    "preprocessor_config.json": b'{"feature_extractor_type": "CLIPFeatureExtractor"}',
    "config.json": b'{"model_type": "llava"}',
    "generation_config.json": b"{}",
    "chat_template.jinja": b"{{ messages }}",
    "tokenizer.json": b"{}",
    "model.safetensors": WEIGHTS,
    "README.md": b"---\nlicense: mit\n---\n# LLaVA\n",
}
TOKENIZER = {
    "tokenizer.json": b"{}",
    "tokenizer_config.json": b"{}",
    "vocab.json": b"{}",
    "special_tokens_map.json": b"{}",
}
SPACE = {
    "app.py": b"import gradio",
    "requirements.txt": b"gradio",
    "README.md": b"---\nsdk: gradio\n---\n",
}
LLAMA = {
    "config.json": b'{"model_type": "llama"}',
    "generation_config.json": b"{}",
    "tokenizer.json": b"{}",
    "model.safetensors": WEIGHTS,
}
OTHER_CORPUS = {"corpus.json": b'{"documents": []}', "data/train-00000-of-00001.parquet": b"PAR1"}
# Whose weights read ECGs with our processor, in a repository that we did not write.
OUR_PROCESSOR = LLAMA | {"processor_config.json": b'{"processor_class": "EcgByteProcessor"}'}
# Files whose names are ours and whose content is not.
OUR_NAMES = {
    "processor_config.json": b"[" * 100_000,
    "reading.json": b"[1]",
    "imported_from.json": b'"x"',
    "preprocessor_config.json": b"\xff",
}


def put(hub, kind, files, name="org/ecg_qa"):
    hub.store.create(kind, name)
    for path, data in files.items():
        hub.store.put(kind, name, path, data)
    return hub.store.files(kind, name)


@pytest.fixture(scope="module")
def folders(made, tmp_path_factory):
    """A folder of every kind, by the name of the kind."""
    top = tmp_path_factory.mktemp("folders")
    return {
        "tokenizer": shutil.copytree(made / "tokenizer", top / "tokenizer"),
        "corpus": shutil.copytree(made / "corpus", top / "corpus"),
        "imported": imported_folder(top / "imported"),
        "metric": shutil.copytree(ECG_QA_FOLDER, top / "ecg_qa"),
        "model": model_folder(made / "tokenizer", top / "model"),
    }


@pytest.mark.parametrize(
    ("pushed", "kind", "files", "named"),
    [
        ("tokenizer", "model", LLAVA, "model.safetensors"),
        ("tokenizer", "model", TOKENIZER, "special_tokens_map.json"),
        ("tokenizer", "model", LLAMA, "model.safetensors"),
        ("tokenizer", "model", OUR_PROCESSOR, "model.safetensors"),
        ("tokenizer", "model", OUR_NAMES, "imported_from.json"),
        ("imported", "model", TOKENIZER, "special_tokens_map.json"),
        ("imported", "model", LLAVA, "chat_template.jinja"),
        ("model", "model", LLAMA, "config.json"),
        ("model", "model", LLAVA, "chat_template.jinja"),
        ("model", "model", OUR_NAMES, "imported_from.json"),
        ("metric", "space", SPACE, "app.py"),
        ("metric", "space", SPACE | {"ecg_qa.py": b"import gradio"}, "app.py"),
        ("corpus", "dataset", OTHER_CORPUS, "corpus.json"),
    ],
)
@pytest.mark.parametrize("branch", [None, "mine"])
def test_what_is_somebody_elses_stays(hub, folders, pushed, kind, files, named, branch):
    before = put(hub, kind, files)
    with pytest.raises(EcgByteError) as caught:
        push(folders[pushed], "org/ecg_qa", revision=branch, quiet=True)
    message = str(caught.value)
    assert message.startswith(f"org/ecg_qa: is taken, it holds other files ({named});")
    assert "\n" not in message
    assert hub.store.files(kind, "org/ecg_qa") == before
    assert set(hub.store.repositories[kind, "org/ecg_qa"].history) == {"main"}


@pytest.mark.parametrize("pushed", ["tokenizer", "corpus", "imported", "metric", "model"])
def test_in_a_repository_of_ours_foreign_files_stay(hub, folders, pushed):
    push(folders[pushed], "org/ecg_qa", quiet=True)
    (kind, _), *_ = hub.store.repositories
    # Of the patterns that we push, and beside them.
    theirs = {"mine.py": b"1", "notes.json": b"{}", "figure.svg": b"<svg/>", "thesis.tex": b"x"}
    theirs |= {"data/mine.parquet": b"PAR1", "ecg_tokenizer/mine.json": b"{}"}
    for path, data in theirs.items():
        hub.store.put(kind, "org/ecg_qa", path, data)
    push(folders[pushed], "org/ecg_qa", quiet=True)
    assert theirs.items() <= hub.store.files(kind, "org/ecg_qa").items()


def test_what_an_earlier_push_wrote_and_is_no_more_goes(hub, folders, tmp_path):
    push(folders["model"], "org/model", quiet=True)
    merged = shutil.copytree(folders["model"], tmp_path / "merged")
    (merged / "adapter_config.json").unlink()
    (merged / "adapter_model.safetensors").rename(merged / "model.safetensors")
    push(merged, "org/model", quiet=True)
    files = hub.store.files("model", "org/model")
    assert "model.safetensors" in files
    assert not [name for name in files if name.startswith("adapter")]


def test_a_branch_that_is_there_is_looked_at_itself(hub, folders):
    push(folders["tokenizer"], "org/ecg-byte", quiet=True)
    push(folders["tokenizer"], "org/ecg-byte", revision="mine", quiet=True)
    hub.store.put("model", "org/ecg-byte", "processor_config.json", b"{}")
    hub.store.put("model", "org/ecg-byte", "preprocessor_config.json", b"{}")
    push(folders["tokenizer"], "org/ecg-byte", revision="mine", quiet=True)
    with pytest.raises(EcgByteError, match="is taken"):
        push(folders["tokenizer"], "org/ecg-byte", quiet=True)


def test_a_huge_file_with_a_name_of_ours_is_not_fetched(hub, folders):
    said = {"processor_class": "EcgByteProcessor", "padding": "x" * 9_000_000}
    put(hub, "model", {"processor_config.json": json.dumps(said).encode()})
    with pytest.raises(EcgByteError, match=r"other files \(processor_config\.json\)"):
        push(folders["tokenizer"], "org/ecg_qa", quiet=True)
    assert not [path for _, path in hub.faults.requests if "/resolve/" in path]
