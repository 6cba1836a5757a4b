"""What is asked about an ECG that carries SCP-ECG statements, as PTB-XL's do.

Codes, superclasses and subclasses are those of PTB-XL's `scp_statements.csv` (Wagner et al., Sci.
Data 7:154, 2020).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .question_balance import Attribute, Finding, Statement

# Superclass -> subclass -> codes.
DIAGNOSES: dict[str, dict[str, tuple[str, ...]]] = {
    "NORM": {"NORM": ("NORM",)},
    "MI": {
        "IMI": ("IMI", "ILMI", "IPLMI", "IPMI", "INJIN", "INJIL"),
        "AMI": ("AMI", "ASMI", "ALMI", "INJAS", "INJAL", "INJLA"),
        "LMI": ("LMI",),
        "PMI": ("PMI",),
    },
    "STTC": {
        "STTC": ("NDT", "DIG", "LNGQT", "ANEUR", "EL"),
        "NST_": ("NST_",),
        "ISC_": ("ISC_",),
        "ISCA": ("ISCAL", "ISCLA", "ISCAS", "ISCAN"),
        "ISCI": ("ISCIN", "ISCIL"),
    },
    "CD": {
        "LAFB/LPFB": ("LAFB", "LPFB"),
        "IRBBB": ("IRBBB",),
        "CRBBB": ("CRBBB",),
        "ILBBB": ("ILBBB",),
        "CLBBB": ("CLBBB",),
        "_AVB": ("1AVB", "2AVB", "3AVB"),
        "IVCD": ("IVCD",),
        "WPW": ("WPW",),
    },
    "HYP": {
        "LVH": ("LVH",),
        "RVH": ("RVH",),
        "SEHYP": ("SEHYP",),
        "LAO/LAE": ("LAO/LAE",),
        "RAO/RAE": ("RAO/RAE",),
    },
}

_SUPERCLASS_WORDS = {
    "NORM": "normal",
    "MI": "infarction",
    "STTC": "ST/T change",
    "CD": "conduction disturbance",
    "HYP": "hypertrophy",
}

_SUBCLASS_WORDS = {
    "IMI": "inferior infarction",
    "AMI": "anterior infarction",
    "LMI": "lateral infarction",
    "PMI": "posterior infarction",
    "STTC": "T wave change",
    "NST_": "non-specific ST change",
    "ISC_": "ischaemia",
    "ISCA": "anterior ischaemia",
    "ISCI": "inferior ischaemia",
    "LAFB/LPFB": "fascicular block",
    "IRBBB": "incomplete right bundle branch block",
    "CRBBB": "complete right bundle branch block",
    "ILBBB": "incomplete left bundle branch block",
    "CLBBB": "complete left bundle branch block",
    "_AVB": "AV block",
    "IVCD": "intraventricular conduction delay",
    "WPW": "pre-excitation",
    "LVH": "left ventricular hypertrophy",
    "RVH": "right ventricular hypertrophy",
    "SEHYP": "septal hypertrophy",
    "LAO/LAE": "left atrial enlargement",
    "RAO/RAE": "right atrial enlargement",
}

_RHYTHM_WORDS = {
    "SR": "sinus rhythm",
    "AFIB": "atrial fibrillation",
    "AFLT": "atrial flutter",
    "STACH": "sinus tachycardia",
    "SBRAD": "sinus bradycardia",
    "SARRH": "sinus arrhythmia",
    "PACE": "paced rhythm",
    "SVARR": "supraventricular arrhythmia",
    "SVTAC": "supraventricular tachycardia",
    "PSVT": "paroxysmal supraventricular tachycardia",
    "BIGU": "bigeminy",
    "TRIGU": "trigeminy",
}
# Whether these are "sinus rhythm" too is a matter of words, so it is not asked of them.
_ALSO_SINUS = frozenset({"STACH", "SBRAD", "SARRH", "BIGU", "TRIGU"})

_FORM_WORDS = {
    "ABQRS": "an abnormal QRS complex",
    "PVC": "ventricular premature beats",
    "PAC": "atrial premature beats",
    "QWAVE": "pathological Q waves",
    "STD_": "non-specific ST depression",
    "STE_": "non-specific ST elevation",
    "LOWT": "low T waves",
    "NT_": "non-specific T wave changes",
    "INVT": "inverted T waves",
    "TAB_": "a T wave abnormality",
    "VCLVH": "voltage criteria of left ventricular hypertrophy",
    "HVOLT": "high QRS voltage",
    "LVOLT": "low QRS voltage",
    "LPR": "a long PR interval",
}


RHYTHM_CODES = frozenset(_RHYTHM_WORDS)
# Statements about the form too are some that are diagnoses, and a short PR interval.
FORM_CODES = frozenset(_FORM_WORDS) | {"NDT", "NST_", "DIG", "LNGQT", "PRC(S)"}


def _statements(words: Mapping[str, str]) -> tuple[Statement, ...]:
    return tuple(
        Statement(value, answer, (f"Does this ECG show {answer}?", f"Are there signs of {answer}?"))
        for value, answer in words.items()
    )


SUPERCLASS = Attribute(
    "superclass",
    (
        Statement("NORM", "normal", ("Is this ECG normal?", "Is this a normal ECG?")),
        *_statements({k: words for k, words in _SUPERCLASS_WORDS.items() if k != "NORM"}),
    ),
    choose=("Which does this ECG show: {first} or {second}?", "Is it {first} or {second}?"),
    query=(
        "Which diagnostic class does this ECG belong to?",
        "What is the diagnostic class of this ECG?",
    ),
)
ATTRIBUTES = (
    SUPERCLASS,
    Attribute(
        "subclass",
        _statements(_SUBCLASS_WORDS),
        choose=("Which diagnosis fits: {first} or {second}?", "Is it {first} or {second}?"),
        query=("Which diagnosis does this ECG show?", "What is the diagnosis?"),
    ),
    Attribute(
        "rhythm",
        _statements(_RHYTHM_WORDS),
        choose=("Which rhythm is it: {first} or {second}?", "Is this {first} or {second}?"),
        query=("What is the rhythm?", "Which rhythm does the ECG show?"),
    ),
    Attribute("form", _statements(_FORM_WORDS)),
)


def finding_from_scp(
    attribute: Attribute, scp_codes: Mapping[str, float] | Iterable[str]
) -> Finding | None:
    """What the codes of one ECG say about an attribute; `None` without any code of its kind.

    A diagnosis stated with a likelihood of 1 to 49 % is uncertain: neither present nor absent.
    PTB-XL gives 0 where the likelihood is not stated; the statement itself is there.
    """
    likelihood = (
        dict(scp_codes) if isinstance(scp_codes, Mapping) else dict.fromkeys(scp_codes, 100.0)
    )
    stated = {code for code, percent in likelihood.items() if percent == 0 or percent >= 50}
    codes_of = _CODES[attribute.name]
    present = frozenset(value for value, codes in codes_of.items() if stated & codes)
    uncertain = {value for value, codes in codes_of.items() if likelihood.keys() & codes} - present
    if attribute.name == "rhythm":
        if not present:
            return None
        if present & _ALSO_SINUS:
            present -= {"SR"}
            uncertain |= {"SR"}
    elif not likelihood.keys() & _DIAGNOSTIC_CODES:
        return None
    return Finding(present, frozenset(codes_of) - present - uncertain)


_SUBCLASSES = {
    subclass: frozenset(codes)
    for subclasses in DIAGNOSES.values()
    for subclass, codes in subclasses.items()
}
_DIAGNOSTIC_CODES = frozenset().union(*_SUBCLASSES.values())
_CODES: dict[str, dict[str, frozenset[str]]] = {
    "superclass": {
        superclass: frozenset().union(*map(frozenset, subclasses.values()))
        for superclass, subclasses in DIAGNOSES.items()
    },
    "subclass": {value: codes for value, codes in _SUBCLASSES.items() if value != "NORM"},
    "rhythm": {code: frozenset({code}) for code in _RHYTHM_WORDS},
    "form": {code: frozenset({code}) for code in _FORM_WORDS},
}
