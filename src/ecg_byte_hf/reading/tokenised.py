"""A corpus as a Llama reads it: the ids of its ECGs beside its questions."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecg_byte_hf.hub_code.errors import EcgByteError

from .sequences import shown_records

if TYPE_CHECKING:
    from .reading_arguments import ReadingArguments


@dataclass
class TokenisedCorpus:
    """The train and validation splits of a corpus: ECG ids (of the ECG BPE) and questions.

    `train_rows`: the training ECGs themselves, as `open_corpus` gives them.
    """

    ecg_processor: Any
    train_rows: Any
    ecgs: dict[str, dict[str, list[int]]]
    questions: dict[str, list[dict[str, Any]]]

    @classmethod
    def open(cls, arguments: ReadingArguments) -> TokenisedCorpus:
        """Read the corpus and tokenise its ECGs with the cached map step.

        Raises:
            EcgByteError: a split or its questions are missing.
        """
        from ecg_byte_hf.corpora import check_corpus_unit, open_corpus, open_questions

        processor = load_ecg_processor(arguments.tokenizer)
        check_corpus_unit(arguments.corpus, processor.feature_extractor.unit, arguments.tokenizer)
        splits, asked = open_corpus(arguments.corpus), open_questions(arguments.corpus)
        ecgs, questions = {}, {}
        limits = {
            "train": arguments.max_train_records,
            "validation": arguments.max_validation_records,
        }
        for split, limit in limits.items():
            if split not in splits or split not in asked:
                raise EcgByteError(
                    f"corpus {arguments.corpus}: no {split} split with questions: prepare it again"
                )
            ecgs[split] = tokenise(splits[split], processor, limit, arguments.num_proc)
            questions[split] = [
                row
                for row in asked[split].to_list()
                if all(record in ecgs[split] for record in shown_records(row))
                and is_asked(row, arguments)
            ]
            if not questions[split]:
                raise EcgByteError(
                    f"corpus {arguments.corpus}: the {split} split has no question of the types "
                    f"{', '.join(arguments.question_types or ('any',))}"
                )
        return cls(processor, splits["train"], ecgs, questions)


def say_missing_types(corpus: str, types: Sequence[str] | None) -> None:
    """Name on stderr the wanted types of questions that a corpus has in no split.

    No error: a config names ECG-QA's types beside others, and a corpus may be without them.
    """
    from ecg_byte_hf.corpora import open_questions

    there = {kind for rows in open_questions(corpus).values() for kind in rows["question_type"]}
    if missing := [kind for kind in types or () if kind not in there]:
        print(
            f"corpus {corpus} has no questions of the type {', '.join(missing)}: trained without; "
            f"it has {', '.join(sorted(there))}",
            file=sys.stderr,
        )


def is_asked(row: Mapping[str, Any], arguments: ReadingArguments) -> bool:
    """Whether a question of a corpus is one to train on: of the wanted types, and balanced."""
    types = arguments.question_types
    wanted = arguments.train_questions == "all" or row.get("balanced", True)
    return wanted and (not types or row["question_type"] in types)


def load_ecg_processor(tokenizer: str | Path) -> Any:
    """The processor of a tokenizer folder or Hub id (`EcgByteProcessor` with the ECG BPE)."""
    from ecg_byte_hf.hub_code.processing_ecg_byte import EcgByteProcessor

    try:
        return EcgByteProcessor.from_pretrained(str(tokenizer))
    except OSError as error:
        first = str(error).strip().splitlines()[0]
        raise EcgByteError(
            f"cannot load an ECG tokenizer from {tokenizer}: {first} (make one with "
            "`ecg-byte train-tokenizer`)"
        ) from error


def tokenise(
    split: Any, processor: Any, limit: int | None = None, num_proc: int | None = None
) -> dict[str, list[int]]:
    """Record id -> ids of its ECG, in ids of the ECG BPE, by the cached map step."""
    from ecg_byte_hf.symbolize import tokenize_dataset

    rows = split if limit is None else split.select(range(min(limit, len(split))))
    done = tokenize_dataset(rows, processor, num_proc=num_proc).with_format("python")
    return dict(zip(done["record_id"], done["ecg_ids"], strict=True))
