"""What `beat` is meant to reach, judged by the points of a sweep.

Every goal is at a vocabulary of 4,096 learned from all training ECGs. A goal that cannot be judged
(another corpus was not measured, curves do not overlap) has `reached: null` and says why.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .curves import between_points
from .sweep_plan import VOCABULARY, Setting

LUDB, CHAPMAN = "ludb", "chapman"
LUDB_TOKENS_RATIO = 1.2

Points = Sequence[Mapping[str, Any]]


def judge_goals(points: Points, all_training_ecgs: int) -> list[dict[str, Any]]:
    """One dict per goal: target, the setting that comes closest with its figures, `reached`."""
    at = [
        point
        for point in points
        if point["vocabulary"] == VOCABULARY and point["training_ecgs"] == all_training_ecgs
    ]
    return [
        _within_tokens("150 tokens at 33 uV", at, 150, "rmse_uV", 33.0),
        _within_tokens("260 tokens at 26 uV", at, 260, "rmse_uV", 26.0),
        _within_tokens("500 tokens at PRD 9 %", at, 500, "prd_median", 9.0),
        _within_tokens(
            "Chapman-Ningbo: 450 tokens at PRD 19 %", at, 450, "prd_median", 19.0, CHAPMAN
        ),
        _equal_prd(at),
    ]


def _within_tokens(
    name: str,
    points: Points,
    tokens_at_most: float,
    measure: str,
    at_most: float,
    corpus: str | None = None,
) -> dict[str, Any]:
    """The least error among settings that take at most so many tokens."""
    goal: dict[str, Any] = {
        "goal": name,
        "corpus": corpus or "own",
        "tokens_at_most": tokens_at_most,
        "measure": measure,
        "at_most": at_most,
    }
    measured = [(point, figures) for point in points if (figures := _figures(point, corpus))]
    if not measured:
        return goal | {"reached": None, "why": _not_measured(corpus)}
    cheap = [
        (point, figures)
        for point, figures in measured
        if figures["tokens_mean"] <= tokens_at_most and figures[measure] is not None
    ]
    if not cheap:
        return goal | {"reached": False, "why": "no setting takes so few tokens"}
    point, figures = min(cheap, key=lambda pair: pair[1][measure])
    return goal | {
        "reached": bool(figures[measure] <= at_most),
        "setting": Setting.of_point(dict(point)).command,
        **{name: figures[name] for name in ("tokens_mean", "rmse_uV", "prd_median")},
    }


def _equal_prd(points: Points) -> dict[str, Any]:
    """Tokens of LUDB over those of the own corpus at the same median PRD, for `beat`.

    The own corpus is interpolated (logarithms of both) at the PRD of every LUDB point within its
    range.
    """
    goal: dict[str, Any] = {
        "goal": "LUDB: at most 20 % more tokens at equal PRD",
        "corpus": LUDB,
        "preset": "beat",
        "tokens_ratio_at_most": LUDB_TOKENS_RATIO,
    }
    pairs = [
        (figures, other)
        for point in points
        if point["preset"] == "beat"
        and (figures := _figures(point, None))
        and (other := _figures(point, LUDB))
        and figures["prd_median"]
        and other["prd_median"]
    ]
    if not pairs:
        return goal | {"reached": None, "why": _not_measured(LUDB)}
    own = [(figures["prd_median"], figures["tokens_mean"]) for figures, _ in pairs]
    rows = [
        {
            "prd_median": other["prd_median"],
            "tokens_mean": other["tokens_mean"],
            "tokens_mean_own": here,
            "ratio": other["tokens_mean"] / here,
        }
        for _, other in sorted(pairs, key=lambda pair: float(pair[1]["prd_median"]))
        if (here := between_points(own, other["prd_median"]))
    ]
    if not rows:
        return goal | {"reached": None, "why": "no PRD is reached on both corpora"}
    worst = max(row["ratio"] for row in rows)
    return goal | {"reached": worst <= LUDB_TOKENS_RATIO, "worst_ratio": worst, "at": rows}


def _figures(point: Mapping[str, Any], corpus: str | None) -> Mapping[str, Any] | None:
    if corpus is None:
        return point
    also: Mapping[str, Mapping[str, Any]] = point.get("also", {})
    return also.get(corpus)


def _not_measured(corpus: str | None) -> str:
    if corpus is None:
        return f"no point with a vocabulary of {VOCABULARY} and all training ECGs yet"
    return f"not measured: sweep with --also {corpus}=CORPUS"
