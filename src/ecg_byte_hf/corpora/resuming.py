"""What a run of `prepare` left in a folder: a finished corpus, one to continue, or nothing."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from .. import __version__
from ..hub_code.errors import EcgByteError
from ..writing import write_whole
from .columns import SPLITS
from .corpus import CORPUS_FILE
from .source import Source
from .summary import SKIPPED_FILE, CorpusSummary

PROGRESS_FILE = "progress.json"


@dataclass
class Progress:
    """What is finished: `shards` of every split, and `last`, the place of the last row in them."""

    arguments: dict[str, Any]
    location: str
    version: str = __version__
    sampling_rate: float | None = None
    shards: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SPLITS, 0))
    # Number of the source record and of its window; (-1, -1) is before the first.
    last: dict[str, list[int]] = field(
        default_factory=lambda: {split: [-1, -1] for split in SPLITS}
    )
    all_read: bool = False

    def save(self, folder: Path) -> None:
        """Write `progress.json`, whole or not at all. Raises `EcgByteError` for a full disk."""
        write_whole(folder / PROGRESS_FILE, lambda path: path.write_text(json.dumps(asdict(self))))


def finished_corpus(folder: Path, arguments: dict[str, Any]) -> CorpusSummary | None:
    """What the finished corpus of a folder came to; `None` where there is none.

    Raises `EcgByteError` where it is one of other arguments.
    """
    try:
        description = json.loads((folder / CORPUS_FILE).read_text(encoding="utf-8"))
        changed = _changed(description["arguments"], json.loads(json.dumps(arguments)))
        if not changed:
            return CorpusSummary(
                folder,
                description["splits"],
                description["questions"],
                read_skipped(folder),
                description["sampling_rate"],
                description.get("split_by", "patient"),
                written_by=description["version"],
                question_counts=description.get("question_counts", {}),
            )
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError):
        changed = [f"{CORPUS_FILE} cannot be read"]
    raise EcgByteError(
        f"{folder}: there is another corpus in it ({', '.join(changed)}); choose another folder, "
        f"or replace it with --overwrite"
    )


def _changed(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """The names of the arguments that differ."""
    return sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))


def start_or_continue(folder: Path, source: Source, arguments: dict[str, Any]) -> Progress:
    """Where to go on in a folder, made where it is not there.

    Raises `EcgByteError` where it holds other files, or a corpus begun with other arguments.
    """
    arguments = json.loads(json.dumps(arguments))
    try:
        progress = Progress(**json.loads((folder / PROGRESS_FILE).read_text(encoding="utf-8")))
    except FileNotFoundError:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise EcgByteError(
                f"{folder}: it is not empty and holds no corpus; choose another folder"
            ) from None
        return _start(folder, source, arguments)
    except (ValueError, TypeError) as error:
        raise EcgByteError(
            f"{folder}: {PROGRESS_FILE} cannot be read ({error}); start anew with --overwrite"
        ) from None
    changed = _changed(progress.arguments, arguments)
    if progress.location != source.location:
        changed.append("another folder")
    if progress.version != __version__:
        changed.append(f"version {progress.version} instead of {__version__}")
    if changed == ["input_files_sha256"] and not any(progress.shards.values()):
        # Nothing is finished, so that records which were mended since then can still go in.
        return _start(folder, source, arguments)
    if changed:
        raise EcgByteError(
            f"{folder}: an unfinished corpus of other arguments is in it ({', '.join(changed)}); "
            f"give the same ones to continue it, or start anew with --overwrite"
        )
    return progress


def _start(folder: Path, source: Source, arguments: dict[str, Any]) -> Progress:
    progress = Progress(arguments, source.location)
    (folder / "data").mkdir(parents=True, exist_ok=True)
    progress.save(folder)
    return progress


def read_skipped(folder: Path) -> dict[str, str]:
    """Reasons by record; a line that a kill cut off is left out, its record is read again."""
    skipped: dict[str, str] = {}
    try:
        lines = (folder / SKIPPED_FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return skipped
    for line in lines:
        try:
            entry = json.loads(line)
            skipped[entry["record_id"]] = entry["reason"]
        except (ValueError, KeyError, TypeError):
            continue
    return skipped


def remove_corpus(folder: Path) -> None:
    """Remove what a run wrote, and nothing else."""
    if not any((folder / name).is_file() for name in (CORPUS_FILE, PROGRESS_FILE)):
        return
    for name in ("data", "questions"):
        for path in (folder / name).glob("*.parquet*"):
            path.unlink()
        for path in (folder / name).glob(".*.parquet.tmp"):
            path.unlink()
        if (folder / name).is_dir() and not any((folder / name).iterdir()):
            shutil.rmtree(folder / name)
    for name in (SKIPPED_FILE, "README.md", CORPUS_FILE, PROGRESS_FILE):
        (folder / name).unlink(missing_ok=True)
