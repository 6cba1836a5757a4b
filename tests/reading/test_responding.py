"""One pass with branches against transformers, question by question."""

import math

import pytest
import torch

from ecg_byte_hf.reading import responding
from ecg_byte_hf.reading.responding import YES_NO, Ask, respond
from ecg_byte_hf.reading.sequences import Chat

from . import tiny

TEXTS = ["Is it?", "Is the rhythm regular?", "How fast is the heart? slow fast", "yes"]


@pytest.fixture(scope="module")
def reader():
    tokenizer, shift = tiny.chat_tokenizer()
    return tiny.llama(tokenizer), Chat(tokenizer), shift


def ecgs_of(shift):
    ids = {"a": range(5, 14), "b": range(7, 12), "c": range(9, 20)}
    return {name: [shift + i for i in some] for name, some in ids.items()}


def prompt_of(chat, ecgs, ask):
    shown = [ecgs[name] for name in ask.ecgs]
    before = [*chat.prefix_ids, *(chat.shared_ids(shown) if shown else ())]
    return torch.tensor([[*before, *chat.question_ids(ask.question)]])


@pytest.mark.parametrize("candidates", [(), YES_NO, ("slow", "fast", "yes")])
def test_answers_are_those_of_transformers_one_by_one(reader, candidates, monkeypatch):
    model, chat, shift = reader
    monkeypatch.setattr(responding, "_TAIL_TOKENS", 40)
    ecgs = ecgs_of(shift)
    shown = [("a",), ("b",), ("c", "a"), ()]
    asks = [Ask(ecg, text, candidates, longest=6) for ecg in shown for text in TEXTS]
    # A tokenizer's ids as the true answer for some: a greedy answer within the tree.
    done = []
    responses = respond(model, chat, ecgs, [*asks, *asks], lambda: done.append(1))
    assert len(done) == len(asks) == len(responses)
    for ask in asks:
        ids = prompt_of(chat, ecgs, ask)
        alone = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=6,
            eos_token_id=sorted(chat.end_ids),
        )[0, ids.shape[1] :]
        text = chat.tokenizer.decode(alone, skip_special_tokens=True).strip()
        assert responses[ask].text == text
        # The same answer, given as a candidate, is found without generating.
        if text:
            known = Ask(ask.ecgs, ask.question, (text,), longest=6)
            assert respond(model, chat, ecgs, [known])[known].text == text


def test_the_probability_of_yes_is_that_of_the_whole_answer(reader):
    model, chat, shift = reader
    ecgs = ecgs_of(shift)
    # "yes" is one token to this tokenizer, "no" several or one: whatever it is, all of them count.
    asks = [Ask(("a",), TEXTS[1], YES_NO), Ask((), TEXTS[0], YES_NO, greedy=False)]
    responses = respond(model, chat, ecgs, asks)
    for ask in asks:
        total = {}
        for answer in YES_NO:
            prompt = prompt_of(chat, ecgs, ask)[0].tolist()
            answer_ids = list(chat.answer_ids(answer))
            with torch.no_grad():
                logits = model(torch.tensor([[*prompt, *answer_ids]])).logits[0].double()
            log_p = logits.log_softmax(-1)
            total[answer] = sum(
                float(log_p[len(prompt) + i - 1, token]) for i, token in enumerate(answer_ids)
            )
        expected = 1 / (1 + math.exp(total["no"] - total["yes"]))
        assert responses[ask].p_yes == pytest.approx(expected, rel=1e-4)
    assert responses[asks[1]].text is None
    assert not math.isclose(responses[asks[0]].p_yes, responses[asks[1]].p_yes, rel_tol=1e-3)


def test_one_question_has_one_probability_whatever_shares_the_pass(reader, monkeypatch):
    model, chat, shift = reader
    monkeypatch.setattr(responding, "_TAIL_TOKENS", 40)
    asks = [
        Ask(ecgs, TEXTS[0], candidates, greedy=greedy, longest=longest)
        for ecgs in ((), ("a",), ("c", "a"))
        for candidates in (YES_NO, (*YES_NO, "not sure"))
        for greedy in (True, False)
        for longest in (3, 6)
    ]
    others = [Ask(("b",), text, YES_NO) for text in TEXTS]
    responses = respond(model, chat, ecgs_of(shift), [*asks, *others])
    for ecgs in ((), ("a",), ("c", "a")):
        assert len({responses[ask].p_yes for ask in asks if ask.ecgs == ecgs}) == 1


def test_answers_that_begin_alike_are_told_apart_by_what_follows(reader):
    """A tokenizer of bytes: "yes" and "no" are several tokens each, and their ends differ."""
    model, chat, shift = reader
    ids = {answer: chat.answer_ids(answer) for answer in ("slow", "slowly")}
    assert ids["slow"][0] == ids["slowly"][0]
    asks = [Ask(("a",), TEXTS[0], ("slow", "slowly"), longest=6)]
    response = respond(model, chat, ecgs_of(shift), asks)[asks[0]]
    assert response.p_yes is None
    assert response.text is not None
