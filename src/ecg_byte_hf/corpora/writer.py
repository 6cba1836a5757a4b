"""Write the records of a source as a corpus, a shard at a time.

Memory holds at most 20 rows per split. A shard is on disk under its name once it is whole; a
small `progress.json` says how far the source was read, so that the same command continues after
Ctrl-C, a kill or a full disk and ends with the same bytes as an uninterrupted run.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from ..hub_code.errors import EcgByteError
from ..hub_code.signal_checks import (
    MAX_DURATION_S,
    MIN_DURATION_S,
    check_millivolts,
    check_sampling_rate,
)
from ..progress import bar
from ..records import EcgRecord
from ..writing import why_not_written, write_whole
from .columns import SPLITS, ecg_features, quantise, question_features
from .corpus import CORPUS_FILE
from .finished_rows import finished_rows
from .resuming import (
    PROGRESS_FILE,
    Progress,
    finished_corpus,
    read_skipped,
    remove_corpus,
    start_or_continue,
)
from .shards import ShardWriter, write_rows
from .source import Patient, Source, SourceRecord
from .summary import SKIPPED_FILE, CorpusSummary, dataset_card

ROWS_PER_SHARD = 100


def write_corpus(
    source: Source,
    out: str | os.PathLike[str],
    *,
    sampling_rate: float | None = None,
    window_s: float = MAX_DURATION_S,
    with_questions: bool = True,
    question_seed: int = 0,
    overwrite: bool = False,
    quiet: bool = False,
) -> CorpusSummary:
    """Write the corpus of a source into the folder `out`.

    `sampling_rate` (Hz) is the corpus's, by default that of its first record; records of another
    rate are resampled and flagged. Records longer than `window_s` (2 to 10 s) are cut into windows.
    A record that cannot be used is skipped and named in `skipped.jsonl`. Where `out` holds an
    unfinished corpus of the same arguments it is continued, where it holds a finished one nothing
    is done, which the summary says.

    Raises `EcgByteError` where `out` holds something else (`overwrite=True` replaces a corpus,
    never other files), where the disk is full, and where no record could be used.
    """
    if not MIN_DURATION_S <= window_s <= MAX_DURATION_S:
        raise EcgByteError(
            f"window of {window_s!r} s is not within {MIN_DURATION_S:.0f} ... "
            f"{MAX_DURATION_S:.0f} s"
        )
    if sampling_rate is not None:
        check_sampling_rate(sampling_rate, "corpus")
    folder = Path(out)
    arguments = source.arguments | {
        "sampling_rate": sampling_rate,
        "window_s": window_s,
        "questions": with_questions and source.questions is not None,
        "question_seed": question_seed,
    }
    try:
        if overwrite:
            remove_corpus(folder)
        finished = finished_corpus(folder, arguments)
        if finished is not None:
            return finished
        progress = start_or_continue(folder, source, arguments)
        if sampling_rate is not None:
            progress.sampling_rate = sampling_rate
        if not any(progress.shards.values()):
            # Nothing is finished: read all again, what was wrong may have been mended.
            progress.all_read = False
            (folder / SKIPPED_FILE).unlink(missing_ok=True)
        skipped = read_skipped(folder)
        if not progress.all_read:
            _write_shards(folder, source, progress, skipped, window_s, quiet)
        return _finish(folder, source, progress, skipped, window_s, question_seed, quiet)
    except OSError as error:
        raise EcgByteError(why_not_written(folder, error)) from error


def _write_shards(
    folder: Path,
    source: Source,
    progress: Progress,
    skipped: dict[str, str],
    window_s: float,
    quiet: bool,
) -> None:
    from rich.console import Console
    from rich.progress import track

    open_shards: dict[str, ShardWriter] = {}
    places: dict[str, list[int]] = {}

    def shard_of(split: str) -> ShardWriter:
        if split not in open_shards:
            assert progress.sampling_rate is not None
            features = ecg_features(samples_of(window_s, progress.sampling_rate))
            path = folder / "data" / f"{split}-{progress.shards[split]:05d}.parquet"
            open_shards[split] = ShardWriter(path, features)
        return open_shards[split]

    def finish(split: str) -> None:
        open_shards[split].close()
        del open_shards[split]
        progress.shards[split] += 1
        progress.last[split] = places[split]
        progress.save(folder)

    with (
        contextlib.ExitStack() as unfinished,
        (folder / SKIPPED_FILE).open("a", encoding="utf-8") as skipped_file,
    ):
        unfinished.callback(lambda: [shard.discard() for shard in open_shards.values()])

        def skip(record_id: str, reason: str) -> None:
            if record_id not in skipped:
                skipped[record_id] = reason
                line = json.dumps({"record_id": record_id, "reason": reason}, ensure_ascii=False)
                skipped_file.write(line + "\n")
                skipped_file.flush()

        shown = track(
            enumerate(source.records()),
            description=f"prepare {source.name}",
            total=source.total,
            console=Console(stderr=True),
            disable=quiet or not sys.stderr.isatty(),
            transient=True,
        )
        for number, entry in shown:
            done_number, done_window = progress.last[entry.split]
            if number < done_number:
                continue
            for window, row in enumerate(_rows(entry, progress, window_s, skip)):
                if row is None or (number == done_number and window <= done_window):
                    continue
                shard = shard_of(entry.split)
                shard.add(row)
                places[entry.split] = [number, window]
                if shard.rows == ROWS_PER_SHARD:
                    finish(entry.split)
        for split in list(open_shards):
            finish(split)
    progress.all_read = True
    progress.save(folder)


def _rows(
    entry: SourceRecord,
    progress: Progress,
    window_s: float,
    skip: Callable[[str, str], None],
) -> Iterator[dict[str, Any] | None]:
    """The rows of one record, `None` for a window that cannot be used."""
    try:
        record, patient = entry.read()
        if progress.sampling_rate is None:
            progress.sampling_rate = record.sampling_rate
        windows = list(_at_rate(record, progress.sampling_rate).windows(window_s))
    except EcgByteError as error:
        skip(entry.record_id, str(error))
        return
    for window in windows:
        try:
            check_millivolts(window.signal, window.record_id)
            yield _row(window, patient, samples_of(window_s, progress.sampling_rate))
        except EcgByteError as error:
            skip(window.record_id, str(error))
            yield None


def samples_of(window_s: float, sampling_rate: float) -> int:
    """Samples of a window, the width of column `signal`."""
    return round(window_s * sampling_rate)


def _at_rate(record: EcgRecord, sampling_rate: float) -> EcgRecord:
    if record.sampling_rate == sampling_rate:
        return record
    from dataclasses import replace

    from ..hub_code.cleaning import resample

    return replace(
        record,
        signal=resample(record.signal, record.sampling_rate, sampling_rate),
        sampling_rate=sampling_rate,
        flags=(*record.flags, f"resampled from {record.sampling_rate:g} to {sampling_rate:g} Hz"),
        resolution_mV=None,
    )


def _row(record: EcgRecord, patient: Patient, width: int) -> dict[str, Any]:
    # A window that ends between two samples may come out one longer.
    units, scale = quantise(record.signal[:, :width], record.resolution_mV)
    samples = units.shape[1]
    signal = np.zeros((12, width), np.int16)
    signal[:, :samples] = units
    return {
        "record_id": record.record_id,
        "patient_id": patient.patient_id,
        "signal": signal,
        "scale": scale,
        "samples": samples,
        "sampling_rate": record.sampling_rate,
        "offset_s": record.offset_s,
        "flags": [*record.flags, *patient.flags],
        "sex": patient.sex,
        "age": patient.age,
        "scp_codes": list(patient.scp_codes),
        "scp_likelihoods": list(patient.scp_likelihoods),
        "report": patient.report,
        "truth": patient.truth,
    }


def _finish(
    folder: Path,
    source: Source,
    progress: Progress,
    skipped: dict[str, str],
    window_s: float,
    question_seed: int,
    quiet: bool,
) -> CorpusSummary:
    splits, questions, counts = {}, {}, {}
    if not any(progress.shards.values()):
        reason = next(iter(skipped.values()), "there is none")
        raise EcgByteError(
            f"{folder}: no record could be used ({len(skipped)} skipped, see {SKIPPED_FILE}); the "
            f"first: {reason}"
        )
    asked_about = progress.arguments["questions"] and source.questions is not None
    with_rates = bool(asked_about and source.asks_rate)
    for split in SPLITS:
        shards = _name_shards(folder, split, progress.shards[split])
        with bar(f"read {split}", len(shards), quiet) as advance:
            rows = finished_rows(shards, with_rates=with_rates, advance=advance)
        splits[split] = {
            "rows": len(rows),
            "records": len({re.sub(r"@[0-9.]+s$", "", row["record_id"]) for row in rows}),
            "patients": len({row["patient_id"] for row in rows}),
        }
        if rows and asked_about and source.questions is not None:
            asked = source.questions(rows, question_seed)
            if asked:
                write_rows(folder / "questions" / f"{split}.parquet", asked, question_features())
                questions[split] = len(asked)
    if asked_about and source.question_counts is not None:
        counts = source.question_counts()
    assert progress.sampling_rate is not None
    description = {
        "format": 1,
        "source": source.name,
        "title": source.title,
        "licence": source.licence,
        "attribution": source.attribution,
        "arguments": progress.arguments,
        "sampling_rate": progress.sampling_rate,
        "unit": source.unit,
        "window_s": window_s,
        "samples": samples_of(window_s, progress.sampling_rate),
        "split_by": source.split_by,
        "splits": splits,
        "questions": questions,
        "question_counts": counts,
        "skipped": len(skipped),
        "version": __version__,
    }
    # In the order in which an uninterrupted run would have found them, without torn lines.
    lines = [
        json.dumps({"record_id": name, "reason": reason}, ensure_ascii=False) + "\n"
        for name, reason in skipped.items()
    ]
    _write_text(folder / SKIPPED_FILE, "".join(lines))
    _write_text(folder / "README.md", dataset_card(description))
    _write_text(folder / CORPUS_FILE, json.dumps(description, indent=2, ensure_ascii=False) + "\n")
    (folder / PROGRESS_FILE).unlink(missing_ok=True)
    return CorpusSummary(
        folder,
        splits,
        questions,
        skipped,
        progress.sampling_rate,
        source.split_by,
        question_counts=counts,
    )


def _name_shards(folder: Path, split: str, count: int) -> list[Path]:
    """Give the shards their final names, which tell their number, as the Hub's own files do."""
    named = []
    for number in range(count):
        unnamed = folder / "data" / f"{split}-{number:05d}.parquet"
        final = folder / "data" / f"{split}-{number:05d}-of-{count:05d}.parquet"
        if unnamed.exists():
            os.replace(unnamed, final)
        named.append(final)
    return named


def _write_text(path: Path, text: str) -> None:
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
