"""What a Llama answers to many questions about many ECGs, and how sure it is of yes or no."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .answer_trees import Ids, Sheet, greedy_walk, lay_out, without_end
from .generation import generate_answers

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from .sequences import Chat

YES_NO = ("yes", "no")
# Tokens of one forward pass, padding included, and of the questions in one sheet. A CPU gains
# nothing from more; a GPU is idle with less.
_PASS_TOKENS = {"cpu": 2048, "cuda": 49152}
_TAIL_TOKENS = 512


@dataclass(frozen=True)
class Ask:
    """A question about ECGs, by their names in the mapping that goes with it (none: blind).

    `candidates` are answers that are likely; they make it faster and change no answer. With yes and
    no among them, the probability of yes is read out. `greedy` False wants that alone. `longest` is
    where an answer is cut, in tokens.
    """

    ecgs: tuple[str, ...]
    question: str
    candidates: tuple[str, ...] = ()
    greedy: bool = True
    longest: int = 16


@dataclass(frozen=True)
class Response:
    """The greedy answer (None: not asked for), and P(yes) / (P(yes) + P(no)) where read out."""

    text: str | None
    p_yes: float | None


def respond(
    model: PreTrainedModel,
    chat: Chat,
    ecgs: Mapping[str, Sequence[int]],
    asks: Sequence[Ask],
    advance: Callable[[], None] = lambda: None,
) -> dict[Ask, Response]:
    """The response to each of `asks`; the same question about the same ECGs is put once.

    `ecgs` maps names to ids of the Llama. Questions about the same ECGs share their tokens, and
    sheets of like length one forward pass; only answers that are no candidate are generated token
    by token. P(yes) is that of the whole answer, its end of turn included: exp of the sum of its
    tokens' log-probabilities, each over the whole vocabulary. `advance` is called once for every
    distinct ask.
    """
    ends = chat.end_ids
    shown: dict[tuple[str, ...], list[Ask]] = {}
    for ask in dict.fromkeys(asks):
        shown.setdefault(ask.ecgs, []).append(ask)
    sheets = [
        (part, _sheet(chat, [ecgs[name] for name in names], part, ends))
        for names, about in shown.items()
        for part in _parts(chat, about)
    ]
    sheets.sort(key=lambda item: -len(item[1].ids))
    responses: dict[Ask, Response] = {}
    # The last bits of a probability hang on what shares the forward pass, and an AUROC would rank
    # them: the same question about the same ECGs has one, whatever else is wanted of it.
    read_out: dict[tuple[tuple[str, ...], str], float] = {}
    rest: list[Ask] = []
    for batch in _batches(sheets, _PASS_TOKENS.get(model.device.type, 2048)):
        for (part, sheet), (likeliest, log_p) in zip(
            batch, _read(model, [sheet for _, sheet in batch], chat), strict=True
        ):
            for ask, tree in zip(part, sheet.trees, strict=True):
                p_yes = None
                if set(YES_NO) <= set(ask.candidates):
                    p_yes = _p_yes([log_p(tree, chat.answer_ids(a)) for a in YES_NO])
                    p_yes = read_out.setdefault((ask.ecgs, ask.question), p_yes)
                said, whole = greedy_walk(tree, likeliest, ends, ask.longest)
                text = None
                if ask.greedy and whole:
                    text = chat.tokenizer.decode(said, skip_special_tokens=True).strip()
                responses[ask] = Response(text, p_yes)
                if ask.greedy and not whole:
                    rest.append(ask)
                else:
                    advance()
    prompts = [
        [*shared_ids(chat, [ecgs[name] for name in ask.ecgs]), *chat.question_ids(ask.question)]
        for ask in rest
    ]
    lengths = [ask.longest for ask in rest]
    for i, text in generate_answers(model, chat, prompts, lengths):
        responses[rest[i]] = Response(text, responses[rest[i]].p_yes)
        advance()
    return responses


def shared_ids(chat: Chat, ecgs: Sequence[Sequence[int]]) -> list[int]:
    """What comes before a question: the chat's beginning and the ECGs (ids of the Llama each)."""
    return [*chat.prefix_ids, *(chat.shared_ids(ecgs) if ecgs else ())]


def _parts(chat: Chat, about: Sequence[Ask]) -> Iterator[list[Ask]]:
    """The questions about the same ECGs, cut into sheets of bounded length."""
    part: list[Ask] = []
    tokens = 0
    for ask in about:
        length = len(chat.question_ids(ask.question)) + sum(
            len(chat.answer_ids(answer)) for answer in ask.candidates
        )
        if part and tokens + length > _TAIL_TOKENS:
            yield part
            part, tokens = [], 0
        part.append(ask)
        tokens += length
    if part:
        yield part


def _sheet(chat: Chat, ecgs: Sequence[Sequence[int]], part: Sequence[Ask], ends: set[int]) -> Sheet:
    asked: list[tuple[Ids, list[Ids]]] = [
        (
            tuple(chat.question_ids(ask.question)),
            [without_end(chat.answer_ids(answer), ends)[0] for answer in ask.candidates],
        )
        for ask in part
    ]
    return lay_out(shared_ids(chat, ecgs), asked)


def _batches(
    sheets: Sequence[tuple[list[Ask], Sheet]], tokens: int
) -> Iterator[Sequence[tuple[list[Ask], Sheet]]]:
    """Sheets, longest first, in groups whose padded tokens stay within `tokens`."""
    start = 0
    while start < len(sheets):
        count = max(1, tokens // len(sheets[start][1].ids))
        yield sheets[start : start + count]
        start += count


def _read(model: PreTrainedModel, sheets: Sequence[Sheet], chat: Chat) -> Iterator[tuple[Any, Any]]:
    """Per sheet: index -> likeliest next token, and the log-probability of a whole answer."""
    import torch

    length = max(len(sheet.ids) for sheet in sheets)
    shape = (len(sheets), length)
    ids, positions = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    read = np.zeros(shape, dtype=bool)
    # Padding sees itself: a row without anything to see would be NaN.
    sees = np.broadcast_to(np.eye(length, dtype=bool), (len(sheets), length, length)).copy()
    for i, sheet in enumerate(sheets):
        n = len(sheet.ids)
        ids[i, :n], positions[i, :n] = sheet.ids, sheet.positions
        sees[i, :n, :n] = sheet.sees()
        read[i, sheet.read] = True
    ends = chat.end_ids
    device = model.device
    with torch.inference_mode():
        logits = model(
            input_ids=torch.from_numpy(ids).to(device),
            position_ids=torch.from_numpy(positions).to(device),
            attention_mask=torch.from_numpy(sees)[:, None].to(device),
            use_cache=False,
            logits_to_keep=torch.from_numpy(read).to(device),
        ).logits
        logits = logits.reshape(-1, logits.shape[-1]).float()
        likeliest = logits.argmax(-1).tolist()
        total = logits.logsumexp(-1).double()
    first = 0
    for sheet in sheets:
        row = {place: first + i for i, place in enumerate(sheet.read)}
        first += len(row)

        def log_p(tree: Any, answer: Sequence[int], row: dict[int, int] = row) -> float:
            tokens, end = without_end(answer, ends)
            said = [*tokens, *([] if end is None else [end])]
            rows = [row[tree.places[tokens[:i]]] for i in range(len(said))]
            return float((logits[rows, said].double() - total[rows]).sum())

        yield {place: likeliest[at] for place, at in row.items()}, log_p


def _p_yes(log_p: Sequence[float]) -> float:
    """P(yes) / (P(yes) + P(no)) from the two log-probabilities, without underflow."""
    odds = log_p[1] - log_p[0]
    return 1 / (1 + math.exp(odds)) if odds < 700 else 0.0
