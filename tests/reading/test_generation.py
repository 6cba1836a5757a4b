import pytest
import torch

from ecg_byte_hf.reading.generation import answer_all
from ecg_byte_hf.reading.sequences import Chat

from . import tiny


@pytest.mark.parametrize("ecg_length", [0, 9])
def test_answers_from_one_cache_are_those_of_transformers_one_by_one(ecg_length):
    tokenizer, shift = tiny.chat_tokenizer()
    chat, model = Chat(tokenizer), tiny.llama(tokenizer)
    ecg = [shift + 5 + i for i in range(ecg_length)]
    texts = ["Is it?", "Is the rhythm regular?", "How fast is the heart? slow fast", "yes"]
    given = answer_all(model, chat, ecg, [chat.question_ids(t) for t in texts], 8)
    for text, answer in zip(texts, given, strict=True):
        ids = torch.tensor([[*chat.prefix_ids, *ecg, *chat.question_ids(text)]])
        alone = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=8,
            eos_token_id=sorted(chat.end_ids),
        )[0, ids.shape[1] :]
        assert answer == tokenizer.decode(alone, skip_special_tokens=True).strip()
