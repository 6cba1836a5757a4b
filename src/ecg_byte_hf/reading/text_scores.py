"""Reports beside the true ones: BLEU-4, ROUGE-L, METEOR, BERTScore, per language."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from ecg_byte_hf.hub_code.errors import EcgByteError

from .scoring import REPORT, Scored

_SCORES = ("bleu", "rouge_l", "meteor", "meteor_no_synonyms", "bertscore")


def check_encoder(encoder: str) -> None:
    """See, before any report is written, that an encoder for BERTScore is on this machine.

    Raises:
        EcgByteError: it is not, or its weights are not in safetensors.
    """
    from transformers.utils import cached_file

    for names in (("config.json",), ("model.safetensors", "model.safetensors.index.json")):
        for name in names:
            with suppress(OSError, ValueError):
                if cached_file(encoder, name, local_files_only=True):
                    break
        else:
            raise EcgByteError(
                f"--encoder {encoder}: no {names[0]} there, nor downloaded: run "
                f"`hf download {encoder}` first, or give a folder with config.json, tokenizer and "
                "model.safetensors"
            )


def report_scores(scored: Sequence[Scored], encoder: str | None = None) -> dict[str, Any] | None:
    """Scores of the reports, a dict per attribute of the question (the reports' language).

    Each has what the metric `ecg_qa` computes (0 to 1; `bertscore` where `encoder` names a local
    one, `meteor` where WordNet is at hand), and `n`. None where no report was asked for.

    Raises:
        EcgByteError: the extra `metric` is not installed, or the encoder is not there.
    """
    groups: dict[str, list[Scored]] = defaultdict(list)
    for one in scored:
        if one.question_type == REPORT and one.given is not None:
            groups[one.attribute].append(one)
    if not groups:
        return None
    from ecg_byte_hf.metrics import load_ecg_qa

    metric = load_ecg_qa()
    result = {}
    for attribute in sorted(groups):
        options = {"encoder": encoder} if encoder else {}
        try:
            scores = metric.compute(
                predictions=[one.given for one in groups[attribute]],
                references=[one.answer for one in groups[attribute]],
                **options,
            )
        except ValueError as error:
            raise EcgByteError(f"reports ({attribute}) cannot be scored: {error}") from error
        result[attribute] = {name: scores[name] for name in _SCORES if name in scores}
        if encoder and Path(encoder).exists():
            # The result goes to the Hub; where the encoder lies on a disk does not.
            result[attribute]["bertscore"]["encoder"] = Path(encoder).name
        result[attribute] |= {"n": scores["n"], "missing": scores["missing"]}
    return result
