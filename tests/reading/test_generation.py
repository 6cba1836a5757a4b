import pytest
import torch

from ecg_byte_hf.reading.generation import generate_answers
from ecg_byte_hf.reading.sequences import Chat

from . import tiny


@pytest.mark.parametrize("ecg_length", [0, 9])
def test_answers_of_a_batch_are_those_of_transformers_one_by_one(ecg_length):
    tokenizer, shift = tiny.chat_tokenizer()
    chat, model = Chat(tokenizer), tiny.llama(tokenizer)
    ecg = [shift + 5 + i for i in range(ecg_length)]
    texts = ["Is it?", "Is the rhythm regular?", "How fast is the heart? slow fast", "yes"]
    prompts = [[*chat.prefix_ids, *ecg, *chat.question_ids(text)] for text in texts]
    longest = [8, 3, 8, 5]
    given = dict(generate_answers(model, chat, prompts, longest))
    assert sorted(given) == [0, 1, 2, 3]
    for i, prompt in enumerate(prompts):
        ids = torch.tensor([prompt])
        alone = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=longest[i],
            eos_token_id=sorted(chat.end_ids),
        )[0, ids.shape[1] :]
        assert given[i] == tokenizer.decode(alone, skip_special_tokens=True).strip()
