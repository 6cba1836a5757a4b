"""Write rows of a corpus as Parquet files that appear whole or not at all."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..hub_code.errors import EcgByteError
from ..writing import why_not_written

if TYPE_CHECKING:
    import pyarrow
    from datasets import Features


# What is held in memory per split, and what a reader of the Hub's viewer has to fetch at least.
ROWS_PER_GROUP = 20

# Differences of neighbouring samples need 5 bits where the samples need 16.
_DIFFERENCES = {"signal.list.element.list.element": "DELTA_BINARY_PACKED"}


class ShardWriter:
    """One Parquet file, written a few rows at a time, the same rows as the same bytes.

    The schema carries `features`, so that `datasets.load_dataset` gives back `Array2D` columns.
    The file has its name once `close` has returned; `discard` leaves nothing of it. Both raise
    `EcgByteError` where the disk is full or cannot be written, as `add` does.
    """

    def __init__(self, path: Path, features: Features) -> None:
        self.path, self.rows = path, 0
        self._schema = features.arrow_schema
        self._temporary = path.with_name(f".{path.name}.tmp")
        self._waiting: list[dict[str, Any]] = []
        self._file: Any = None

    def add(self, row: dict[str, Any]) -> None:
        """Add one row, a value per feature."""
        self._waiting.append(row)
        self.rows += 1
        if len(self._waiting) == ROWS_PER_GROUP:
            self._write_group()

    def close(self) -> None:
        """Write what is left and give the file its name."""
        if self._waiting or self._file is None:
            self._write_group()
        try:
            self._file.close()
            os.replace(self._temporary, self.path)
        except OSError as error:
            self.discard()
            raise EcgByteError(why_not_written(self.path, error)) from error

    def discard(self) -> None:
        """Forget the rows and remove the temporary file."""
        self._waiting.clear()
        if self._file is not None:
            # A full disk fails once more here, and is being told already.
            with contextlib.suppress(OSError):
                self._file.close()
        self._temporary.unlink(missing_ok=True)

    def _write_group(self) -> None:
        import pyarrow
        import pyarrow.parquet

        columns = [
            _column([row[field.name] for row in self._waiting], field.type)
            for field in self._schema
        ]
        table = pyarrow.Table.from_arrays(columns, schema=self._schema)
        try:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._file = pyarrow.parquet.ParquetWriter(
                    self._temporary,
                    self._schema,
                    compression="zstd",
                    use_dictionary=False,
                    column_encoding=_DIFFERENCES if "signal" in self._schema.names else None,
                )
            self._file.write_table(table)
        except OSError as error:
            self.discard()
            raise EcgByteError(why_not_written(self.path, error)) from error
        self._waiting.clear()


def write_rows(path: Path, rows: Sequence[dict[str, Any]], features: Features) -> None:
    """Write rows as one Parquet file; see `ShardWriter`."""
    shard = ShardWriter(path, features)
    try:
        for row in rows:
            shard.add(row)
        shard.close()
    except BaseException:
        shard.discard()
        raise


def _column(values: list[Any], kind: pyarrow.DataType) -> pyarrow.Array:
    import pyarrow

    if not isinstance(kind, pyarrow.ExtensionType):
        return pyarrow.array(values, type=kind)
    stacked = np.stack(values)
    count, leads, samples = stacked.shape
    each_lead = pyarrow.ListArray.from_arrays(
        np.arange(0, stacked.size + 1, samples, dtype=np.int32), stacked.reshape(-1)
    )
    each_signal = pyarrow.ListArray.from_arrays(
        np.arange(0, count * leads + 1, leads, dtype=np.int32), each_lead
    )
    return pyarrow.ExtensionArray.from_storage(kind, each_signal)
