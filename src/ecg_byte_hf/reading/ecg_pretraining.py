"""A first stage without labels: the next token of ECGs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .sequences import Reading


def ecgs_alone(ecgs: Mapping[str, Sequence[int]]) -> list[Reading]:
    """Readings without questions of ECGs (record id -> ids in the Llama's vocabulary)."""
    return [Reading(record, "", tuple(ids), ()) for record, ids in ecgs.items()]
