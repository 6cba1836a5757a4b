"""The arguments of the scripts in `training/`: dataclasses, YAML, command line."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_origin

from ecg_byte_hf.extras import require_extra
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.threads import wait_without_spinning

from .evaluate_arguments import EvaluateArguments
from .usage import UsageError, describe, in_one_line

if TYPE_CHECKING:
    from transformers import TrainingArguments

    from .reading_arguments import ReadingArguments

_Kind = TypeVar("_Kind")


def read_config(path: str | Path, known: set[str]) -> dict[str, Any]:
    """The fields of a YAML config.

    Raises:
        EcgByteError: it cannot be read, is no mapping, or has a field that nothing knows.
    """
    import yaml

    try:
        fields = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise EcgByteError(f"cannot read the config {path}: {in_one_line(error)}") from error
    if not isinstance(fields, dict):
        raise EcgByteError(f"the config {path} must be a mapping of fields to values")
    unknown = sorted(str(name) for name in set(fields) - known)
    if unknown:
        raise EcgByteError(f"the config {path} has the unknown field {unknown[0]!r}")
    return fields


def parse_finetune(
    argv: Sequence[str],
    kind: type[ReadingArguments] | None = None,
    *,
    description: str | None = None,
) -> tuple[ReadingArguments, TrainingArguments]:
    """Arguments of `training/finetune.py`: the YAML of `--config`, overridden by the command line.

    A field that is a mapping is JSON on the command line: `--augmentation '{"gain": 0.2}'`.
    `kind` is a dataclass with further fields, that of another script of the same harness;
    `description`, a script's docstring, heads its help. An `output_dir` that nobody named is "".
    bf16 and fp16 are settled by `precision.settle_precision`.

    Raises:
        EcgByteError: the config is wrong, or fields contradict one another.
    """
    from transformers import HfArgumentParser, TrainingArguments

    from .precision import half_precision, settle_precision
    from .reading_arguments import ReadingArguments

    first = ArgumentParser(add_help=False)
    describe(first, None)
    first.add_argument("--config")
    config, rest = first.parse_known_args(argv)
    parser = HfArgumentParser((kind or ReadingArguments, TrainingArguments))
    describe(parser, description)
    for action in parser._actions:
        # `dict` itself, which is what such a field's type says, makes nothing of a text.
        action.type = json.loads if get_origin(action.type) is dict else action.type
        if action.dest in ("bf16", "fp16"):
            action.type = partial(half_precision, action.dest)
    parser.add_argument("--config", help="YAML file with any of these fields")
    known = {action.dest for action in parser._actions}
    fields = read_config(config.config, known) if config.config else {}
    try:
        fields = settle_precision(fields)
    except ArgumentTypeError as error:
        raise EcgByteError(
            f"the config {config.config}: bf16 and fp16 must be auto, true or false"
        ) from error
    # transformers would write to ./trainer_output where nothing says where.
    parser.set_defaults(**{"output_dir": "", **fields})
    try:
        arguments, training, _, unknown = parser.parse_args_into_dataclasses(
            rest, return_remaining_strings=True, look_for_args_file=False
        )
    except (ValueError, TypeError) as error:
        raise UsageError(f"training arguments: {in_one_line(error)}") from error
    except (ImportError, OSError, RuntimeError) as error:
        raise EcgByteError(f"training arguments: {in_one_line(error)}") from error
    if unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    training.resume_from_checkpoint = _resume(training.resume_from_checkpoint)
    return arguments, training


def _resume(value: str | bool | None) -> str | None:
    """`"true"`, or None: a name of a checkpoint would be passed over, and a false one taken."""
    said = str(value).lower()
    if said in ("none", "false"):
        return None
    if said != "true":
        raise UsageError(
            f"--resume-from-checkpoint {value} must be true or false: every stage goes on from its "
            "latest whole checkpoint"
        )
    return "true"


def parse_evaluate(argv: Sequence[str], description: str | None = None) -> EvaluateArguments:
    """Arguments of `training/evaluate.py`."""
    return parse_dataclass(argv, EvaluateArguments, description)


def parse_dataclass(
    argv: Sequence[str], kind: type[_Kind], description: str | None = None
) -> _Kind:
    """The dataclass of a script's arguments from the command line; errors are one line.

    `description`, a script's docstring, heads its help.
    """
    from transformers import HfArgumentParser

    parser = HfArgumentParser(kind)
    describe(parser, description)
    arguments, unknown = parser.parse_args_into_dataclasses(
        list(argv), return_remaining_strings=True, look_for_args_file=False
    )
    if unknown:
        parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    return arguments


def run_script(main: Callable[[], None], go_on: str) -> int:
    """Run a script's `main`; its exit code: 1 for an `EcgByteError`, 130 for Ctrl-C.

    2 is for usage: a `UsageError`, and what argparse refuses. Each is one line on stderr; `go_on`
    says how to go on after Ctrl-C.
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
        return 2 if isinstance(error, UsageError) else 1
    except KeyboardInterrupt:
        print(f"{name}: interrupted; {go_on}", file=sys.stderr)
        return 130
    return 0
