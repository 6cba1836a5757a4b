"""The whole story over HTTP: train and push here; load and ask where the package is not."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch
from huggingface_hub import HfApi

from ecg_byte_hf import EcgByteProcessor, read_record
from ecg_byte_hf.corpora import open_corpus, open_questions, signal_mV
from ecg_byte_hf.corpora.simulation import simulate
from ecg_byte_hf.hub.push import push
from ecg_byte_hf.metrics import ECG_QA_FOLDER, load_ecg_qa
from ecg_byte_hf.reading.loading import load_reader
from ecg_byte_hf.reading.merging import merge
from ecg_byte_hf.reading.training import finetune
from tests.hub.clean_process import run_json
from tests.reading import tiny

pytestmark = pytest.mark.filterwarnings("ignore:.is_gradient_checkpointing:FutureWarning")

BASE_ID = "org/some-llama"
CONTEXT = 4096
ASKED = 6

IN_A_CLEAN_PROCESS = """
import evaluate
import numpy as np
import torch
from datasets import load_dataset
from peft import AutoPeftModelForCausalLM
from transformers import AutoModelForCausalLM, AutoProcessor, AutoTokenizer, GenerationConfig

torch.set_num_threads(1)
record_file, question, asked, out = sys.argv[1:]
record = np.load(record_file)
found, arrays = {}, {}

tokenizer = AutoTokenizer.from_pretrained("org/ecg-byte")
processor = AutoProcessor.from_pretrained("org/ecg-byte", trust_remote_code=True)
found["ids"] = processor(ecg=record, sampling_rate=500.0)["input_ids"][0]
found["text"] = tokenizer.decode(found["ids"])
arrays["decoded"] = processor.decode_ecg(found["ids"])

repository = "org/ecg-byte-llama"
reader = AutoProcessor.from_pretrained(repository, trust_remote_code=True)
options = {"generation_config": GenerationConfig.from_pretrained(repository)}
adapted = AutoPeftModelForCausalLM.from_pretrained(repository).eval()
merged = AutoModelForCausalLM.from_pretrained("org/ecg-byte-merged").eval()

def prompt(signal, rate, question):
    parts = [{"type": "ecg"}, {"type": "text", "text": question}]
    text = reader.apply_chat_template(
        [{"role": "user", "content": parts}], add_generation_prompt=True
    )
    return reader(ecg=signal, sampling_rate=rate, text=text, return_tensors="pt")

def answer(model, inputs, **options):
    new = model.generate(**inputs, **options)[0, inputs["input_ids"].shape[1] :]
    return reader.tokenizer.decode(new, skip_special_tokens=True).strip()

inputs = prompt(record, 500.0, question)
with torch.inference_mode():
    arrays["logits"] = adapted(**inputs).logits[0, -1].numpy()
    arrays["merged_logits"] = merged(**inputs).logits[0, -1].numpy()
found["reader_ids"] = inputs["input_ids"][0].tolist()
found["answers"] = [answer(adapted, inputs, **options), answer(merged, inputs)]
arrays["decoded_by_reader"] = reader.decode_ecg(found["reader_ids"])

rows = load_dataset("org/ecgs")["test"]
found["record_ids"] = list(rows["record_id"])
signals = {}
for place, row in enumerate(rows):
    signal = np.array(row["signal"], dtype=np.int16)[:, : row["samples"]]
    signals[row["record_id"]] = signal * np.float32(row["scale"]), row["sampling_rate"]
    arrays[f"row{place}"] = signals[row["record_id"]][0]
questions = load_dataset("org/ecgs", "questions")["test"].to_list()[: int(asked)]
given = [
    answer(adapted, prompt(*signals[one["record_id"]], one["question"]), **options)
    for one in questions
]
found["questions"], found["given"] = questions, given
metric = evaluate.load("org/ecg_qa", keep_in_memory=True)
found["scores"] = metric.compute(
    predictions=given,
    references=[one["answer"] for one in questions],
    question_types=[one["question_type"] for one in questions],
)
found["here"] = "ecg_byte_hf" in sys.modules
np.savez(out, **arrays)
print()
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def trained(made: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`corpus/` with questions, `base/`, the `adapter/` trained on both, and it `merged/`."""
    folder = tmp_path_factory.mktemp("trained")
    tiny.make_corpus(folder / "corpus")
    base = tiny.make_base(folder / "base", context=CONTEXT)
    finetune(
        *tiny.arguments(
            folder / "corpus",
            made / "tokenizer",
            folder / "adapter",
            reading={"base": str(base), "base_id": BASE_ID, "context": CONTEXT},
            learning_rate=1e-2,
        )
    )
    merge(folder / "adapter", folder / "merged", base=str(base))
    return folder


@pytest.fixture(params=["simulated", "PTB-XL"])
def held_out(request: pytest.FixtureRequest) -> np.ndarray:
    """A record that no tokenizer and no Llama of this test saw: (12, 5000) in mV at 500 Hz."""
    if request.param == "simulated":
        record = next(islice(simulate(1, seed=99), 1)).record
    else:
        data = request.getfixturevalue("ecg_byte_data")
        record = read_record(data / "ptb-xl" / "records500" / "00000" / "00008_hr")
    assert record.signal.shape == (12, 5000)
    assert record.sampling_rate == 500
    return record.signal


def test_train_push_load_ask_decode(hub, made, trained, held_out, tmp_path):
    HfApi().create_repo(BASE_ID)
    HfApi().upload_folder(repo_id=BASE_ID, folder_path=trained / "base")
    push(made / "tokenizer", "org/ecg-byte")
    push(trained / "corpus", "org/ecgs")
    push(ECG_QA_FOLDER, "org/ecg_qa")
    push(trained / "adapter", "org/ecg-byte-llama")
    push(trained / "merged", "org/ecg-byte-merged")
    np.save(tmp_path / "ecg.npy", held_out)
    question = open_questions(trained / "corpus")["test"][0]["question"]
    found = run_json(
        hub,
        IN_A_CLEAN_PROCESS,
        tmp_path / "ecg.npy",
        question,
        ASKED,
        tmp_path / "found.npz",
        folder=tmp_path / "clean",
    )
    arrays = np.load(tmp_path / "found.npz")
    assert not found["here"]

    processor = EcgByteProcessor.from_pretrained(made / "tokenizer")
    ids = processor(ecg=held_out, sampling_rate=500.0)["input_ids"][0]
    assert found["ids"] == ids
    assert found["text"] == processor.tokenizer.decode(ids)
    np.testing.assert_array_equal(arrays["decoded"], processor.decode_ecg(ids))
    np.testing.assert_array_equal(arrays["decoded_by_reader"], processor.decode_ecg(ids))

    reader = load_reader(trained / "adapter", base=str(trained / "base"))
    ecg_ids = reader.processor.ecg_ids(held_out, 500.0)
    chat = reader.chat
    prompt = [*chat.prefix_ids, *ecg_ids, *chat.question_ids(question)]
    assert found["reader_ids"] == prompt
    logits = logits_after(reader.model, prompt)
    for name in ("logits", "merged_logits"):
        np.testing.assert_allclose(arrays[name], logits, atol=2e-5, rtol=1e-5)
    (answer,) = reader.answers(ecg_ids, [question])
    assert found["answers"] == [answer, answer]

    rows = open_corpus(trained / "corpus")["test"]
    assert found["record_ids"] == list(rows["record_id"])
    signals = {}
    for place, row in enumerate(rows):
        signals[row["record_id"]] = signal_mV(row), row["sampling_rate"]
        np.testing.assert_array_equal(arrays[f"row{place}"], signal_mV(row))
    questions = open_questions(trained / "corpus")["test"].to_list()[:ASKED]
    assert found["questions"] == questions
    assert len(questions) == ASKED
    given = [
        reader.answers(reader.processor.ecg_ids(*signals[one["record_id"]]), [one["question"]])[0]
        for one in questions
    ]
    assert found["given"] == given
    assert any(given)
    scores = load_ecg_qa().compute(
        predictions=given,
        references=[one["answer"] for one in questions],
        question_types=[one["question_type"] for one in questions],
    )
    assert found["scores"] == json.loads(json.dumps(scores))


def logits_after(model, ids):
    with torch.inference_mode():
        return model(torch.tensor([ids])).logits[0, -1].numpy()
