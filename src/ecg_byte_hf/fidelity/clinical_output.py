"""The clinical parts of a report as tables for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..wording import counted
from .clinical import ALL_LEADS, MEASURES, PAIRS

if TYPE_CHECKING:
    from rich.table import Table


def clinical_table(clinical: Mapping[str, Any]) -> Table:
    """`report["clinical"]`: lead II with floor and goal, then all leads at once, then each lead.

    Fits 80 columns.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    method, peaks = clinical["method"], clinical["r_peaks"]
    table = Table(
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        title=f"Decoded against cleaned, medians of {counted(clinical['records'], 'record')}",
        caption=(
            f"floor: limits between cleaned and {method['floor']}\n"
            + "; ".join(
                f"R peaks, {pair}: {peaks[pair]['missed']} missed, {peaks[pair]['extra']} extra "
                f"of {peaks[pair]['cleaned']:,}"
                for pair in PAIRS
            )
        ),
    )
    table.add_column("measure", no_wrap=True)
    for heading in ("bias", "95 % limits", "n", "floor", "goal", "met"):
        table.add_column(heading, justify="right", no_wrap=True)
    for lead, rows in (("lead II", clinical["lead_II"]), (ALL_LEADS, clinical[ALL_LEADS])):
        table.add_row(f"[bold]{lead}")
        for one in MEASURES:
            if one.name in rows:
                _add_row(table, f"{one.heading}, {one.unit}", rows[one.name])
        table.add_section()
    for one in MEASURES:
        if one.name in clinical["per_lead"]["I"] and one.unit != "%":
            table.add_row(f"[bold]{one.heading}, {one.unit}")
            for lead, rows in clinical["per_lead"].items():
                _add_row(table, lead, rows[one.name])
            table.add_section()
    return table


def boundaries_table(boundaries: Mapping[str, Any]) -> Table:
    """`report["boundaries"]`: per kind of boundary, cleaned and decoded side by side.

    Fits 80 columns.
    """
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    without = boundaries["without_annotations"]
    table = Table(
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        title=f"Against marked boundaries, lead II, {counted(boundaries['records'], 'record')}",
        caption=(
            "delineator minus mark, bias and standard deviation in ms; detected within "
            f"{boundaries['method']['tolerance_ms']:.0f} ms"
            + (f"; without annotations: {counted(without, 'record')}" if without else "")
        ),
    )
    for heading in ("boundary", "marked"):
        table.add_column(heading)
    for signal in ("cleaned", "decoded"):
        table.add_column(f"{signal}: detected", justify="right")
        table.add_column("bias", justify="right")
        table.add_column("SD", justify="right")
    for kind, row in boundaries["kinds"].items():
        wave, end = kind.split("_")
        cells = [f"{wave.upper()} {end}", f"{row['marked']:,}"]
        for signal in ("cleaned", "decoded"):
            one = row[signal]
            share = one["detected"]
            cells += [
                "-" if share is None else f"{100 * share:.1f} %",
                _number(one["bias_ms"]),
                "-" if one["sd_ms"] is None else f"{one['sd_ms']:.1f}",
            ]
        table.add_row(*cells)
    return table


def _add_row(table: Table, name: str, row: Mapping[str, Any]) -> None:
    goal, met, decoded = row.get("goal"), row.get("met"), row["decoded"]
    digits = 0 if row["unit"] == "uV" else 1
    table.add_row(
        name,
        _number(decoded["bias"], digits),
        _limits(decoded, digits),
        str(decoded["n"]),
        _limits(row["floor"], 1),
        "" if goal is None else f"±{goal:g}",
        "" if met is None else "yes" if met else "no",
    )


def _limits(one: Mapping[str, Any], digits: int) -> str:
    if one["lower"] is None:
        return "-"
    return f"{_number(one['lower'], digits)} … {_number(one['upper'], digits)}"


def _number(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:+.{digits}f}"
