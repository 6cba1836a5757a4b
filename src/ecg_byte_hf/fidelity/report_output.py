"""A report as a table for the terminal and as a JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..corpora.shards import write_whole

if TYPE_CHECKING:
    from rich.table import Table


def write_json(result: Mapping[str, Any], path: str | Path) -> None:
    """Write a report, whole or not at all; `EcgByteError` where the file cannot be written."""
    text = json_text(result)
    write_whole(Path(path), lambda temporary: temporary.write_text(text, encoding="utf-8"))


def json_text(result: Mapping[str, Any]) -> str:
    """A report as `write_json` writes it."""
    return json.dumps(result, indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def report_table(result: Mapping[str, Any]) -> Table:
    """The report as a rich table: one line over all leads, then one per lead."""
    from rich.table import Table

    settings, overall = result["settings"], result["overall"]
    suffix = "_uV" if settings["unit"] == "mV" else ""
    unit = "uV" if suffix else settings["unit"]
    table = Table(
        title=(
            f"{settings['preset']}, vocabulary {settings['vocabulary_size']:,}: "
            f"{settings['records']:,} ECGs of split {settings.get('split', '?')}"
        ),
        caption=(
            f"tokens an ECG: mean {overall['tokens_mean']:.1f}, "
            f"median {overall['tokens_p50']:.0f}, 95th percentile {overall['tokens_p95']:.0f}; "
            f"{overall['symbols_per_token']:.2f} symbols a token, "
            f"{overall['bits_per_sample']:.3f} bits a sample at "
            f"{overall['bits_per_token']:g} bits a token"
        ),
    )
    columns = {
        f"rmse{suffix}": f"RMSE {unit}",
        f"rmse_median{suffix}": "median",
        "prd": "PRD %",
        "prd_median": "median",
        "prdn": "PRDN %",
        "prdn_median": "median",
        "snr_dB": "SNR dB",
        "snr_median_dB": "median",
        f"max_error{suffix}": f"max. error {unit}",
    }
    table.add_column("lead")
    for heading in columns.values():
        table.add_column(heading, justify="right")
    for lead, values in {"all": overall, **result["per_lead"]}.items():
        cells = ("-" if values[c] is None else f"{values[c]:.1f}" for c in columns)
        table.add_row(lead, *cells, end_section=lead == "all")
    return table
