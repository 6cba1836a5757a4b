"""How well a ResNet tells findings apart, in the measures that a Llama's answers are scored by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg_byte_hf.corpora import corpus_facts, open_questions
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.reading.intervals import PatientBootstrap
from ecg_byte_hf.reading.scoring import (
    Scored,
    accuracy,
    ids_sha256,
    is_verify,
    questions_sha256,
)
from ecg_byte_hf.reading.yes_no import finding_asked, finding_aurocs

from .labelled_ecgs import (
    LabelledEcgs,
    SignalFormat,
    corpus_attribute,
    corpus_format,
    read_ecgs,
)
from .resnet import EcgResNet
from .resnet_training import probabilities

YES, NO = "yes", "no"


def best_thresholds(found: NDArray[np.float32], labels: NDArray[np.float32]) -> tuple[float, ...]:
    """The probability from which each class is said to be there.

    `found` and `labels` (nan: not known) are (ECGs, classes). It is the one of highest balanced
    accuracy, between two probabilities that occur; 0.5 where a class has no ECG of either kind.
    """
    thresholds = []
    for column, truth in zip(found.T.astype(np.float64), labels.T, strict=True):
        known = ~np.isnan(truth)
        order = np.argsort(column[known], kind="stable")
        p, yes = column[known][order], truth[known][order] == 1
        if yes.all() or not yes.any():
            thresholds.append(0.5)
            continue
        # Below the k-th smallest all are said to be no: right are the no among them, and the yes
        # above.
        specificity = np.r_[0.0, np.cumsum(~yes)] / (~yes).sum()
        sensitivity = 1 - np.r_[0.0, np.cumsum(yes)] / yes.sum()
        edges = np.r_[0.0, (p[1:] + p[:-1]) / 2, 1.0]
        apart = np.r_[True, p[1:] > p[:-1], True]
        best = int(np.argmax(np.where(apart, specificity + sensitivity, -1.0)))
        thresholds.append(float(edges[best]))
    return tuple(thresholds)


def evaluate_resnet(
    model: EcgResNet,
    corpus: str | Path,
    split: str = "validation",
    *,
    training: Mapping[str, Any] | None = None,
    quiet: bool = False,
) -> dict[str, Any]:
    """The ResNet's AUROC and balanced accuracy on a split, and its answers to the questions.

    `yes_no`: per class and macro, over all ECGs of which the class is known, 95 % intervals over
    patients (see `reading.yes_no.finding_aurocs`). `balanced_accuracy`: mean of sensitivity and
    specificity at the thresholds chosen on train, per class and macro. `accuracy`: of the corpus's
    own balanced yes/no questions about these classes, as training/evaluate.py scores a Llama;
    None where there are none. `settings` keeps `training`, what `resnet_output.how_trained` says,
    by which `reading.comparison` knows seeds of one training.

    Raises:
        EcgByteError: the corpus has no such split, other classes or another unit.
    """
    config = model.config
    form = SignalFormat(config.sampling_rate, config.samples, config.cleaned)
    if corpus_format(corpus).cleaned != config.cleaned:
        raise EcgByteError(f"the ResNet reads ECGs in another unit than those of corpus {corpus}")
    attribute = corpus_attribute(corpus)
    if [one.value for one in attribute.statements] != list(config.classes):
        raise EcgByteError(
            f"the ResNet tells {', '.join(config.classes)}, which are not what corpus {corpus} is "
            "labelled with: train one on this corpus with training/resnet.py"
        )
    ecgs = read_ecgs(corpus, split, form, quiet=quiet)
    found = probabilities(model, ecgs).numpy()
    bootstrap = PatientBootstrap(ecgs.patient_ids)
    every = list(_every_finding(model, corpus, ecgs, found))
    asked = _answered(model, open_questions(corpus)[split].to_list(), ecgs, found)
    balanced = [one for one in asked if one.balanced]
    settings = {
        "split": split,
        "records": len(ecgs.record_ids),
        "records_sha256": ids_sha256(ecgs.record_ids),
        "questions_sha256": questions_sha256(balanced),
        "parameters": sum(p.numel() for p in model.parameters()),
        "thresholds": dict(zip(config.classes, config.thresholds, strict=True)),
        "corpus": corpus_facts(corpus),
        "training": None if training is None else dict(training),
    }
    return {
        "accuracy": accuracy(balanced, bootstrap) if balanced else None,
        "yes_no": finding_aurocs(every, bootstrap),
        "balanced_accuracy": _balanced_accuracy(every),
        "settings": settings,
    }


def _every_finding(
    model: EcgResNet, corpus: str | Path, ecgs: LabelledEcgs, found: NDArray[np.float32]
) -> Sequence[Scored]:
    """One answer per ECG and class that is known of it, whether or not the corpus asks."""
    attribute = corpus_attribute(corpus)
    scored = []
    for place, statement in enumerate(attribute.statements):
        threshold = model.config.thresholds[place]
        for row, truth in enumerate(ecgs.labels[:, place]):
            if np.isnan(truth):
                continue
            p_yes = float(found[row, place])
            scored.append(
                Scored(
                    question_id=f"{ecgs.record_ids[row]}:{attribute.name}:{statement.value}",
                    record_id=ecgs.record_ids[row],
                    patient_id=ecgs.patient_ids[row],
                    question_type="verify",
                    attribute=attribute.name,
                    question=statement.verify[0],
                    answer=YES if truth == 1 else NO,
                    given=YES if p_yes >= threshold else NO,
                    p_yes=p_yes,
                    balanced=False,
                )
            )
    return scored


def _answered(
    model: EcgResNet,
    questions: Sequence[Mapping[str, Any]],
    ecgs: LabelledEcgs,
    found: NDArray[np.float32],
) -> list[Scored]:
    """The answers to those of the questions that the ResNet can answer."""
    row_of = {record: row for row, record in enumerate(ecgs.record_ids)}
    place_of = {name: place for place, name in enumerate(model.config.classes)}
    scored = []
    for question in questions:
        value = finding_asked(question["attribute"], question["question"])
        if (
            not is_verify(question["question_type"])
            or question["attribute"] != model.config.attribute
            or value not in place_of
            or question["record_id"] not in row_of
        ):
            continue
        p_yes = float(found[row_of[question["record_id"]], place_of[value]])
        given = YES if p_yes >= model.config.thresholds[place_of[value]] else NO
        scored.append(Scored.of(question, given, p_yes))
    return scored


def _balanced_accuracy(scored: Sequence[Scored]) -> dict[str, Any]:
    per_class: dict[str, float] = {}
    findings = dict.fromkeys(finding_asked(one.attribute, one.question) for one in scored)
    for name in findings:
        own = [one for one in scored if finding_asked(one.attribute, one.question) == name]
        right = [[one.correct for one in own if one.answer == answer] for answer in (YES, NO)]
        if all(right):
            per_class[name] = round(float(np.mean([np.mean(shares) for shares in right])), 4)
    macro = round(float(np.mean(list(per_class.values()))), 4) if per_class else None
    return {"macro": macro, "per_class": per_class}
