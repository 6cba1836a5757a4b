"""The tokenizer under transformers 4.57, in an environment of its own that knows nothing of us."""

import json
import subprocess
import venv

import pytest

from tests.small_tokenizer import simulated_records, small_processor

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

PROGRAM = """
import json, sys
import transformers
from transformers import AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
text = open(sys.argv[2], encoding="utf-8").read()
ids = tokenizer(text, add_special_tokens=False)["input_ids"]
print(json.dumps({
    "version": transformers.__version__,
    "ids": ids,
    "same_text": tokenizer.decode(ids) == text,
    "named": [tokenizer.pad_token, tokenizer.bos_token, tokenizer.eos_token],
    "special": sorted(tokenizer.all_special_tokens),
    "here": "ecg_byte_hf" in sys.modules,
}))
"""


def test_auto_tokenizer_of_4_57_gives_the_same_ids(tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "transformers==4.57.*"]
    subprocess.run(install, check=True)
    processor = small_processor()
    processor.save_pretrained(tmp_path / "tokenizer")
    ids = processor(ecg=simulated_records()[0].record)["input_ids"][0]
    (tmp_path / "text").write_text(processor.tokenizer.decode(ids), encoding="utf-8")
    run = subprocess.run(
        [python, "-c", PROGRAM, tmp_path / "tokenizer", tmp_path / "text"],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    found = json.loads(run.stdout)
    assert found["version"].startswith("4.57")
    assert found["ids"] == ids
    assert found["same_text"]
    assert found["named"] == ["<|pad|>", "<|ecg|>", "<|/ecg|>"]
    assert set(processor.feature_extractor.markers) <= set(found["special"])
    assert not found["here"]
