"""A digest of the WFDB files that a corpus is made of, to tell one folder's corpus from another's.

Data files may hold gigabytes, so of them only the size counts; headers carry a checksum and the
first value of every lead, which differ where the samples do.
"""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterable
from pathlib import Path

from ..hub_code.errors import EcgByteError
from ..wfdb_header import first_field, read_lines


def input_files_sha256(root: Path, headers: Iterable[Path], *, whole: Iterable[Path] = ()) -> str:
    """SHA-256 (64 hex digits) of what the headers below `root` say and of their data files' sizes.

    Paths count relative to `root` and times not at all, so that a copy of the folder has the same
    digest. The files `whole` count with all their bytes. A file that is not there or cannot be read
    counts as such. Raises `OSError` only for a file of `whole`.
    """
    digest = hashlib.sha256()
    for path in whole:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    for header in headers:
        digest.update(repr((header.relative_to(root).as_posix(), *_contents(header))).encode())
    return digest.hexdigest()


def path_inside(root: Path, name: str, record_id: str, listed_in: str, database: str) -> Path:
    """The path of a record that a database's file lists, made absolute.

    Raises `EcgByteError`, naming the record, where it leads out of the database's folder `root`.
    """
    path = (root / name).resolve()
    if not name or Path(name).is_absolute() or not path.is_relative_to(root.resolve()):
        raise EcgByteError(
            f"{record_id}: path {name!r} in {listed_in} does not stay in {database}'s folder"
        )
    return path


def _contents(header: Path) -> tuple[object, ...]:
    try:
        lines, comments = read_lines(header, header.stem)
    except (EcgByteError, OSError, ValueError):
        return (_size(header.parent, header.name),)
    names = sorted({first_field(line) for line in lines[1:]})
    return lines, comments, [_size(header.parent, name) for name in names]


def _size(folder: Path, name: str) -> int | None:
    """Bytes of a plain file of the folder; `None` for whatever else the name leads to."""
    if "/" in name or "\\" in name:
        return None
    try:
        found = (folder / name).stat()
    except (OSError, ValueError):
        return None
    return found.st_size if stat.S_ISREG(found.st_mode) else None
