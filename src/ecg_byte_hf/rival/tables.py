"""What the ResNet reached, as a table."""

from __future__ import annotations

from typing import Any


def print_resnet(result: dict[str, Any]) -> None:
    """Print what `resnet_evaluation.evaluate_resnet` returned."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"ResNet ({result['settings']['split']})")
    table.add_column("class")
    for heading in ("ECGs", "AUROC", "95 % interval", "balanced accuracy, %"):
        table.add_column(heading, justify="right")
    shares = result["balanced_accuracy"]
    scores = result["yes_no"] or {"findings": {}, "macro": {}}
    for name, found in scores["findings"].items():
        value = name.split("/", 1)[1]
        share = shares["per_class"].get(value)
        table.add_row(value, str(found["yes"]), *_cells(found, share))
    for found in scores["macro"].values():
        table.add_row("macro", "", *_cells(found, shares["macro"]), style="bold")
    console = Console()
    console.print(table)
    if result["accuracy"] is not None:
        right = result["accuracy"]
        console.print(
            f"the corpus's {right['n']} balanced yes/no questions: {100 * right['overall']:.1f} % "
            f"right, 95 % interval {_interval(right['interval'], 100)}"
        )


def _cells(found: dict[str, Any], share: float | None) -> tuple[str, ...]:
    return (
        f"{found['auroc']:.3f}",
        _interval(found["interval"]),
        "-" if share is None else f"{100 * share:.1f}",
    )


def _interval(ends: list[float] | None, times: int = 1) -> str:
    if ends is None:
        return "-"
    return " ... ".join(f"{times * end:.{1 if times > 1 else 3}f}" for end in ends)
