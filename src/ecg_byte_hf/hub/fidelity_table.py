"""A fidelity report as rows of a card and as results in its metadata."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FIDELITY_FILE = "fidelity.json"

_MEASURES = (
    ("tokens_mean", "tokens an ECG, mean", 0),
    ("tokens_p95", "tokens an ECG, 95th percentile", 0),
    ("rmse{}", "RMSE over all samples", 1),
    ("rmse_median{}", "RMSE, median over ECGs", 1),
    ("prd_median", "PRD, median over ECGs, %", 1),
    ("snr_median_dB", "SNR, median over ECGs, dB", 1),
)

# Of an RMSE that is no microvolts: a standard deviation is some hundred of them.
_DIGITS_OF_SD = 3


def fidelity_fields(report: Mapping[str, Any]) -> dict[str, Any]:
    """What a card's template needs of a report: `settings`, `rows` and `leads`, numbers as text."""
    settings, overall = report["settings"], report["overall"]
    suffix, unit = _suffix_and_unit(settings)
    rows = []
    for key, name, digits in _MEASURES:
        key, name = key.format(suffix), name + (f", {unit}" if "{}" in key else "")
        more = _DIGITS_OF_SD if "rmse" in key and not suffix else digits
        rows.append({"name": name, "value": _text(overall[key], more)})
    leads = [
        {
            "name": lead,
            "rmse": _text(values[f"rmse{suffix}"], 1 if suffix else _DIGITS_OF_SD),
            "prd": _text(values["prd_median"], 1),
        }
        for lead, values in report["per_lead"].items()
    ]
    return {"settings": settings, "rows": rows, "leads": leads, "unit": unit}


def fidelity_results(report: Mapping[str, Any]) -> list[Any]:
    """The same as `EvalResult` of the Hub's metadata (model-index)."""
    from huggingface_hub import EvalResult

    settings, overall = report["settings"], report["overall"]
    suffix, unit = _suffix_and_unit(settings)
    return [
        EvalResult(
            task_type="feature-extraction",
            task_name="ECG tokenisation and reconstruction",
            dataset_type=settings["corpus_source"],
            dataset_name=settings["corpus_title"],
            dataset_split=settings["split"],
            metric_type=key,
            metric_name=name + (f", {unit}" if key.startswith("rmse") else ""),
            metric_value=round(overall[key], 3),
        )
        for key, name, _ in ((key.format(suffix), name, 0) for key, name, _ in _MEASURES)
        if overall[key] is not None
    ]


def _suffix_and_unit(settings: Mapping[str, Any]) -> tuple[str, str]:
    return ("_uV", "uV") if settings["unit"] == "mV" else ("", settings["unit"])


def _text(value: float | None, digits: int) -> str:
    return "-" if value is None else f"{value:,.{digits}f}"
