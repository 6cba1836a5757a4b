"""Chats with ECGs in them, as the one text that a Llama is trained on and asked with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .ecg_ids import BEGIN
from .errors import EcgByteError

# Llama 3.2's template prints today's date otherwise: the same question would be other tokens
# tomorrow.
TEMPLATE_OPTIONS = {"date_string": "26 Jul 2024"}


def flatten_messages(
    messages: Sequence[Mapping[str, Any]],
) -> tuple[list[dict[str, Any]], list[Mapping[str, Any]]]:
    """Messages with text content, and the ECG parts that were in them, in order.

    `{"type": "ecg", ...}` parts become the placeholder `<|ecg|>`; parts are joined by newlines.
    Templates cannot be trusted with parts: SmolLM2's raises on them, Llama 3.2's prints the list.

    Raises:
        EcgByteError: a message has no role or content, or a part is neither an ECG nor text.
    """
    flat: list[dict[str, Any]] = []
    ecgs: list[Mapping[str, Any]] = []
    for message in messages:
        if not isinstance(message, Mapping) or not {"role", "content"} <= set(message):
            raise EcgByteError('chat: a message needs "role" and "content"')
        content = message["content"]
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        if not isinstance(parts, Sequence):
            raise EcgByteError(
                f"chat: a message's content is a str or a list of parts, not {type(parts).__name__}"
            )
        texts = []
        for part in parts:
            kind = part.get("type") if isinstance(part, Mapping) else type(part).__name__
            if kind == "ecg":
                ecgs.append(part)
                texts.append(BEGIN)
            elif kind == "text" and isinstance(part.get("text"), str):
                texts.append(part["text"])
            else:
                raise EcgByteError(
                    f'chat: a part of type {kind!r}; only {{"type": "ecg", ...}} and '
                    '{"type": "text", "text": "..."} are known'
                )
        flat.append({**message, "content": "\n".join(texts)})
    return flat, ecgs


def render_chat(
    tokenizer: Any, messages: Sequence[Mapping[str, Any]], **options: Any
) -> tuple[str, list[Mapping[str, Any]]]:
    """What the chat template of `tokenizer` makes of messages, a placeholder where an ECG goes.

    `options` go to the template (`add_generation_prompt`, ...). Returns the text and the ECG parts
    in order. Training and asking both come here: another prompt than the trained one costs
    accuracy without a word.

    Raises:
        EcgByteError: the messages are not as `flatten_messages` wants them, or there is no
            template.
    """
    if not (options.get("chat_template") or getattr(tokenizer, "chat_template", None)):
        raise EcgByteError(
            "the language model's tokenizer has no chat template: take an instruction-tuned model"
        )
    flat, ecgs = flatten_messages(messages)
    options = {**TEMPLATE_OPTIONS, **options, "tokenize": False}
    return str(tokenizer.apply_chat_template(flat, **options)), ecgs
