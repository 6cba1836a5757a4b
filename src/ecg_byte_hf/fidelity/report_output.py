"""A report as a table for the terminal and as a JSON file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..wording import counted
from ..writing import write_whole

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
    """The report as a rich table: one line over all leads, then one per lead. Fits 80 columns."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    settings, overall = result["settings"], result["overall"]
    suffix = "_uV" if settings["unit"] == "mV" else ""
    unit = "uV" if suffix else settings["unit"]
    table = Table(
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        title=(
            f"{settings['preset']}, vocabulary {settings['vocabulary_size']:,}: "
            f"{counted(settings['records'], 'ECG')} of split {settings.get('split', '?')}"
        ),
        caption=(
            f"tokens an ECG: mean {overall['tokens_mean']:.1f}, "
            f"median {overall['tokens_p50']:.0f}, 95th percentile {overall['tokens_p95']:.0f}; "
            f"{overall['symbols_per_token']:.2f} symbols a token, "
            f"{overall['bits_per_sample']:.3f} bits a sample at "
            f"{overall['bits_per_token']:g} bits a token"
        ),
    )
    # A standard deviation is some hundred microvolts.
    digits = 1 if suffix else 3
    columns = {
        f"rmse{suffix}": (f"RMSE\n{unit}", digits),
        f"rmse_median{suffix}": ("\nmedian", digits),
        "prd": ("PRD\n%", 1),
        "prd_median": ("\nmedian", 1),
        "prdn": ("PRDN\n%", 1),
        "prdn_median": ("\nmedian", 1),
        "snr_dB": ("SNR\ndB", 1),
        "snr_median_dB": ("\nmedian", 1),
        f"max_error{suffix}": (f"max. error\n{unit}", digits),
    }
    table.add_column("\nlead", no_wrap=True)
    for heading, _ in columns.values():
        table.add_column(heading, justify="right", no_wrap=True)
    for lead, values in {"all": overall, **result["per_lead"]}.items():
        cells = (
            "-" if values[name] is None else f"{values[name]:.{places}f}"
            for name, (_, places) in columns.items()
        )
        table.add_row(lead, *cells, end_section=lead == "all")
    return table
