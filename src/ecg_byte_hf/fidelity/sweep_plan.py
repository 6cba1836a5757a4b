"""Which settings a rate-distortion sweep measures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..hub_code.errors import EcgByteError
from ..hub_code.feature_extraction_ecg_byte import EcgByteFeatureExtractor
from ..tokenizer import check_vocabulary_size

VOCABULARY = 4096
VOCABULARIES = (256, 512, 1024, 2048, 4096, 8192, 16384)
SMALLEST_TRAINING = 25

# Quantiser steps in mV, beside the preset's default; those of `beat` as in docs/codec.md, and two
# coarser ones, where the other databases' PRD lies, and a finer one, where the baselines end.
COMPACT_STEPS = (0.2, 0.25, 0.33, 0.45, 0.6, 0.8, 1.1)
BEAT_STEPS = (
    *((1.5, 0.4), (1.1, 0.3), (0.8, 0.22), (0.6, 0.17), (0.55, 0.16), (0.5, 0.15)),
    *((0.35, 0.13), (0.25, 0.1), (0.17, 0.075), (0.15, 0.065), (0.1, 0.045)),
)
BEAT_PLACED_STEPS = ((0.8, 0.22), (0.5, 0.15), (0.25, 0.1), (0.15, 0.065))
STEPS: dict[str, tuple[dict[str, float], ...]] = {
    "paper": ({},),
    "compact": tuple({"step": step} for step in COMPACT_STEPS),
    "beat": tuple({"step": step, "template_step": template} for step, template in BEAT_STEPS),
    "beat-placed": tuple(
        {"step": step, "template_step": template} for step, template in BEAT_PLACED_STEPS
    ),
}
# `beat-named` decodes to what `beat-placed` does and is not measured yet.
PRESETS = tuple(STEPS)
# The vocabularies that are crossed with every step.
GRID_VOCABULARIES = (1024, 4096, 16384)

_QUICK_VOCABULARIES = (1024, 4096)
_QUICK_STEPS: dict[str, tuple[dict[str, float], ...]] = {
    "paper": ({},),
    "compact": ({"step": 0.8},),
    "beat": ({"step": 1.1, "template_step": 0.3}, {"step": 0.25, "template_step": 0.1}),
    "beat-placed": ({"step": 0.8, "template_step": 0.22},),
}


@dataclass(frozen=True)
class Setting:
    """One tokenizer of a sweep.

    `codec`: options of the preset's codec, steps in mV, as sorted pairs; `vocabulary`: tokens in
    all, markers counted; `training_ecgs`: how many ECGs, from the first on, all was learned from.
    """

    preset: str
    codec: tuple[tuple[str, float], ...]
    vocabulary: int
    training_ecgs: int

    @classmethod
    def of_point(cls, point: dict[str, Any]) -> Setting:
        """The setting of a point in a sweep's JSON."""
        codec = tuple(sorted(point["codec"].items()))
        return cls(point["preset"], codec, point["vocabulary"], point["training_ecgs"])

    @property
    def name(self) -> str:
        """Short, for a table: `"beat 4,096, 0.5 / 0.15 mV"`."""
        steps = " / ".join(f"{value:g}" for _, value in self.codec)
        return f"{self.preset} {self.vocabulary:,}" + (f", {steps} mV" if steps else "")

    @property
    def command(self) -> str:
        """The options of `ecg-byte train-tokenizer` that make this tokenizer."""
        steps = "".join(f" --{name.replace('_', '-')} {value:g}" for name, value in self.codec)
        return f"--preset {self.preset} --vocab-size {self.vocabulary}{steps}"


def default_setting(preset: str, training_ecgs: int) -> Setting:
    """The preset's default step(s), vocabulary 4,096."""
    names = STEPS[preset][0]
    state = EcgByteFeatureExtractor(preset).codec.state
    codec = tuple(sorted((name, float(state[name])) for name in names))
    return Setting(preset, codec, VOCABULARY, training_ecgs)


def too_small(preset: str, vocabulary: int) -> str | None:
    """Why a preset cannot have a vocabulary of that size, `None` where it can."""
    try:
        check_vocabulary_size(vocabulary, EcgByteFeatureExtractor(preset))
    except EcgByteError as error:
        return str(error)
    return None


def next_possible(preset: str, vocabulary: int) -> int:
    """`vocabulary`, or the next multiple of 64 that is large enough for the preset."""
    while too_small(preset, vocabulary):
        vocabulary += 64 - vocabulary % 64
    return vocabulary


def not_possible(wanted: Sequence[int] = VOCABULARIES) -> list[dict[str, Any]]:
    """The vocabularies among `wanted` that a preset cannot have: what stands instead, and why."""
    return [
        {
            "preset": preset,
            "vocabulary": size,
            "instead": next_possible(preset, size),
            "reason": reason,
        }
        for preset in PRESETS
        for size in wanted
        if (reason := too_small(preset, size))
    ]


def plan(all_training_ecgs: int, *, quick: bool = False) -> list[Setting]:
    """The settings, those of a preset together, each once.

    One axis at a time around the default: steps, vocabularies, training ECGs (25, 50, 100 ... and
    all); and vocabularies 1,024, 4,096 and 16,384 with every step. `quick`: a few of the same, so
    that a whole sweep may go on from a quick one.
    """
    settings: dict[Setting, None] = {}
    sizes = []
    size = SMALLEST_TRAINING
    while size < all_training_ecgs:
        sizes.append(size)
        size *= 2
    if quick:
        sizes = sizes[-1:]
    steps, axis, grid = (
        (_QUICK_STEPS, _QUICK_VOCABULARIES, (VOCABULARY,))
        if quick
        else (STEPS, VOCABULARIES, GRID_VOCABULARIES)
    )
    for preset in PRESETS:
        default = default_setting(preset, all_training_ecgs)
        settings[default] = None
        for vocabulary in (next_possible(preset, size) for size in axis):
            settings[Setting(preset, default.codec, vocabulary, all_training_ecgs)] = None
        for options in steps[preset]:
            codec = tuple(sorted(options.items()))
            for vocabulary in grid:
                settings[Setting(preset, codec, vocabulary, all_training_ecgs)] = None
        for training_ecgs in sizes:
            settings[Setting(preset, default.codec, VOCABULARY, training_ecgs)] = None
    return list(settings)
