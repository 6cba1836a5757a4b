"""What an accuracy is held against: other patients' ECGs, a flat one, the most frequent answer."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ecg_byte_hf.hub_code.errors import EcgByteError

from .scoring import NUMERIC, number_in

BLACKOUT_S = 10.0


def derangement(
    shown: Iterable[Sequence[str]], patients: Mapping[str, str], seed: int
) -> dict[tuple[str, ...], tuple[str, ...]]:
    """For every way in which ECGs are shown together (record ids), the ECGs of other patients.

    `patients` maps record ids to patients. ECGs shown alone are shuffled (seeded), brought together
    by patient, and rotated by as many places as the patient with most ECGs has, so that each is
    used once and nobody gets one of his own. ECGs shown together are all replaced, each by one that
    is drawn from the ECGs of patients to whom none of them belongs.

    Raises:
        EcgByteError: one patient has more than half of the ECGs, or there are too few others.
    """
    together = list(dict.fromkeys(tuple(ids) for ids in shown))
    rng = np.random.default_rng(seed)
    alone = [ids[0] for ids in together if len(ids) == 1]
    order = [alone[i] for i in rng.permutation(len(alone))]
    seen: dict[str, int] = {}
    for record in order:
        seen.setdefault(patients[record], len(seen))
    order.sort(key=lambda record: seen[patients[record]])
    most = max(Counter(patients[record] for record in order).values(), default=0)
    if 2 * most > len(order):
        raise EcgByteError(
            "the shuffled control needs ECGs of several patients, none with more than half"
        )
    given = {(record,): (order[(i + most) % len(order)],) for i, record in enumerate(order)}
    pool = sorted({record for ids in together for record in ids})
    for ids in together:
        if len(ids) == 1:
            continue
        own = {patients[record] for record in ids}
        others = [record for record in pool if patients[record] not in own]
        if len(others) < len(ids):
            raise EcgByteError(
                f"the shuffled control needs {len(ids)} ECGs of patients other than those of "
                f"{', '.join(ids)}: ask about more records"
            )
        given[ids] = tuple(others[i] for i in rng.choice(len(others), len(ids), replace=False))
    return given


def majority_guesser(
    train: Iterable[Mapping[str, Any]],
) -> Callable[[Mapping[str, Any]], str]:
    """The most frequent answer in training to the same question; of numbers the median.

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
            found = counts.get(key(row))
            if found and row["question_type"] == NUMERIC:
                numbers = [n for n in map(number_in, found.elements()) if n is not None]
                return f"{np.median(numbers):g}" if numbers else ""
            if found:
                ranked = sorted(found.items(), key=lambda item: (-item[1], item[0]))
                return ranked[0][0]
        return ""

    return guess


def flat_ecg_ids(processor: Any) -> list[int]:
    """The ids of 10 s of zeros in all leads, past the checks that refuse such a record."""
    extractor = processor.feature_extractor
    samples = round(BLACKOUT_S * extractor.sampling_rate)
    return processor.words_to_ids(extractor.codec.encode(np.zeros((12, samples), dtype=np.float32)))
