"""How the scripts of `training/` say what they do and what is wrong with a command line."""

from __future__ import annotations

from argparse import ArgumentDefaultsHelpFormatter, ArgumentParser, RawDescriptionHelpFormatter
from typing import NoReturn

from ecg_byte_hf.hub_code.errors import EcgByteError


class UsageError(EcgByteError):
    """What the arguments alone have wrong, whatever is in the files they name: exit code 2."""


class _Help(ArgumentDefaultsHelpFormatter, RawDescriptionHelpFormatter):
    """Keeps the lines of the description, which holds commands to copy, and names defaults."""


def script_parser(description: str) -> ArgumentParser:
    """A parser whose help begins with a script's docstring and whose errors are one line."""
    parser = ArgumentParser()
    describe(parser, description)
    return parser


def describe(parser: ArgumentParser, description: str | None) -> None:
    """Give a parser a script's docstring, usage of one line, and errors of one line.

    argparse would print its usage before an error: 200 lines for `TrainingArguments`.
    """

    def error(message: str) -> NoReturn:
        parser.exit(2, f"{parser.prog}: {message} (--help names every argument)\n")

    parser.error = error  # type: ignore[method-assign]
    parser.formatter_class = _Help
    if description:
        parser.description = description
        positional = [action for action in parser._actions if not action.option_strings]
        shown = " ".join(str(action.dest) for action in positional)
        parser.usage = f"%(prog)s {shown or '--NAME VALUE ...'}"


def in_one_line(error: BaseException) -> str:
    """What a library said, in one line, or the name of its error."""
    said = " ".join(str(error).split())
    # Of a KeyError the key is all that it says.
    return f"{type(error).__name__} {said}" if isinstance(error, KeyError) or not said else said
