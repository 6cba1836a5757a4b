"""What a fine-tuning can be told beside its data: variants, rows, a stage without labels."""

import json
import math
import shutil
from functools import cache

import pytest
import torch
from safetensors.torch import load_file

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.reading.learning_curve import read_curve
from ecg_byte_hf.reading.output_folder import config_digest, read_finished, remove_output
from ecg_byte_hf.reading.tokenised import TokenisedCorpus, load_ecg_processor
from ecg_byte_hf.reading.training import finetune, what_is_trained

from . import tiny
from .test_varied import Setting


def train(corpus, tokenizer, out, **options):
    return finetune(*tiny.arguments(corpus, tokenizer, out, **options))


def weights(folder):
    (file,) = folder.glob("*model.safetensors")
    return load_file(file)


def same(one, other):
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


EVERYTHING = {
    "augment": True,
    "augmentation": {"share": 1.0},
    "ecg_rows_start": "waveform",
    "ecg_pretraining_epochs": 1.0,
    "train_questions": "balanced",
    "questions_per_sequence": 2,
}


@pytest.fixture(scope="module")
def whole(corpus, tokenizer, public_base, tmp_path_factory):
    """A function from new or pretrained to a folder, its arguments and its settings."""

    @cache
    def train_once(kind):
        out = tmp_path_factory.mktemp("options") / kind
        base = {"base": str(public_base), "base_id": tiny.BASE_ID} if kind != "new" else {}
        reading = EVERYTHING | base
        return out, reading, train(corpus, tokenizer, out, reading=reading)

    return train_once


def interrupt(monkeypatch, at):
    """Raise KeyboardInterrupt in the training step with this number; the list of steps taken."""
    from ecg_byte_hf.reading.trainer import ReadingTrainer

    whole = ReadingTrainer.training_step
    steps = []

    def interrupted(self, *args, **kwargs):
        steps.append(1)
        if len(steps) == at:
            raise KeyboardInterrupt
        return whole(self, *args, **kwargs)

    monkeypatch.setattr(ReadingTrainer, "training_step", interrupted)
    return steps


@pytest.mark.parametrize(
    ("kind", "cut"),
    [
        ("new", 0),
        ("pretrained", 1),
        pytest.param("new", 1, marks=pytest.mark.slow),
        ("new", 2),
        pytest.param("pretrained", 0, marks=pytest.mark.slow),
    ],
)
def test_every_option_at_once_survives_an_interruption_in_any_stage(
    whole, corpus, tokenizer, tmp_path, monkeypatch, kind, cut
):
    folder, reading, expected = whole(kind)
    stages = list(expected["losses"])
    assert stages == ["ecg_pretraining", *(["base"] if kind == "new" else []), "adapter"]
    out = tmp_path / "out"
    with monkeypatch.context() as patched:
        interrupt(patched, 2 * cut + 2)
        with pytest.raises(KeyboardInterrupt):
            train(corpus, tokenizer, out, reading=reading)
    steps = interrupt(monkeypatch, -1)
    settings = train(corpus, tokenizer, out, reading=reading, resume="true")
    assert len(steps) == 2 * len(stages) - 2 * cut - 1
    assert list(settings["losses"]) == stages
    for stage, losses in settings["losses"].items():
        assert losses["validation"] == expected["losses"][stage]["validation"]
    assert same(weights(folder), weights(out))


def test_a_run_stopped_before_its_adapters_first_checkpoint_gives_the_same(
    corpus, tokenizer, tmp_path, monkeypatch
):
    reading = {"curve_every_steps": 1, "max_validation_records": 30}
    straight, cut = tmp_path / "straight", tmp_path / "cut"
    train(corpus, tokenizer, straight, reading=reading)
    with monkeypatch.context() as patched:
        interrupt(patched, 3)
        with pytest.raises(KeyboardInterrupt):
            train(corpus, tokenizer, cut, reading=reading)
    assert not list(cut.glob("training/adapter/checkpoint-*"))
    curve = (cut / "curve.json").rename(tmp_path / "curve.json")
    with pytest.raises(EcgByteError, match="was trained without it"):
        train(corpus, tokenizer, cut, reading=reading, resume="true")
    curve.rename(cut / "curve.json")
    train(corpus, tokenizer, cut, reading=reading, resume="true")
    assert same(weights(straight), weights(cut))
    points = [read_curve(folder / "curve.json")["points"] for folder in (straight, cut)]
    for name in ("stage", "step", "examples", "auroc", "accuracy"):
        assert [p[name] for p in points[0]] == [p[name] for p in points[1]]
    seconds = [p["seconds"] for p in points[1]]
    assert seconds == sorted(seconds)


@pytest.mark.parametrize("finished", [True, False])
def test_a_run_does_not_go_on_with_other_arguments(
    corpus, tokenizer, tmp_path, monkeypatch, finished
):
    with monkeypatch.context() as patched:
        interrupt(patched, -1 if finished else 4)
        if finished:
            train(corpus, tokenizer, tmp_path)
        else:
            with pytest.raises(KeyboardInterrupt):
                train(corpus, tokenizer, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    for change in ({"seed": 8}, {"learning_rate": 2e-3}, {"reading": {"context": 900}}):
        with pytest.raises(EcgByteError, match="was begun with other arguments") as caught:
            train(corpus, tokenizer, tmp_path, resume="true", **change)
        assert "\n" not in str(caught.value)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert train(corpus, tokenizer, tmp_path, resume="true")["seed"] == 7


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"corpus": "nowhere"}, "no such folder"),
        ({"tokenizer": "nowhere"}, "no ECG processor here"),
        ({"lora_target_modules": "nosuch"}, "no layer 'nosuch'"),
        ({"small_llama": {"nosuch": 1}}, "unknown LlamaConfig field 'nosuch'"),
        ({"question_types": ["riddle"]}, "no question of the types riddle"),
        ({"question_types": "verify"}, "must be a list"),
    ],
)
def test_a_mistake_does_not_cost_the_model_that_is_overwritten(
    whole, corpus, tokenizer, tmp_path, change, message
):
    folder, reading, _ = whole("new")
    out = shutil.copytree(folder, tmp_path / "out")
    before = {path: path.stat().st_size for path in out.rglob("*")}
    with pytest.raises(EcgByteError, match=message):
        train(corpus, tokenizer, out, reading=reading | change, overwrite=True)
    assert {path: path.stat().st_size for path in out.rglob("*")} == before


def test_a_tokenizer_of_another_unit_is_refused(corpus, tokenizer, tmp_path):
    other = shutil.copytree(corpus, tmp_path / "corpus")
    description = json.loads((other / "corpus.json").read_text())
    (other / "corpus.json").write_text(json.dumps(description | {"unit": "SD"}))
    with pytest.raises(EcgByteError, match=r"reads ECGs in mV, those of corpus .* are in SD"):
        train(other, tokenizer, tmp_path / "out")
    assert not any((tmp_path / "out").iterdir())


def test_settings_say_which_options_were_taken(whole):
    _, _, settings = whole("pretrained")
    assert settings["augmentation"]["share"] == 1.0
    assert settings["augmentation"]["window_s"] == 6.0
    assert settings["ecg_rows"] == {"spread": 1.0, "start": "waveform", "trained": True}
    assert settings["ecg_pretraining_epochs"] == 1.0
    assert settings["questions_per_sequence"] == 2
    assert settings["train_questions"] == "balanced"


def test_another_option_is_another_training(whole, corpus, tokenizer, tmp_path):
    folder, reading, _ = whole("new")
    out = shutil.copytree(folder, tmp_path / "out")
    processor = load_ecg_processor(tokenizer)
    for change in (
        {"augmentation": {"share": 0.9}},
        {"ecg_rows_start": "mean"},
        {"ecg_pretraining_learning_rate": 1e-4},
        {"train_questions": "all"},
        {"questions_per_sequence": None},
    ):
        arguments, training = tiny.arguments(corpus, tokenizer, out, reading=reading | change)
        assert read_finished(out, what_is_trained(arguments, training, processor)) is None
    arguments, training = tiny.arguments(corpus, tokenizer, out, reading=reading)
    assert read_finished(out, what_is_trained(arguments, training, processor)) is not None


@pytest.mark.parametrize(
    "change",
    [
        {"optim": "adafactor"},
        {"optim": "adamw_torch", "optim_args": "a=1"},
        {"adam_epsilon": 1e-6},
        {"eval_strategy": "steps", "eval_steps": 7},
        {"label_smoothing_factor": 0.1},
        {"lr_scheduler_kwargs": {"num_cycles": 2}},
        {"load_best_model_at_end": True, "eval_strategy": "steps", "save_steps": 3},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_optimisation_is_another_configuration(change, tmp_path):
    common = {"eval_strategy": "steps", "eval_steps": 1}
    _, one = tiny.arguments("c", "t", tmp_path, **common)
    arguments, other = tiny.arguments("c", "t", tmp_path, **common | change)
    digests = {config_digest(what_is_trained(arguments, of)) for of in (one, other)}
    assert len(digests) == 2


def test_another_number_of_processes_is_another_configuration(tmp_path, monkeypatch):
    arguments, training = tiny.arguments("c", "t", tmp_path)
    one = config_digest(what_is_trained(arguments, training))
    monkeypatch.setattr(type(training), "world_size", 2)
    assert config_digest(what_is_trained(arguments, training)) != one


def test_a_tokenizer_counts_by_what_it_is_and_not_by_where_it_lies(corpus, tokenizer, tmp_path):
    moved = shutil.copytree(tokenizer, tmp_path / "moved")
    digests = []
    for name in (str(tokenizer), str(moved), "org/of-the-hub"):
        arguments, training = tiny.arguments(corpus, name, tmp_path)
        processor = load_ecg_processor(moved)
        digests.append(config_digest(what_is_trained(arguments, training, processor)))
    assert len(set(digests)) == 1
    processor.tokenizer.add_tokens(["another"])
    assert config_digest(what_is_trained(arguments, training, processor)) != digests[0]


def test_overwriting_removes_what_the_stage_without_labels_left(whole, tmp_path):
    folder, _, _ = whole("new")
    out = shutil.copytree(folder, tmp_path / "out")
    assert (out / "training" / "ecg_pretraining" / "trained.safetensors").is_file()
    remove_output(out)
    assert not any(out.iterdir())


def test_damaged_weights_of_the_stage_without_labels_are_said_in_one_line(
    whole, corpus, tokenizer, tmp_path
):
    folder, reading, _ = whole("pretrained")
    out = shutil.copytree(folder, tmp_path / "out")
    (out / "training" / "finished.json").unlink()
    (out / "training" / "ecg_pretraining" / "trained.safetensors").write_bytes(b"8")
    with pytest.raises(EcgByteError, match=r"trained.safetensors is damaged") as caught:
        train(corpus, tokenizer, out, reading=reading, resume="true")
    assert "\n" not in str(caught.value)


def test_the_stage_without_labels_learns_ecg_tokens_and_the_blind_model_has_none(
    corpus, tokenizer, tmp_path
):
    reading = {"ecg_pretraining_epochs": 3.0, "ecg_pretraining_learning_rate": 5e-3}
    losses = train(
        corpus, tokenizer, tmp_path, max_steps=-1, num_train_epochs=0.1, blind=True, reading=reading
    )
    assert set(losses["losses"]) == {"ecg_pretraining", "base", "adapter"}
    assert losses["losses"]["ecg_pretraining"]["steps"] == 18
    assert losses["losses"]["ecg_pretraining"]["validation"] < math.log(losses["ecg_vocabulary"])
    assert set(losses["blind"]["losses"]) == {"base", "adapter"}
    assert losses["blind"]["augmentation"] is None


def test_only_balanced_questions_are_trained_on_if_told_so(corpus, tokenizer, monkeypatch):
    import ecg_byte_hf.corpora as corpora

    asked = corpora.open_questions(corpus)
    for split, rows in asked.items():
        marked = [k % 3 > 0 for k in range(len(rows))]
        if "balanced" in rows.column_names:
            rows = rows.remove_columns("balanced")
        asked[split] = rows.add_column("balanced", marked)
    monkeypatch.setattr(corpora, "open_questions", lambda folder: asked)
    counts = {}
    for which in ("all", "balanced"):
        reading = {"train_questions": which}
        arguments, _ = tiny.arguments(corpus, tokenizer, corpus / "out", reading=reading)
        counts[which] = TokenisedCorpus.open(arguments).questions
    for split in ("train", "validation"):
        every, some = counts["all"][split], counts["balanced"][split]
        assert some == [row for row in every if row["balanced"]]
        assert 0 < len(some) < len(every)


def test_questions_of_some_types_alone_are_trained_on(corpus, tokenizer):
    def questions(types):
        reading = {"question_types": types}
        arguments, _ = tiny.arguments(corpus, tokenizer, corpus / "out", reading=reading)
        return TokenisedCorpus.open(arguments).questions["train"]

    every = questions(None)
    assert questions(["verify"]) == [row for row in every if row["question_type"] == "verify"]
    assert 0 < len(questions(["verify"])) < len(every)
    with pytest.raises(EcgByteError, match="no question of the types riddle"):
        questions(["riddle"])


def test_a_type_that_the_corpus_lacks_is_named_and_the_others_are_trained_on(
    corpus, tokenizer, tmp_path, capsys
):
    reading = {"question_types": ["verify", "single-verify"], "quiet": False}
    arguments, training = tiny.arguments(corpus, tokenizer, tmp_path / "out", reading=reading)
    finetune(arguments, training)
    said = "has no questions of the type single-verify: trained without; it has choose, query, "
    assert capsys.readouterr().err.count(said) == 1


def test_one_question_a_sequence_pays_for_the_ecg_each_time(corpus, tokenizer):
    setting = Setting(corpus, tokenizer)
    asked = [len(reading.turns) for reading in setting.readings]
    assert max(asked) == 4
    for most, expected in [(None, len(asked)), (3, len(asked) + asked.count(4)), (1, sum(asked))]:
        dataset = setting.dataset(per_sequence=most)
        assert len(dataset) == expected
        features = [dataset[place] for place in range(len(dataset))]
        assert sum(int(one["segments"].max()) for one in features) == sum(asked)
