import numpy as np
import pytest
import torch

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.reading.batches import collate
from ecg_byte_hf.reading.model import train_text_tokenizer
from ecg_byte_hf.reading.sequences import (
    IGNORED,
    Chat,
    build_readings,
    pack,
    say_left_out,
)
from ecg_byte_hf.reading.vocabulary import add_ecg_tokens

from . import tiny
from .prompts import assert_same_prompt

# What real models do with list content: SmolLM2 concatenates (and raises), Llama 3.2 prints.
SMOLLM2 = (
    "{% for m in messages %}{% if loop.first and m['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are helpful<|im_end|>\n' }}{% endif %}"
    "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA_3_2 = (
    "{% if not date_string is defined %}{{ raise_exception('today') }}{% endif %}"
    "{% for m in messages %}"
    "{{ '<|start|>' + m['role'] + '\n\n' + m['content'] | trim + '<|eot|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|start|>assistant\n\n' }}{% endif %}"
)


@pytest.fixture(scope="module")
def chat():
    return Chat(tiny.chat_tokenizer()[0])


def templated(template):
    tokenizer = train_text_tokenizer(tiny.TEXTS, 300)
    specials = ["<|im_start|>", "<|im_end|>", "<|start|>", "<|eot|>"]
    tokenizer.add_tokens(specials, special_tokens=True)
    tokenizer.chat_template = template
    shift = add_ecg_tokens(tokenizer, tiny.ecg_tokenizer(), tiny.MARKERS)
    return Chat(tokenizer), shift


@pytest.mark.parametrize("template", [SMOLLM2, LLAMA_3_2])
def test_pieces_around_the_ecg_are_the_whole_template(template):
    chat, shift = templated(template)
    text = "Is the rhythm regular?"
    expected = chat.tokenizer.apply_chat_template(
        [
            {"role": "user", "content": f"<|ecg|>\n{text}"},
            {"role": "assistant", "content": "yes"},
        ],
        tokenize=False,
        date_string="26 Jul 2024",
    )
    ids = [*chat.prefix_ids, shift + 1, *chat.question_ids(text), *chat.answer_ids("yes")]
    assert chat.tokenizer.decode(ids) == expected
    assert chat.answer_ids("yes")[-1] in chat.end_ids or "\n" in template[-60:]
    assert chat.end_ids & set(chat.answer_ids("yes"))


@pytest.mark.parametrize("template", [None, SMOLLM2, LLAMA_3_2])
def test_the_processors_prompt_is_the_trained_one_id_for_id(template):
    tokenizer = train_text_tokenizer(tiny.TEXTS, 300)
    if template is not None:
        specials = ["<|im_start|>", "<|im_end|>", "<|start|>", "<|eot|>"]
        tokenizer.add_tokens(specials, special_tokens=True)
        tokenizer.chat_template = template
    assert_same_prompt(tokenizer)


def test_labels_are_the_answers_alone_and_positions_start_over_for_each_question(chat):
    ecg = range(len(chat.tokenizer) - 10, len(chat.tokenizer))
    rows = [
        tiny.question("a", "Is the rhythm regular?", "yes"),
        tiny.question("a", "How fast is the heart?", "slow"),
    ]
    (reading,), left_out = build_readings({"a": list(ecg)}, rows, chat, context=tiny.CONTEXT)
    (packed,) = pack(reading, chat, context=tiny.CONTEXT)
    assert str(left_out) == "none"
    labels = packed["labels"]
    labelled = labels[labels != IGNORED]
    assert list(labelled) == [*chat.answer_ids("yes"), *chat.answer_ids("slow")]
    assert np.array_equal(packed["input_ids"][labels != IGNORED], labelled)
    shared = len(chat.prefix_ids) + 10
    for segment in (1, 2):
        positions = packed["position_ids"][packed["segments"] == segment]
        assert list(positions) == list(range(shared, shared + len(positions)))
    (with_ecg,) = pack(reading, chat, context=tiny.CONTEXT, ecg_labels=True)
    assert list(with_ecg["labels"][len(chat.prefix_ids) : shared]) == list(ecg)


def test_packed_questions_get_the_logits_of_each_question_asked_alone(chat):
    model = tiny.llama(chat.tokenizer)
    ecg = list(range(len(chat.tokenizer) - 12, len(chat.tokenizer)))
    texts = ["Is the rhythm regular?", "How fast is the heart?", "no yes slow"]
    rows = [tiny.question("a", text, "slow") for text in texts]
    rows += [tiny.question("b", texts[0], "no")]
    ecgs = {"a": ecg, "b": ecg[:4]}
    readings, _ = build_readings(ecgs, rows, chat, context=tiny.CONTEXT)
    packed = [p for r in readings for p in pack(r, chat, context=tiny.CONTEXT)]
    batch = collate(packed, pad_id=0)
    labels = batch.pop("labels")
    with torch.no_grad():
        together = model(**batch).logits[0]
        segments = torch.from_numpy(packed[0]["segments"])
        for segment, text in enumerate(texts, start=1):
            ids = [*chat.prefix_ids, *ecg, *chat.question_ids(text), *chat.answer_ids("slow")]
            alone = model(torch.tensor([ids])).logits[0]
            own = together[: len(segments)][segments == segment]
            torch.testing.assert_close(own, alone[-len(own) :], atol=1e-5, rtol=1e-4)
    assert (labels[1, len(packed[1]["input_ids"]) :] == IGNORED).all()


def test_questions_that_do_not_fit_share_the_ecg_in_several_sequences(chat):
    ecg = list(range(len(chat.tokenizer) - 20, len(chat.tokenizer)))
    rows = [tiny.question("a", f"Is the rhythm regular? {i}", "yes") for i in range(9)]
    (reading,), _ = build_readings({"a": ecg}, rows, chat, context=64)
    packed = list(pack(reading, chat, context=64))
    assert len(packed) > 1
    assert all(len(p["input_ids"]) <= 64 for p in packed)
    assert sum(int(p["segments"].max()) for p in packed) == 9
    for p in packed:
        assert list(p["input_ids"][len(chat.prefix_ids) :][:20]) == ecg


def test_what_does_not_fit_is_left_out_and_counted_never_cut(chat):
    ecg = [len(chat.tokenizer) - 1] * 50
    rows = [
        tiny.question("fits", "Is the rhythm regular?", "yes"),
        tiny.question("long", "Is the rhythm regular?", "yes"),
        tiny.question("fits", "Is <|ecg|> regular?", "yes"),
        tiny.question("absent", "Is the rhythm regular?", "yes"),
    ]
    ecgs = {"fits": ecg[:10], "long": ecg}
    (reading,), left_out = build_readings(ecgs, rows, chat, context=40)
    assert reading.record_id == "fits"
    assert vars(left_out) == {
        "questions_with_special_tokens": 1,
        "questions_without_ecg": 1,
        "questions_too_long": 1,
        "records_too_long": 1,
    }
    with pytest.raises(EcgByteError, match="no question is left"):
        build_readings({"long": ecg}, rows, chat, context=40)


def test_two_ecgs_are_one_reading_and_only_their_tokens_are_predicted(chat):
    begin, end = chat.tokenizer.convert_tokens_to_ids(["<|ecg|>", "<|/ecg|>"])
    ecgs = {"a": [begin, end + 3, end], "b": [begin, end + 4, end + 5, end]}
    texts = ["Which is faster?", "Which is slower?"]
    rows = [tiny.question("a", text, "fast") | {"record_ids": ["a", "b"]} for text in texts]
    rows += [tiny.question("b", texts[0], "fast") | {"record_ids": ["b", "a"]}]
    readings, _ = build_readings(ecgs, rows, chat, context=tiny.CONTEXT)
    assert [one.record_ids for one in readings] == [("a", "b"), ("b", "a")]
    assert [one.record_id for one in readings] == ["a + b", "b + a"]
    assert [len(one.turns) for one in readings] == [2, 1]
    assert list(readings[0].ecg_ids) == [*ecgs["a"], *chat.between_ids, *ecgs["b"]]
    assert chat.between_ids
    (packed,) = pack(readings[0], chat, context=tiny.CONTEXT, ecg_labels=True)
    shared = packed["labels"][packed["segments"] == 0]
    assert list(shared[shared != IGNORED]) == [*ecgs["a"], *ecgs["b"]]
    (blind, _), _ = build_readings(ecgs, rows, chat, context=tiny.CONTEXT, blind=True)
    assert blind.ecg_ids == ()


def test_a_comparison_is_left_out_whole_where_an_ecg_is_missing_or_both_do_not_fit(chat):
    ecg = [len(chat.tokenizer) - 1] * 20
    row = tiny.question("a", "Which is faster?", "fast")
    pair = row | {"record_ids": ["a", "b"], "question_id": "pair"}
    other = row | {"record_ids": ["a", "nowhere"], "question_id": "other"}
    alone = len(chat.prefix_ids) + len(ecg) + len(chat.question_ids(row["question"]))
    context = alone + len(chat.answer_ids("fast")) + len(ecg) + len(chat.between_ids) - 1
    rows = [row, pair, other]
    readings, left_out = build_readings({"a": ecg, "b": ecg}, rows, chat, context=context)
    assert [one.record_ids for one in readings] == [("a",)]
    assert (left_out.questions_without_ecg, left_out.questions_too_long) == (1, 1)


def test_what_is_left_out_is_said_and_nothing_else(chat, capsys):
    ecg = [len(chat.tokenizer) - 1] * 20
    rows = [tiny.question("a", "Which is faster?", "fast"), tiny.question("b", "Which?", "fast")]
    _, some = build_readings({"a": ecg}, rows, chat, context=tiny.CONTEXT)
    _, none = build_readings({"a": ecg}, rows[:1], chat, context=tiny.CONTEXT)
    say_left_out({"train": some, "validation": none}, tiny.CONTEXT)
    assert capsys.readouterr().err == (
        f"train: left out 1 questions without ecg (context {tiny.CONTEXT} tokens)\n"
    )


def test_room_is_kept_for_an_answer_that_is_longer_than_the_true_one(chat):
    row = tiny.question("a", "Is the rhythm regular?", "yes")
    needed = len(chat.prefix_ids) + len(chat.question_ids(row["question"])) + 5
    ecgs = {"a": [len(chat.tokenizer) - 1] * 5}
    build_readings(ecgs, [row], chat, context=needed + 9, answer_tokens=9)
    with pytest.raises(EcgByteError, match="1 questions too long"):
        build_readings(ecgs, [row], chat, context=needed + 8, answer_tokens=9)


def test_blind_readings_differ_by_the_ecg_alone(chat):
    rows = [tiny.question("a", "Is the rhythm regular?", "yes")]
    ecg = [len(chat.tokenizer) - 1] * 5
    (seeing,), _ = build_readings({"a": ecg}, rows, chat, context=64)
    (blind,), _ = build_readings({"a": ecg}, rows, chat, context=64, blind=True)
    assert blind.ecg_ids == ()
    assert blind.turns == seeing.turns


def test_ids_outside_the_vocabulary_are_refused(chat):
    rows = [tiny.question("a", "Is the rhythm regular?", "yes")]
    with pytest.raises(EcgByteError, match="record a"):
        build_readings({"a": [len(chat.tokenizer)]}, rows, chat, context=64)


def test_templates_that_cannot_carry_an_ecg_are_refused():
    tokenizer = train_text_tokenizer(tiny.TEXTS, 300)
    tokenizer.chat_template = None
    with pytest.raises(EcgByteError, match="no chat template"):
        Chat(tokenizer)
    tokenizer.chat_template = "hello"
    with pytest.raises(EcgByteError, match="0 times"):
        Chat(tokenizer)
    tokenizer.chat_template = "{{ messages[0]['content'] }} again: {{ messages[0]['content'] }}"
    with pytest.raises(EcgByteError, match="of 2 ECGs 0 times"):
        Chat(tokenizer)
    add_ecg_tokens(tokenizer, tiny.ecg_tokenizer(), tiny.MARKERS)
    with pytest.raises(EcgByteError, match="of 2 ECGs 4 times"):
        Chat(tokenizer)
