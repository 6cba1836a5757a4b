"""The arguments of training/evaluate.py."""

from __future__ import annotations

from dataclasses import dataclass, field

from .argument_checks import changed
from .usage import UsageError

# All that `--compare` needs; everything else is about asking a model.
_OF_COMPARE = ("compare", "split", "json", "quiet")


@dataclass
class EvaluateArguments:
    """What is evaluated on what, or which evaluations are compared."""

    model: str = field(default="", metadata={"help": "folder or Hub id of training/finetune.py"})
    corpus: str = field(default="", metadata={"help": "folder written by `ecg-byte prepare`"})
    compare: list[str] = field(
        default_factory=list,
        metadata={"help": "folders of runs evaluated before: print one table of them instead"},
    )
    split: str = field(default="validation", metadata={"help": "split of the corpus"})
    base: str | None = field(default=None, metadata={"help": "base model instead of the named one"})
    gguf_file: str | None = field(default=None, metadata={"help": "name of a GGUF in that folder"})
    max_records: int | None = field(default=None, metadata={"help": "fewer ECGs to ask about"})
    max_reports: int = field(default=64, metadata={"help": "reports to write at most, drawn"})
    encoder: str | None = field(
        default=None, metadata={"help": "folder of an encoder, for BERTScore of reports"}
    )
    dtype: str = field(
        default="float32",
        metadata={
            "help": "float32, or bfloat16: faster, a few answers differ",
            "choices": ["float32", "bfloat16"],
        },
    )
    seed: int = field(default=0, metadata={"help": "of the shuffled control and the intervals"})
    shuffles: int = field(default=3, metadata={"help": "ways to give out others' ECGs"})
    question_types: list[str] | None = field(
        default=None, metadata={"help": "types of questions to ask; none: those trained on"}
    )
    variants: int = field(
        default=0,
        metadata={"help": "yes/no once more, from the mean of an ECG and so many variants"},
    )
    json: str | None = field(default=None, metadata={"help": "file for the result"})
    answers: str | None = field(default=None, metadata={"help": "file for every answer (JSONL)"})
    quiet: bool = field(default=False, metadata={"help": "no progress bars"})

    def check(self) -> None:
        """Raise `UsageError` where neither a model and a corpus nor runs to compare are given."""
        if not self.compare:
            for name in ("model", "corpus"):
                if not getattr(self, name):
                    raise UsageError(f"--{name} is missing: give it, or runs with --compare")
            return
        if idle := changed(self, set(vars(self)) - set(_OF_COMPARE)):
            options = ", ".join(f"--{name.replace('_', '-')}" for name in idle)
            raise UsageError(
                f"--compare prints what was measured before and asks no model: leave out {options}"
            )
