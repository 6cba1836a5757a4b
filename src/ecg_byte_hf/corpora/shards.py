"""Write rows of a corpus as Parquet files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..hub_code.errors import EcgByteError

if TYPE_CHECKING:
    import pyarrow
    from datasets import Features


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
        temporary.unlink(missing_ok=True)


def why_not_written(path: Path, error: OSError) -> str:
    """The line that tells a user why a file could not be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"{path}: the disk is full; what was finished stays: free some space and run the same "
            f"command again"
        )
    return f"{path}: cannot be written ({error.strerror or error}); check the folder"


def write_rows(path: Path, rows: Sequence[dict[str, Any]], features: Features) -> None:
    """Write rows as one Parquet file, the same rows as the same bytes.

    The schema carries `features`, so that `datasets.load_dataset` gives back `Array2D` columns.
    """
    import pyarrow
    import pyarrow.parquet

    schema = features.arrow_schema
    table = pyarrow.Table.from_arrays(
        [_column([row[field.name] for row in rows], field.type) for field in schema], schema=schema
    )
    # Differences of neighbouring samples need 5 bits where the samples need 16.
    arrays = {
        f"{field.name}.list.element.list.element": "DELTA_BINARY_PACKED"
        for field in schema
        if isinstance(field.type, pyarrow.ExtensionType)
    }
    write_whole(
        path,
        lambda temporary: pyarrow.parquet.write_table(
            table,
            temporary,
            compression="zstd",
            use_dictionary=False,
            column_encoding=arrays or None,
        ),
    )


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
