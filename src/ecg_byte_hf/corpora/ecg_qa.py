"""ECG-QA's own questions (Oh et al., NeurIPS 2023; version 1.0.2) about the ECGs of a corpus.

Its files: `ptbxl/` or `mimic-iv-ecg/`, in it `template/` and `paraphrased/`, in these `train/`,
`valid/` and `test/` with JSON lists of rows (before 1.0.2 one file each, `train.json`), and
`answers_for_each_template.csv`. A row has `template_id`, `question_id`, `sample_id` (numbered per
split), `question_type` (single-verify, single-choose, single-query, comparison_consecutive-verify,
..-query, comparison_irrelevant-verify, ..-query), `attribute_type`, `question`, `answer` (a list),
`ecg_id` (a list, of two ECGs in comparisons: PTB-XL's `ecg_id` or MIMIC-IV-ECG's `study_id`) and
`attribute` (a list, of what is asked about; null in comparisons).

Its own splits are not used: a question goes where the corpus has its ECG, so that patients stay in
one split, and so do a template question and its paraphrases about the same ECG.
"""

from __future__ import annotations

import ast
import csv
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ..hub_code.errors import EcgByteError
from .questions import Question
from .source import Source

TEMPLATES_FILE = "answers_for_each_template.csv"
WORDINGS = ("template", "paraphrased")
# Which part of ECG-QA is about the ECGs of which source.
_VERSIONS = {
    "ptb-xl": "ptbxl",
    "ptb-xl-normalised": "ptbxl",
    "mimic-iv-ecg": "mimic-iv-ecg",
}
_ATTRIBUTION = (
    "Questions ecg-qa:*: Oh et al., ECG-QA, a comprehensive question answering dataset combined "
    "with electrocardiogram, NeurIPS 2023 (CC BY 4.0)."
)


def with_ecg_qa(source: Source, folder: str | os.PathLike[str]) -> Source:
    """A source whose corpus gets ECG-QA's questions too, after its own.

    `folder` is ECG-QA's repository, its `ecgqa/`, or the version in it that fits the source. Raises
    `EcgByteError` where it holds no such questions, or ECG-QA has none about this source.
    """
    if source.name not in _VERSIONS:
        raise EcgByteError(
            f"ECG-QA asks about PTB-XL and MIMIC-IV-ECG, not about {source.name}; leave it out"
        )
    questions = EcgQa(_find(Path(folder), _VERSIONS[source.name]))
    own = source.questions

    def both(rows: list[dict[str, Any]], seed: int) -> list[dict[str, Any]]:
        asked = [] if own is None else own(rows, seed)
        return [*asked, *questions.about(rows)]

    return replace(
        source,
        attribution=f"{source.attribution} {_ATTRIBUTION}",
        arguments=source.arguments | {"ecg_qa_sha256": questions.sha256()},
        questions=both,
        question_counts=questions.counts,
    )


def _find(folder: Path, version: str) -> Path:
    for root in (folder / "ecgqa" / version, folder / version, folder):
        if any((root / wording).is_dir() for wording in WORDINGS):
            other = set(_VERSIONS.values()) - {version}
            if root.resolve().name in other:
                raise EcgByteError(f"{root}: its questions are about other ECGs; name {version}")
            return root
    raise EcgByteError(
        f"{folder}: no folder {' or '.join(WORDINGS)} in it or in its {version}; name ECG-QA's "
        f"folder, such as ecg-qa/ecgqa"
    )


@dataclass
class EcgQa:
    """The questions of one version of ECG-QA, in the folder that holds `template/`.

    `about` is called once for each split of a corpus; `counts` then says what became of all rows.
    """

    folder: Path

    def __post_init__(self) -> None:
        """List the files. Raises `EcgByteError` where there is none."""
        self.files = [
            (wording, path)
            for wording in WORDINGS
            for path in sorted((self.folder / wording).rglob("*.json"))
        ]
        if not self.files:
            raise EcgByteError(f"{self.folder}: no JSON file of questions in it")
        self._splits: list[dict[str, str]] = []

    def sha256(self) -> str:
        """A digest of all question files, 64 hex digits."""
        digest = hashlib.sha256()
        for _, path in self.files:
            digest.update(path.relative_to(self.folder).as_posix().encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()

    def about(self, rows: Sequence[dict[str, Any]]) -> list[Question]:
        """The questions whose ECGs are all among `rows` (a split: `record_id`, `patient_id`).

        Several answers are joined by ", " in the order of the alphabet, "none" stays what it is.
        `options` of a choice are the attributes that it names, and "none" where its template has
        that among its answers.
        """
        patients = {row["record_id"]: row["patient_id"] for row in rows}
        self._splits.append(patients)
        return [
            self._question(wording, path, row, patients)
            for wording, path, row in self._rows()
            if all(str(ecg) in patients for ecg in row["ecg_id"])
        ]

    def counts(self) -> dict[str, int]:
        """Rows read, asked, and left out: whose ECG is not there, and which straddle splits."""
        counts = dict.fromkeys(("read", "asked", "left out: no such ECG"), 0)
        counts["left out: compares ECGs of two splits"] = 0
        for _, _, row in self._rows():
            counts["read"] += 1
            ecgs = [str(ecg) for ecg in row["ecg_id"]]
            present = [sum(ecg in split for ecg in ecgs) for split in self._splits]
            if len(ecgs) in present:
                counts["asked"] += 1
            elif sum(present) < len(ecgs):
                counts["left out: no such ECG"] += 1
            else:
                counts["left out: compares ECGs of two splits"] += 1
        return {f"ECG-QA {name}": count for name, count in counts.items()}

    def _rows(self) -> Iterator[tuple[str, Path, dict[str, Any]]]:
        for wording, path in self.files:
            try:
                rows = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise EcgByteError(f"{path}: cannot be read ({error})") from None
            for number, row in enumerate(rows if isinstance(rows, list) else [None]):
                if not _is_row(row):
                    raise EcgByteError(f"{path}: row {number + 1} is no question of ECG-QA")
                yield wording, path, row

    def _question(
        self, wording: str, path: Path, row: dict[str, Any], patients: dict[str, str]
    ) -> Question:
        # Samples are numbered per split of ECG-QA, which its folder or file is named after.
        split = path.relative_to(self.folder / wording).parts[0].removesuffix(".json")
        ecgs = [str(ecg) for ecg in row["ecg_id"]]
        return Question(
            question_id=f"ecg-qa:{split}:{row['sample_id']}:{wording}",
            record_id=ecgs[0],
            record_ids=ecgs,
            patient_id=patients[ecgs[0]],
            question_type=row["question_type"],
            attribute=row["attribute_type"],
            question=" ".join(row["question"].split()),
            options=self._options(row),
            answer=", ".join(sorted(dict.fromkeys(row["answer"]))),
            balanced=True,
        )

    def _options(self, row: dict[str, Any]) -> list[str]:
        if not row["question_type"].endswith("choose"):
            return []
        none = ["none"] if "none" in self._template_answers.get(str(row["template_id"]), ()) else []
        return [*dict.fromkeys(row.get("attribute") or ()), *none]

    @cached_property
    def _template_answers(self) -> dict[str, list[str]]:
        path = self.folder / TEMPLATES_FILE
        try:
            with path.open(encoding="utf-8", newline="") as file:
                lines = list(csv.DictReader(file))
            return {line["template_id"]: ast.literal_eval(line["classes"]) for line in lines}
        except (OSError, ValueError, SyntaxError, KeyError, csv.Error) as error:
            raise EcgByteError(f"{path}: cannot be read ({error})") from None


def _is_row(row: Any) -> bool:
    if not isinstance(row, dict):
        return False
    texts = ("question", "question_type", "attribute_type")
    lists = (("answer", str), ("ecg_id", (int, str)))
    return (
        {"template_id", "sample_id"} <= row.keys()
        and all(isinstance(row.get(name), str) and row[name].strip() for name in texts)
        and all(
            isinstance(row.get(name), list)
            and row[name]
            and all(isinstance(one, kind) for one in row[name])
            for name, kind in lists
        )
    )
