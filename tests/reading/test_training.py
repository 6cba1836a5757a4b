"""Everything of `reading` together, on a small simulated corpus."""

import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, TrainingArguments
from typer.testing import CliRunner

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.cli import app
from ecg_byte_hf.corpora.simulation import simulate
from ecg_byte_hf.hub.model_card import MARKER
from ecg_byte_hf.reading.answering import ask
from ecg_byte_hf.reading.argument_checks import say_without_effect, settle_processes
from ecg_byte_hf.reading.controls import flat_ecg_ids
from ecg_byte_hf.reading.evaluation import evaluate
from ecg_byte_hf.reading.loading import load_reader
from ecg_byte_hf.reading.output_folder import check_base_is_public
from ecg_byte_hf.reading.reading_arguments import ReadingArguments
from ecg_byte_hf.reading.trainer import ReadingTrainer
from ecg_byte_hf.reading.training import finetune
from ecg_byte_hf.reading.usage import UsageError

from . import tiny


def train(corpus, tokenizer, out, **options):
    return finetune(*tiny.arguments(corpus, tokenizer, out, **options))


def weights(folder):
    return load_file(folder / "model.safetensors")


def same(one, other):
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


@pytest.fixture(scope="module")
def trained(tmp_path_factory, corpus, tokenizer):
    out = tmp_path_factory.mktemp("trained") / "out"
    train(corpus, tokenizer, out, blind=True)
    return out


COMMON = [
    "README.md",
    "chat_template.jinja",
    "ecg_tokenizer/tokenizer.json",
    "feature_extraction_ecg_byte.py",
    "generation_config.json",
    "processing_ecg_byte.py",
    "processor_config.json",
    "questions.txt",
    "reading.json",
    "tokenizer.json",
]


def check_repository(folder, local):
    """What goes to the Hub is whole, holds no path of `local` and nothing pickled."""
    going = [path for path in tiny.goes_to_the_hub(folder) if path.is_file()]
    names = {str(path.relative_to(folder)) for path in going}
    assert set(COMMON) <= names
    assert MARKER in (folder / "README.md").read_text()
    for path in going:
        assert path.suffix not in (".bin", ".pt", ".pth", ".pkl"), path
        assert str(local).encode() not in path.read_bytes(), path
    return names


def test_a_small_new_llama_is_a_plain_checkpoint_and_names_no_local_path(trained, corpus):
    names = check_repository(trained, corpus.parents[1])
    assert {"config.json", "model.safetensors"} <= names
    assert not any(name.startswith(("adapter", "training", "blind")) for name in names)
    assert (trained / ".gitignore").read_text() == "/training/\n/blind/\n"
    assert (trained / "blind" / "model.safetensors").is_file()
    assert check_base_is_public(trained) is None
    plain = AutoModelForCausalLM.from_pretrained(trained)
    reader = load_reader(trained)
    ids = torch.arange(40).view(1, -1) + reader.shift - 20
    with torch.no_grad():
        assert torch.equal(plain(ids).logits, reader.model(ids).logits)


def test_an_adapter_is_a_repository_as_it_stands(adapter, corpus):
    names = check_repository(adapter, corpus.parents[1])
    assert {"adapter_config.json", "adapter_model.safetensors"} <= names
    assert not any(name.startswith(("config", "model", "training")) for name in names)
    assert check_base_is_public(adapter) == tiny.BASE_ID
    settings = json.loads((adapter / "reading.json").read_text())
    assert settings["base"] == tiny.BASE_ID


def test_settings_say_what_was_trained(trained):
    settings = json.loads((trained / "reading.json").read_text())
    assert settings["sees_ecg"]
    assert settings["losses"]["adapter"]["steps"] == 2
    blind = json.loads((trained / "blind" / "reading.json").read_text())
    assert settings["blind"] == blind
    assert blind["losses"]["adapter"]["steps"] == 2
    assert not blind["sees_ecg"]


def test_same_seed_same_weights(trained, corpus, tokenizer, tmp_path):
    train(corpus, tokenizer, tmp_path / "again")
    assert same(weights(trained), weights(tmp_path / "again"))


def test_interrupted_training_goes_on_to_the_same_weights(
    trained, corpus, tokenizer, tmp_path, monkeypatch
):
    from ecg_byte_hf.reading.trainer import ReadingTrainer

    steps = []
    whole = ReadingTrainer.training_step

    def interrupted(self, *args, **kwargs):
        steps.append(1)
        if len(steps) == 4:
            raise KeyboardInterrupt
        return whole(self, *args, **kwargs)

    monkeypatch.setattr(ReadingTrainer, "training_step", interrupted)
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        train(corpus, tokenizer, out)
    assert not (out / "model.safetensors").exists()
    with pytest.raises(EcgByteError, match="is not empty"):
        train(corpus, tokenizer, out)
    train(corpus, tokenizer, out, resume="true")
    assert len(steps) == 5
    assert same(weights(trained), weights(out))


def test_interrupted_blind_run_does_not_train_the_other_half_again(
    trained, corpus, tokenizer, tmp_path, monkeypatch
):
    from ecg_byte_hf.reading import training
    from ecg_byte_hf.reading.trainer import ReadingTrainer

    whole = ReadingTrainer.training_step
    titles, steps = [], []
    run_stage = training.run_stage

    def named(*args, title, **kwargs):
        titles.append(title)
        return run_stage(*args, title=title, **kwargs)

    def interrupted(self, *args, **kwargs):
        steps.append(1)
        if len(steps) == 6:
            raise KeyboardInterrupt
        return whole(self, *args, **kwargs)

    monkeypatch.setattr(training, "run_stage", named)
    monkeypatch.setattr(ReadingTrainer, "training_step", interrupted)
    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        train(corpus, tokenizer, out, blind=True)
    assert titles == ["small Llama", "adapter", "blind base"]
    assert not (out / "reading.json").exists()
    titles.clear()
    settings = train(corpus, tokenizer, out, blind=True, resume="true")
    assert titles == ["blind base", "blind adapter"]
    assert settings == json.loads((out / "reading.json").read_text())
    assert same(weights(trained / "blind"), weights(out / "blind"))


def test_overwriting_replaces_the_model_and_leaves_the_thesis(corpus, tokenizer, tmp_path):
    thesis = tmp_path / "thesis.tex"
    thesis.write_text("mine")
    with pytest.raises(EcgByteError, match="nothing in it is touched"):
        train(corpus, tokenizer, tmp_path, max_steps=0, overwrite=True)
    train(corpus, tokenizer, tmp_path / "out", max_steps=0)
    thesis = thesis.rename(tmp_path / "out" / "thesis.tex")
    train(corpus, tokenizer, tmp_path / "out", max_steps=0, overwrite=True)
    assert thesis.read_text() == "mine"


def test_damaged_models_are_said_in_one_line(trained, adapter, public_base, tmp_path):
    for name, content, message in [
        ("reading.json", "{}", "no fine-tuned model"),
        ("reading.json", "[1]", "no fine-tuned model"),
        ("config.json", "{", "JSON"),
        ("config.json", None, "adapter_config.json is missing"),
        ("model.safetensors", None, "cannot load a Llama"),
        ("model.safetensors", b"\x08\x00", "cannot load a Llama"),
        ("adapter_model.safetensors", None, "adapter_model.safetensors is missing"),
        ("adapter_model.safetensors", b"\x08\x00", "damaged"),
        ("adapter_config.json", "{", "damaged"),
    ]:
        folder = tmp_path / f"{len(list(tmp_path.iterdir()))}"
        source = adapter if name.startswith("adapter") else trained
        shutil.copytree(source, folder, ignore=shutil.ignore_patterns("training", "blind"))
        if content is None:
            (folder / name).unlink()
        elif isinstance(content, bytes):
            (folder / name).write_bytes(content)
        else:
            (folder / name).write_text(content)
        with pytest.raises(EcgByteError, match=message) as caught:
            load_reader(folder, base=public_base if source == adapter else None)
        assert "\n" not in str(caught.value)
    with pytest.raises(EcgByteError, match="leave --base out"):
        load_reader(trained, base=public_base)
    for name in ("nothing here", str(tmp_path / "absent")):
        with pytest.raises(EcgByteError, match="no name of a repository"):
            load_reader(name)


def test_adapter_of_layers_that_are_not_there_is_refused(corpus, tokenizer, tmp_path):
    with pytest.raises(EcgByteError, match="no layer 'nothing'; choose among down_proj"):
        train(corpus, tokenizer, tmp_path / "out", modules="q_proj,nothing")
    assert not (tmp_path / "out" / "training").exists()


@pytest.mark.parametrize("run", ["ask", "finetune", "load"])
def test_without_torch_every_way_in_says_what_to_install(run, monkeypatch, tmp_path):
    training = TrainingArguments(output_dir=str(tmp_path), report_to="none", use_cpu=True)
    ways_in = {
        "ask": lambda: ask(tmp_path / "absent.csv", "Is it?", tmp_path),
        "finetune": lambda: finetune(ReadingArguments(corpus="c", tokenizer="t"), training),
        "load": lambda: load_reader(tmp_path),
    }
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(EcgByteError, match=r"needs torch: pip install 'ecg-byte-hf\[train\]'"):
        ways_in[run]()


def test_evaluation_names_every_control(trained, corpus, tmp_path):
    answers = tmp_path / "answers.jsonl"
    result = evaluate(trained, corpus, max_reports=2, quiet=True, answers_path=answers)
    n = result["accuracy"]["n"]
    for control in ("accuracy", "blind", "blackout", "shuffled", "majority"):
        times = result["settings"]["shuffles"] if control == "shuffled" else 1
        assert result[control]["n"] == n * times
        assert set(result[control]["per_type"]) <= {"verify", "choose", "query"}
        assert 0 <= result[control]["overall"] <= 1
    given = [json.loads(line) for line in answers.read_text().splitlines()]
    assert len(given) == n + 2
    assert all((one["p_yes"] is None) != (one["question_type"] == "verify") for one in given)
    assert result["unscored"]["report"] > 0
    assert result["accuracy"]["reports"]["report"]["n"] == 2
    assert result["not_made"] == {}
    alone = evaluate(trained, corpus, split="test", max_records=1, quiet=True)
    assert alone["shuffled"] is None
    assert "several patients" in alone["not_made"]["shuffled"]
    assert alone["accuracy"]["n"] > 0
    with pytest.raises(EcgByteError, match="max_records 0 must be 1"):
        evaluate(trained, corpus, max_records=0, quiet=True)
    with pytest.raises(EcgByteError, match="no split 'tests'"):
        evaluate(trained, corpus, split="tests", quiet=True)


def test_blackout_is_a_flat_ecg(trained):
    reader = load_reader(trained)
    ids = flat_ecg_ids(reader.processor)
    signal = reader.processor.decode_ecg(ids)
    assert signal.shape[0] == 12
    assert np.abs(signal).max() == 0


def test_ask_answers_and_refuses(trained, tmp_path):
    signal = next(iter(simulate(1, seed=3))).record.signal
    np.save(tmp_path / "ecg.npy", signal)
    csv = tmp_path / "ecg.csv"
    names = "I,II,III,aVR,aVL,aVF,V1,V2,V3,V4,V5,V6"
    table = np.column_stack([np.arange(signal.shape[1]) / 500, signal.T])
    np.savetxt(csv, table, delimiter=",", header="time," + names, comments="", fmt="%.4f")
    reader = load_reader(trained)
    assert isinstance(ask(csv, "Is the rhythm regular?", reader), str)
    with pytest.raises(EcgByteError, match="special token"):
        ask(csv, "Is <|ecg|> regular?", reader)
    with pytest.raises(EcgByteError, match="is empty"):
        ask(csv, " ", reader)
    with pytest.raises(EcgByteError, match="holds 1024"):
        ask(csv, "Is it? " * 400, reader)
    with pytest.raises(EcgByteError, match="no fine-tuned model"):
        ask(csv, "Is the rhythm regular?", tmp_path)


def test_ask_and_plot_take_what_a_file_does_not_say(trained, tokenizer, tmp_path):
    signal = next(iter(simulate(1, seed=3))).record.signal
    np.save(tmp_path / "ecg.npy", signal)
    names = "I,II,V1,V2,V3,V4,V5"
    rows = signal[[0, 1, 6, 7, 8, 9, 10]].T
    np.savetxt(tmp_path / "ecg.csv", rows, delimiter=",", header=names, comments="", fmt="%.4f")
    run = CliRunner().invoke
    for name, more in [("ecg.npy", []), ("ecg.csv", ["--missing-leads", "zero"])]:
        record, rate = str(tmp_path / name), ["--sampling-rate", "500"]
        asked = ["ask", record, "Is the rhythm regular?", "--model", str(trained)]
        assert "sampling" in str(run(app, [*asked, *more]).exception)
        answered = run(app, [*asked, *rate, *more])
        assert answered.exit_code == 0, answered.exception
        picture = tmp_path / f"{name}.png"
        plotted = ["plot", "tokens", record, "--tokenizer", str(tokenizer), "--out", str(picture)]
        drawn = run(app, [*plotted, *rate, *more])
        assert drawn.exit_code == 0, drawn.exception
        assert picture.stat().st_size > 0
    assert "missing" in str(run(app, [*asked, *rate]).exception)


def test_loss_that_is_not_finite_ends_with_advice(corpus, tokenizer, tmp_path):
    with pytest.raises(EcgByteError, match="lower learning_rate"):
        train(corpus, tokenizer, tmp_path / "out", learning_rate=1e30, max_grad_norm=0, max_steps=4)


def test_the_best_checkpoint_is_kept_in_both_stages(
    corpus, tokenizer, public_base, tmp_path, capfd
):
    watched = {"eval_strategy": "steps", "eval_steps": 1, "load_best_model_at_end": True}
    # The loss falls, so that with this the first checkpoint is the best one.
    watched |= {"greater_is_better": True}
    from_base = {"base": str(public_base), "base_id": tiny.BASE_ID}
    train(corpus, tokenizer, tmp_path / "small", max_steps=2, **watched)
    train(corpus, tokenizer, tmp_path / "adapter", max_steps=2, reading=from_base, **watched)
    assert "missing keys" not in capfd.readouterr().err
    for stage, kept in [
        ("small/training/base", "small/training/base/model/model"),
        ("adapter/training/adapter", "adapter/adapter_model"),
    ]:
        last = tmp_path / stage / "checkpoint-2" / "trainer_state.json"
        best = Path(json.loads(last.read_text())["best_model_checkpoint"])
        assert best.name == "checkpoint-1"
        expected = load_file(best / f"{Path(kept).name}.safetensors")
        found = load_file(tmp_path / f"{kept}.safetensors")
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[key], tensor) for key, tensor in expected.items())


def test_early_stopping_without_a_best_checkpoint_is_refused(corpus, tokenizer, tmp_path):
    arguments = ReadingArguments(corpus="c", tokenizer="t", early_stopping_patience=2)
    training = TrainingArguments(output_dir=str(tmp_path), report_to="none", use_cpu=True)
    with pytest.raises(EcgByteError, match="needs load_best_model_at_end"):
        finetune(arguments, training)


def test_max_steps_0_builds_and_stops(corpus, tokenizer, tmp_path):
    settings = train(corpus, tokenizer, tmp_path / "out", max_steps=0)
    assert settings["losses"] == {"base": {}, "adapter": {}}
    assert load_reader(tmp_path / "out").settings["sees_ecg"]


@pytest.mark.parametrize(
    ("small", "message"),
    [
        ({}, "neither --base nor --small-llama is given"),
        ({"num_hidden_layers": 1}, "lacks hidden_size, intermediate_size, num_attention_heads"),
        (tiny.SMALL_LLAMA | {"hidden_size": "32"}, "hidden_size '32' must be a whole number"),
        (tiny.SMALL_LLAMA | {"intermediate_size": -3}, "intermediate_size -3 must be"),
        (tiny.SMALL_LLAMA | {"num_attention_heads": 5}, "32 must be a multiple of num_attention"),
        (tiny.SMALL_LLAMA | {"num_key_value_heads": 3}, "2 must be a multiple of num_key_value"),
        (tiny.SMALL_LLAMA | {"attention_dropout": 3}, "attention_dropout 3 must be 0 to 1"),
        (tiny.SMALL_LLAMA | {"vocab_size": 9}, "vocab_size is made here: leave it out"),
        (tiny.SMALL_LLAMA | {"hidden_act": "nosuch"}, "do not fit together: KeyError 'nosuch'"),
        (tiny.SMALL_LLAMA | {"rms_norm_eps": "x"}, "do not fit together"),
    ],
)
def test_a_small_llama_that_cannot_be_built_is_refused_before_any_work(small, message, tmp_path):
    options = {"reading": {"small_llama": small}}
    with pytest.raises(UsageError, match=message) as caught:
        train("nowhere", "nowhere", tmp_path / "out", **options)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_where_the_result_goes_and_what_is_reported_to_is_asked_first(tmp_path):
    arguments, training = tiny.arguments("c", "t", tmp_path / "out")
    training.report_to = ["nosuch"]
    with pytest.raises(EcgByteError, match="--report-to nosuch: nothing of that name is installed"):
        finetune(arguments, training)
    training.output_dir = ""
    with pytest.raises(UsageError, match="--output-dir is missing"):
        finetune(arguments, training)


def test_memory_that_runs_out_in_the_last_evaluation_is_told_with_advice(
    corpus, tokenizer, tmp_path, monkeypatch
):
    def no_memory(self, *args, **kwargs):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(ReadingTrainer, "evaluate", no_memory)
    with pytest.raises(EcgByteError, match="halve per_device_eval_batch_size"):
        train(corpus, tokenizer, tmp_path / "out")


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"corpus": ""}, "--corpus is missing"),
        ({"gguf_file": "x.gguf"}, "--gguf-file needs --base"),
        ({"base": "."}, "--base-id"),
        ({"base": "a/b", "base_id": "."}, "public id"),
        ({"base_id": "a/b"}, "saved whole"),
        ({"train_ecg_rows": False, "ecg_rows_spread": 0.0}, "would be the same"),
        ({"train_ecg_rows": False, "ecg_rows_start": "mean"}, "would be the same"),
        ({"train_ecg_rows": False}, "--train-ecg-rows false needs --base"),
        ({"ecg_rows_start": "zero"}, "--ecg-rows-start 'zero' must be one of random, mean, wave"),
        ({"train_questions": "some"}, "--train-questions 'some' must be one of all, balanced"),
        ({"augmentation": [0.1]}, r"--augmentation \[0.1\] must be a mapping of names to values"),
        ({"small_llama": None}, "--small-llama None must be a mapping"),
        ({"augmentation": {"gain": 0.1}}, "--augment true is missing"),
        ({"augment": True, "augmentation": {"gian": 0.1}}, "augmentation has no 'gian'"),
        ({"augment": True, "augmentation": {"turn": 2}}, "augmentation turn 2 must be 0 to 1"),
    ],
)
def test_arguments_that_contradict_one_another_are_refused(fields, message):
    arguments = ReadingArguments(**{"corpus": "c", "tokenizer": "t", **fields})
    with pytest.raises(UsageError, match=message):
        arguments.check()


def test_what_is_for_a_new_llama_is_named_where_a_base_takes_its_place(capsys):
    given = {"corpus": "c", "tokenizer": "t", "base_epochs": 12, "small_llama": {"hidden_size": 64}}
    say_without_effect(ReadingArguments(**given, base="org/llama"))
    line = "small_llama, base_epochs: of a small new Llama, without effect on --base org/llama\n"
    assert capsys.readouterr().err == line
    say_without_effect(ReadingArguments(**given))
    say_without_effect(ReadingArguments(corpus="c", tokenizer="t", base="org/llama"))
    assert not capsys.readouterr().err


@pytest.mark.parametrize(
    ("fields", "options", "message"),
    [
        ({}, {"n_gpu": 2}, "2 GPUs in one process"),
        ({"base": None}, {"sharded": True}, "FSDP is for the adapter of a large base"),
        ({"curve_every_steps": 5}, {"sharded": True}, "which FSDP does not allow"),
        ({"ecg_pretraining_epochs": 1.0}, {"sharded": True}, "which FSDP does not allow"),
        ({}, {"sharded": True, "resume": "true"}, "hold no adapter to go on from"),
    ],
)
def test_what_the_processes_cannot_do_is_refused_before_any_work(
    fields, options, message, monkeypatch
):
    monkeypatch.setenv("ACCELERATE_USE_FSDP", str(options.get("sharded", False)).lower())
    arguments = ReadingArguments(**{"corpus": "c", "tokenizer": "t", "base": "org/llama", **fields})
    training = SimpleNamespace(
        n_gpu=options.get("n_gpu", 0),
        resume_from_checkpoint=options.get("resume"),
        load_best_model_at_end=False,
    )
    with pytest.raises(EcgByteError, match=message):
        settle_processes(arguments, training)


def test_with_shared_weights_the_last_step_is_kept_and_that_is_said(monkeypatch, capsys):
    arguments = ReadingArguments(
        corpus="c", tokenizer="t", base="org/llama", early_stopping_patience=2
    )
    training = SimpleNamespace(
        n_gpu=1, resume_from_checkpoint=None, load_best_model_at_end=True, process_index=0
    )
    settle_processes(arguments, training)
    assert training.load_best_model_at_end
    assert arguments.early_stopping_patience == 2
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    settle_processes(arguments, training)
    assert not training.load_best_model_at_end
    assert arguments.early_stopping_patience is None
    said = capsys.readouterr().err
    assert said == "FSDP: the last step is kept, not the best, none stops early\n"
