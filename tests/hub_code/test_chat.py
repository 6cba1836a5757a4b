import pytest

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.hub_code.chat import flatten_messages, render_chat


class Template:
    chat_template = "anything"

    def apply_chat_template(self, messages, **options):
        return repr((messages, options["date_string"], options["tokenize"]))


def user(content):
    return [{"role": "user", "content": content}]


def test_parts_become_lines_and_ecgs_come_back_in_order():
    ecgs = [{"type": "ecg", "ecg": 1}, {"type": "ecg", "ecg": 2}]
    text = {"type": "text", "text": "Regular?"}
    flat, found = flatten_messages(user([ecgs[0], text, ecgs[1]]))
    assert flat == user("<|ecg|>\nRegular?\n<|ecg|>")
    assert found == ecgs
    assert flatten_messages(user("Regular?")) == (user("Regular?"), [])


@pytest.mark.parametrize(
    "messages",
    [
        user([{"type": "image", "text": "x"}]),
        user([{"text": "x"}]),
        user([{"type": "text"}]),
        user(["x"]),
        user(None),
        [{"role": "user"}],
        ["x"],
    ],
)
def test_what_is_neither_ecg_nor_text_is_refused(messages):
    with pytest.raises(EcgByteError, match="chat: a "):
        flatten_messages(messages)


def test_the_date_is_pinned_unless_given():
    assert "'26 Jul 2024', False" in render_chat(Template(), user("x"))[0]
    assert "'today', False" in render_chat(Template(), user("x"), date_string="today")[0]
