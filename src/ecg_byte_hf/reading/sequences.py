"""Questions and ECG tokens become chats, and chats become `input_ids` and `labels`.

The chat template never sees the ECG's tokens: `render_chat` renders a placeholder per ECG, the
text's ids are cut there, and the ids of the ECGs are put in between, as `EcgByteProcessor` does. No
string work is done per ECG.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ecg_byte_hf.hub_code.chat import render_chat
from ecg_byte_hf.hub_code.ecg_ids import BEGIN
from ecg_byte_hf.hub_code.errors import EcgByteError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

IGNORED = -100


class Chat:
    """A Llama's chat template, cut where the ECGs go.

    `prefix_ids` come before the first ECG and are the same for all questions, `between_ids` stand
    between two ECGs. `question_ids(question)` come after the last one, up to where the assistant
    begins to speak; `answer_ids(answer)` are what the assistant says, its end of turn included, and
    all that the loss is taken of. `vocabulary` is how many ids the model takes as input, more than
    the tokenizer's where ECGs are no tokens (see `rival.projection`).
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        """`tokenizer` is the Llama's, ECG tokens added.

        Raises:
            EcgByteError: it has no chat template, or one that loses or repeats an ECG.
        """
        self.tokenizer = tokenizer
        self.vocabulary = len(tokenizer)
        added = sorted(tokenizer.get_added_vocab(), key=len, reverse=True)
        self._special = re.compile("|".join(map(re.escape, added)))
        self._placeholder = tokenizer.convert_tokens_to_ids(BEGIN)
        self.prefix_ids, between, after = self._cut("?", ecgs=2)
        self.between_ids: list[int] = between
        if [self.prefix_ids, after] != self._cut("?"):
            raise EcgByteError("the chat template renders one ECG otherwise than two")
        self.question_ids = lru_cache(maxsize=65536)(self._question_ids)
        self.answer_ids = lru_cache(maxsize=65536)(self._answer_ids)

    def check_text(self, text: str, where: str) -> None:
        """Refuse a text that holds a special token of the vocabulary, the placeholder included.

        Raises:
            EcgByteError: naming `where` and the token.
        """
        found = self._special.search(text)
        if found:
            raise EcgByteError(
                f"{where} holds the special token {found.group()!r}: write it without"
            )
        if not text.strip():
            raise EcgByteError(f"{where} is empty")

    def _render(self, question: str, answer: str | None, ecgs: int = 1) -> str:
        parts = [*[{"type": "ecg"}] * ecgs, {"type": "text", "text": question}]
        messages: list[dict[str, Any]] = [{"role": "user", "content": parts}]
        if answer is not None:
            messages.append({"role": "assistant", "content": answer})
        return render_chat(self.tokenizer, messages, add_generation_prompt=answer is None)[0]

    def _cut(self, question: str, ecgs: int = 1) -> list[list[int]]:
        """Ids before, between and after the ECGs: the processor's prompt in pieces."""
        ids = self._ids(self._render(question, None, ecgs))
        places = [place for place, i in enumerate(ids) if i == self._placeholder]
        if len(places) != ecgs:
            raise EcgByteError(
                f"the chat template renders the placeholders of {ecgs} ECGs {len(places)} times"
            )
        starts = [0, *(place + 1 for place in places)]
        return [ids[start:stop] for start, stop in zip(starts, [*places, len(ids)], strict=True)]

    def _ids(self, text: str) -> list[int]:
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]

    def _question_ids(self, question: str) -> tuple[int, ...]:
        """Ids from after the ECG to where the assistant begins, for `question`."""
        return tuple(self._cut(question)[-1])

    def _answer_ids(self, answer: str) -> tuple[int, ...]:
        """Ids of the assistant's `answer`, its end of turn included."""
        prompt = self._render("?", None)
        whole = self._render("?", answer)
        if not whole.startswith(prompt):
            raise EcgByteError("the chat template changes the question once it is answered")
        return tuple(self._ids(whole[len(prompt) :]))

    def shared_ids(self, ecgs: Sequence[Sequence[int]]) -> list[int]:
        """The ids of one or several ECGs of a turn and of what the template puts between them.

        They stand between `prefix_ids` and `question_ids`; ids of the Llama's vocabulary.
        """
        ids = list(ecgs[0])
        for ecg in ecgs[1:]:
            ids += [*self.between_ids, *ecg]
        return ids

    @property
    def end_ids(self) -> set[int]:
        """Ids at which an answer is over: the last of the template's turn, and the tokenizer's.

        A template may put a newline after its end-of-turn token, so the first special token of
        the turn's end is taken.
        """
        added = self.tokenizer.added_tokens_decoder
        special = {i for i, token in added.items() if token.special}
        after = [i for i in self.answer_ids("a") if i in special]
        ends = {after[0]} if after else set()
        if self.tokenizer.eos_token_id is not None:
            ends.add(self.tokenizer.eos_token_id)
        if not ends:
            raise EcgByteError("the Llama's tokenizer has no token that ends a turn")
        return ends


@dataclass(frozen=True)
class Turn:
    """One question and its answer, as ids and as the row of the corpus they come from."""

    question_ids: tuple[int, ...]
    answer_ids: tuple[int, ...]
    row: Mapping[str, Any]


@dataclass(frozen=True)
class Reading:
    """One ECG, or several that are compared, and the questions about it.

    `ecg_ids` are all ids between `Chat.prefix_ids` and a question, as `Chat.shared_ids` puts them
    together, in the Llama's vocabulary; empty for a blind model. `record_id` tells readings apart:
    the id of the ECG, of several all ids with " + " between. `patient_id` is the first ECG's.
    """

    record_id: str
    patient_id: str
    ecg_ids: tuple[int, ...]
    turns: tuple[Turn, ...]

    @property
    def record_ids(self) -> tuple[str, ...]:
        """The ECGs in the order in which they are shown."""
        return shown_records(self.turns[0].row) if self.turns else (self.record_id,)


def shown_records(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The ids of the ECGs that a question (a row of a corpus) shows, in their order."""
    return tuple(row.get("record_ids") or (row["record_id"],))


@dataclass
class LeftOut:
    """What does not become part of a sequence, counted: nothing is ever cut inside an ECG."""

    questions_with_special_tokens: int = 0
    questions_without_ecg: int = 0
    questions_too_long: int = 0
    records_too_long: int = 0

    def __str__(self) -> str:
        counts = vars(self).items()
        return ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in counts if n) or "none"


def say_left_out(left_out: Mapping[str, LeftOut], context: int) -> None:
    """Say on stderr, in a line per split, what was left out of it, if anything."""
    for split, counts in left_out.items():
        if any(vars(counts).values()):
            print(f"{split}: left out {counts} (context {context} tokens)", file=sys.stderr)


def build_readings(
    ecgs: Mapping[str, Sequence[int]],
    questions: Iterable[Mapping[str, Any]],
    chat: Chat,
    *,
    context: int,
    blind: bool = False,
    answer_tokens: int = 0,
) -> tuple[list[Reading], LeftOut]:
    """Bring questions (rows of a corpus) and the tokens of their ECGs together.

    `ecgs` maps a record id to the ids of its ECG, `context` is how many tokens the Llama holds; of
    these at least `answer_tokens` stay free for an answer, and what its true answer takes. Nothing
    is cut to fit: a question that does not is left out with its ECGs, and counted. `blind` leaves
    every ECG out and nothing else: the same chat with a hole where the ECGs were. Readings come in
    the order in which their records are first asked about.

    Raises:
        EcgByteError: nothing is left, or an ECG's ids are outside the vocabulary.
    """
    left_out = LeftOut()
    vocabulary = chat.vocabulary
    turns: dict[tuple[str, ...], list[Turn]] = {}
    shared: dict[tuple[str, ...], tuple[int, ...]] = {}
    patients: dict[tuple[str, ...], str] = {}
    too_long: set[tuple[str, ...]] = set()
    for row in questions:
        records = shown_records(row)
        if any(record not in ecgs for record in records):
            left_out.questions_without_ecg += 1
            continue
        if records not in shared:
            for record in records:
                ids = ecgs[record]
                if len(ids) and not (min(ids) >= 0 and max(ids) < vocabulary):
                    raise EcgByteError(
                        f"record {record}: token ids up to {max(ids)} in a vocabulary of "
                        f"{vocabulary}: the tokenizer is not the one that the model was trained "
                        f"with"
                    )
            patients[records] = row["patient_id"]
            shown = () if blind else chat.shared_ids([ecgs[record] for record in records])
            shared[records] = tuple(shown)
        try:
            for part in ("question", "answer"):
                chat.check_text(row[part], f"the {part} {row['question_id']}")
        except EcgByteError:
            left_out.questions_with_special_tokens += 1
            continue
        turn = Turn(chat.question_ids(row["question"]), chat.answer_ids(row["answer"]), row)
        before = len(chat.prefix_ids) + len(shared[records])
        if before + len(turn.question_ids) + max(len(turn.answer_ids), answer_tokens) > context:
            if before >= context:
                too_long.add(records)
            left_out.questions_too_long += 1
            continue
        turns.setdefault(records, []).append(turn)
    left_out.records_too_long = len(too_long)
    if not turns:
        raise EcgByteError(
            f"no question is left to train on or to ask (left out: {left_out}); the context holds "
            f"{context} tokens"
        )
    readings = [
        Reading(" + ".join(records), patients[records], shared[records], tuple(asked))
        for records, asked in turns.items()
    ]
    return readings, left_out


def pack(
    reading: Reading, chat: Chat, *, context: int, ecg_labels: bool = False
) -> Iterator[dict[str, Any]]:
    """Training sequences of a reading: its ECGs once, then as many questions as the context holds.

    The questions share the ECGs' tokens and do not see one another: `segments` numbers them (0 is
    the shared part), a question attends to segment 0 and to itself, and its `position_ids` go on
    from the ECG's last. Each is therefore read exactly as if it were asked alone, which is what
    evaluation does from the ECG's key-value cache.

    Yields:
        int64 arrays (length,) `input_ids`, `labels`, `position_ids`, `segments`. Labels are those
        of the answers and, with `ecg_labels`, of the ECG's tokens; -100 elsewhere.
    """
    shared = [*chat.prefix_ids, *reading.ecg_ids]
    shared_labels = [IGNORED] * len(shared)
    if ecg_labels:
        text = set(chat.between_ids)
        shared_labels[len(chat.prefix_ids) :] = [
            IGNORED if i in text else i for i in reading.ecg_ids
        ]
    waiting = list(reading.turns)
    while waiting:
        ids, labels = list(shared), list(shared_labels)
        positions, segments = list(range(len(shared))), [0] * len(shared)
        segment = 0
        while waiting:
            turn = waiting[0]
            length = len(turn.question_ids) + len(turn.answer_ids)
            if segment and len(ids) + length > context:
                break
            segment += 1
            ids += [*turn.question_ids, *turn.answer_ids]
            labels += [IGNORED] * len(turn.question_ids) + list(turn.answer_ids)
            positions += range(len(shared), len(shared) + length)
            segments += [segment] * length
            waiting.pop(0)
        arrays = {
            "input_ids": ids,
            "labels": labels,
            "position_ids": positions,
            "segments": segments,
        }
        yield {name: np.asarray(values, dtype=np.int64) for name, values in arrays.items()}
