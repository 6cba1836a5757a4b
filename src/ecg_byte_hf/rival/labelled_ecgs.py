"""The ECGs of a corpus as arrays, beside what is known of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg_byte_hf.corpora import open_corpus, signal_mV
from ecg_byte_hf.corpora.corpus import describe_corpus
from ecg_byte_hf.corpora.ptb_xl_normalised import superclasses
from ecg_byte_hf.corpora.question_balance import Attribute, Finding
from ecg_byte_hf.corpora.question_templates import ATTRIBUTES as SIMULATED_ATTRIBUTES
from ecg_byte_hf.corpora.question_templates import finding_from_truth
from ecg_byte_hf.corpora.scp_questions import ATTRIBUTES as SCP_ATTRIBUTES
from ecg_byte_hf.corpora.scp_questions import finding_from_scp
from ecg_byte_hf.hub_code.cleaning import clean, resample
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.progress import track

NORMALISED = "ptb-xl-normalised"
# The attribute whose statements are the classes: diagnostic superclasses, or simulated rhythms.
_SCP, _SIMULATED = SCP_ATTRIBUTES[0], SIMULATED_ATTRIBUTES[0]


@dataclass(frozen=True)
class SignalFormat:
    """What signals are made into: a rate in Hz, a length in samples, cleaned or as they are."""

    sampling_rate: float
    samples: int
    cleaned: bool

    def __call__(self, row: Mapping[str, Any]) -> NDArray[np.float32]:
        """The signal of a corpus's row as float32 (12, samples), its end cut or filled with 0."""
        signal, rate = signal_mV(row), float(row["sampling_rate"])
        make = clean if self.cleaned else resample
        made = make(signal, rate, self.sampling_rate)[:, : self.samples]
        return np.pad(made, ((0, 0), (0, self.samples - made.shape[1])))


def corpus_format(corpus: str | Path, sampling_rate: float = 100.0) -> SignalFormat:
    """The format of a corpus's signals for a ResNet: its window at `sampling_rate` Hz, cleaned.

    A corpus in standard deviations was band-passed before it was scaled, and is not cleaned again.
    """
    description = describe_corpus(corpus)
    samples = round(description["samples"] * sampling_rate / description["sampling_rate"])
    return SignalFormat(sampling_rate, samples, cleaned=description["source"] != NORMALISED)


@dataclass(frozen=True)
class EcgSignals:
    """ECGs of one split: `record_ids`, `patient_ids`, and `signals` float16 (ECGs, 12, samples).

    In the corpus's unit; 16 bits hold a millivolt to a microvolt, in half the memory.
    """

    record_ids: list[str]
    patient_ids: list[str]
    signals: NDArray[np.float16]


@dataclass(frozen=True)
class LabelledEcgs(EcgSignals):
    """ECGs with what is known of them.

    `labels` is float32 (ECGs, classes): 1 shown, 0 not shown, nan not known.
    """

    labels: NDArray[np.float32]


def corpus_attribute(corpus: str | Path) -> Attribute:
    """The attribute whose statements are the classes of a corpus's ECGs.

    PTB-XL's diagnostic superclasses, or the rhythms of the simulation.

    Raises:
        EcgByteError: the corpus says nothing about its ECGs.
    """
    source = describe_corpus(corpus)["source"]
    if source == "simulation":
        return _SIMULATED
    if source.startswith("ptb-xl"):
        return _SCP
    raise EcgByteError(
        f"corpus {corpus}: its source {source!r} has no labels to train a ResNet on: prepare one "
        "from PTB-XL or the simulation"
    )


def read_signals(rows: Any, form: SignalFormat, *, quiet: bool = False) -> EcgSignals:
    """The signals of a split of `open_corpus`."""
    signals = np.zeros((len(rows), 12, form.samples), dtype=np.float16)
    for index, row in enumerate(track(rows, "signals", len(rows), quiet=quiet)):
        signals[index] = form(row)
    return EcgSignals(
        [str(one) for one in rows["record_id"]], [str(one) for one in rows["patient_id"]], signals
    )


def _first(rows: Any, limit: int | None) -> Any:
    return rows if limit is None else rows.select(range(min(limit, len(rows))))


def read_ecgs(
    corpus: str | Path,
    split: str,
    form: SignalFormat,
    *,
    limit: int | None = None,
    quiet: bool = False,
) -> LabelledEcgs:
    """The first `limit` ECGs (all by default) of a split, in the corpus's order.

    Raises:
        EcgByteError: there is no such split, or the corpus says nothing about its ECGs.
    """
    attribute = corpus_attribute(corpus)
    splits = open_corpus(corpus)
    if split not in splits:
        raise EcgByteError(f"corpus {corpus} has no split {split!r}: it has {', '.join(splits)}")
    rows = _first(splits[split], limit)
    source = describe_corpus(corpus)["source"]
    labels = np.full((len(rows), len(attribute.statements)), np.nan, dtype=np.float32)
    for index, row in enumerate(rows.remove_columns("signal")):
        found = _finding(source, attribute, row)
        for place, statement in enumerate(attribute.statements):
            if found is not None and statement.value in found.present | found.absent:
                labels[index, place] = statement.value in found.present
    read = read_signals(rows, form, quiet=quiet)
    return LabelledEcgs(read.record_ids, read.patient_ids, read.signals, labels)


def _finding(source: str, attribute: Attribute, row: Mapping[str, Any]) -> Finding | None:
    if source == "simulation":
        return finding_from_truth(attribute, json.loads(str(row["truth"])))
    if source == NORMALISED:
        present = superclasses(list(row["scp_codes"]))
        values = {statement.value for statement in attribute.statements}
        return Finding(present, frozenset(values - present)) if present else None
    codes = [str(code) for code in row["scp_codes"]]
    likelihoods = (float(percent) for percent in row["scp_likelihoods"])
    return finding_from_scp(attribute, dict(zip(codes, likelihoods, strict=True)))
