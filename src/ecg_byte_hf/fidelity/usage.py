"""How often a tokenizer uses each of its tokens on a split of a corpus, and which it never uses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..hub_code.errors import EcgByteError
from ..hub_code.presets import BEAT_PRESETS
from ..hub_code.run_lengths import BLOCK
from ..progress import datasets_bars, track

if TYPE_CHECKING:
    from ..hub_code.processing_ecg_byte import EcgByteProcessor

Int64 = NDArray[np.int64]

SHARES = (0.5, 0.9, 0.99)


class Use(NamedTuple):
    """A token in a channel. `place`: of its first symbol within a block of 16 coefficients.

    The place is what its waveform hangs on besides the channel; it is 0 where words are not made of
    coefficients (`rr`, and all of `paper`).
    """

    channel: str
    token: int
    place: int


@dataclass(frozen=True)
class TokenUsage:
    """Counts of tokens over `records` ECGs; markers, begin and end are not among them.

    `counts`: how often each `Use` occurred; `symbols`: how many symbols each id of the ECG BPE
    stands for, int64 (vocabulary,), 0 for special tokens; `left_out`: records that did not go
    through.
    """

    preset: str
    channels: tuple[str, ...]
    symbols: Int64
    records: int
    left_out: int
    counts: Mapping[Use, int] = field(repr=False)

    def per_token(self, kind: str | None = None) -> Int64:
        """Uses of each id, int64 (vocabulary,), in words of one kind (`kind_of_word`) or in all."""
        uses = np.zeros(len(self.symbols), dtype=np.int64)
        for use, count in self.counts.items():
            if kind is None or kind_of_word(self.preset, use.channel) == kind:
                uses[use.token] += count
        return uses

    @property
    def kinds(self) -> list[str]:
        """The kinds of words of the preset, in the order of its channels."""
        return list(dict.fromkeys(kind_of_word(self.preset, channel) for channel in self.channels))

    def usual(self, token: int, kind: str) -> Use:
        """Where a token of words of this kind stands most often (of equals the first channel)."""
        found = [
            (-count, self.channels.index(use.channel), use.place, use)
            for use, count in self.counts.items()
            if use.token == token and kind_of_word(self.preset, use.channel) == kind
        ]
        return min(found)[-1]

    def summary(self) -> dict[str, Any]:
        """JSON-able: records, tokens in the vocabulary, uses, coverage and dead tokens."""
        uses = self.per_token()
        dead = (uses == 0) & (self.symbols > 0)
        return {
            "preset": self.preset,
            "records": self.records,
            "left_out": self.left_out,
            "tokens": int((self.symbols > 0).sum()),
            "uses": int(uses.sum()),
            "tokens_for_share": {str(share): tokens_for(uses, share) for share in SHARES},
            "dead_symbols": int((dead & (self.symbols == 1)).sum()),
            "dead_merges": int((dead & (self.symbols > 1)).sum()),
        }


def kind_of_word(preset: str, channel: str) -> str:
    """What a channel's word says: `"rhythm"`, `"beat"` or `"rest"`; `"component"`; `"lead"`."""
    if preset in BEAT_PRESETS:
        return {"rr": "rhythm", "t": "beat"}.get(channel.rstrip("12345678"), "rest")
    return "component" if preset == "compact" else "lead"


def tokens_for(uses: Int64, share: float) -> int:
    """How many of the most used tokens it takes for this share of all uses (0 where none are)."""
    total = np.cumsum(np.sort(uses)[::-1])
    return int(np.searchsorted(total, share * total[-1]) + 1) if total[-1] else 0


def token_usage(
    tokenizer: str | Path,
    corpus: str | Path,
    split: str = "validation",
    *,
    max_records: int | None = None,
    quiet: bool = False,
) -> tuple[EcgByteProcessor, TokenUsage]:
    """The processor in a folder or Hub repository, and its token counts on a split of a corpus.

    `max_records`: only the first so many rows. Raises `EcgByteError` where tokenizer, corpus or
    split is not there, the two are in different units, or no record goes through.
    """
    from ..corpora import check_corpus_unit, open_corpus
    from ..hub_code.processing_ecg_byte import EcgByteProcessor

    processor = EcgByteProcessor.from_pretrained(str(tokenizer))
    check_corpus_unit(corpus, processor.feature_extractor.unit, f"tokenizer {tokenizer}")
    with datasets_bars(quiet):
        splits = open_corpus(corpus)
    if split not in splits:
        raise EcgByteError(f"{corpus}: no split {split!r}; it has {', '.join(splits)}")
    dataset = splits[split]
    if max_records is not None:
        dataset = dataset.select(range(min(max_records, len(dataset))))
    rows = track(dataset, "counting tokens", len(dataset), quiet=quiet)
    return processor, count_tokens(processor, rows, source=str(corpus))


def count_tokens(
    processor: EcgByteProcessor, rows: Iterable[Mapping[str, Any]], source: str = "corpus"
) -> TokenUsage:
    """`token_usage` on any rows of a corpus (dicts in numpy format; columns as in `corpora`)."""
    from ..corpora import signal_mV

    extractor = processor.feature_extractor
    counts: Counter[Use] = Counter()
    records = left_out = 0
    reason = ""
    for row in rows:
        try:
            ids = processor.ecg_ids(
                signal_mV(row), float(row["sampling_rate"]), source=str(row["record_id"])
            )
        except EcgByteError as error:
            left_out += 1
            reason = reason or f" ({error})"
            continue
        records += 1
        for i, token in zip(ids, processor.token_symbols(ids), strict=True):
            if token.symbols:
                of_blocks = extractor.preset != "paper" and token.channel != "rr"
                place = token.place % BLOCK if of_blocks else 0
                counts[Use(token.channel, i - processor.ecg_shift, place)] += 1
    if not records:
        raise EcgByteError(f"{source}: no record went through{reason}")
    return TokenUsage(
        extractor.preset, extractor.channels, _symbols(processor), records, left_out, counts
    )


def _symbols(processor: EcgByteProcessor) -> Int64:
    tokenizer = processor.ecg_tokenizer or processor.tokenizer
    special = set(tokenizer.all_special_ids)
    tokens = tokenizer.convert_ids_to_tokens(list(range(processor.ecg_vocabulary_size)))
    return np.array(
        [0 if i in special else len(token) for i, token in enumerate(tokens)], dtype=np.int64
    )
