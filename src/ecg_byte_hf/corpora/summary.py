"""What a run of `prepare` came to: the lines for a terminal and the card of the corpus."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from .. import __version__
from ..hub.cards import fill_card
from ..hub_code.licences import hub_licence
from ..wording import counted

SKIPPED_FILE = "skipped.jsonl"


@dataclass(frozen=True)
class CorpusSummary:
    """What a run of `write_corpus` came to: counts over all splits, and why records were skipped.

    `splits` has `rows`, `records` and `patients` of every split; `skipped` the reason per record.
    `split_by` is that of the source. Where the corpus was there before and nothing was done,
    `written_by` is the version of this package that wrote it, else `None`. `question_counts` is
    what became of questions that came with the source (ECG-QA's).
    """

    folder: Path
    splits: dict[str, dict[str, int]]
    questions: dict[str, int]
    skipped: dict[str, str]
    sampling_rate: float
    split_by: Literal["patient", "record"] = "patient"
    written_by: str | None = None
    question_counts: dict[str, int] = field(default_factory=dict)

    def __str__(self) -> str:
        """Some lines for a terminal: what went through, and what is to be known of it."""
        by_split = ", ".join(f"{counts['rows']} {split}" for split, counts in self.splits.items())
        asked = f"; {counted(sum(self.questions.values()), 'question')}" if self.questions else ""
        lines = [
            f"{self.folder}: {counted(self.rows, 'row')} of {counted(self.records, 'record')} at "
            f"{self.sampling_rate:g} Hz ({by_split}){asked}"
        ]
        if self.question_counts:
            lines.append("; ".join(f"{name}: {n}" for name, n in self.question_counts.items()))
        if self.split_by == "record":
            lines.append("split by record; patients unknown (--patient-pattern finds them)")
        if self.skipped:
            first = next(iter(self.skipped.values()))
            lines.append(f"{len(self.skipped)} skipped, see {SKIPPED_FILE}; the first: {first}")
        if self.written_by is not None:
            lines.append("already there, nothing done" + self._why_to_overwrite())
        return "\n".join(lines)

    def _why_to_overwrite(self) -> str:
        reasons = []
        if self.written_by != __version__:
            reasons.append(f"to replace what version {self.written_by} wrote")
        if self.skipped:
            reasons.append("to try again what was skipped")
        return "; give --overwrite " + " and ".join(reasons) if reasons else ""

    @property
    def rows(self) -> int:
        """Rows of all splits: windows of records."""
        return sum(counts["rows"] for counts in self.splits.values())

    @property
    def records(self) -> int:
        """Records of all splits."""
        return sum(counts["records"] for counts in self.splits.values())


def dataset_card(description: dict[str, Any]) -> str:
    """The corpus's README.md from what its `corpus.json` says."""
    from huggingface_hub import DatasetCardData

    splits = [
        {"name": split, **counts}
        for split, counts in description["splits"].items()
        if counts["rows"]
    ]
    asked = [{"name": split, "rows": rows} for split, rows in description["questions"].items()]
    numbers = {key: f"{description[key]:g}" for key in ("sampling_rate", "window_s")}
    configs = [
        {
            "config_name": "ecg",
            "default": True,
            "data_files": _files(splits, "data/{}-*.parquet"),
        }
    ]
    if asked:
        configs.append(
            {"config_name": "questions", "data_files": _files(asked, "questions/{}.parquet")}
        )
    data = DatasetCardData(
        pretty_name=description["title"],
        task_categories=["question-answering"],
        tags=["ecg", "electrocardiogram", "biosignals", "medical"],
        configs=configs,
        **hub_licence(description["licence"]),
    )
    fields = description | numbers | {"splits": splits, "question_splits": asked}
    return fill_card("dataset_card.md", data, **fields)


def _files(splits: list[dict[str, Any]], pattern: str) -> list[dict[str, str]]:
    return [{"split": one["name"], "path": pattern.format(one["name"])} for one in splits]
