"""Open a corpus that `ecg-byte prepare` wrote."""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..hub_code.errors import EcgByteError
from ..hub_code.signal_checks import check_unit
from .columns import question_features

if TYPE_CHECKING:
    from datasets import DatasetDict

CORPUS_FILE = "corpus.json"


def describe_corpus(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """What `corpus.json` says: source, arguments, sampling rate (Hz), unit, window (s), counts, ...

    Raises `EcgByteError` where `folder` is no finished corpus.
    """
    path = Path(folder)
    if not path.is_dir():
        raise EcgByteError(f"{path}: no such folder; make a corpus with `ecg-byte prepare`")
    try:
        description = json.loads((path / CORPUS_FILE).read_text(encoding="utf-8"))
        description["splits"], description["sampling_rate"]
    except FileNotFoundError:
        unfinished = (path / "progress.json").exists()
        raise EcgByteError(
            f"{path}: "
            + (
                "this corpus is unfinished; run its `ecg-byte prepare` command again"
                if unfinished
                else f"no {CORPUS_FILE} in it, so no corpus; make one with `ecg-byte prepare`"
            )
        ) from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EcgByteError(f"{path}: {CORPUS_FILE} cannot be read ({error})") from None
    # Corpora of before 0.1 said it by their source alone.
    before = "SD" if description.get("source") == "ptb-xl-normalised" else "mV"
    return {"unit": before, **description}


def check_corpus_unit(folder: str | os.PathLike[str], unit: str, reader: str) -> None:
    """See that a tokenizer or model reads ECGs in the unit of a corpus; `reader` names it.

    Raises `EcgByteError` where it does not, or `folder` is no finished corpus.
    """
    own = describe_corpus(folder)["unit"]
    check_unit(own, unit, f"those of corpus {folder} are", reader)


def corpus_facts(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """What the card of a tokenizer or model says of the corpus it was made from; no path.

    Raises `EcgByteError` where `folder` is no finished corpus.
    """
    description = describe_corpus(folder)
    kept = ("title", "source", "licence", "attribution", "sampling_rate", "unit", "split_by")
    return {name: description[name] for name in kept}


def open_corpus(folder: str | os.PathLike[str]) -> DatasetDict:
    """The ECGs of a corpus, by split (`train`, `validation`, `test`, those that are not empty).

    Columns as `columns.ecg_features` has them, in numpy format, so that `signal_mV(row)` is fast.
    Raises `EcgByteError` where `folder` is no finished corpus.
    """
    description = describe_corpus(folder)
    files = {
        split: sorted(str(path) for path in Path(folder).glob(f"data/{split}-*.parquet"))
        for split, counts in description["splits"].items()
        if counts["rows"]
    }
    return _load(folder, files).with_format("numpy")


def open_questions(folder: str | os.PathLike[str]) -> DatasetDict:
    """The questions of a corpus, by split; columns as `columns.question_features` has them.

    Questions that were written before there were `record_ids` and `balanced` are about one ECG
    each, and balanced. Raises `EcgByteError` where `folder` is no finished corpus or was made
    without questions.
    """
    describe_corpus(folder)
    files = {path.stem: [str(path)] for path in sorted(Path(folder).glob("questions/*.parquet"))}
    if not files:
        raise EcgByteError(
            f"{folder}: this corpus has no questions; prepare one from the simulation or PTB-XL"
        )
    loaded = _load(folder, files)
    for split, rows in loaded.items():
        if "record_ids" not in rows.column_names:
            shown = [[record_id] for record_id in rows["record_id"]]
            rows = rows.add_column("record_ids", shown).add_column("balanced", [True] * len(rows))
            loaded[split] = rows.select_columns(list(question_features()))
    return loaded


def _load(folder: str | os.PathLike[str], files: dict[str, list[str]]) -> DatasetDict:
    from datasets import DatasetDict, load_dataset
    from datasets.utils import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )
    from pyarrow.lib import ArrowException
    from pyarrow.parquet import read_schema

    for split, paths in files.items():
        if not paths:
            raise EcgByteError(
                f"{folder}: the files of split {split} are missing; prepare it again"
            )
    for path in (path for paths in files.values() for path in paths):
        # Asked first: `datasets` logs a line of its own, and its error does not name the file.
        try:
            read_schema(path)
        except (OSError, ArrowException) as error:
            reason = " ".join(str(error).split())
            raise EcgByteError(
                f"{path} cannot be read: prepare the corpus again ({reason})"
            ) from error
    bars_off = are_progress_bars_disabled()
    if not sys.stderr.isatty():
        disable_progress_bars()
    # What it logs is said once, by the error.
    talk = logging.getLogger("datasets.packaged_modules.parquet.parquet")
    level = talk.level
    talk.setLevel(logging.CRITICAL)
    try:
        loaded = load_dataset("parquet", data_files=files)
    except (MemoryError, KeyboardInterrupt):
        raise
    except Exception as error:
        reason = " ".join(str(error.__cause__ or error).split())
        raise EcgByteError(f"{folder}: a file of this corpus cannot be read ({reason})") from error
    finally:
        talk.setLevel(level)
        if not bars_off:
            enable_progress_bars()
    return DatasetDict({split: loaded[split] for split in files})
