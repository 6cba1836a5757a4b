"""Accuracy of a fine-tuned Llama, and the controls that say what the accuracy is worth."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.progress import bar

from .loading import Reader, load_reader
from .output_folder import BLIND_FOLDER, SETTINGS_FILE
from .sequences import Reading, build_readings
from .tokenised import tokenise

# Reports are free text: exact match says nothing about them.
UNSCORED_TYPES = frozenset({"report"})
BLACKOUT_S = 10.0


@dataclass(frozen=True)
class Scored:
    """One question, its true answer and what was answered."""

    question_id: str
    record_id: str
    question_type: str
    attribute: str
    answer: str
    given: str

    @property
    def correct(self) -> bool:
        """Whether the two are the same but for case and surrounding white space."""
        return same_answer(self.answer, self.given)


def same_answer(answer: str, given: str) -> bool:
    """Exact match after trimming and case folding."""
    return answer.strip().casefold() == given.strip().casefold()


def accuracy(scored: Sequence[Scored]) -> dict[str, Any]:
    """Shares of correct answers: `overall` (mean over questions), per type, per attribute; `n`."""

    def shares(key: Callable[[Scored], str]) -> dict[str, float]:
        groups: dict[str, list[bool]] = defaultdict(list)
        for one in scored:
            groups[key(one)].append(one.correct)
        return {name: round(float(np.mean(groups[name])), 4) for name in sorted(groups)}

    if not scored:
        raise EcgByteError("no question to score: every one is a report or was left out")
    return {
        "overall": round(float(np.mean([one.correct for one in scored])), 4),
        "per_type": shares(lambda one: one.question_type),
        "per_attribute": shares(lambda one: f"{one.question_type}/{one.attribute}"),
        "n": len(scored),
        "counts": dict(sorted(Counter(one.question_type for one in scored).items())),
    }


def derangement(readings: Sequence[Reading], seed: int) -> dict[str, Sequence[int]]:
    """Record id -> the ECG of another patient, each ECG used once where patients allow it.

    Readings are shuffled (seeded), brought together by patient, and rotated by as many places as
    the patient with most ECGs has, so that nobody gets an ECG of his own.

    Raises:
        EcgByteError: one patient has more than half of the ECGs.
    """
    order = [readings[i] for i in np.random.default_rng(seed).permutation(len(readings))]
    seen: dict[str, int] = {}
    for reading in order:
        seen.setdefault(reading.patient_id, len(seen))
    order.sort(key=lambda reading: seen[reading.patient_id])
    most = max(Counter(reading.patient_id for reading in order).values())
    if 2 * most > len(order):
        raise EcgByteError(
            "the shuffled control needs ECGs of several patients, none with more than half"
        )
    return {
        reading.record_id: order[(i + most) % len(order)].ecg_ids for i, reading in enumerate(order)
    }


def majority_guesser(
    train: Iterable[Mapping[str, Any]],
) -> Callable[[Mapping[str, Any]], str]:
    """The most frequent answer in training to the same question.

    A question never asked in training gets the most frequent answer of its type and attribute, of
    its type, or of all. Ties go to the answer first in the alphabet.
    """
    keys = (
        lambda row: ("question", row["question"].strip().casefold()),
        lambda row: ("attribute", row["question_type"], row["attribute"]),
        lambda row: ("type", row["question_type"]),
        lambda row: ("all",),
    )
    counts: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for row in train:
        for key in keys:
            counts[key(row)][row["answer"].strip().casefold()] += 1

    def guess(row: Mapping[str, Any]) -> str:
        for key in keys:
            if counts.get(key(row)):
                ranked = sorted(counts[key(row)].items(), key=lambda item: (-item[1], item[0]))
                return ranked[0][0]
        return ""

    return guess


def answer_readings(
    reader: Reader,
    readings: Sequence[Reading],
    ecgs: Mapping[str, Sequence[int]] | None,
    advance: Callable[[], None],
) -> list[Scored]:
    """Ask `reader` every question of `readings`; `ecgs` replaces their ECGs (record id -> ids)."""
    scored = []
    cut = reader.longest_answer(without=UNSCORED_TYPES)
    for reading in readings:
        ids = reading.ecg_ids if ecgs is None else ecgs[reading.record_id]
        rows = [turn.row for turn in reading.turns]
        given = reader.answers(ids, [row["question"] for row in rows], cut)
        scored += [_scored(row, answer) for row, answer in zip(rows, given, strict=True)]
        advance()
    return scored


def _scored(row: Mapping[str, Any], given: str) -> Scored:
    names = ("question_id", "record_id", "question_type", "attribute", "answer")
    return Scored(**{name: row[name] for name in names}, given=given)


def evaluate(
    model: str | Path,
    corpus: str | Path,
    *,
    split: str = "validation",
    base: str | None = None,
    gguf_file: str | None = None,
    max_records: int | None = None,
    seed: int = 0,
    shuffles: int = 3,
    quiet: bool = False,
    answers_path: Path | None = None,
) -> dict[str, Any]:
    """Ask a fine-tuned model the questions of a split, once for real and once per control.

    `accuracy`: the patient's own ECG. `shuffled`: the same model, another patient's ECG, over
    `shuffles` ways of giving them out, because one way alone moves by points with few patients.
    `blackout`: the same model, an ECG of zeros. `blind`: the model in `blind/`, trained and asked
    without any ECG. `majority`: the most frequent answer to that
    question in training. Reports are not scored (`unscored`); all else is exact match after
    trimming and case folding. A control that cannot be made is None, and `not_made` says why (one
    patient alone, no blind model). `answers_path` gets every answer, one JSON object a line.

    Raises:
        EcgByteError: a folder is missing something, or nothing is left to ask.
    """
    from ecg_byte_hf.corpora import open_corpus, open_questions

    if shuffles < 1:
        raise EcgByteError(f"shuffles {shuffles} must be 1 or more")
    if max_records is not None and max_records < 1:
        raise EcgByteError(f"max_records {max_records} must be 1 or more")
    reader = load_reader(model, base=base, gguf_file=gguf_file)
    splits, asked = open_corpus(str(corpus)), open_questions(str(corpus))
    if split not in splits or split not in asked:
        raise EcgByteError(f"corpus {corpus} has no split {split!r}: it has {', '.join(splits)}")
    ecg_processor = _ecg_only(reader.processor)
    ecgs = {
        record: [reader.shift + i for i in ids]
        for record, ids in tokenise(splits[split], ecg_processor, max_records).items()
    }
    questions = [row for row in asked[split].to_list() if row["record_id"] in ecgs]
    rows = [row for row in questions if row["question_type"] not in UNSCORED_TYPES]
    if not rows:
        raise EcgByteError(
            f"corpus {corpus}: split {split} has no question but reports, which are not scored; "
            "prepare more records"
        )
    context = reader.settings["context"]
    readings, left_out = build_readings(ecgs, rows, reader.chat, context=context)
    flat = flat_ecg_ids(reader.processor)
    blind_folder = Path(model) / BLIND_FOLDER
    blind = None
    if (blind_folder / SETTINGS_FILE).is_file():
        blind = load_reader(blind_folder, base=base, gguf_file=gguf_file)
    train_rows = (row for row in asked["train"] if row["question_type"] not in UNSCORED_TYPES)
    guess = majority_guesser(train_rows)

    def run(name: str, of: Reader, instead: Mapping[str, Sequence[int]] | None) -> list[Scored]:
        with bar(name, len(readings), quiet) as advance:
            return answer_readings(of, readings, instead, advance)

    runs: dict[str, list[Scored] | None] = {
        "accuracy": run("own ECG", reader, None),
        "shuffled": None,
        "blackout": run("blackout", reader, {one.record_id: flat for one in readings}),
        "blind": None,
        "majority": [_scored(t.row, guess(t.row)) for one in readings for t in one.turns],
    }
    not_made: dict[str, str] = {}
    try:
        orders = [derangement(readings, seed + turn) for turn in range(shuffles)]
        runs["shuffled"] = [one for order in orders for one in run("shuffled", reader, order)]
    except EcgByteError as error:
        not_made["shuffled"] = str(error)
    if blind is not None:
        runs["blind"] = run("blind", blind, {one.record_id: () for one in readings})
    else:
        not_made["blind"] = f"{model} has no {BLIND_FOLDER}/: it was trained without train_blind"
    if answers_path is not None:
        with answers_path.open("w", encoding="utf-8") as lines:
            for one in runs["accuracy"] or ():
                lines.write(json.dumps(vars(one), ensure_ascii=False) + "\n")
    result: dict[str, Any] = {
        name: None if scored is None else accuracy(scored) for name, scored in runs.items()
    }
    result["not_made"] = not_made
    result["unscored"] = {"report": len(questions) - len(rows)}
    result["left_out"] = vars(left_out)
    result["settings"] = {
        "split": split,
        "records": len(readings),
        "questions": sum(len(one.turns) for one in readings),
        "seed": seed,
        "shuffles": shuffles,
        "training": reader.settings,
    }
    return result


def flat_ecg_ids(processor: Any) -> list[int]:
    """The ids of 10 s of zeros in all leads, past the checks that refuse such a record."""
    extractor = processor.feature_extractor
    samples = round(BLACKOUT_S * extractor.sampling_rate)
    return processor.words_to_ids(extractor.codec.encode(np.zeros((12, samples), dtype=np.float32)))


def _ecg_only(processor: Any) -> Any:
    """The processor of the tokenizer repository that a model's processor contains."""
    return type(processor)(processor.feature_extractor, processor.ecg_tokenizer)
