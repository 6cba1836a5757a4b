"""The table that shows an accuracy beside its controls."""

from __future__ import annotations

from typing import Any

COLUMNS = ("accuracy", "blind", "shuffled", "blackout", "majority")


def print_accuracies(result: dict[str, Any]) -> None:
    """Print what `evaluation.evaluate` returned, in percent, a row per question type."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"exact match, % ({result['settings']['split']})")
    table.add_column("questions")
    table.add_column("n", justify="right")
    for column in COLUMNS:
        table.add_column(column, justify="right")
    types = list(result["accuracy"]["per_type"])
    for name in [*types, "all"]:
        cells = []
        for column in COLUMNS:
            scores = result[column]
            if scores is None:
                cells.append("-")
                continue
            share = scores["overall"] if name == "all" else scores["per_type"].get(name)
            cells.append("-" if share is None else f"{100 * share:.1f}")
        count = result["accuracy"]["n"] if name == "all" else result["accuracy"]["counts"][name]
        table.add_row(name, str(count), *cells, style="bold" if name == "all" else None)
    console = Console()
    console.print(table)
    for control, reason in result["not_made"].items():
        console.print(f"{control}: {reason}", markup=False)
