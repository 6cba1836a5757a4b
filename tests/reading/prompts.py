"""Whether a Llama is asked with the ids that it is trained on."""

from __future__ import annotations

from transformers import PreTrainedTokenizerBase

from ecg_byte_hf import EcgByteProcessor
from ecg_byte_hf.reading.sequences import Chat, build_readings, pack
from ecg_byte_hf.reading.vocabulary import add_ecg_tokens

from ..small_tokenizer import simulated_records, small_processor
from . import tiny


def assert_same_prompt(tokenizer: PreTrainedTokenizerBase) -> None:
    """One ECG a turn, two, and a history: the processor's ids are those of a training sequence."""
    ecg_processor = small_processor()
    extractor = ecg_processor.feature_extractor
    add_ecg_tokens(tokenizer, ecg_processor.tokenizer, extractor.markers)
    processor = EcgByteProcessor(extractor, tokenizer, ecg_tokenizer=ecg_processor.tokenizer)
    chat = Chat(tokenizer)
    records = [one.record for one in simulated_records()[:2]]
    rate = records[0].sampling_rate
    parts = [{"type": "ecg", "ecg": one.signal, "sampling_rate": rate} for one in records]
    ids = [processor.ecg_ids(one.signal, rate) for one in records]
    ecgs = dict(zip("ab", ids, strict=True))
    text = "Is the rhythm regular?"
    for names in (["a"], ["b", "a"]):
        row = tiny.question(names[0], text, "yes") | {"record_ids": names}
        (reading,), _ = build_readings(ecgs, [row], chat, context=4096)
        (packed,) = pack(reading, chat, context=4096)
        content = [parts["ab".index(name)] for name in names] + [{"type": "text", "text": text}]
        messages = [{"role": "user", "content": content}]
        prompt = processor.apply_chat_template(messages, tokenize=True, add_generation_prompt=True)
        trained = [*chat.prefix_ids, *reading.ecg_ids, *chat.question_ids(text)]
        assert prompt["input_ids"] == [trained]
        assert list(packed["input_ids"]) == [*trained, *chat.answer_ids("yes")]
        messages += [
            {"role": "assistant", "content": "yes"},
            {"role": "user", "content": [parts[1], {"type": "text", "text": "And this?"}]},
        ]
        later = processor.apply_chat_template(messages, tokenize=True, add_generation_prompt=True)
        (row_ids,) = later["input_ids"]
        # What was trained, answer included, is the beginning of every longer chat.
        asked_and_answered = [*trained, *chat.answer_ids("yes")]
        assert row_ids[: len(asked_and_answered)] == asked_and_answered
        assert row_ids[-len(chat.question_ids("And this?")) :] == list(
            chat.question_ids("And this?")
        )
        place = len(asked_and_answered) + row_ids[len(asked_and_answered) :].index(ids[1][0])
        assert row_ids[place : place + len(ids[1])] == ids[1]
