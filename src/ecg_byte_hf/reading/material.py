"""What the stages of one model are trained on, in the ids of its Llama."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ecg_byte_hf.augmentation import Augmentation

from .reading_arguments import ReadingArguments
from .sequences import Chat, LeftOut, Reading, build_readings
from .tokenised import TokenisedCorpus
from .varied import EcgVariants


@dataclass(frozen=True)
class Material:
    """Per split the ids of all ECGs (by record id), and the readings that ask about them.

    `context`: tokens of a sequence at most; `variants`: of the training ECGs, where they are to be
    varied.
    """

    context: int
    ecgs: dict[str, dict[str, list[int]]]
    readings: dict[str, list[Reading]]
    left_out: dict[str, LeftOut]
    variants: EcgVariants | None

    @classmethod
    def of(
        cls,
        corpus: TokenisedCorpus,
        chat: Chat,
        arguments: ReadingArguments,
        *,
        shift: int,
        context: int,
        seed: int,
        blind: bool,
    ) -> Material:
        """Bring a corpus and a chat together; no ECG is shown where the model is `blind`.

        `shift`: of the ECG BPE's ids in the Llama's vocabulary; `seed`: of the variants.

        Raises:
            EcgByteError: no question is left.
        """
        ecgs, readings, left_out = {}, {}, {}
        for split, own in corpus.ecgs.items():
            ecgs[split] = {record: [shift + i for i in ids] for record, ids in own.items()}
            readings[split], left_out[split] = build_readings(
                ecgs[split], corpus.questions[split], chat, context=context, blind=blind
            )
        variants = None
        if arguments.augment and not blind:
            variants = EcgVariants(
                corpus.train_rows,
                ecgs["train"],
                corpus.ecg_processor,
                shift,
                Augmentation.of(arguments.augmentation),
                (seed,),
            )
        return cls(context, ecgs, readings, left_out, variants)

    @property
    def longest_answers(self) -> dict[str, int]:
        """Tokens of the longest answer to a training question of each type, its end included."""
        longest: dict[str, int] = {}
        for turn in (turn for reading in self.readings["train"] for turn in reading.turns):
            kind = turn.row["question_type"]
            longest[kind] = max(longest.get(kind, 0), len(turn.answer_ids))
        return longest

    @property
    def facts(self) -> dict[str, Any]:
        """What `reading.json` says of it, as JSON types."""
        shown = [len(one.ecg_ids) for one in self.readings["train"] if len(one.record_ids) == 1]
        return {
            "context": self.context,
            "ecg_tokens_mean": round(sum(shown) / len(shown), 1) if shown else None,
            "left_out": {split: vars(counts) for split, counts in self.left_out.items()},
            "longest_answers": self.longest_answers,
            "questions": {
                split: sum(len(one.turns) for one in rows) for split, rows in self.readings.items()
            },
            "records": {
                split: len({record for one in rows for record in one.record_ids})
                for split, rows in self.readings.items()
            },
        }
