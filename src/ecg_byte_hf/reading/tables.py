"""The tables that show what was measured beside its controls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

COLUMNS = ("accuracy", "blind", "shuffled", "blackout", "majority")


def with_interval(
    value: float | None,
    interval: Sequence[float] | None = None,
    *,
    per_cent: bool = True,
    sd: float | None = None,
) -> str:
    """A number as the tables write it, "81.2 ± 0.8 (79.2 to 83.2)"; "-" for None.

    `per_cent` shows shares in per cent with one decimal, else three decimals.
    """
    if value is None:
        return "-"

    def number(one: float) -> str:
        return f"{100 * one:.1f}" if per_cent else f"{one:.3f}"

    text = number(value) + ("" if sd is None else f" ± {number(sd)}")
    if interval:
        text += f" ({number(interval[0])} to {number(interval[1])})"
    return text


def accuracy_cells(scores: Mapping[str, Any] | None, kind: str | None = None) -> str:
    """The accuracy of a run (`evaluation.evaluate`), of all questions or of one type."""
    if scores is None:
        return "-"
    if kind is None:
        return with_interval(scores["overall"], scores.get("interval"))
    interval = scores.get("per_type_interval", {}).get(kind)
    return with_interval(scores["per_type"].get(kind), interval)


def auroc_rows(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The AUROC of P(yes), a row per finding: name, how many, and a cell for each run with any.

    Macro averages come first, in bold print (`macro` true). Empty without yes/no questions.
    """
    runs = {name: (result.get(name) or {}).get("auroc") for name in COLUMNS}
    own = runs["accuracy"]
    if not own:
        return []
    rows = []
    for part in ("macro", "findings"):
        for name, found in own[part].items():
            cells = {
                run: with_interval(one["auroc"], one["interval"], per_cent=False)
                for run, of in runs.items()
                if of and (one := of[part].get(name))
            }
            macro = part == "macro"
            rows.append(
                {
                    "name": f"{name}, mean of {len(found['values'])}" if macro else name,
                    "macro": macro,
                    "count": "" if macro else f"{found['yes']} / {found['no']}",
                    "cells": cells,
                }
            )
    return rows


def print_accuracies(result: Mapping[str, Any]) -> None:
    """Print what `evaluation.evaluate` returned: shares in per cent, AUROC, numbers, reports."""
    from rich.console import Console
    from rich.table import Table

    split = result["settings"]["split"]
    console = Console()
    table = Table(title=f"exact match, % ({split}; 95 % intervals over patients)")
    table.add_column("questions")
    table.add_column("n", justify="right")
    for column in COLUMNS:
        table.add_column(column, justify="right")
    own = result["accuracy"]
    for kind in own["per_type"]:
        cells = [accuracy_cells(result[column], kind) for column in COLUMNS]
        table.add_row(kind, str(own["counts"][kind]), *cells)
    cells = [accuracy_cells(result[column]) for column in COLUMNS]
    table.add_row("all", str(own["n"]), *cells, style="bold")
    console.print(table)
    if above := own.get("above_blind"):
        points = with_interval(above["overall"], above["interval"])
        console.print(f"above blind: {points} points", markup=False)
    if rows := auroc_rows(result):
        table = Table(title=f"AUROC of the probability of yes ({split})")
        table.add_column("finding")
        table.add_column("yes / no", justify="right")
        for column in COLUMNS[:-1]:
            table.add_column("own ECG" if column == "accuracy" else column, justify="right")
        for row in rows:
            cells = [row["cells"].get(column, "-") for column in COLUMNS[:-1]]
            table.add_row(row["name"], row["count"], *cells, style="bold" if row["macro"] else None)
        console.print(table)
    for line in apart_lines(result):
        console.print(line, markup=False)
    for control, reason in result["not_made"].items():
        console.print(f"{control}: {reason}", markup=False)


def apart_lines(result: Mapping[str, Any]) -> list[str]:
    """A line each for lists of findings, numbers and reports, own ECG and controls; may be none."""
    lines = []
    for name, what in (("findings", "F1 of lists of findings"), ("numeric", "numbers")):
        parts = []
        for run in COLUMNS:
            found = (result.get(run) or {}).get(name)
            if not found:
                continue
            if name == "findings":
                text = with_interval(found["f1"], found["interval"], per_cent=False)
            else:
                error = found["mean_absolute_error"]
                off = "no number" if error is None else f"{error:.1f} off on average"
                near = with_interval(found["within_5"], found["within_5_interval"])
                text = f"{off}, {near} % within 5"
            parts.append(f"{_run(run)} {text}")
        if parts:
            lines.append(f"{what}: {'; '.join(parts)}")
    own = (result["accuracy"] or {}).get("reports") or {}
    for attribute, scores in own.items():
        parts = []
        for run in COLUMNS:
            found = ((result.get(run) or {}).get("reports") or {}).get(attribute)
            if found:
                parts.append(f"{_run(run)} {_text_scores(found)}")
        lines.append(f"{attribute} (n {scores['n']}): {'; '.join(parts)}")
    return lines


def _run(name: str) -> str:
    return "own ECG" if name == "accuracy" else name


def _text_scores(found: Mapping[str, Any]) -> str:
    meteor = found.get("meteor")
    parts = [
        f"BLEU-4 {found['bleu']:.3f}",
        f"ROUGE-L {found['rouge_l']:.3f}",
        f"METEOR {meteor:.3f}"
        if meteor is not None
        else f"METEOR without synonyms {found['meteor_no_synonyms']:.3f}",
    ]
    if "bertscore" in found:
        parts.append(f"BERTScore {found['bertscore']['f1']:.3f}")
    return ", ".join(parts)
