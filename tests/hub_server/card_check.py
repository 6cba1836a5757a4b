"""What the Hub's `/api/validate-yaml` says of a card's metadata, as far as our cards go."""

from __future__ import annotations

from typing import Any

import yaml
from huggingface_hub.repocard_data import model_index_to_eval_results

LICENCES = {"apache-2.0", "cc-by-4.0", "cc0-1.0", "llama3.2", "mit", "odc-by", "other", "unknown"}
TASKS = {
    "audio-classification",
    "feature-extraction",
    "question-answering",
    "text-generation",
    "time-series-forecasting",
    "visual-question-answering",
}
LISTS = ("tags", "datasets", "metrics", "task_categories")


def check_card(content: str, kind: str) -> tuple[list[str], list[str]]:
    """Errors and warnings of a README.md."""
    parts = content.split("---\n", 2)
    if not content.startswith("---\n") or len(parts) < 3:
        return [], ["empty or missing yaml metadata in repo card"]
    try:
        data = yaml.safe_load(parts[1])
    except yaml.YAMLError as error:
        return [f"YAML Metadata Error: {error}"], []
    if not isinstance(data, dict):
        return ["YAML Metadata Error: it must be a mapping"], []
    return [*_errors(data, kind)], []


def _errors(data: dict[str, Any], kind: str) -> list[str]:
    errors = []
    if "license" in data and data["license"] not in LICENCES:
        errors.append(f'"license" must be one of {sorted(LICENCES)}')
    if data.get("license") == "other" and not data.get("license_name"):
        errors.append('"license_name" is needed where "license" is other')
    for name in LISTS:
        if name in data and not (
            isinstance(data[name], list) and all(isinstance(item, str) for item in data[name])
        ):
            errors.append(f'"{name}" must be an array of strings')
    tasks = [data["pipeline_tag"]] if "pipeline_tag" in data else data.get("task_categories", [])
    errors += [f'"{task}" is no task' for task in tasks if task not in TASKS]
    if kind == "dataset":
        for config in data.get("configs", []):
            if not isinstance(config, dict) or "config_name" not in config:
                errors.append('"configs" must have a config_name each')
    if "model-index" in data:
        errors += _model_index_errors(data["model-index"])
    return errors


def _model_index_errors(index: Any) -> list[str]:
    try:
        _, results = model_index_to_eval_results(index)
    except (KeyError, TypeError, AttributeError) as error:
        return [f'"model-index" is malformed: {error!r}']
    return [
        f'"model-index" has no number for {result.metric_type}'
        for result in results
        if not isinstance(result.metric_value, int | float)
    ]
