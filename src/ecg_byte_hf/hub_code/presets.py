"""Which preset is taken where none is named, in one place."""

from __future__ import annotations

DEFAULT_PRESET = "compact"
