"""What is asked about a simulated ECG, and in which words.

Every attribute's answers are few and short. Definitions: rate classes below 60, 60-100 and above
100 a minute; axis from the net QRS area, normal -30 to 90 degrees (AHA/ACCF/HRS 2009, part III);
high voltage by the Sokolow-Lyon index (S in V1 + R in V5 or V6 >= 3.5 mV), low voltage where the
QRS of every limb lead spans less than 0.5 mV.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .question_balance import Attribute, Finding, Statement

REPORT_QUESTIONS = (
    "Write a short report of this ECG.",
    "Report this ECG.",
    "What does this ECG show, in short?",
)

_WALLS = ("anterior", "lateral", "inferior")


def _wall_attribute(deviation: str) -> Attribute:
    return Attribute(
        f"st_{deviation}_wall",
        tuple(
            Statement(
                wall,
                wall,
                (
                    f"Is there ST {deviation} in the {wall} leads?",
                    f"Does the ST {deviation} lie in the {wall} leads?",
                    f"Do the {wall} leads show ST {deviation}?",
                ),
            )
            for wall in _WALLS
        ),
        choose=(
            f"Where is the ST {deviation}: {{first}} or {{second}}?",
            f"Is the ST {deviation} {{first}} or {{second}}?",
        ),
        query=(
            f"Which leads show ST {deviation}?",
            f"Where is the ST {deviation}?",
            f"In which wall is the ST {deviation}?",
        ),
    )


ATTRIBUTES = (
    Attribute(
        "rhythm",
        (
            Statement(
                "sinus rhythm",
                "regular sinus rhythm",
                ("Is this a regular sinus rhythm?", "Is the rhythm sinus, without ectopic beats?"),
            ),
            Statement(
                "atrial fibrillation",
                "atrial fibrillation",
                ("Is this atrial fibrillation?", "Does the ECG show atrial fibrillation?"),
            ),
            Statement(
                "ventricular ectopics",
                "ventricular ectopics",
                ("Are there ventricular ectopic beats?", "Does the ECG show ventricular ectopics?"),
            ),
        ),
        choose=("Which rhythm is it: {first} or {second}?", "Is this {first} or {second}?"),
        query=("What is the rhythm?", "Which rhythm does the ECG show?", "Name the rhythm."),
    ),
    Attribute(
        "rate",
        (
            Statement(
                "slow",
                "slow",
                ("Is the heart rate below 60 per minute?", "Does the heart beat slowly?"),
            ),
            Statement(
                "normal",
                "normal",
                ("Is the heart rate between 60 and 100 per minute?", "Is the heart rate normal?"),
            ),
            Statement(
                "fast",
                "fast",
                ("Is the heart rate above 100 per minute?", "Does the heart beat fast?"),
            ),
        ),
        choose=("Is the heart rate {first} or {second}?", "Heart rate: {first} or {second}?"),
        query=(
            "Is the heart rate slow, normal or fast?",
            "What is the heart rate like?",
            "How fast does the heart beat?",
        ),
    ),
    Attribute(
        "axis",
        (
            Statement(
                "normal",
                "normal",
                ("Is the frontal QRS axis normal?", "Does the QRS axis lie in the normal range?"),
            ),
            Statement(
                "left",
                "left",
                ("Is there left axis deviation?", "Is the QRS axis deviated to the left?"),
            ),
            Statement(
                "right",
                "right",
                ("Is there right axis deviation?", "Is the QRS axis deviated to the right?"),
            ),
        ),
        choose=("Is the QRS axis {first} or {second}?", "Frontal axis: {first} or {second}?"),
        query=("What is the QRS axis?", "Where does the frontal axis point?", "Name the QRS axis."),
    ),
    Attribute(
        "bundle_branch_block",
        (
            Statement(
                "none",
                "none",
                (
                    "Is conduction free of bundle branch block?",
                    "Do both bundle branches conduct normally?",
                ),
            ),
            Statement(
                "left",
                "left",
                ("Is there a left bundle branch block?", "Is the left bundle branch blocked?"),
            ),
            Statement(
                "right",
                "right",
                ("Is there a right bundle branch block?", "Is the right bundle branch blocked?"),
            ),
        ),
        choose=(
            "Which bundle branch is blocked: {first} or {second}?",
            "Bundle branch block: {first} or {second}?",
        ),
        query=(
            "Which bundle branch block is there, if any?",
            "Is a bundle branch blocked, and which?",
            "Name the bundle branch that is blocked, if any.",
        ),
    ),
    Attribute(
        "voltage",
        (
            Statement(
                "normal",
                "normal",
                ("Is the QRS voltage normal?", "Are the QRS amplitudes in the normal range?"),
            ),
            Statement(
                "high",
                "high",
                (
                    "Are there voltage signs of left ventricular hypertrophy?",
                    "Is the Sokolow-Lyon index at least 3.5 mV?",
                ),
            ),
            Statement(
                "low",
                "low",
                ("Is there low voltage in the limb leads?", "Are the limb leads of low voltage?"),
            ),
        ),
        choose=("Is the QRS voltage {first} or {second}?", "QRS voltage: {first} or {second}?"),
        query=(
            "Is the QRS voltage low, normal or high?",
            "What is the QRS voltage like?",
            "How large is the QRS voltage?",
        ),
    ),
    Attribute(
        "st",
        (
            Statement(
                "none",
                "none",
                ("Is the ST segment isoelectric?", "Is the ECG free of ST deviation?"),
            ),
            Statement(
                "elevation",
                "elevation",
                ("Is the main ST change an elevation?", "Does ST elevation prevail?"),
            ),
            Statement(
                "depression",
                "depression",
                ("Is the main ST change a depression?", "Does ST depression prevail?"),
            ),
        ),
        choose=("Main ST change: {first} or {second}?", "Is the ST change {first} or {second}?"),
        query=(
            "What is the main ST change, if any?",
            "How does the ST segment deviate, if at all?",
        ),
    ),
    _wall_attribute("elevation"),
    _wall_attribute("depression"),
    Attribute(
        "noise",
        (
            Statement(
                "noisy",
                "noisy",
                ("Is there muscle noise in the ECG?", "Is the ECG disturbed by muscle noise?"),
            ),
            Statement(
                "clean",
                "clean",
                ("Is the ECG free of muscle noise?", "Is the ECG clean of muscle artefacts?"),
            ),
        ),
        choose=("Muscle noise: is the ECG {first} or {second}?", "Is the ECG {first} or {second}?"),
        query=("As to muscle noise, what is the ECG like?", "How clean of muscle noise is it?"),
    ),
)


def finding_from_truth(attribute: Attribute, truth: Mapping[str, Any]) -> Finding | None:
    """What a simulated ECG's truth says about an attribute; `None` where it is not to be asked."""
    values = frozenset(statement.value for statement in attribute.statements)
    left_block = truth["bundle_branch_block"] == "left"
    match attribute.name:
        case "rate":
            value = truth["rate_class"]
        case "noise":
            value = "noisy" if truth["noise"] == "muscle" else "clean"
        case "st":
            # ST follows the QRS in left bundle branch block and is not judged there.
            if left_block:
                return None
            value = truth["st"]
        case "st_elevation_wall" | "st_depression_wall":
            # An opposite deviation has reciprocal changes of the kind that is asked for.
            if left_block or truth["st"] not in ("none", attribute.name.split("_")[1]):
                return None
            value = truth["st_wall"]
        case name:
            value = truth[name]
    present = values & {value}
    return Finding(present, values - present)


def report_from_truth(truth: Mapping[str, Any]) -> str:
    """A short report of a simulated ECG, one sentence a finding; the rate to the nearest 5."""
    rate = 5 * round(truth["heart_rate_bpm"] / 5)
    rhythm = {
        "sinus rhythm": "Sinus rhythm",
        "atrial fibrillation": "Atrial fibrillation",
        "ventricular ectopics": "Sinus rhythm with ventricular ectopics",
    }[truth["rhythm"]]
    axis = {
        "normal": "Normal axis",
        "left": "Left axis deviation",
        "right": "Right axis deviation",
    }[truth["axis"]]
    sentences = [f"{rhythm}, about {rate}/min", axis]
    if truth["bundle_branch_block"] != "none":
        sentences.append(f"{truth['bundle_branch_block'].capitalize()} bundle branch block")
    if truth["voltage"] == "high":
        sentences.append("Left ventricular hypertrophy by voltage")
    elif truth["voltage"] == "low":
        sentences.append("Low voltage in the limb leads")
    if truth["st"] != "none":
        sentences.append(f"ST {truth['st']} in the {truth['st_wall']} leads")
    elif truth["bundle_branch_block"] != "left":
        sentences.append("No ST deviation")
    return ". ".join(sentences) + "."
