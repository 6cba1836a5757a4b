"""What the presets are, beside their codecs, and which one is taken where none is named."""

from __future__ import annotations

from typing import Any

# It reads best for its tokens, measured: docs/reading.md.
DEFAULT_PRESET = "beat-placed"

# Those that code a representative beat.
BEAT_PRESETS = ("beat", "beat-placed", "beat-named")

# What a preset asks of its codec, beyond the codec's own defaults.
CODEC_OPTIONS: dict[str, dict[str, Any]] = {
    "beat-placed": {"template_words": "placed"},
    "beat-named": {"template_words": "named"},
}

# Steps for signals in standard deviations at 100 Hz, where a language model reads best
# (docs/reading.md); those for mV are the codecs' own defaults.
STEPS_IN_SD: dict[str, dict[str, Any]] = {
    "compact": {"step": 1.2},
    "beat": {"step": 3.0, "template_step": 0.8},
    "beat-placed": {"step": 3.0, "template_step": 0.8},
    "beat-named": {"step": 3.0, "template_step": 0.8},
}
