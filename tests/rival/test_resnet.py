"""The ResNet: shapes, files, what it learns, how it is measured."""

import json

import numpy as np
import pytest
import torch

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.rival import resnet_evaluation
from ecg_byte_hf.rival.labelled_ecgs import LabelledEcgs, corpus_format, read_ecgs
from ecg_byte_hf.rival.resnet import EcgResNet, EcgResNetConfig, load_resnet
from ecg_byte_hf.rival.resnet_evaluation import best_thresholds, evaluate_resnet
from ecg_byte_hf.rival.resnet_output import read_cost
from ecg_byte_hf.rival.resnet_training import (
    ResNetBudget,
    contrastive_loss,
    probabilities,
    train_resnet,
)
from ecg_byte_hf.rival.variation import obscured, varied


def test_ten_seconds_become_32_columns_and_the_logits_of_the_classes():
    model = EcgResNet(EcgResNetConfig(classes=("a", "b", "c"))).eval()
    signals = torch.randn(2, 12, 1000)
    assert model.features(signals).shape == (2, 128, 32)
    assert model(signals).shape == (2, 3)
    assert 0.35e6 < sum(p.numel() for p in model.parameters()) < 0.45e6


def test_a_saved_resnet_gives_the_same_logits(encoder, tmp_path):
    model = load_resnet(encoder)
    signals = torch.randn(2, 12, model.config.samples)
    model.save_pretrained(tmp_path)
    again = load_resnet(tmp_path)
    assert torch.equal(model(signals), again(signals))
    assert again.config.thresholds == model.config.thresholds != []


def test_what_is_no_resnet_is_refused_in_one_line(tmp_path, public_base, caplog):
    for folder in (tmp_path, tmp_path / "missing", public_base):
        with pytest.raises(EcgByteError, match="holds no ResNet") as caught:
            load_resnet(folder)
        assert "\n" not in str(caught.value)
    # transformers would warn of another type of model.
    assert not caplog.records


def waves(ecgs: int, seed: int = 0) -> LabelledEcgs:
    """ECGs of which every second has waves of 3 Hz and not of 9; the second label is unknown."""
    rng = np.random.default_rng(seed)
    labels = np.full((ecgs, 2), np.nan, dtype=np.float32)
    labels[:, 0] = np.arange(ecgs) % 2
    time_s = np.arange(200) / 100
    signals = rng.normal(0, 0.3, (ecgs, 12, 200))
    for signal, truth in zip(signals, labels[:, 0], strict=True):
        signal += np.sin(2 * np.pi * (3 if truth else 9) * time_s + rng.uniform(0, 6))
    names = [str(number) for number in range(ecgs)]
    return LabelledEcgs(names, names, signals.astype(np.float16), labels)


@pytest.fixture
def two_classes(monkeypatch):
    """Training takes waves for a corpus's ECGs, its classes being the first two of them."""
    from ecg_byte_hf.corpora.question_balance import Attribute, Statement
    from ecg_byte_hf.rival import resnet_training

    statements = tuple(Statement(name, name, (f"{name}?",)) for name in ("slow", "else"))
    monkeypatch.setattr(
        resnet_training, "corpus_attribute", lambda corpus: Attribute("waves", statements)
    )


def test_it_learns_and_the_same_seed_gives_the_same_weights(corpus, two_classes):
    form = corpus_format(corpus)
    budget = ResNetBudget(epochs=8, batch=16)
    model, cost = train_resnet(waves(64), corpus, form, budget, quiet=True)
    unseen = waves(32, seed=1)
    found = probabilities(model, unseen)[:, 0] > 0.5
    assert (found.numpy() == unseen.labels[:, 0]).mean() > 0.9
    assert cost.examples == 8 * 64
    again, _ = train_resnet(waves(64), corpus, form, budget, quiet=True)
    assert torch.equal(probabilities(model, unseen), probabilities(again, unseen))


def test_without_labels_no_label_touches_the_feature_map(corpus, two_classes):
    form = corpus_format(corpus)
    budget = ResNetBudget(epochs=2, contrastive_epochs=2, batch=8, contrastive_batch=16)
    ecgs = waves(32)
    other = LabelledEcgs(ecgs.record_ids, ecgs.patient_ids, ecgs.signals, 1 - ecgs.labels)
    trained = [
        train_resnet(one, corpus, form, budget, pretraining="contrastive", quiet=True)[0]
        for one in (ecgs, other)
    ]
    signals = torch.from_numpy(ecgs.signals).float()
    assert torch.equal(*(model.features(signals) for model in trained))
    assert not torch.equal(*(model(signals) for model in trained))


def test_contrastive_loss_is_low_where_views_of_an_ecg_are_alike():
    torch.manual_seed(0)
    views = torch.randn(8, 16)
    alike = torch.cat([views, views + 0.01 * torch.randn(8, 16)])
    mixed = torch.cat([views, views.roll(1, dims=0)])
    assert contrastive_loss(alike) < 0.1 < 1 < contrastive_loss(mixed)


def test_variants_are_turned_and_scaled_and_views_lack_parts():
    signals = torch.arange(100.0).expand(3, 12, 100) + 1
    turned = varied(signals, torch.Generator().manual_seed(0), gain=0.0, lead_gain=0.0)
    assert torch.equal(turned.sort(dim=-1).values, signals)
    assert not torch.equal(turned, signals)
    view = obscured(signals, torch.Generator().manual_seed(0))
    assert bool((view == 0).any())
    assert bool((view != 0).any(dim=(1, 2)).all())


def test_thresholds_part_the_classes_where_they_can_be_parted():
    found = np.array([[0.1, 0.3], [0.2, 0.9], [0.6, 0.8], [0.7, 0.7]], dtype=np.float32)
    labels = np.array([[0, 1], [0, 1], [1, np.nan], [1, 1]], dtype=np.float32)
    first, second = best_thresholds(found, labels)
    assert 0.2 < first < 0.6
    assert second == 0.5


def test_a_perfect_resnet_is_right_about_every_question_and_a_reversed_one_about_none(
    encoder, corpus, monkeypatch
):
    model = load_resnet(encoder)
    model.config.thresholds = [0.5] * len(model.config.classes)
    for right in (True, False):

        def truth(model, ecgs, right=right):
            known = torch.from_numpy(np.nan_to_num(ecgs.labels))
            return 0.1 + 0.8 * (known if right else 1 - known)

        monkeypatch.setattr(resnet_evaluation, "probabilities", truth)
        result = evaluate_resnet(model, corpus, "train", quiet=True)
        assert result["accuracy"]["overall"] == float(right)
        assert result["accuracy"]["n"] > 3
        assert result["balanced_accuracy"]["macro"] == float(right)
        assert result["yes_no"]["macro"]["rhythm"]["auroc"] == float(right)


def test_its_result_holds_what_a_llamas_result_holds(encoder, corpus):
    result = evaluate_resnet(load_resnet(encoder), corpus, quiet=True)
    json.dumps(result, allow_nan=False)
    assert result["settings"]["split"] == "validation"
    assert set(result["settings"]["thresholds"]) == set(load_resnet(encoder).config.classes)
    assert read_cost(encoder).examples > 0
    with pytest.raises(EcgByteError, match="no split 'other'"):
        evaluate_resnet(load_resnet(encoder), corpus, "other", quiet=True)


def test_a_corpus_with_other_classes_is_refused(encoder, corpus):
    model = load_resnet(encoder)
    model.config.classes = [*model.config.classes[::-1]]
    with pytest.raises(EcgByteError, match=r"which are not what corpus .* is labelled with"):
        evaluate_resnet(model, corpus, quiet=True)


def test_signals_are_cleaned_at_the_rate_and_length_of_the_resnet(corpus):
    form = corpus_format(corpus, sampling_rate=50.0)
    ecgs = read_ecgs(corpus, "validation", form, limit=2, quiet=True)
    assert ecgs.signals.shape == (2, 12, 500)
    assert form.cleaned
    assert abs(float(ecgs.signals.astype(np.float32).mean())) < 0.02
    assert ecgs.labels.sum() == 2
