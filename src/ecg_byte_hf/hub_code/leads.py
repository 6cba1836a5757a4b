"""Names and order of the twelve leads, and what Einthoven's and Goldberger's equations give.

Standard order as in AHA/ACCF/HRS 2007 and PTB-XL: I, II, III, aVR, aVL, aVF, V1 ... V6.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from .errors import EcgByteError

STANDARD_LEADS = ("I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6")
INDEPENDENT_LEADS = ("I", "II", "V1", "V2", "V3", "V4", "V5", "V6")

_INDEPENDENT_ROWS = [STANDARD_LEADS.index(name) for name in INDEPENDENT_LEADS]

# Rows: standard leads; columns: I and II. III = II - I, aVR = -(I + II)/2, ...
_LIMB_FROM_I_II = np.array(
    [[1.0, 0.0], [0.0, 1.0], [-1.0, 1.0], [-0.5, -0.5], [1.0, -0.5], [-0.5, 1.0]]
)

LEADS_FROM_INDEPENDENT = np.zeros((12, 8))
"""float64 (12, 8): standard leads from `INDEPENDENT_LEADS`."""
LEADS_FROM_INDEPENDENT[:6, :2] = _LIMB_FROM_I_II
LEADS_FROM_INDEPENDENT[6:, 2:] = np.eye(6)

# "MLII" is what Holter databases (MIT-BIH) call a modified lead II.
_SPELLINGS = {name.upper(): name for name in STANDARD_LEADS} | {
    "MLI": "I",
    "MLII": "II",
    "MLIII": "III",
    "DI": "I",
    "DII": "II",
    "DIII": "III",
    "L1": "I",
    "L2": "II",
    "L3": "III",
    "C1": "V1",
    "C2": "V2",
    "C3": "V3",
    "C4": "V4",
    "C5": "V5",
    "C6": "V6",
}


def standard_lead_name(name: str) -> str | None:
    """The standard spelling of a lead name, `None` where it is not one of the twelve.

    Case, blanks, underscores, hyphens and a leading "Lead" or "ECG" do not matter:
    `"Lead I"`, `"avr"`, `"AVR"`, `"V 1"`, `"MLII"` are all understood.
    """
    key = re.sub(r"[\s_\-.]", "", name).upper()
    for prefix in ("LEAD", "ECG"):
        key = key.removeprefix(prefix)
    return _SPELLINGS.get(key)


def standard_lead_rows(names: Sequence[str], source: str = "signal") -> dict[str, int]:
    """The row of every standard lead among `names`; names that are no standard lead are left out.

    Raises `EcgByteError` where two rows are the same lead.
    """
    rows: dict[str, int] = {}
    for row, given in enumerate(names):
        lead = standard_lead_name(given)
        if lead is None:
            continue
        if lead in rows:
            first = names[rows[lead]]
            raise EcgByteError(
                f"{source}: lead {lead} is there twice (as {first!r} and {given!r}); keep one"
            )
        rows[lead] = row
    return rows


def to_standard_order(signal: Any, names: Sequence[str], source: str = "signal") -> Any:
    """The rows of `signal` (leads, samples) in standard order, as (12, samples).

    Raises `EcgByteError` for a missing or duplicated lead, or names that do not match the rows.
    """
    if len(names) != len(signal):
        raise EcgByteError(
            f"{source}: {len(names)} lead names for {len(signal)} rows; give one name per row"
        )
    if tuple(names) == STANDARD_LEADS:
        return signal
    rows = standard_lead_rows(names, source)
    missing = [lead for lead in STANDARD_LEADS if lead not in rows]
    if missing:
        raise EcgByteError(
            f"{source}: missing {', '.join(missing)} (found {', '.join(map(str, names))}); give "
            f"all 12 leads, or read the record with missing_leads='zero'"
        )
    return np.asarray(signal)[[rows[lead] for lead in STANDARD_LEADS]]


def independent_leads(signal: Any) -> Any:
    """The eight independent leads (8, samples) of a standard 12-lead signal (12, samples)."""
    return signal[_INDEPENDENT_ROWS]
