"""A tokenizer on a split of a corpus: how many tokens, how large an error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from ..hub_code.errors import EcgByteError
from ..hub_code.fingerprint import processor_sha256
from ..hub_code.leads import STANDARD_LEADS
from ..progress import datasets_bars, track
from .metrics import error_sums
from .totals import CorpusTotals

if TYPE_CHECKING:
    from ..hub_code.processing_ecg_byte import EcgByteProcessor

# Reasons of left-out records that a report lists; the rest are only counted.
_REASONS_LISTED = 20


class Comparison(Protocol):
    """What else a report makes of every record; its summary stands under its name."""

    name: str

    def add(
        self, record_id: str, cleaned: Any, decoded: Any, sampling_rate: float, offset_s: float = 0
    ) -> None:
        """Take in one record: (12, samples) each at `sampling_rate` Hz."""

    def summary(self) -> dict[str, Any]:
        """What has been found, as a JSON-able dict."""


def report(
    tokenizer: str | Path,
    corpus: str | Path,
    split: str = "validation",
    *,
    comparisons: Sequence[Comparison] = (),
    quiet: bool = False,
) -> dict[str, Any]:
    """Measure the tokenizer in a folder or Hub repository on one split of a prepared corpus.

    Every record is cleaned, coded to ids and decoded; errors are against the cleaned signal,
    `processor.feature_extractor.clean(...)`. Returns a JSON-able dict with `settings`, `overall`,
    `per_lead` and one entry for each of `comparisons` (`ClinicalComparison`, `BoundaryComparison`,
    which need signals in mV). Tokens are counted from `<|ecg|>` to `<|/ecg|>`, both and all markers
    included. `rmse_uV` is over all samples of all records and leads, `rmse_median_uV` and
    `prd_median` (%) are medians over records; where the extractor's unit is not mV the names have
    no `_uV` and the values are in its unit. Memory stays flat: a few numbers are kept per record.

    Raises `EcgByteError` where tokenizer, corpus or split is not there, the two are in
    different units, or no record goes through.
    """
    from ..corpora import check_corpus_unit, describe_corpus, open_corpus
    from ..hub_code.processing_ecg_byte import EcgByteProcessor

    processor = EcgByteProcessor.from_pretrained(str(tokenizer))
    check_corpus_unit(corpus, processor.feature_extractor.unit, f"tokenizer {tokenizer}")
    with datasets_bars(quiet):
        splits = open_corpus(corpus)
    if split not in splits:
        raise EcgByteError(f"{corpus}: no split {split!r}; it has {', '.join(splits)}")
    rows = track(splits[split], "measuring", len(splits[split]), quiet=quiet)
    result = measure(processor, rows, source=str(corpus), comparisons=comparisons)
    description = describe_corpus(corpus)
    where = {
        "tokenizer": str(tokenizer),
        "corpus": str(corpus),
        "corpus_source": description["source"],
        "corpus_title": description["title"],
        "split": split,
    }
    return {**result, "settings": where | result["settings"]}


def measure(
    processor: EcgByteProcessor,
    rows: Iterable[Mapping[str, Any]],
    source: str = "corpus",
    *,
    comparisons: Sequence[Comparison] = (),
) -> dict[str, Any]:
    """`report` on any rows of a corpus (dicts in numpy format; columns as in `corpora`)."""
    from ..corpora import signal_mV

    extractor = processor.feature_extractor
    if comparisons and extractor.unit != "mV":
        raise EcgByteError(
            f"{source}: clinical measures need signals in mV, this tokenizer's are in "
            f"{extractor.unit}; leave out --clinical and --boundaries"
        )
    totals = CorpusTotals(len(STANDARD_LEADS))
    left_out = 0
    reasons: list[str] = []
    for row in rows:
        record_id = str(row["record_id"])
        try:
            cleaned = extractor.clean(signal_mV(row), float(row["sampling_rate"]), source=record_id)
            words = extractor.codec.encode(cleaned)
            ids = processor.words_to_ids(words)
            decoded = processor.decode_ecg(ids)
            totals.add(
                error_sums(cleaned, decoded, record_id),
                tokens=len(ids),
                markers=sum(map(bool, words)) + 2,
                symbols=sum(map(len, words)),
            )
            for one in comparisons:
                offset_s = float(row.get("offset_s", 0.0))
                one.add(record_id, cleaned, decoded, extractor.sampling_rate, offset_s)
        except EcgByteError as error:
            left_out += 1
            if len(reasons) < _REASONS_LISTED:
                reasons.append(str(error))
    if not totals.records:
        why = f" ({reasons[0]})" if reasons else ""
        raise EcgByteError(f"{source}: no record went through{why}")
    vocabulary_size = processor.ecg_vocabulary_size
    settings = {
        "tokenizer_sha256": processor_sha256(processor),
        "preset": extractor.preset,
        "cleaning": extractor.cleaning,
        "sampling_rate_Hz": extractor.sampling_rate,
        "unit": extractor.unit,
        "vocabulary_size": vocabulary_size,
        "records": totals.records,
        "left_out": left_out,
        "left_out_reasons": reasons,
    }
    overall = totals.tokens_summary(vocabulary_size) | totals.error_summary(extractor.unit)
    per_lead = totals.error_summaries_per_lead(extractor.unit)
    result = {"settings": settings, "overall": overall, "per_lead": per_lead}
    return result | {one.name: one.summary() for one in comparisons}
