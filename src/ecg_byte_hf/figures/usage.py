"""Rank and frequency of tokens: how few cover most of all uses, and how many are never used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..fidelity.usage import SHARES, TokenUsage, tokens_for
from ..wording import counted
from .canvas import HEAD_MM, NOTE_MM, README_MM, add_head, add_notes, add_plot, figure_in_mm
from .palette import BEAT, GREY, INK, LIGHT_GREY, PURPLE, REST, RHYTHM, tint

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = {"rhythm": RHYTHM, "beat": BEAT, "rest": REST, "component": BEAT, "lead": PURPLE}
KIND_NAMES = {
    "rhythm": "rhythm (rr)",
    "beat": "representative beat (t1 ... t8)",
    "rest": "what is left (r1 ... r8)",
    "component": "components (r1 ... r8)",
    "lead": "leads",
}
_LEFT_MM = 18.0
_WIDTH_MM = README_MM - _LEFT_MM - 6
_TOP_MM = 56.0
_BOTTOM_MM = 46.0


def draw_usage(usage: TokenUsage, title: str = "") -> Figure:
    """Uses per ECG by rank (both logarithmic) and, below, the share of all uses that ranks cover.

    For `beat` also by kind of word, each with ranks of its own. Marks say how many tokens cover 50,
    90 and 99 % of all uses; the shaded ranks are tokens that were never used.
    """
    summary = usage.summary()
    bottom = 2 * NOTE_MM + 13
    height = bottom + _BOTTOM_MM + 4 + _TOP_MM + HEAD_MM
    figure, axes = figure_in_mm(README_MM, height)
    dead = summary["dead_symbols"] + summary["dead_merges"]
    add_head(
        axes,
        f"{title} ({usage.preset})" if title else usage.preset,
        f"{summary['uses']:,} uses of {summary['tokens']:,} tokens in "
        f"{counted(usage.records, 'ECG')}; {dead:,} never used",
    )
    add_notes(
        axes,
        [
            "uses of BPE tokens, without markers; a rank is a token's place among all, or among "
            "those of its kind of word",
            f"never used: {summary['dead_merges']:,} merges (seen only within longer tokens, or "
            f"not at all) and {summary['dead_symbols']:,} symbols of the alphabet",
        ],
    )
    upper = add_plot(figure, _LEFT_MM, bottom + _BOTTOM_MM + 4, _WIDTH_MM, _TOP_MM)
    lower = add_plot(figure, _LEFT_MM, bottom, _WIDTH_MM, _BOTTOM_MM)
    _draw_ranks(upper, usage, summary)
    _draw_coverage(lower, usage, summary)
    return figure


def _each_kind(usage: TokenUsage) -> list[tuple[str, str, Any]]:
    """(label, colour, uses in falling order) of all words, and of each kind of word."""
    whole = [("all words", INK, np.sort(usage.per_token())[::-1])]
    if len(usage.kinds) == 1:
        return [(KIND_NAMES[usage.kinds[0]], _COLOURS[usage.kinds[0]], whole[0][2])]
    return whole + [
        (KIND_NAMES[kind], _COLOURS[kind], np.sort(usage.per_token(kind))[::-1])
        for kind in usage.kinds
    ]


def _draw_ranks(axes: Any, usage: TokenUsage, summary: dict[str, Any]) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    for label, colour, uses in _each_kind(usage):
        used = uses[uses > 0] / usage.records
        if not len(used):
            continue
        width = 2.2 if colour == INK else 1.6
        name = f"{label}: {len(used):,} tokens used"
        axes.plot(np.arange(1, len(used) + 1), used, color=colour, linewidth=width, label=name)
    axes.set_xlim(0.9, summary["tokens"])
    _shade_dead(axes, summary)
    axes.yaxis.set_major_formatter(_plain)
    axes.set_ylabel("uses per ECG", size=8)
    axes.tick_params(labelbottom=False)
    axes.grid(color=LIGHT_GREY, linewidth=0.4)
    axes.legend(loc="lower left", fontsize=7.5, frameon=False)


def _draw_coverage(axes: Any, usage: TokenUsage, summary: dict[str, Any]) -> None:
    axes.set_xscale("log")
    for _, colour, uses in _each_kind(usage):
        if uses.sum():
            covered = 100 * np.cumsum(uses) / uses.sum()
            width = 2.2 if colour == INK else 1.6
            axes.plot(np.arange(1, len(uses) + 1), covered, color=colour, linewidth=width)
    lines = []
    for share in SHARES:
        rank = tokens_for(usage.per_token(), share)
        axes.plot([rank], [100 * share], "o", color=INK, markersize=5)
        lines.append(f"{100 * share:.0f} % of uses: {rank:,} tokens")
    axes.text(
        0.88, 0.06, "\n".join(lines), transform=axes.transAxes, size=8, ha="right", va="bottom"
    )
    axes.set_xlim(0.9, summary["tokens"])
    axes.set_ylim(0, 104)
    axes.set_yticks(range(0, 101, 25))
    axes.xaxis.set_major_formatter(_plain)
    _shade_dead(axes, summary)
    axes.set_ylabel("% of uses covered", size=8)
    axes.set_xlabel("rank of the token", size=8)
    axes.grid(color=LIGHT_GREY, linewidth=0.4)


def _plain(value: float, _: Any = None) -> str:
    return f"{value:,g}" if value < 1 else f"{value:,.0f}"


def _shade_dead(axes: Any, summary: dict[str, Any]) -> None:
    dead = summary["dead_symbols"] + summary["dead_merges"]
    if dead:
        axes.axvspan(
            summary["tokens"] - dead, summary["tokens"], color=tint(GREY, 0.25), linewidth=0
        )
        if axes.get_yscale() == "log":
            axes.text(
                0.998,
                0.97,
                f"never used: {dead:,}",
                transform=axes.transAxes,
                size=7.5,
                ha="right",
                va="top",
                rotation=90,
            )
