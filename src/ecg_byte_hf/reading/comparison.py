"""Several runs side by side: what each reached, and how far seeds of one training differ."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ecg_byte_hf.hub_code.errors import EcgByteError

from .output_folder import SETTINGS_FILE, evaluation_file
from .scoring import VERIFY
from .tables import with_interval
from .yes_no import SUPERCLASS

# Title of a column -> where its value and its interval lie in an evaluation.
_MEASURES: dict[str, tuple[tuple[str, ...], tuple[str, ...] | None]] = {
    "accuracy": (("accuracy", "overall"), ("accuracy", "interval")),
    "above_blind": (
        ("accuracy", "above_blind", "overall"),
        ("accuracy", "above_blind", "interval"),
    ),
    "blind": (("blind", "overall"), None),
    "shuffled": (("shuffled", "overall"), None),
    "blackout": (("blackout", "overall"), None),
    "majority": (("majority", "overall"), None),
    "verify": (("accuracy", "per_type", VERIFY), ("accuracy", "per_type_interval", VERIFY)),
    **{
        f"verify_{control}": ((control, "per_type", VERIFY), None)
        for control in ("blind", "shuffled", "blackout", "majority")
    },
    "verify_above_blind": (
        ("accuracy", "above_blind", "per_type", VERIFY),
        ("accuracy", "above_blind", "per_type_interval", VERIFY),
    ),
    "verify_superclass": (
        ("accuracy", "per_attribute", f"{VERIFY}/{SUPERCLASS}"),
        ("accuracy", "per_attribute_interval", f"{VERIFY}/{SUPERCLASS}"),
    ),
    "auroc": (
        ("accuracy", "auroc", "macro", SUPERCLASS, "auroc"),
        ("accuracy", "auroc", "macro", SUPERCLASS, "interval"),
    ),
}
_HEADINGS = {
    "accuracy": "accuracy, %",
    "above_blind": "above blind, points",
    "blind": "blind",
    "shuffled": "shuffled",
    "blackout": "blackout",
    "majority": "majority",
    "verify": "yes/no, %",
    "verify_above_blind": "yes/no above blind, points",
    "verify_blind": "yes/no blind",
    "verify_shuffled": "yes/no shuffled",
    "verify_blackout": "yes/no blackout",
    "verify_majority": "yes/no majority",
    "verify_superclass": "yes/no, superclass, %",
    "auroc": "macro AUROC",
}


def compare(runs: Sequence[str | Path], split: str = "validation") -> dict[str, Any]:
    """What several runs reached on a split, from the evaluations that lie beside the models.

    A run is a model's folder or an evaluation's JSON file. `groups` has an entry per configuration,
    in the order given: runs that differ in the seed of training alone are one, with the mean, the
    standard deviation over seeds (n - 1) and the 95 % t-interval of the mean; a run alone has the
    bootstrap interval over patients that its evaluation holds. `interval_of` says which. `runs`
    lists them one by one. `notes` says what keeps them from being comparable.

    Raises:
        EcgByteError: a run has no evaluation of this split, or one that cannot be read.
    """
    if len(runs) < 1:
        raise EcgByteError("nothing to compare: name folders of evaluated runs")
    read = [_read(Path(run), split) for run in runs]
    names = _names([Path(run) for run in runs])
    entries = [_entry(name, evaluation) for name, evaluation in zip(names, read, strict=True)]
    groups: dict[str, list[dict[str, Any]]] = {}
    for place, entry in enumerate(entries):
        # A run that does not say its configuration is one of its own.
        groups.setdefault(entry["config"] or f"run {place}", []).append(entry)
    notes = []
    for what in ("records", "questions"):
        # Evaluations made before there were hashes tell their counts alone.
        of_other_number = _differ(entries, what)
        if of_other_number or _differ(entries, f"{what}_sha256"):
            counts = ", ".join(f"{entry['name']}: {entry[what]}" for entry in entries)
            notes.append(
                f"not the same {what} ({counts}{'' if of_other_number else ', but other ids'})"
            )
    return {
        "split": split,
        "groups": [_group(group) for group in groups.values()],
        "runs": entries,
        "notes": notes,
    }


def _differ(entries: Sequence[Mapping[str, Any]], what: str) -> bool:
    return len({entry[what] for entry in entries if entry[what] is not None}) > 1


def comparison_table(result: Mapping[str, Any]) -> str:
    """What `compare` returned as a table in Markdown, shares in per cent."""
    headings = ["run", "seeds", "tokens an ECG", *_HEADINGS.values()]
    lines = [
        f"Split `{result['split']}`; 95 % intervals in brackets: over patients for a run alone, "
        "over seeds of training (t) with the standard deviation for several.",
        "",
        f"| {' | '.join(headings)} |",
        f"|---|{'---:|' * (len(headings) - 1)}",
    ]
    for group in result["groups"]:
        tokens = group["ecg_tokens_mean"]
        cells = [group["name"], str(group["n"]), "-" if tokens is None else f"{tokens:.0f}"]
        cells += [_cell(group[name], per_cent=name != "auroc") for name in _HEADINGS]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, *(f"\nNote: {note}." for note in result["notes"])])


def _read(run: Path, split: str) -> dict[str, Any]:
    path = run / evaluation_file(split) if run.is_dir() else run
    try:
        evaluation = json.loads(path.read_text(encoding="utf-8"))
        found = evaluation["settings"]["split"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EcgByteError(
            f"{run}: no evaluation of split {split} that can be read ({path.name}): make one with "
            "training/evaluate.py"
        ) from error
    if found != split:
        raise EcgByteError(f"{path} is of split {found}, not {split}: say --split {found}")
    settings = run / SETTINGS_FILE
    if run.is_dir() and settings.is_file() and "training" not in evaluation["settings"]:
        evaluation["settings"]["training"] = json.loads(settings.read_text(encoding="utf-8"))
    return dict(evaluation)


def _names(runs: Sequence[Path]) -> list[str]:
    """The last part of each path, of as many parts as tell them apart."""
    parts = [run.resolve().parts for run in runs]
    for length in range(1, max(map(len, parts)) + 1):
        names = ["/".join(of[-length:]) for of in parts]
        if len(set(names)) == len(set(parts)):
            break
    return names


def _entry(name: str, evaluation: Mapping[str, Any]) -> dict[str, Any]:
    settings = evaluation["settings"]
    training = settings.get("training") or {}
    entry = {
        "name": name,
        "config": training.get("config"),
        "seed": training.get("seed"),
        "records": settings.get("records"),
        "records_sha256": settings.get("records_sha256"),
        "questions": _look(evaluation, ("accuracy", "n")),
        "questions_sha256": settings.get("questions_sha256"),
        "ecg_tokens_mean": settings.get("ecg_tokens_mean"),
    }
    for measure, (value, interval) in _MEASURES.items():
        entry[measure] = {
            "value": _look(evaluation, value),
            "interval": _look(evaluation, interval) if interval else None,
        }
    return entry


def _look(evaluation: Any, keys: Sequence[str]) -> Any:
    if isinstance(evaluation, dict) and "yes_no" in evaluation:
        # A model without words: its AUROC stands by itself, and of the corpus's questions it
        # answers those about superclasses alone, which is no accuracy over all types.
        if keys[1] == "auroc":
            keys = ("yes_no", *keys[2:])
        elif keys[1] in ("overall", "interval", "per_type", "per_type_interval"):
            return None
    for key in keys:
        if not isinstance(evaluation, dict) or evaluation.get(key) is None:
            return None
        evaluation = evaluation[key]
    return evaluation


def _group(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    first = entries[0]
    seeds = [entry["seed"] for entry in entries]
    group: dict[str, Any] = {
        "name": first["name"],
        "runs": [entry["name"] for entry in entries],
        "seeds": seeds,
        "n": len(entries),
        "ecg_tokens_mean": first["ecg_tokens_mean"],
        "interval_of": "patients" if len(entries) == 1 else "seeds",
    }
    if len(set(seeds)) < len(seeds):
        raise EcgByteError(
            f"{', '.join(group['runs'])} have the same configuration and seed {seeds}: several "
            "seeds must be several trainings; leave all but one out"
        )
    for measure in _MEASURES:
        values = [entry[measure]["value"] for entry in entries]
        if len(entries) == 1 or any(value is None for value in values):
            group[measure] = {**first[measure], "sd": None} if len(entries) == 1 else None
        else:
            group[measure] = _over_seeds(values, -1.0 if "above" in measure else 0.0)
    return group


def _over_seeds(values: Sequence[float], least: float) -> dict[str, Any]:
    """Mean, standard deviation (n - 1) and the t-interval of the mean of what is `least` to 1."""
    from scipy.stats import t

    mean, sd = float(np.mean(values)), float(np.std(values, ddof=1))
    half = float(t.ppf(0.975, len(values) - 1)) * sd / len(values) ** 0.5
    return {
        "value": round(mean, 4),
        "sd": round(sd, 4),
        "interval": [round(max(mean - half, least), 4), round(min(mean + half, 1.0), 4)],
    }


def _cell(measure: Mapping[str, Any] | None, *, per_cent: bool) -> str:
    if measure is None:
        return "-"
    value, interval = measure["value"], measure["interval"]
    return with_interval(value, interval, per_cent=per_cent, sd=measure.get("sd"))
