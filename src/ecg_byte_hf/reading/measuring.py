"""One measurement for every reader: its answers, the controls, intervals, AUROC.

A reader is anything that responds to questions about ECGs named by their record ids: a fine-tuned
Llama with its tokens, or a rival that sees the same ECGs in another way.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.progress import bar

from .controls import derangement, majority_guesser
from .intervals import DRAWS, PatientBootstrap
from .responding import YES_NO, Ask, Response
from .scoring import (
    REPORT,
    Scored,
    above,
    accuracy,
    findings_f1,
    is_balanced,
    is_verify,
    numeric_scores,
)
from .sequences import shown_records
from .text_scores import report_scores
from .yes_no import finding_aurocs

FLAT = "flat ECG"
"""The name of the ECG of zeros that the blackout control shows."""
CONTROLS = ("blind", "shuffled", "blackout", "majority")

Responder = Callable[[Sequence[Ask], Callable[[], None]], Mapping[Ask, Response]]
"""Gives the response to each ask (`ecgs` are record ids or `FLAT`) and calls back after each."""

_MOST_CANDIDATES = 8
_MIN_COMPARED = 5


@dataclass
class Runs:
    """What was answered, by the name of the run; `not_made` says why a control is missing."""

    scored: dict[str, list[Scored]] = field(default_factory=dict)
    not_made: dict[str, str] = field(default_factory=dict)


def answer_all(
    respond: Responder,
    blind: Responder | None,
    rows: Sequence[Mapping[str, Any]],
    train_rows: Sequence[Mapping[str, Any]],
    patients: Mapping[str, str],
    longest: Callable[[str], int],
    *,
    seed: int = 0,
    shuffles: int = 3,
    quiet: bool = False,
) -> Runs:
    """Put every question to a reader with its own ECGs and with those of each control.

    `rows` are questions of a corpus, `train_rows` those that the majority is taken of, `patients`
    maps record ids to patients, `longest` a question type to where its answers are cut (tokens).
    `blind` responds without ECGs. Of others' ECGs, questions are asked `shuffles` times; reports,
    and questions that balancing did not choose, once.
    """
    runs = Runs()
    asks = [(row, ask) for row, ask in zip(rows, _asks(rows, longest), strict=True)]
    shown: dict[str, list[tuple[Mapping[str, Any], Ask]]] = {
        "accuracy": asks,
        "blackout": [(row, _of(ask, (FLAT,) * len(ask.ecgs))) for row, ask in asks],
    }
    try:
        orders = [
            derangement([ask.ecgs for _, ask in asks], patients, seed + turn)
            for turn in range(shuffles)
        ]
        shown["shuffled"] = [
            (row, _of(ask, order[ask.ecgs]))
            for turn, order in enumerate(orders)
            for row, ask in asks
            if turn == 0 or (ask.greedy and row["question_type"] != REPORT)
        ]
    except EcgByteError as error:
        runs.not_made["shuffled"] = str(error)
    responses = _respond(
        "answers", respond, [a for pairs in shown.values() for _, a in pairs], quiet
    )
    for name, pairs in shown.items():
        runs.scored[name] = [_scored(row, responses[ask]) for row, ask in pairs]
    if blind is None:
        runs.not_made["blind"] = "there is no blind model beside it: train with train_blind"
    else:
        pairs = [(row, _of(ask, ())) for row, ask in asks]
        responses = _respond("blind", blind, [ask for _, ask in pairs], quiet)
        runs.scored["blind"] = [_scored(row, responses[ask]) for row, ask in pairs]
    if train_rows:
        guess = majority_guesser(row for row in train_rows if is_balanced(row))
        runs.scored["majority"] = [Scored.of(row, guess(row)) for row in rows if is_balanced(row)]
    else:
        runs.not_made["majority"] = "the corpus has no training questions to take it of"
    return runs


def summarise(runs: Runs, *, seed: int = 0, draws: int = DRAWS, encoder: str | None = None) -> Any:
    """What the answers are worth: a dict per run, JSON, None for a control that was not made.

    Each has what `scoring.accuracy` gives, `above_blind` and `above_majority` (`scoring.above`),
    `auroc` (`yes_no.finding_aurocs`), `findings`, `numeric` and `reports`
    (`text_scores.report_scores`, with BERTScore where `encoder` names one) where there are such
    questions; the AUROC of `shuffled` is of its first turn alone. Intervals come from the same
    draws of patients in all of them. Comparisons are asked and not scored where a kind has fewer
    than 5 sets of ECGs; `unscored` counts them.

    Raises:
        EcgByteError: nothing is left to score.
    """
    few = too_few(runs.scored["accuracy"])
    kept = {
        name: [one for one in scored if one.kind not in few] for name, scored in runs.scored.items()
    }
    if not kept["accuracy"]:
        raise EcgByteError(f"no question to score: comparisons alone, of too few ECGs ({few})")
    bootstrap = PatientBootstrap((one.patient_id for one in kept["accuracy"]), draws, seed)
    result: dict[str, Any] = {}
    not_made = dict(runs.not_made)
    for name in ("accuracy", *CONTROLS):
        scored = kept.get(name)
        if scored is None:
            result[name] = None
            continue
        floors = {
            f"above_{floor}": above(scored, kept[floor], bootstrap)
            if floor in kept and floor != name
            else None
            for floor in ("blind", "majority")
        }
        # Of the turns of others' ECGs the first alone has every question: pooled, the ECGs of
        # balanced questions would weigh more than the rest.
        first_turn = scored[: len(kept["accuracy"])]
        result[name] = accuracy(scored, bootstrap) | {
            **floors,
            "auroc": finding_aurocs(first_turn, bootstrap),
            "findings": findings_f1(scored, bootstrap),
            "numeric": numeric_scores(scored, bootstrap),
        }
        try:
            result[name]["reports"] = report_scores(scored, encoder)
        except EcgByteError as error:
            result[name]["reports"] = None
            not_made["reports"] = str(error)
    result["not_made"] = not_made
    result["unscored"] = few
    result["bootstrap"] = {"draws": draws, "over": "patients", "per_cent": 95}
    return result


def sample_reports(
    rows: Sequence[Mapping[str, Any]], at_most: int, seed: int
) -> list[Mapping[str, Any]]:
    """All rows but reports beyond `at_most`, which are drawn (seeded); the order stays."""
    reports = [i for i, row in enumerate(rows) if row["question_type"] == REPORT]
    if len(reports) > at_most:
        kept = set(np.random.default_rng(seed).permutation(reports)[:at_most].tolist())
    else:
        kept = set(reports)
    return [row for i, row in enumerate(rows) if row["question_type"] != REPORT or i in kept]


def too_few(scored: Sequence[Scored]) -> dict[str, int]:
    """Kinds of comparisons of too few ECGs to say anything, and their questions."""
    sets: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for one in scored:
        sets[one.kind].add(one.record_ids)
    few = {
        kind
        for kind, of in sets.items()
        if len(of) < _MIN_COMPARED and all(len(records) > 1 for records in of)
    }
    return dict(sorted(Counter(one.kind for one in scored if one.kind in few).items()))


def enough_compared(scored: Sequence[Scored]) -> list[Scored]:
    """All but the comparisons that are `too_few`."""
    few = too_few(scored)
    return [one for one in scored if one.kind not in few]


def _asks(rows: Sequence[Mapping[str, Any]], longest: Callable[[str], int]) -> list[Ask]:
    """A row's question, with the answers that are likely: they save time and change nothing."""
    answers: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        answers[row["question"]][row["answer"]] += 1

    def candidates(row: Mapping[str, Any]) -> tuple[str, ...]:
        if row["question_type"] == REPORT:
            return ()
        if is_verify(row["question_type"]):
            return YES_NO
        if row.get("options"):
            return tuple(row["options"])
        likely = answers[row["question"]].most_common(_MOST_CANDIDATES)
        return tuple(sorted(answer for answer, _ in likely))

    return [
        Ask(
            shown_records(row),
            row["question"],
            candidates(row),
            greedy=is_balanced(row),
            longest=longest(row["question_type"]),
        )
        for row in rows
    ]


def _of(ask: Ask, ecgs: tuple[str, ...]) -> Ask:
    return Ask(ecgs, ask.question, ask.candidates, ask.greedy, ask.longest)


def _respond(
    name: str, respond: Responder, asks: Sequence[Ask], quiet: bool
) -> Mapping[Ask, Response]:
    distinct = list(dict.fromkeys(asks))
    with bar(name, len(distinct), quiet) as advance:
        return respond(distinct, advance)


def _scored(row: Mapping[str, Any], response: Response) -> Scored:
    return Scored.of(row, response.text, response.p_yes)
