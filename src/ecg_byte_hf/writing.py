"""Files that appear whole or not at all, and whether they can be written, before the work."""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .hub_code.errors import EcgByteError


def write_whole(path: Path, write: Callable[[Path], Any]) -> None:
    """Call `write` with a temporary name beside `path`, then give the file its name.

    Whatever happens before, `path` is the old file or none. Raises `EcgByteError` where the disk is
    full or cannot be written.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise EcgByteError(why_not_written(path, error)) from error
    finally:
        # Below a file there is nothing to remove, and the error is being told already.
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def check_can_write(path: Path) -> Path:
    """`path`, or an `EcgByteError` where no file can be written there: asked before the work."""
    try:
        if path.is_dir():
            raise EcgByteError(f"{path}: cannot be written (it is a folder); name a file in it")
        nearest = next(folder for folder in path.absolute().parents if folder.exists())
        if not nearest.is_dir():
            raise EcgByteError(f"{path}: cannot be written ({nearest} is a file); give another")
    except OSError as error:
        raise EcgByteError(why_not_written(path, error)) from error
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise EcgByteError(f"{path}: cannot be written (no right to write in {nearest})")
    return path


def why_not_written(path: Path, error: OSError) -> str:
    """The line that tells a user why a file could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"{path}: the disk is full; what was finished stays: free some space and run the same "
            f"command again"
        )
    return f"{path}: cannot be written ({error.strerror or error}); check the folder"
