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


def accuracy_of(
    scores: Mapping[str, Any] | None, kind: str | None = None
) -> tuple[float | None, Sequence[float] | None]:
    """The accuracy of a run (`evaluation.evaluate`) and its interval, of all or of one type."""
    if scores is None:
        return None, None
    if kind is None:
        return scores["overall"], scores.get("interval")
    return scores["per_type"].get(kind), scores.get("per_type_interval", {}).get(kind)


def auroc_rows(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The AUROC of P(yes), a row per finding: `name`, `count`, and `found`, by the run, of `auroc`.

    Macro averages come first, to be printed bold (`macro` true). Empty without yes/no questions.
    """
    runs = {name: (result.get(name) or {}).get("auroc") for name in COLUMNS}
    own = runs["accuracy"]
    if not own:
        return []
    rows = []
    for part in ("macro", "findings"):
        for name, found in own[part].items():
            macro = part == "macro"
            rows.append(
                {
                    "name": f"{name}, mean of {len(found['values'])}" if macro else name,
                    "macro": macro,
                    "count": "" if macro else f"{found['yes']} / {found['no']}",
                    "found": {
                        run: of[part][name] for run, of in runs.items() if _has(of, part, name)
                    },
                }
            )
    return rows


def _has(auroc: Mapping[str, Any] | None, part: str, name: str) -> bool:
    return auroc is not None and name in auroc[part]


def print_accuracies(result: Mapping[str, Any]) -> None:
    """Print what `evaluation.evaluate` returned: shares in per cent, AUROC, numbers, reports.

    Intervals are those of the own ECG; the controls' are in the JSON file and on the card.
    """
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    console = Console()
    split, own = result["settings"]["split"], result["accuracy"]

    def table_of(title: str, first: str, count: str, columns: Sequence[str]) -> Table:
        # Without frames, so that the longest of the findings fits 80 columns.
        table = Table(title=title, box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        table.add_column(first, overflow="fold")
        for column in (count, columns[0], "95 %", *columns[1:]):
            table.add_column(column, justify="right", no_wrap=True)
        return table

    table = table_of(f"exact match, % ({split})", "questions", "n", COLUMNS)
    for kind in (*own["per_type"], None):
        share, ends = accuracy_of(own, kind)
        controls = [with_interval(accuracy_of(result[name], kind)[0]) for name in COLUMNS[1:]]
        count = str(own["n"] if kind is None else own["counts"][kind])
        cells = [count, with_interval(share), _ends(ends), *controls]
        table.add_row(kind or "all", *cells, style=None if kind else "bold")
    if own["n"]:
        console.print(table)
    for floor in ("blind", "majority"):
        if above := own.get(f"above_{floor}"):
            points = with_interval(above["overall"], above["interval"])
            console.print(f"above {floor}: {points} points", markup=False)
    if rows := auroc_rows(result):
        columns = ("own ECG", *COLUMNS[1:-1])
        table = table_of(f"AUROC of the probability of yes ({split})", "finding", "yes/no", columns)
        for row in rows:
            found = row["found"]
            areas = [
                with_interval(found[name]["auroc"], per_cent=False) if name in found else "-"
                for name in COLUMNS[:-1]
            ]
            ends = _ends(found["accuracy"]["interval"], per_cent=False)
            cells = [row["count"], areas[0], ends, *areas[1:]]
            table.add_row(row["name"], *cells, style="bold" if row["macro"] else None)
        console.print(table)
    for line in apart_lines(result):
        console.print(line, markup=False)
    for control, reason in result["not_made"].items():
        console.print(f"{control}: {reason}", markup=False)


def _averaged_lines(result: Mapping[str, Any]) -> list[str]:
    """A line on yes/no from an ECG alone and with its variants; none where not made."""
    averaged = result.get("averaged")
    if not averaged:
        return []
    variants = averaged["variants"]
    titles = {
        "once": "from the ECG as it is",
        "own": f"from the mean over it and {variants} variants",
        "shuffled": "from others' likewise",
    }
    parts = []
    for run, title in titles.items():
        of = averaged[run] or {}
        said = []
        if share := of.get("accuracy"):
            of_type = with_interval(share["overall"], share["interval"])
            said.append(f"{of_type} % right of {share['n']}")
        for name, found in ((of.get("auroc") or {}).get("macro") or {}).items():
            area = with_interval(found["auroc"], found["interval"], per_cent=False)
            said.append(f"macro AUROC {name} {area}")
        if said:
            parts.append(f"{title} {', '.join(said)}")
    return [f"the likelier of yes and no: {'; '.join(parts)}"] if parts else []


def _ends(interval: Sequence[float] | None, *, per_cent: bool = True) -> str:
    if not interval:
        return "-"
    return "-".join(with_interval(end, per_cent=per_cent) for end in interval)


def apart_lines(result: Mapping[str, Any]) -> list[str]:
    """A line each for averaged yes or no, lists of findings, numbers and reports; may be none.

    Own ECG and controls side by side.
    """
    lines = _averaged_lines(result)
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
