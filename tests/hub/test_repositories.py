"""Repositories loaded by name, over HTTP, in fresh processes: the numbers of the package itself."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import venv
from pathlib import Path

import numpy as np
import pytest

from ecg_byte_hf import EcgByteProcessor, hub_code
from ecg_byte_hf.corpora import open_corpus, open_questions, signal_mV
from ecg_byte_hf.hub.push import push
from ecg_byte_hf.metrics import ECG_QA_FOLDER
from tests.hub.clean_process import run_json
from tests.hub_server.server import TOKEN
from tests.small_tokenizer import simulated_records

LOAD = """
import numpy as np
from transformers import AutoFeatureExtractor, AutoProcessor, AutoTokenizer

record = np.load(sys.argv[1])
found = {}
tokenizer = AutoTokenizer.from_pretrained("org/ecg-byte")
found["tokenizer"] = [type(tokenizer).__module__.split(".")[0], type(tokenizer).__name__]
found["refused"] = {}
for auto in (AutoFeatureExtractor, AutoProcessor):
    try:
        found["refused"][auto.__name__] = type(auto.from_pretrained("org/ecg-byte")).__name__
    except ValueError as error:
        found["refused"][auto.__name__] = "trust_remote_code" in str(error)
extractor = AutoFeatureExtractor.from_pretrained("org/ecg-byte", trust_remote_code=True)
processor = AutoProcessor.from_pretrained("org/ecg-byte", trust_remote_code=True)
found["classes"] = [type(one).__module__ + "." + type(one).__name__
                    for one in (extractor, processor, processor.feature_extractor)]
found["words"] = extractor.encode(record, 500.0)
ids = processor(ecg=record, sampling_rate=500.0)["input_ids"][0]
found["ids"] = ids
found["text"] = tokenizer.decode(ids)
np.save(sys.argv[2], processor.decode_ecg(ids))
processor.save_pretrained("again")
again = AutoProcessor.from_pretrained("again", trust_remote_code=True)
found["again"] = again(ecg=record, sampling_rate=500.0)["input_ids"][0] == ids
found["here"] = "ecg_byte_hf" in sys.modules
# The question whether to run code has no end of line.
print()
print(json.dumps(found))
"""

DATASET_AND_METRIC = """
import evaluate
from datasets import load_dataset

def summary(rows):
    rows = [dict(row) for row in rows]
    return [[row["record_id"], row["signal"], row["scale"], row["samples"]] for row in rows]

metric = evaluate.load("org/ecg_qa", keep_in_memory=True)
scores = metric.compute(predictions=["yes", "no"], references=["yes", "yes"])
whole = load_dataset("org/ecgs")
streamed = load_dataset("org/ecgs", streaming=True)
print(json.dumps({
    "splits": {split: len(rows) for split, rows in whole.items()},
    "test": summary(whole["test"]),
    "streamed": summary(streamed["test"]) == summary(whole["test"]),
    "questions": load_dataset("org/ecgs", "questions")["test"].to_list(),
    "streamed_questions": list(load_dataset("org/ecgs", "questions", streaming=True)["test"]),
    "exact_match": scores["exact_match"],
}))
"""

WITH_PACKAGE = """
import json, sys
import numpy as np
from ecg_byte_hf import EcgByteProcessor, register_auto_classes
from transformers import AutoFeatureExtractor, AutoProcessor

register_auto_classes()
record = np.load(sys.argv[1])
found = []
for one in (AutoProcessor, EcgByteProcessor):
    processor = one.from_pretrained("org/ecg-byte")
    found.append([type(processor) is EcgByteProcessor,
                  processor(ecg=record, sampling_rate=500.0)["input_ids"][0]])
extractor = AutoFeatureExtractor.from_pretrained("org/ecg-byte")
print(json.dumps({"found": found, "extractor": type(extractor).__module__,
                  "code": [name for name in sys.modules if "transformers_modules" in name]}))
"""


@pytest.fixture
def record_file(tmp_path):
    record = simulated_records()[0].record
    assert record.sampling_rate == 500
    np.save(tmp_path / "record.npy", record.signal)
    return tmp_path / "record.npy"


def needed_code():
    """The files of hub_code that the two classes import, by the syntax tree."""
    top = Path(hub_code.__path__[0])
    needed, waiting = set(), {"processing_ecg_byte.py", "feature_extraction_ecg_byte.py"}
    while waiting:
        name = waiting.pop()
        needed.add(name)
        for node in ast.walk(ast.parse((top / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level == 1:
                waiting |= {f"{node.module}.py"} - needed
    return {name: (top / name).read_bytes() for name in needed}


@pytest.mark.parametrize("how", ["push_to_hub", "push"])
def test_a_tokenizer_repository_needs_no_package(hub, tokenizer, record_file, tmp_path, how):
    processor = EcgByteProcessor.from_pretrained(tokenizer)
    if how == "push":
        push(tokenizer, "org/ecg-byte")
    else:
        processor.push_to_hub("org/ecg-byte")
    files = hub.store.files("model", "org/ecg-byte")
    assert {name: data for name, data in files.items() if name.endswith(".py")} == needed_code()
    config = json.loads(files["processor_config.json"])
    assert config["auto_map"] == {"AutoProcessor": "processing_ecg_byte.EcgByteProcessor"}
    extractor = {"AutoFeatureExtractor": "feature_extraction_ecg_byte.EcgByteFeatureExtractor"}
    assert config["feature_extractor"]["auto_map"] == extractor
    assert json.loads(files["preprocessor_config.json"])["auto_map"] == extractor
    assert "auto_map" not in json.loads(files["tokenizer_config.json"])
    assert json.loads(files["tokenizer.json"])["decoder"] == {"type": "Fuse"}

    if how == "push":
        found = run_json(
            hub, LOAD, record_file, tmp_path / "decoded.npy", folder=tmp_path / "clean"
        )
        assert found["tokenizer"][0] == "transformers"
        assert found["refused"] == {"AutoFeatureExtractor": True, "AutoProcessor": True}
        assert all(name.startswith("transformers_modules.org.") for name in found["classes"])
        names = [name.rsplit(".", 1)[1] for name in found["classes"]]
        assert names == ["EcgByteFeatureExtractor", "EcgByteProcessor", "EcgByteFeatureExtractor"]
        signal = np.load(record_file)
        assert found["words"] == processor.feature_extractor.encode(signal, 500.0)
        assert found["ids"] == processor(ecg=signal, sampling_rate=500.0)["input_ids"][0]
        assert found["text"] == processor.tokenizer.decode(found["ids"])
        decoded = np.load(tmp_path / "decoded.npy")
        np.testing.assert_array_equal(decoded, processor.decode_ecg(found["ids"]))
        assert found["again"]
        assert not found["here"]
        again = {path.name: path.read_bytes() for path in (tmp_path / "clean/again").glob("*.py")}
        assert again == needed_code()


def test_with_the_package_no_flag_is_needed(hub, tokenizer, record_file, tmp_path):
    push(tokenizer, "org/ecg-byte", private=True)
    found = run_json(
        hub, WITH_PACKAGE, record_file, folder=tmp_path / "here", with_package=True, token=TOKEN
    )
    processor = EcgByteProcessor.from_pretrained(tokenizer)
    ids = processor(ecg=np.load(record_file), sampling_rate=500.0)["input_ids"][0]
    assert found["found"] == [[True, ids], [True, ids]]
    assert found["extractor"] == "ecg_byte_hf.hub_code.feature_extraction_ecg_byte"
    assert found["code"] == []


def test_a_dataset_repository_gives_the_same_rows_and_a_space_its_metric(hub, corpus, tmp_path):
    push(corpus, "org/ecgs")
    push(shutil.copytree(ECG_QA_FOLDER, tmp_path / "ecg_qa"), "org/ecg_qa")
    found = run_json(hub, DATASET_AND_METRIC, folder=tmp_path / "clean")
    splits = open_corpus(corpus)
    assert found["splits"] == {split: len(rows) for split, rows in splits.items()}
    assert len(found["test"]) == len(splits["test"]) > 0
    for (record_id, signal, scale, samples), row in zip(found["test"], splits["test"], strict=True):
        assert record_id == row["record_id"]
        there = (np.array(signal)[:, :samples] * np.float32(scale)).astype(np.float32)
        np.testing.assert_array_equal(there, signal_mV(row))
    assert found["streamed"]
    questions = open_questions(corpus)["test"].to_list()
    assert found["questions"] == found["streamed_questions"] == questions
    assert found["exact_match"] == 0.5


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_environment_with_nothing_but_transformers(hub, tokenizer, record_file, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    needed = ["transformers>=5.23", "numpy", "scipy", "PyWavelets"]
    subprocess.run([python, "-m", "pip", "install", "--quiet", *needed], check=True)
    push(tokenizer, "org/ecg-byte")
    done = subprocess.run(
        [python, "-c", "import json, sys\n" + LOAD, record_file, tmp_path / "decoded.npy"],
        env=hub.environment(tmp_path / "home"),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    processor = EcgByteProcessor.from_pretrained(tokenizer)
    signal = np.load(record_file)
    assert found["ids"] == processor(ecg=signal, sampling_rate=500.0)["input_ids"][0]
    decoded = np.load(tmp_path / "decoded.npy")
    np.testing.assert_allclose(decoded, processor.decode_ecg(found["ids"]), atol=1e-6)
    assert not found["here"]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_tokenizer_by_name_under_transformers_4(hub, tokenizer, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "transformers==4.57.*"], check=True)
    push(tokenizer, "org/ecg-byte", private=True)
    processor = EcgByteProcessor.from_pretrained(tokenizer)
    ids = processor(ecg=simulated_records()[0].record)["input_ids"][0]
    program = (
        "import json, sys, transformers;"
        "tokenizer = transformers.AutoTokenizer.from_pretrained('org/ecg-byte');"
        "text = tokenizer.decode(json.loads(sys.argv[1]));"
        "print(json.dumps([transformers.__version__, tokenizer(text)['input_ids']]))"
    )
    done = subprocess.run(
        [python, "-c", program, json.dumps(ids)],
        env=hub.environment(tmp_path / "home", TOKEN),
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    version, found = json.loads(done.stdout.splitlines()[-1])
    assert version.startswith("4.57")
    assert found == ids
