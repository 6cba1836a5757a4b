"""Ids beyond a Llama's vocabulary are the features of the right ECG, and gradients go where they
should."""

import numpy as np
import pytest
import torch

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.rival.labelled_ecgs import EcgSignals
from ecg_byte_hf.rival.projection import Projector, load_projector, put_in, save_projector
from ecg_byte_hf.rival.resnet import EcgResNet, EcgResNetConfig
from tests.reading import tiny

COLUMNS = 4


def ecgs(count: int, seed: int = 0) -> EcgSignals:
    rng = np.random.default_rng(seed)
    names = [f"r{seed}-{number}" for number in range(count)]
    return EcgSignals(names, names, rng.normal(0, 1, (count, 12, 250)).astype(np.float16))


def joined(tied: bool = True, **more):
    """A tiny Llama with an encoder in its embedding, holding five ECGs; and their ids."""
    tokenizer, _ = tiny.chat_tokenizer()
    model = tiny.llama(tokenizer, tied=tied)
    torch.manual_seed(1)
    encoder = EcgResNet(EcgResNetConfig(classes=("a",), widths=(8, 8))).eval()
    encoder.requires_grad_(bool(more.get("train_encoder")))
    projector = Projector(8, model.config.hidden_size)
    embedding = put_in(model, encoder, projector, first_id=len(tokenizer), columns=COLUMNS, **more)
    return model.eval(), embedding, embedding.show([ecgs(3), ecgs(2, seed=1)])


def test_ids_are_the_columns_of_their_own_ecg_and_text_stays_as_it_was():
    model, embedding, ids = joined()
    signals = [*ecgs(3).signals, *ecgs(2, seed=1).signals]
    assert list(ids) == ["r0-0", "r0-1", "r0-2", "r1-0", "r1-1"]
    assert len({i for one in ids.values() for i in one}) == 5 * COLUMNS
    with torch.no_grad():
        for name, signal in zip(ids, signals, strict=True):
            own = embedding.feature_map(torch.from_numpy(signal)[None].float())
            text = torch.tensor([[5, 7]])
            # In any order among text, and twice.
            mixed = torch.tensor([[5, *reversed(ids[name]), 7, *ids[name]]])
            out = embedding(mixed)[0]
            vectors = embedding.projector(own)[0].T
            assert torch.allclose(out[1 : COLUMNS + 1], vectors.flip(0), atol=1e-5)
            assert torch.allclose(out[COLUMNS + 2 :], vectors, atol=1e-5)
            assert torch.equal(out[[0, COLUMNS + 1]], model.lm_head.weight[text[0]])


def test_zeros_have_ids_of_their_own_below_the_end():
    _, embedding, ids = joined()
    flat = embedding.flat_ids
    assert embedding.end_id == flat[-1] + 1 == max(max(one) for one in ids.values()) + 1 + COLUMNS
    with torch.no_grad():
        zeros = embedding.feature_map(torch.zeros(1, 12, 250))
        assert torch.allclose(embedding(torch.tensor([flat]))[0], embedding.projector(zeros)[0].T)


def test_ecgs_shown_later_take_the_place_of_those_before():
    _, embedding, ids = joined()
    before = embedding(torch.tensor([ids["r0-0"]]))
    later = embedding.show([ecgs(1, seed=2)])
    assert later["r2-0"] == ids["r0-0"]
    assert not torch.allclose(embedding(torch.tensor([later["r2-0"]])), before, atol=1e-3)


@pytest.mark.parametrize("train_encoder", [False, True])
def test_gradients_reach_the_projector_and_the_encoder_only_if_it_is_trained(train_encoder):
    model, embedding, ids = joined(train_encoder=train_encoder)
    statistics = embedding.encoder.stem[1].running_mean.clone()
    model.train()
    model(input_ids=torch.tensor([[5, *ids["r0-1"], 6]])).logits[:, -1].sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in projector_weights(embedding))
    reached = [p.grad is not None for p in feature_weights(embedding)]
    assert reached == [train_encoder] * len(reached)
    assert torch.equal(embedding.encoder.stem[1].running_mean, statistics) is not train_encoder


def feature_weights(embedding):
    encoder = embedding.encoder
    return [*encoder.stem.parameters(), *encoder.blocks.parameters()]


def projector_weights(embedding):
    return list(embedding.projector.parameters())


def test_only_training_varies_ecgs_and_only_if_asked():
    for vary in (False, True):
        model, embedding, ids = joined(vary=vary)
        batch = torch.tensor([ids["r0-0"]])
        plain = embedding(batch)
        assert torch.equal(embedding(batch), plain)
        model.train()
        assert torch.equal(embedding(batch), plain) is not vary


def test_a_tied_output_layer_stays_tied_and_has_no_ecgs(tmp_path):
    model, embedding, _ = joined(tied=True)
    assert model.lm_head.weight is embedding.weight
    assert model(input_ids=torch.tensor([[1, 2]])).logits.shape[-1] == len(embedding.weight)


def test_the_projector_starts_with_vectors_as_large_as_the_llamas(tmp_path):
    _, embedding, ids = joined()
    signals = torch.from_numpy(ecgs(3).signals).float()
    with torch.no_grad():
        embedding.projector.fit(embedding.feature_map(signals), embedding.weight)
        of_ecg = embedding(torch.tensor([[i for n in range(3) for i in ids[f"r0-{n}"]]]))
    assert torch.isclose(of_ecg.square().mean(), embedding.weight.square().mean(), rtol=1e-3)
    save_projector(embedding.projector, tmp_path)
    again = load_projector(tmp_path)
    features = torch.randn(2, 8, COLUMNS)
    assert torch.equal(again(features), embedding.projector(features))


def test_a_damaged_projector_is_named(tmp_path):
    (tmp_path / "projector.safetensors").write_bytes(b"nothing")
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(EcgByteError, match=r"projector\.safetensors is missing or damaged"):
            load_projector(folder)
