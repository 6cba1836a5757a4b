"""Pictures of a vocabulary: the most used tokens, and how often each is used."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from ecg_byte_hf.fidelity.usage import TokenUsage, Use, tokens_for
from ecg_byte_hf.figures.canvas import save_figure
from ecg_byte_hf.figures.usage import draw_usage
from ecg_byte_hf.figures.vocabulary import draw_vocabulary
from ecg_byte_hf.hub_code.run_lengths import BLOCK

from ..small_tokenizer import simulated_records, small_processor


def _usage(preset: str) -> TokenUsage:
    processor = small_processor(preset)
    counts: Counter[Use] = Counter()
    for one in simulated_records()[:4]:
        ids = processor.ecg_ids(one.record.signal, one.record.sampling_rate)
        for i, token in zip(ids, processor.token_symbols(ids), strict=True):
            if token.symbols:
                place = 0 if preset == "paper" else token.place % BLOCK
                counts[Use(token.channel, i, place)] += 1
    tokens = processor.tokenizer.convert_ids_to_tokens(list(range(512)))
    special = set(processor.tokenizer.all_special_ids)
    symbols = np.array([0 if i in special else len(token) for i, token in enumerate(tokens)])
    return TokenUsage(preset, processor.feature_extractor.channels, symbols, 4, 0, counts)


@pytest.mark.parametrize("preset", ["paper", "compact", "beat"])
def test_the_most_used_tokens_of_each_kind_are_named(preset: str, tmp_path) -> None:
    usage = _usage(preset)
    figure = draw_vocabulary(small_processor(preset), usage, title="small")
    texts = [text.get_text() for text in figure.axes[0].texts]
    for kind in usage.kinds:
        assert str(int(usage.per_token(kind).argmax())) in texts
    assert texts[[t.startswith("small") for t in texts].index(True)] == f"small ({preset})"
    assert save_figure(figure, tmp_path / "vocabulary.svg").stat().st_size > 5000


def test_a_waveform_is_drawn_as_the_codec_has_it() -> None:
    usage = _usage("compact")
    processor = small_processor("compact")
    figure = draw_vocabulary(processor, usage)
    uses = usage.per_token()
    order = np.argsort(-uses, kind="stable")
    use = next(
        usage.usual(int(i), "component")
        for i in order
        if processor.token_waveform(int(i), place=usage.usual(int(i), "component").place).any()
    )
    leads = processor.token_waveform(use.token, use.channel, 1248 + use.place)
    wave = leads[int(np.abs(leads).max(axis=1).argmax())]
    heights = [
        np.ptp(line.get_ydata()) for line in figure.axes[0].lines if len(line.get_xdata()) > 8
    ]
    assert heights
    shapes = [line for line in figure.axes[0].lines if len(line.get_xdata()) > 8]
    part = wave[np.flatnonzero(np.abs(wave) > 0.03 * np.abs(wave).max())[0] :]
    best = max(
        np.corrcoef(line.get_ydata(), part[: len(line.get_ydata())])[0, 1]
        for line in shapes
        if np.ptp(line.get_ydata()) > 0 and len(line.get_ydata()) <= len(part)
    )
    assert best > 0.999


@pytest.mark.parametrize("preset", ["compact", "beat"])
def test_usage_tells_coverage_and_dead_tokens(preset: str, tmp_path) -> None:
    usage = _usage(preset)
    figure = draw_usage(usage, title="small")
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    uses = usage.per_token()
    coverage = next(text for text in texts if text.startswith("50 % of uses"))
    for share in (0.5, 0.9, 0.99):
        assert f"{100 * share:.0f} % of uses: {tokens_for(uses, share):,} tokens" in coverage
    dead = int(((uses == 0) & (usage.symbols > 0)).sum())
    assert f"never used: {dead:,}" in texts
    upper = figure.axes[1]
    line = upper.lines[0]
    assert line.get_ydata().sum() * usage.records == pytest.approx(uses.sum())
    assert len(upper.lines) == (4 if preset == "beat" else 1)
    save_figure(figure, tmp_path / "usage.png")
