"""Questions whose answers cannot be guessed from the question.

Questions are made in groups that share one text, and each possible answer is right once in a group:
a yes and a no for a statement, each of two options once for a choice, every value once for an open
question. Whatever a guesser knows of the texts, of the order of the options or of how often a
paraphrase was used, it gets 1/2, 1/2 and 1/k right: not about, but exactly, in every split.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations
from zlib import crc32

import numpy as np

SHARES = {"verify": 0.40, "choose": 0.25, "query": 0.35}
"""How the questions about an attribute are spread over the types, as far as counts allow."""

MIN_RECORDS_PER_ANSWER = 4
"""What fewer records of a split than this would answer is not asked in it."""


@dataclass(frozen=True)
class Statement:
    """Something an ECG may show: its `answer` in words, and the ways to ask for yes or no."""

    value: str
    answer: str
    verify: tuple[str, ...]


@dataclass(frozen=True)
class Attribute:
    """What is asked about. `choose` texts hold {first} and {second}; either may be empty."""

    name: str
    statements: tuple[Statement, ...]
    choose: tuple[str, ...] = ()
    query: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finding:
    """What is known of one ECG: values that it shows and values that it does not.

    A value in neither set is uncertain, and no question about the ECG depends on it.
    """

    present: frozenset[str]
    absent: frozenset[str]


@dataclass(frozen=True)
class Asked:
    """One question about the ECG at `index` of the findings."""

    index: int
    question_type: str
    question: str
    options: tuple[str, ...]
    answer: str


@dataclass
class _Group:
    """A text with as many places as it has answers, and who may take each place."""

    question_type: str
    texts: tuple[str, ...]
    options: tuple[str, ...]
    places: tuple[tuple[str, Callable[[Finding], bool]], ...]
    asked: int = 0


def balanced_questions(
    attribute: Attribute, findings: Sequence[Finding | None], seed: int
) -> list[Asked]:
    """At most one question about each ECG of one split, balanced group by group.

    `findings` has one entry per ECG, `None` where nothing is known. Deterministic for a seed.
    """
    rng = np.random.default_rng([seed, crc32(attribute.name.encode())])
    unused: dict[Finding, list[int]] = {}
    for index in rng.permutation(len(findings)):
        if (finding := findings[index]) is not None:
            unused.setdefault(finding, []).append(int(index))
    groups = _groups(attribute, [finding for finding in findings if finding is not None])
    done = dict.fromkeys(SHARES, 0)
    asked: list[Asked] = []
    while groups:
        # The type furthest behind its share, and in it the text asked least so far.
        group = min(
            groups,
            key=lambda g: (done[g.question_type] / SHARES[g.question_type], g.asked),
        )
        taken = _take(group, unused, rng)
        if taken is None:  # unused ECGs only become fewer, so it will not fit later
            groups.remove(group)
            continue
        text = group.texts[rng.integers(len(group.texts))]
        for index, (answer, _) in zip(taken, group.places, strict=True):
            asked.append(Asked(index, group.question_type, text, group.options, answer))
        group.asked += len(taken)
        done[group.question_type] += len(taken)
    return sorted(asked, key=lambda question: question.index)


def verify_all(
    attribute: Attribute,
    findings: Sequence[Finding | None],
    chosen: Sequence[Asked],
    seed: int,
) -> list[tuple[str, Asked]]:
    """Every statement asked for yes or no of every ECG of which its truth is known.

    Not balanced: answers are as frequent as the ECGs that give them. A statement about which
    `chosen` asks an ECG already is not asked again. Gives the statement's value with each question.
    """
    rng = np.random.default_rng([seed, crc32(attribute.name.encode()), 1])
    done = {(one.index, one.question) for one in chosen if one.question_type == "verify"}
    every = []
    for statement in attribute.statements:
        wording = rng.integers(len(statement.verify), size=len(findings))
        for index, (finding, which) in enumerate(zip(findings, wording, strict=True)):
            if finding is None or any((index, text) in done for text in statement.verify):
                continue
            if statement.value in finding.present | finding.absent:
                answer = "yes" if statement.value in finding.present else "no"
                text = statement.verify[which]
                every.append((statement.value, Asked(index, "verify", text, (), answer)))
    return every


def _groups(attribute: Attribute, findings: Sequence[Finding]) -> list[_Group]:
    groups = []
    for statement in attribute.statements:
        value = statement.value
        places = (("yes", _shows(value)), ("no", _lacks(value)))
        groups.append(_Group("verify", statement.verify, (), places))
    for first, second in permutations(attribute.statements, 2):
        options = (first.answer, second.answer)
        texts = tuple(t.format(first=options[0], second=options[1]) for t in attribute.choose)
        places = (
            (first.answer, _shows(first.value, instead_of=second.value)),
            (second.answer, _shows(second.value, instead_of=first.value)),
        )
        groups.append(_Group("choose", texts, options, places))
    # An open question has the values that are frequent enough; the others are never its answer.
    open_places = tuple(
        place
        for place in ((s.answer, _shows_only(s.value)) for s in attribute.statements)
        if _is_frequent(place[1], findings)
    )
    if len(open_places) > 1:
        groups.append(_Group("query", attribute.query, (), open_places))
    return [
        group
        for group in groups
        if group.texts and all(_is_frequent(fits, findings) for _, fits in group.places)
    ]


def _take(
    group: _Group, unused: dict[Finding, list[int]], rng: np.random.Generator
) -> list[int] | None:
    """One unused ECG for every place of the group; `None`, and none taken, where one is lacking."""
    chosen: list[Finding] = []
    for _, fits in group.places:
        fitting = [finding for finding in unused if unused[finding] and fits(finding)]
        # No finding fits two places of a group, so nothing is promised twice.
        if not fitting:
            return None
        # In proportion to what is left, so that what is rare is not spent on saying "no".
        left = np.array([len(unused[finding]) for finding in fitting], dtype=np.float64)
        chosen.append(fitting[rng.choice(len(fitting), p=left / left.sum())])
    return [unused[finding].pop() for finding in chosen]


def _is_frequent(fits: Callable[[Finding], bool], findings: Sequence[Finding]) -> bool:
    return sum(map(fits, findings)) >= MIN_RECORDS_PER_ANSWER


def _shows(value: str, instead_of: str | None = None) -> Callable[[Finding], bool]:
    return lambda finding: (
        value in finding.present and (instead_of is None or instead_of in finding.absent)
    )


def _lacks(value: str) -> Callable[[Finding], bool]:
    return lambda finding: value in finding.absent


def _shows_only(value: str) -> Callable[[Finding], bool]:
    return lambda finding: finding.present == {value}
