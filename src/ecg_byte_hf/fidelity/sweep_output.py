"""A sweep as tables for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..wording import counted
from .sweep_plan import Setting

if TYPE_CHECKING:
    from rich.table import Table


def _table(title: str, left: tuple[str, ...], right: tuple[str, ...]) -> Table:
    from rich.table import Table

    table = Table(title=title)
    for heading in left:
        table.add_column(heading, overflow="fold")
    for heading in right:
        table.add_column(heading, justify="right")
    return table


def _number(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"


def front_table(result: Mapping[str, Any]) -> Table:
    """The presets' default points, the Pareto front (marked *) and the FAST points.

    All are learned from all training ECGs.
    """
    settings = result["settings"]
    table = _table(
        f"tokens an ECG against error, {counted(settings['ecgs'], 'ECG')} of split "
        f"{settings['split']}",
        ("setting",),
        ("tokens", "RMSE uV", "PRD % median", "bits a sample"),
    )
    shown = [point for point in result["points"] if point["default"] or point["pareto"]]
    for point in sorted(shown, key=lambda one: one["tokens_mean"]):
        mark = "* " if point["pareto"] else "  "
        _add(table, mark + Setting.of_point(point).name, point)
    table.add_section()
    for point in result["baselines"]["fast"]:
        mark = "* " if point["pareto"] else "  "
        _add(table, f"{mark}FAST, {point['variant']}, scale {point['scale']:g}", point)
    return table


def _add(table: Table, name: str, point: Mapping[str, Any]) -> None:
    table.add_row(
        name,
        *(_number(point[key]) for key in ("tokens_mean", "rmse_uV", "prd_median")),
        _number(point["bits_per_sample"], 3),
    )


def fast_table(result: Mapping[str, Any]) -> Table:
    """Tokens of the FAST recipe over those of each preset's default at the same RMSE."""
    table = _table(
        "FAST at the RMSE of each preset's default",
        ("preset", "FAST"),
        ("RMSE uV", "tokens", "tokens of FAST", "times"),
    )
    for row in result["baselines"]["fast_at_equal_rmse"]:
        figures = (row[name] for name in ("rmse_uV", "tokens_mean", "tokens_mean_fast", "ratio"))
        table.add_row(row["preset"], row["variant"], *map(_number, figures))
    return table


def lossless_table(result: Mapping[str, Any]) -> Table:
    """Bits a sample of tokens and of general compressors at the same RMSE."""
    columns = ("tokens", "zlib", "zlib_of_differences", "flac")
    table = _table(
        "bits a sample at the same RMSE",
        ("setting",),
        ("RMSE uV", *(name.replace("_", " ") for name in columns)),
    )
    for row in result["baselines"]["lossless"]:
        bits = (_number(row["bits_per_sample"].get(name), 3) for name in columns)
        table.add_row(Setting.of_point(row).name, _number(row["rmse_uV"]), *bits)
    return table


def goals_table(result: Mapping[str, Any]) -> Table:
    """Every goal, the setting that comes closest, and whether it is reached."""
    table = _table("goals", ("goal", "reached", "setting"), ("tokens", "RMSE uV", "PRD %"))
    words = {True: "yes", False: "no", None: "not judged"}
    for goal in result["goals"]:
        if "worst_ratio" in goal:
            setting = f"{goal['worst_ratio']:.2f} times the tokens at worst"
        else:
            setting = goal.get("setting") or goal["why"]
        setting = setting.removeprefix("--preset ")
        figures = (_number(goal.get(key)) for key in ("tokens_mean", "rmse_uV", "prd_median"))
        table.add_row(goal["goal"], words[goal["reached"]], setting, *figures)
    return table
