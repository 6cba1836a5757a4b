"""Licences of recordings: how the Hub calls them, and which forbid sharing."""

from __future__ import annotations

import re

from .errors import EcgByteError

# The Hub's own names of those that recordings come under.
_HUB_NAMES = {
    "apache-2.0",
    "cc-by-4.0",
    "cc-by-nc-4.0",
    "cc-by-nc-sa-4.0",
    "cc-by-sa-4.0",
    "cc0-1.0",
    "mit",
    "odbl",
    "odc-by",
    "unknown",
}
# PhysioNet's Credentialed and Restricted Health Data Licenses: "The LICENSEE will not share access
# to PhysioNet restricted data with anyone else."
_NOT_TO_BE_SHARED = re.compile(r"credentialed|restricted", re.IGNORECASE)


def hub_licence(licence: str) -> dict[str, str]:
    """The card's fields for a licence: `license`, and `license_name` where the Hub knows it not.

    Raises `EcgByteError` where it is no text.
    """
    licence = licence_text("card", licence)
    name = re.sub(r"[^a-z0-9.]+", "-", licence.lower()).strip("-")
    if name in _HUB_NAMES:
        return {"license": name}
    return {"license": "other", "license_name": name}


def licence_text(what: str, licence: object) -> str:
    """A licence as a file says it. Raises `EcgByteError` where that is no text, or an empty one."""
    if not isinstance(licence, str) or not licence.strip():
        raise EcgByteError(
            f"{what}: the licence of its recordings is {str(licence)[:60]!r}, no text; prepare the "
            f"corpus again with --license"
        )
    return licence


def check_licence(what: str, licence: str) -> None:
    """Raise `EcgByteError` where recordings of this licence, or what they made, must stay."""
    if _NOT_TO_BE_SHARED.search(licence):
        raise EcgByteError(
            f"{what}: the licence of its recordings ({licence}) forbids sharing them, in a private "
            f"repository too; nothing is pushed"
        )


def check_licence_known(what: str, licence: str) -> None:
    """Raise `EcgByteError` where nobody said under which licence recordings may be published."""
    if licence == "unknown":
        raise EcgByteError(
            f"{what}: the licence of its recordings is unknown; prepare it with --license, or push "
            f"it with --private"
        )
