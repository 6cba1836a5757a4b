"""The arguments of the scripts in `training/`: dataclasses, YAML, command line."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, get_origin

from ecg_byte_hf.extras import require_extra
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.threads import wait_without_spinning

if TYPE_CHECKING:
    from transformers import TrainingArguments

    from .reading_arguments import ReadingArguments

_Kind = TypeVar("_Kind")


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
        default="float32", metadata={"help": "float32, or bfloat16: faster, a few answers differ"}
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


def read_config(path: str | Path, known: set[str]) -> dict[str, Any]:
    """The fields of a YAML config.

    Raises:
        EcgByteError: it cannot be read, is no mapping, or has a field that nothing knows.
    """
    import yaml

    try:
        fields = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
    except (OSError, yaml.YAMLError) as error:
        first = " ".join(str(error).split())
        raise EcgByteError(f"cannot read the config {path}: {first}") from error
    if not isinstance(fields, dict):
        raise EcgByteError(f"the config {path} must be a mapping of fields to values")
    unknown = sorted(str(name) for name in set(fields) - known)
    if unknown:
        raise EcgByteError(f"the config {path} has the unknown field {unknown[0]!r}")
    return fields


def parse_finetune(
    argv: Sequence[str], kind: type[ReadingArguments] | None = None
) -> tuple[ReadingArguments, TrainingArguments]:
    """Arguments of `training/finetune.py`: the YAML of `--config`, overridden by the command line.

    A field that is a mapping is JSON on the command line: `--augmentation '{"gain": 0.2}'`.
    `kind` is a dataclass with further fields, that of another script of the same harness.
    bf16 and fp16 are settled by `precision.settle_precision`.

    Raises:
        EcgByteError: the config is wrong, or fields contradict one another.
    """
    from transformers import HfArgumentParser, TrainingArguments

    from .precision import settle_precision
    from .reading_arguments import ReadingArguments

    first = ArgumentParser(add_help=False)
    first.add_argument("--config")
    config, rest = first.parse_known_args(argv)
    parser = HfArgumentParser((kind or ReadingArguments, TrainingArguments))
    _say_errors_in_one_line(parser)
    for action in parser._actions:
        # `dict` itself, which is what such a field's type says, makes nothing of a text.
        action.type = json.loads if get_origin(action.type) is dict else action.type
    parser.add_argument("--config", help="YAML file with any of these fields")
    known = {action.dest for action in parser._actions}
    fields = read_config(config.config, known) if config.config else {}
    parser.set_defaults(**settle_precision(fields))
    try:
        arguments, training, _ = parser.parse_args_into_dataclasses(rest, look_for_args_file=False)
    except ValueError as error:
        raise EcgByteError(f"training arguments: {error}") from error
    training.resume_from_checkpoint = _resume(training.resume_from_checkpoint)
    return arguments, training


def _resume(value: str | bool | None) -> str | None:
    """`"true"`, or None: a name of a checkpoint would be passed over, and a false one taken."""
    said = str(value).lower()
    if said in ("none", "false"):
        return None
    if said != "true":
        raise EcgByteError(
            f"--resume-from-checkpoint {value} must be true or false: every stage goes on from its "
            "latest whole checkpoint"
        )
    return "true"


def parse_evaluate(argv: Sequence[str]) -> EvaluateArguments:
    """Arguments of `training/evaluate.py`."""
    return parse_dataclass(argv, EvaluateArguments)


def parse_dataclass(argv: Sequence[str], kind: type[_Kind]) -> _Kind:
    """The dataclass of a script's arguments from the command line; errors are one line."""
    from transformers import HfArgumentParser

    parser = HfArgumentParser(kind)
    _say_errors_in_one_line(parser)
    arguments, unknown = parser.parse_args_into_dataclasses(
        list(argv), return_remaining_strings=True, look_for_args_file=False
    )
    if unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    return arguments


def _say_errors_in_one_line(parser: ArgumentParser) -> None:
    """argparse would print its usage before the error: 200 lines for `TrainingArguments`."""

    def error(message: str) -> NoReturn:
        parser.exit(2, f"{parser.prog}: {message} (--help names every argument)\n")

    parser.error = error  # type: ignore[method-assign]


def run_script(main: Callable[[], None], go_on: str) -> int:
    """Run a script's `main`; its exit code: 1 for an `EcgByteError`, 130 for Ctrl-C.

    Either is one line on stderr; `go_on` says how to go on after Ctrl-C.
    """
    name = Path(sys.argv[0]).name
    # Beside the scripts lies an evaluate.py, which would hide the library of that name.
    own_folder = Path(sys.argv[0]).resolve().parent
    sys.path[:] = [path for path in sys.path if Path(path or ".").resolve() != own_folder]
    wait_without_spinning()
    try:
        require_extra("train", name)
        main()
    except EcgByteError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{name}: interrupted; {go_on}", file=sys.stderr)
        return 130
    return 0
