"""One figure of the benchmark: what it should be, what it is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rich.table import Table


@dataclass(frozen=True)
class Result:
    """`reached` against `target`, both in `unit`; `relation` is "<=" or ">=".

    `binding` is false where the target was set for other ECGs than those measured.
    """

    what: str
    relation: str
    target: float
    reached: float
    unit: str
    note: str = ""
    binding: bool = True

    @property
    def passed(self) -> bool:
        """Whether the target is reached."""
        if self.relation == "<=":
            return self.reached <= self.target
        return self.reached >= self.target

    def as_json(self) -> dict[str, Any]:
        """All fields and `passed`."""
        return asdict(self) | {"passed": self.passed}


def at_most(what: str, target: float, reached: float, unit: str, note: str = "") -> Result:
    return Result(what, "<=", target, float(reached), unit, note)


def at_least(what: str, target: float, reached: float, unit: str, note: str = "") -> Result:
    return Result(what, ">=", target, float(reached), unit, note)


def results_table(results: list[Result], ecgs: str) -> Table:
    table = Table(title=f"Benchmarks on {ecgs}")
    table.add_column("what")
    table.add_column("target", justify="right")
    table.add_column("reached", justify="right")
    table.add_column("")
    table.add_column("note", overflow="fold")
    for result in results:
        table.add_row(
            result.what,
            f"{result.relation} {result.target:,.4g} {result.unit}",
            f"{result.reached:,.4g} {result.unit}",
            _mark(result),
            result.note,
        )
    return table


def _mark(result: Result) -> str:
    if not result.binding:
        return "target is for PTB-XL"
    return "[green]reached[/]" if result.passed else "[red]falls short[/]"
