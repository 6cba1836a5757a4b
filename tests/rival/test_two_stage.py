"""The two-stage model: what is trained, what is written, what is measured."""

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.corpora import open_corpus, open_questions
from ecg_byte_hf.reading.adapter import add_adapter
from ecg_byte_hf.reading.evaluation import evaluate
from ecg_byte_hf.reading.learning_curve import read_curve
from ecg_byte_hf.reading.model import load_llama
from ecg_byte_hf.reading.sequences import Chat
from ecg_byte_hf.rival.labelled_ecgs import SignalFormat, read_signals
from ecg_byte_hf.rival.projection import Projector, put_in
from ecg_byte_hf.rival.resnet import load_resnet
from ecg_byte_hf.rival.resnet_output import read_cost
from ecg_byte_hf.rival.two_stage import add_placeholders, train_two_stage
from ecg_byte_hf.rival.two_stage_arguments import say_without_tokens
from ecg_byte_hf.rival.two_stage_files import is_two_stage
from ecg_byte_hf.rival.two_stage_output import save_two_stage
from ecg_byte_hf.rival.two_stage_reader import load_two_stage
from tests.reading import tiny

from .conftest import COLUMNS, two_stage_arguments


@pytest.fixture
def near_base(monkeypatch, public_base) -> Path:
    """Where the public id of the base leads to it."""
    monkeypatch.chdir(public_base.parent.parent)
    return public_base


def test_training_changes_adapter_and_projector_and_leaves_the_encoder(joined, encoder):
    before, after = (
        load_file(path / "model.safetensors") for path in (encoder, joined / "encoder")
    )
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    adapter = load_file(joined / "adapter_model.safetensors")
    assert any(bool(t.any()) for name, t in adapter.items() if "lora_B" in name)
    assert any("projector" in name for name in adapter)
    assert not any("encoder" in name or "embed_tokens.weight" in name for name in adapter)
    assert is_two_stage(joined)
    assert not is_two_stage(joined / "blind")


def test_a_trained_encoder_is_part_of_the_adapter(corpus, encoder, public_base, tmp_path):
    reading = {"base": str(public_base), "base_id": tiny.BASE_ID}
    arguments, training = two_stage_arguments(corpus, encoder, tmp_path, reading=reading)
    arguments.train_encoder = True
    train_two_stage(arguments, training)
    before, after = (
        load_file(path / "model.safetensors") for path in (encoder, tmp_path / "encoder")
    )
    assert not torch.equal(before["stem.0.weight"], after["stem.0.weight"])


def test_it_is_trained_on_the_wanted_types_alone(corpus, encoder, public_base, tmp_path):
    asked = list(open_questions(corpus)["train"]["question_type"])
    reading = {"base": str(public_base), "base_id": tiny.BASE_ID, "question_types": ["verify"]}
    reading["max_train_records"] = None
    settings = train_two_stage(
        *two_stage_arguments(corpus, encoder, tmp_path, reading=reading, max_steps=1)
    )
    assert settings["questions"]["train"] == asked.count("verify") < len(asked)
    assert settings["question_types"] == ["verify"]


def test_what_is_loaded_gives_the_logits_of_what_was_saved(corpus, encoder, near_base, tmp_path):
    model, tokenizer = load_llama(tiny.BASE_ID)
    add_placeholders(tokenizer)
    resnet = load_resnet(encoder)
    torch.manual_seed(3)
    projector = Projector(resnet.config.widths[-1], model.config.hidden_size)
    first_id = max(len(tokenizer), model.get_input_embeddings().num_embeddings)
    embedding = put_in(model, resnet, projector, first_id=first_id, columns=COLUMNS)
    adapted = add_adapter(
        model,
        range(0),
        r=4,
        alpha=8,
        dropout=0.0,
        target_modules="all-linear",
        base_id=tiny.BASE_ID,
        modules_to_save=["projector"],
    ).eval()
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_B" in name or ("projector" in name and parameter.requires_grad):
                parameter.add_(0.2 * torch.randn(parameter.shape))
    rows = open_corpus(corpus)["validation"]
    config = resnet.config
    form = SignalFormat(config.sampling_rate, config.samples, config.cleaned)
    ids = embedding.show([read_signals(rows, form)])
    batch = torch.tensor([[*one, 9, 10] for one in ids.values()])
    with torch.no_grad():
        before = adapted(input_ids=batch).logits
    save_two_stage(adapted, Chat(tokenizer), 3, tmp_path, whole=False)
    settings = {"context": 512, "longest_answers": {}, "sees_ecg": True, "columns": COLUMNS}
    (tmp_path / "reading.json").write_text(json.dumps(settings))
    reader = load_two_stage(tmp_path)
    assert reader.ids_of(rows) == ids
    with torch.no_grad():
        after = reader.model(input_ids=batch).logits
        flat = reader.model(input_ids=torch.tensor([[*reader.flat_ids(), 9, 10]])).logits
    assert torch.allclose(after, before, atol=1e-4)
    # Own ECG, another's and a flat one are three different things to read.
    assert (after[0, -1] - after[1, -1]).abs().max() > 1e-3
    assert (after[0, -1] - flat[0, -1]).abs().max() > 1e-3


def test_evaluation_measures_it_as_it_measures_tokens(joined, corpus, near_base):
    result = evaluate(joined, corpus, shuffles=1, variants=1, quiet=True, load=load_two_stage)
    json.dumps(result, allow_nan=False)
    for control in ("accuracy", "blind", "shuffled", "blackout", "majority"):
        assert result[control]["n"] == result["accuracy"]["n"] > 0, control
    assert result["not_made"] == {}
    assert result["settings"]["ecg_tokens_mean"] == COLUMNS
    assert result["settings"]["training"]["sees_ecg"]
    averaged = result["averaged"]
    assert (averaged["variants"], averaged["strengths"]["window"]) == (1, 0.0)
    asked = result["accuracy"]["counts"]["verify"]
    assert averaged["own"]["accuracy"]["n"] == averaged["shuffled"]["accuracy"]["n"] == asked > 0


def test_the_curve_begins_with_the_cost_of_the_encoder(joined, encoder):
    curve = read_curve(joined / "curve.json")
    cost = read_cost(encoder)
    assert curve["before"]["examples"] == cost.examples
    assert [point["step"] for point in curve["points"]] == [2, 3]
    first, last = curve["points"]
    assert cost.examples < first["examples"] < last["examples"]
    assert cost.seconds < first["seconds"] < last["seconds"]


def test_a_small_new_llama_is_written_whole(corpus, encoder, tmp_path):
    arguments, training = two_stage_arguments(corpus, encoder, tmp_path, max_steps=1)
    settings = train_two_stage(arguments, training)
    assert set(settings["losses"]) == {"base", "adapter"}
    plain, _ = load_llama(str(tmp_path))
    reader = load_two_stage(tmp_path)
    assert not any("projector" in name for name in plain.state_dict())
    text = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        assert torch.equal(plain(input_ids=text).logits, reader.model(input_ids=text).logits)
    rows = open_corpus(corpus)["validation"]
    ids = next(iter(reader.ids_of(rows).values()))
    assert isinstance(reader.answers(ids, ["Is this atrial fibrillation?"], 2)[0], str)
    again, training = two_stage_arguments(corpus, encoder, tmp_path, max_steps=0)
    with pytest.raises(EcgByteError, match="is not empty"):
        train_two_stage(again, training)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("encoder", "", "--encoder is missing"),
        ("encoder", "nowhere", "holds no ResNet"),
        ("columns", 0, "--columns 0 must be 1 or more"),
        ("columns", 1024, "--columns 1024 leave no room for a question in a context of 1024"),
        ("push", "owner/name", "does not push"),
    ],
)
def test_what_cannot_work_is_said_before_anything_is_written(
    corpus, encoder, tmp_path, field, value, message
):
    arguments, training = two_stage_arguments(corpus, encoder, tmp_path / "out")
    setattr(arguments, field, value)
    with pytest.raises(EcgByteError, match=message):
        train_two_stage(arguments, training)
    assert not (tmp_path / "out").exists()


def test_what_is_for_ecg_tokens_is_named(corpus, encoder, tmp_path, capsys):
    arguments, _ = two_stage_arguments(corpus, encoder, tmp_path)
    say_without_tokens(arguments)
    assert not capsys.readouterr().err
    arguments.ecg_rows_start, arguments.num_proc = "waveform", 2
    say_without_tokens(arguments)
    line = "ecg_rows_start, num_proc: of ECG tokens, without effect here\n"
    assert capsys.readouterr().err == line


def test_nothing_is_removed_for_arguments_that_cannot_work(corpus, encoder, joined, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(joined, out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    for reading in (
        {"base": str(tmp_path / "nowhere"), "base_id": tiny.BASE_ID},
        {"lora_target_modules": "q_prok"},
    ):
        arguments, training = two_stage_arguments(
            corpus, encoder, out, overwrite=True, reading=reading
        )
        with pytest.raises(EcgByteError):
            train_two_stage(arguments, training)
        assert {path: path.read_bytes() for path in before} == before


def test_a_reader_in_bfloat16_keeps_the_encoder_as_it_was_trained(joined, encoder, near_base):
    reader = load_two_stage(joined, dtype="bfloat16")
    assert reader.embedding.weight.dtype == torch.bfloat16
    trained = load_resnet(encoder).state_dict()
    held = reader.embedding.encoder.state_dict()
    assert all(torch.equal(held[name], trained[name]) for name in trained)
    assert {p.dtype for p in reader.embedding.projector.parameters()} == {torch.float32}
