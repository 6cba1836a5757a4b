"""What a fine-tuning trains on what: the fields of a config beside those of `TrainingArguments`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ecg_byte_hf.augmentation import Augmentation
from ecg_byte_hf.hub_code.errors import EcgByteError

from .usage import UsageError

_CHOICES = {
    "ecg_rows_start": ("random", "mean", "waveform"),
    "train_questions": ("all", "balanced"),
}


@dataclass
class ReadingArguments:
    """What is trained on what; everything about the optimisation is in `TrainingArguments`."""

    corpus: str = field(default="", metadata={"help": "folder written by `ecg-byte prepare`"})
    tokenizer: str = field(
        default="", metadata={"help": "folder or Hub id of `ecg-byte train-tokenizer`"}
    )
    base: str | None = field(
        default=None,
        metadata={"help": "Hub id or folder of an instruction-tuned Llama; none: a small new one"},
    )
    gguf_file: str | None = field(default=None, metadata={"help": "name of a GGUF in that folder"})
    base_id: str | None = field(
        default=None, metadata={"help": "public id of the base, named in the adapter's config"}
    )
    context: int = field(default=2048, metadata={"help": "tokens of a sequence at most"})
    small_llama: dict[str, Any] = field(
        default_factory=dict, metadata={"help": "fields of LlamaConfig of a small new one"}
    )
    text_vocab_size: int = field(default=512, metadata={"help": "text BPE of a small new Llama"})
    base_epochs: float = field(
        default=3.0, metadata={"help": "epochs of training a small new Llama in full"}
    )
    base_learning_rate: float = field(default=1e-3, metadata={"help": "peak rate meanwhile"})
    ecg_loss_weight: float = field(
        default=0.2, metadata={"help": "weight of predicting ECG tokens meanwhile"}
    )
    lora_r: int = field(default=8, metadata={"help": "rank of the adapter"})
    lora_alpha: int = field(default=16, metadata={"help": "scale of the adapter"})
    lora_dropout: float = field(default=0.0, metadata={"help": "dropout before the adapter"})
    lora_target_modules: str = field(
        default="all-linear", metadata={"help": "PEFT's target_modules, names by commas"}
    )
    ecg_rows_spread: float = field(
        default=1.0,
        metadata={"help": "spread of new rows around the mean row, in standard deviations"},
    )
    train_ecg_rows: bool = field(
        default=True, metadata={"help": "train the embeddings of ECG tokens; false: as drawn"}
    )
    ecg_rows_start: str = field(
        default="random",
        metadata={
            "help": "what new rows start from: random; mean, all the same; waveform, tokens that "
            "decode to similar waveforms alike"
        },
    )
    train_questions: str = field(
        default="all",
        metadata={"help": "all; balanced: without the additional ones, the same for every ECG"},
    )
    question_types: list[str] | None = field(
        default=None,
        metadata={"help": "types of questions to train on (verify, choose, query, ...); none: all"},
    )
    questions_per_sequence: int | None = field(
        default=None,
        metadata={"help": "questions that share an ECG's tokens; none: as many as fit"},
    )
    fill_rows: bool = field(
        default=True,
        metadata={"help": "several sequences of a batch share a row where they fit"},
    )
    augment: bool = field(
        default=False, metadata={"help": "vary ECGs and tokenise them anew each epoch"}
    )
    augmentation: dict[str, Any] = field(
        default_factory=dict, metadata={"help": "how strongly: fields of Augmentation"}
    )
    ecg_pretraining_epochs: float = field(
        default=0.0, metadata={"help": "epochs of predicting ECG tokens alone before all else"}
    )
    ecg_pretraining_learning_rate: float = field(
        default=1e-3, metadata={"help": "peak rate meanwhile"}
    )
    max_train_records: int | None = field(default=None, metadata={"help": "fewer ECGs to train on"})
    max_validation_records: int = field(
        default=64, metadata={"help": "ECGs whose loss is watched while training"}
    )
    train_blind: bool = field(
        default=True, metadata={"help": "train the control that sees no ECG as well"}
    )
    evaluate: bool = field(
        default=False, metadata={"help": "measure on validation at the end, controls included"}
    )
    early_stopping_patience: int | None = field(
        default=None, metadata={"help": "evaluations without gain before training stops"}
    )
    curve_every_steps: int | None = field(
        default=None,
        metadata={"help": "steps between measurements on validation ECGs, for curve.json"},
    )
    num_proc: int | None = field(default=None, metadata={"help": "processes that tokenise"})
    overwrite: bool = field(default=False, metadata={"help": "replace the model in output_dir"})
    push: str | None = field(
        default=None,
        metadata={"help": "owner/name on the Hub for the result; --hub-private-repo true hides it"},
    )
    quiet: bool = field(default=False, metadata={"help": "no progress bars"})

    def check(self) -> None:
        """Raise `UsageError` for arguments that cannot work together."""
        for name in ("corpus", "tokenizer"):
            if not getattr(self, name):
                raise UsageError(f"--{name} is missing: give it or set it in the config")
        if self.gguf_file and not self.base:
            raise UsageError("--gguf-file needs --base, the folder that it lies in")
        if self.base and Path(self.base).exists() and not self.base_id:
            raise UsageError(
                f"--base {self.base} is a local path, which means nothing elsewhere: give the "
                "public id of that model with --base-id"
            )
        if self.base_id and Path(self.base_id).exists():
            raise UsageError(f"--base-id {self.base_id} is a local path: give a public id")
        if self.base_id and not self.base:
            raise UsageError(
                f"--base-id {self.base_id} needs --base: a small new Llama is saved whole and "
                "names no base"
            )
        for name, choices in _CHOICES.items():
            if (value := getattr(self, name)) not in choices:
                option = name.replace("_", "-")
                raise UsageError(f"--{option} {value!r} must be one of {', '.join(choices)}")
        same = self.ecg_rows_start == "mean" or not self.ecg_rows_spread
        if same and not self.train_ecg_rows:
            raise UsageError(
                "--ecg-rows-spread 0 or --ecg-rows-start mean with --train-ecg-rows false: all ECG "
                "tokens would be the same"
            )
        if not (self.base or self.train_ecg_rows):
            raise UsageError(
                "--train-ecg-rows false needs --base: a small new Llama is trained in full"
            )
        if isinstance(self.question_types, str):
            raise UsageError(
                f"--question-types {self.question_types!r} must be a list: [{self.question_types}]"
            )
        for name in ("augmentation", "small_llama"):
            if not isinstance(value := getattr(self, name), dict):
                option = name.replace("_", "-")
                raise UsageError(f"--{option} {value!r} must be a mapping of names to values")
        if self.augmentation and not self.augment:
            raise UsageError("augmentation says how strongly, and --augment true is missing")
        try:
            Augmentation.of(self.augmentation)
        except EcgByteError as error:
            raise UsageError(str(error)) from error
