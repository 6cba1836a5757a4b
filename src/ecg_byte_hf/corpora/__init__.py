"""Many records in: corpora that `datasets.load_dataset` reads, and their sources."""

from __future__ import annotations

from .columns import signal_mV
from .corpus import check_corpus_unit, corpus_facts, describe_corpus, open_corpus, open_questions
from .summary import CorpusSummary
from .writer import write_corpus

__all__ = [
    "CorpusSummary",
    "check_corpus_unit",
    "corpus_facts",
    "describe_corpus",
    "open_corpus",
    "open_questions",
    "signal_mV",
    "write_corpus",
]
