"""`python -m tests.benchmarks.self_naming TOKENIZER CORPUS`: tokens that say by themselves where.

A value of a representative beat in placed words means nothing without the block that was named
last. Of the tokens of representative beats in a corpus's training ECGs, prints how many an ECG has,
the share that names a block and a value in it, the share without a value (a block, an extension,
the mark of a second beat), and the rest, values whose meaning hangs on a token before them.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import Any

from ecg_byte_hf.corpora import open_corpus
from ecg_byte_hf.hub_code.processing_ecg_byte import EcgByteProcessor
from ecg_byte_hf.reading.tokenised import tokenise


def kind_of_token(name: str, codec: Any) -> str | None:
    """`whole`, `none` (no value) or `value` of a token of placed words, None of any other."""
    if name.startswith("<") or not (channel := codec.usual_channel(name)).startswith("t"):
        return None
    if not codec.waveform(channel, name).any():
        return "none"
    # The mark of a second beat says nothing of the block.
    return "whole" if set(name) & set(codec.piece_starts[1:]) else "value"


def shares(processor: EcgByteProcessor, ecgs: list[list[int]]) -> dict[str, float]:
    """`tokens` of representative beats an ECG, and the share of each kind of them."""
    codec = processor.feature_extractor.codec
    names = processor.tokenizer.convert_ids_to_tokens(range(processor.ecg_vocabulary_size))
    kinds = [kind_of_token(name, codec) for name in names]
    counted = Counter(kinds[i] for ids in ecgs for i in ids)
    del counted[None]
    total = counted.total()
    parts = {kind: counted[kind] / total for kind in ("whole", "none", "value")}
    return {"tokens": total / len(ecgs)} | parts


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.self_naming")
    parser.add_argument("tokenizer", help="folder of a tokenizer, preset beat-placed or beat-named")
    parser.add_argument("corpus", type=Path)
    arguments = parser.parse_args()
    processor = EcgByteProcessor.from_pretrained(arguments.tokenizer)
    if not getattr(processor.feature_extractor.codec, "piece_starts", ""):
        parser.error(f"{arguments.tokenizer} does not write placed or named words")
    found = shares(
        processor, list(tokenise(open_corpus(arguments.corpus)["train"], processor).values())
    )
    print(
        f"{found['tokens']:.1f} tokens of representative beats an ECG: {found['whole']:.1%} name "
        f"block and value, {found['value']:.1%} a value alone, {found['none']:.1%} no value"
    )


if __name__ == "__main__":
    main()
