"""Where in the signal a symbol or a token lies."""

from __future__ import annotations

from typing import NamedTuple


class Span(NamedTuple):
    """A half-open stretch of one channel, in samples at the extractor's output rate.

    `channel` is a lead (`"II"`) or a component (`"r1"`) of the codec; it is empty for tokens that
    belong to no channel. `start == stop` says that the token covers no samples.
    """

    channel: str
    start: int
    stop: int
