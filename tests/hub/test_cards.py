"""Cards: filled from files that runs wrote, valid offline and before the Hub's own check."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from huggingface_hub import DatasetCard, ModelCard
from safetensors.numpy import save_file

from ecg_byte_hf import EcgByteError, EcgByteProcessor
from ecg_byte_hf.bundled import FOLDER
from ecg_byte_hf.corpora.summary import dataset_card
from ecg_byte_hf.fidelity.report import report
from ecg_byte_hf.hub.cards import card_metadata, check_card, fill_card
from ecg_byte_hf.hub.folders import check_tokenizer_folder
from ecg_byte_hf.hub.metric_card import metric_card
from ecg_byte_hf.hub.model_card import MARKER, refresh_model_card
from ecg_byte_hf.hub.tokenizer_card import folder_sha256, write_tokenizer_card
from ecg_byte_hf.hub_code import repository_card
from ecg_byte_hf.hub_code.fingerprint import processor_sha256, tokenizer_sha256
from ecg_byte_hf.hub_code.licences import hub_licence
from ecg_byte_hf.metrics import ECG_QA_FOLDER
from ecg_byte_hf.shipped import shipped_file
from tests.small_tokenizer import small_processor

from .finished_folders import READING


def scores(overall):
    return {
        "overall": overall,
        "per_type": {"choose": overall, "verify": overall / 2},
        "n": 40,
        "counts": {"choose": 20, "verify": 20},
    }


EVALUATION = {
    "accuracy": scores(0.8125),
    "blind": scores(0.5),
    "blackout": scores(0.4),
    "shuffled": None,
    "majority": scores(0.45),
    "not_made": {"shuffled": "one patient alone"},
    "settings": {"split": "test", "records": 10, "questions": 40},
}


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "reading.json").write_text(json.dumps(READING))
    (folder / "evaluation-test.json").write_text(json.dumps(EVALUATION))
    (folder / "adapter_config.json").write_text("{}")
    (folder / "ecg.png").write_bytes(b"png")
    matrix = np.zeros((1000, 3), np.float32)
    save_file({"a": matrix, "b": matrix[:10]}, folder / "adapter_model.safetensors")
    return folder


def test_a_tokenizers_card_says_what_was_measured(hub, made, tokenizer):
    card = ModelCard.load(tokenizer / "README.md")
    measured = report(tokenizer, made / "corpus", "test", quiet=True)
    results = {result.metric_type: result for result in card.data.eval_results}
    assert set(results) > {"tokens_mean", "rmse_uV", "prd_median"}
    for name, result in results.items():
        assert result.metric_value == pytest.approx(measured["overall"][name], abs=1e-3)
        assert (result.dataset_type, result.dataset_split) == ("simulation", "test")
    for lead, values in measured["per_lead"].items():
        assert f"| {lead} | {values['rmse_uV']:,.1f} | {values['prd_median']:,.1f} |" in card.text
    assert card.data.license == "mit"
    processor = EcgByteProcessor.from_pretrained(tokenizer)
    assert card.data.tokenizer_sha256 == folder_sha256(tokenizer) == processor_sha256(processor)
    corpus = json.loads((made / "corpus" / "corpus.json").read_text())
    assert f"{corpus['splits']['train']['rows']} ECGs of" in card.text
    assert corpus["attribution"] in card.text
    assert "Not a medical device" in card.text
    assert str(made) not in (tokenizer / "fidelity.json").read_text()
    card.validate()


def test_pictures_in_the_folder_are_on_the_card(tokenizer):
    (tokenizer / "ecg.png").write_bytes(b"png")
    write_tokenizer_card(tokenizer)
    assert "![ecg.png](ecg.png)" in (tokenizer / "README.md").read_text()


def test_the_report_of_another_tokenizer_is_refused(made, tokenizer, tmp_path):
    measured = json.loads((tokenizer / "fidelity.json").read_text())
    other = tmp_path / "other"
    small_processor().save_pretrained(other)
    with pytest.raises(EcgByteError, match="is of another tokenizer"):
        write_tokenizer_card(other, measured)
    with pytest.raises(EcgByteError, match="no report"):
        write_tokenizer_card(other, {"settings": {}})
    # Left over from the tokenizer that was in this folder before.
    shutil.copyfile(tokenizer / "fidelity.json", other / "fidelity.json")
    write_tokenizer_card(other)
    assert not (other / "fidelity.json").exists()
    assert "## Fidelity" not in (other / "README.md").read_text()


def test_a_tokenizer_of_unknown_origin_has_a_card_too(hub, tmp_path):
    small_processor("beat").save_pretrained(tmp_path)
    write_tokenizer_card(tmp_path)
    card = ModelCard.load(tmp_path / "README.md")
    assert "Not said" in card.text
    assert card.data.license is None
    card.validate()


def test_the_hash_is_of_what_decides_the_ids():
    extractor = {"preset": "compact", "codec": {"step": 0.3}, "auto_map": {"A": "b.C"}}
    model = {"vocab": {"a": 0, "b": 1, "ab": 2}, "merges": [["a", "b"]]}
    tokenizer = {"model": model, "added_tokens": [{"id": 3, "content": "<|x|>"}]}
    first = tokenizer_sha256(extractor, tokenizer)
    written_otherwise = {**model, "merges": ["a b"]}
    assert (
        tokenizer_sha256(extractor | {"auto_map": None}, tokenizer | {"model": written_otherwise})
        == first
    )
    for changed in (
        (extractor | {"codec": {"step": 0.4}}, tokenizer),
        (extractor, tokenizer | {"model": {**model, "merges": []}}),
        (extractor, tokenizer | {"model": {**model, "vocab": {"a": 1, "b": 0, "ab": 2}}}),
        (extractor, tokenizer | {"added_tokens": [{"id": 3, "content": "<|y|>"}]}),
    ):
        assert tokenizer_sha256(*changed) != first


def test_a_models_card_says_accuracy_and_controls(hub, model):
    refresh_model_card(model)
    card = ModelCard.load(model / "README.md")
    assert [result.metric_value for result in card.data.eval_results] == [0.8125, 0.5, 0.4, 0.45]
    assert {result.dataset_split for result in card.data.eval_results} == {"test"}
    assert "| accuracy | 81.2 | 81.2 | 40.6 |" in card.text
    assert "| shuffled | - | - | - |" in card.text
    assert (card.data.base_model, card.data.license) == ("org/base", "cc-by-4.0")
    assert "| ECGs | 60 | 15 |" in card.text
    assert "A LoRA adapter of 3,030 parameters on org/base" in card.text
    assert "![ecg.png](ecg.png)" in card.text
    assert "Not a medical device" in card.text
    card.validate()
    assert "loss on the answers." in card.text
    (model / "adapter_config.json").unlink()
    (model / "reading.json").write_text(json.dumps(READING | {"ecg_loss_weight": 0.15}))
    refresh_model_card(model)
    merged = (model / "README.md").read_text()
    assert "merged into it" in merged
    assert "loss on the answers and, 0.15 times, on the next ECG token." in merged
    (model / "reading.json").write_text(json.dumps(READING | {"base": "/home/me/llama"}))
    refresh_model_card(model)
    assert "/home/me" not in (model / "README.md").read_text()
    (model / "reading.json").write_text(json.dumps(READING | {"ecg_tokens_mean": None}))
    refresh_model_card(model)
    assert "an ECG on average" not in (model / "README.md").read_text()
    assert "questions.txt" not in (model / "README.md").read_text()
    (model / "questions.txt").write_text("Is it wide?\nIs it fast?\n")
    refresh_model_card(model)
    card = (model / "README.md").read_text()
    assert 'ask RECORD "Is it wide?" --model' in card
    assert "`questions.txt` has the questions" in card


def test_a_models_card_says_how_sure_the_measurement_is(hub, model):
    found = {"auroc": 0.91, "interval": [0.88, 0.94]}
    auroc = {
        "macro": {"superclass": found | {"values": ["MI", "NORM"]}},
        "findings": {"superclass/MI": found | {"yes": 12, "no": 28}},
    }
    intervals = {"interval": [0.7, 0.9], "per_type_interval": {"choose": [0.6, 1.0]}}
    above = {"overall": 0.3125, "interval": [0.2, 0.4]}
    report = {"bleu": 0.2, "rouge_l": 0.4, "meteor": 0.3, "n": 7}
    own = scores(0.8125) | intervals | {"auroc": auroc, "above_blind": above}
    measured = EVALUATION | {
        "accuracy": own | {"reports": {"report": report}},
        "not_made": {"shuffled": "/home/me/model holds one patient alone"},
    }
    (model / "evaluation-test.json").write_text(json.dumps(measured))
    refresh_model_card(model)
    card = ModelCard.load(model / "README.md")
    assert "| accuracy | 81.2 (70.0 to 90.0) | 81.2 (60.0 to 100.0) | 40.6 |" in card.text
    assert "Above `blind`: 31.2 (20.0 to 40.0) points." in card.text
    assert "| **superclass, mean of 2** |  | 0.910 (0.880 to 0.940) |" in card.text
    assert "| superclass/MI | 12 / 28 | 0.910 (0.880 to 0.940) |" in card.text
    assert "own ECG BLEU-4 0.200" in card.text
    assert "Not made: shuffled." in card.text
    assert "/home/me" not in card.text
    areas = [one for one in card.data.eval_results if one.metric_type == "roc_auc"]
    assert [one.metric_value for one in areas] == [0.91]
    assert areas[0].metric_args == {"interval_95": [0.88, 0.94], "over": "patients"}
    card.validate()


def test_words_of_somebodys_own_stay_on_a_models_card(model):
    refresh_model_card(model)
    path = model / "README.md"
    mine = path.read_text().replace(MARKER, "My own words.")
    path.write_text(mine)
    refresh_model_card(model)
    assert path.read_text() == mine
    path.write_text("---\nlibrary_name: peft\n---\n\n# Model Card for Model ID\n")
    refresh_model_card(model)
    assert MARKER in path.read_text()


def test_a_models_folder_of_another_version_is_said_so(model):
    (model / "reading.json").write_text("{}")
    with pytest.raises(EcgByteError, match="of another version"):
        refresh_model_card(model)


def test_a_corpus_card_carries_the_licence(hub, made):
    description = json.loads((made / "corpus" / "corpus.json").read_text())
    for licence, fields in (
        ("cc-by-4.0", {"license": "cc-by-4.0"}),
        ("ODC BY 1.0", {"license": "other", "license_name": "odc-by-1.0"}),
        ("PhysioNet Credentialed Health Data License 1.5.0", None),
    ):
        card = DatasetCard(dataset_card(description | {"licence": licence}))
        found = card.data.to_dict()
        expected = fields or hub_licence(licence)
        assert {name: found[name] for name in expected} == expected
        assert licence in card.text
        card.validate()
    assert "# (12, samples), mV" in card.text
    normalised = dataset_card(description | {"unit": "SD"})
    assert "# (12, samples), SD" in normalised
    assert "mV" not in normalised.replace("signal_mV", "")
    names = [config["config_name"] for config in found["configs"]]
    assert names == ["ecg", "questions"]


def test_a_card_with_a_gap_or_bad_metadata_is_refused(tmp_path):
    from huggingface_hub import ModelCardData

    with pytest.raises(EcgByteError, match="nothing is given for adapter, asked, base"):
        fill_card("model_card.md", ModelCardData())
    for text, why in (
        ("# No metadata", "no metadata"),
        ("---\na: [\n---\n", "no valid card"),
        ("---\nmodel-index:\n- name: x\n  results: [1]\n---\n", "no valid card"),
    ):
        with pytest.raises(EcgByteError, match=why):
            check_card(text, "README.md")
        (tmp_path / "README.md").write_text(text)
    with pytest.raises(EcgByteError, match="no valid card"):
        card_metadata(tmp_path / "README.md")


@pytest.mark.parametrize(
    "name",
    ["tokenizer_card.md", "imported_tokenizer_card.md", "dataset_card.md", "model_card.md"],
)
def test_every_template_is_shipped_and_says_what_it_is_not_for(name):
    text = " ".join(shipped_file(f"hub_cards/{name}").read_text(encoding="utf-8").split())
    assert text.startswith("--- {{ card_data }} ---")
    assert "Intended use" in text
    assert "diagnos" in text
    if name.startswith("imported"):
        return
    assert "icence of the recordings: {{" in text


def test_a_metrics_card_says_what_its_module_says(hub):
    text = metric_card(ECG_QA_FOLDER)
    card = ModelCard(text)
    for said in ("rouge-score sacrebleu", "oh2023ecgqa", "question_types (list of str, optional)"):
        assert said in text
    assert card.data.to_dict()["sdk"] == "static"
    assert card.data.license == "mit"
    card.validate(repo_type="space")


def test_the_bundled_tokenizer_saved_has_the_figures_of_the_bundled_one(tmp_path):
    EcgByteProcessor.from_bundled("ptb-xl").save_pretrained(tmp_path)
    write_tokenizer_card(tmp_path)
    card = (tmp_path / "README.md").read_text()
    assert card == (FOLDER / "ptb-xl" / "README.md").read_text()
    assert "## Fidelity" in card
    assert (tmp_path / "fidelity.json").is_file()


def pushed_card(hub, name="org/by-class"):
    return hub.store.files("model", name)["README.md"].decode()


def test_push_to_hub_has_our_card_and_keeps_anybodys_own(hub, tokenizer):
    processor = EcgByteProcessor.from_pretrained(tokenizer)
    processor.push_to_hub("org/by-class", tags=["mine"])
    card = pushed_card(hub)
    assert "More Information" not in card
    assert 'from_pretrained("org/by-class"' in card
    assert f"tokenizer_sha256: {processor_sha256(processor)}" in card
    assert ModelCard(card).data.tags[:2] == ["mine", "ecg"]
    assert "tokens.png" in hub.store.files("model", "org/by-class")
    own = card.replace("## Use", "## My own words")
    hub.store.put("model", "org/by-class", "README.md", own.encode())
    processor.push_to_hub("org/by-class")
    assert "## My own words" in pushed_card(hub)
    small_processor().push_to_hub("org/by-class")
    assert f"tokenizer_sha256: {processor_sha256(small_processor())}" in pushed_card(hub)


def test_code_that_travelled_writes_a_short_card(hub, tokenizer, monkeypatch, tmp_path):
    monkeypatch.setattr(repository_card, "full_card", None)
    processor = EcgByteProcessor.from_pretrained(tokenizer)
    processor.save_pretrained(tmp_path / "saved", push_to_hub=True, repo_id="org/by-class")
    card = ModelCard(pushed_card(hub))
    assert "More Information" not in card.content
    assert (card.data.library_name, card.data.license) == ("transformers", "mit")
    assert {"ecg", "ecg-byte"} <= set(card.data.tags)
    assert card.data.tokenizer_sha256 == processor_sha256(processor)
    assert "Not a medical device" in card.text
    card.validate()
    # `ecg-byte push` takes a folder with it.
    (tokenizer / "README.md").write_text(card.content)
    check_tokenizer_folder(tokenizer)


def test_push_to_hub_refuses_what_may_not_be_shared(hub, tokenizer):
    processor = EcgByteProcessor.from_pretrained(tokenizer)
    corpus = processor.tokenizer.init_kwargs["training"]["corpus"]
    corpus["licence"] = "PhysioNet Restricted Health Data License 1.5.0"
    with pytest.raises(EcgByteError, match="forbids sharing"):
        processor.push_to_hub("org/by-class")
    assert hub.faults.requests == []
