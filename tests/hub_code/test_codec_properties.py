"""Properties of every preset, over signals and symbols that hypothesis draws."""

import json
import os
import subprocess
import sys
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_byte_hf.hub_code.codec_beat import BeatCodec
from ecg_byte_hf.hub_code.codec_compact import blocks_from_signal
from ecg_byte_hf.hub_code.codec_paper import LETTERS
from ecg_byte_hf.hub_code.leads import LEADS_FROM_INDEPENDENT
from ecg_byte_hf.hub_code.run_lengths import BLOCK, parse
from tests.small_tokenizer import simulated_records, small_processor

OPTIONS = {
    "beat, separate alphabets": {"alphabets": "separate"},
    "beat, placed": {"template_words": "placed"},
    "beat, placed and separate": {"template_words": "placed", "alphabets": "separate"},
    "beat, named": {"template_words": "named"},
    "beat, named and separate": {"template_words": "named", "alphabets": "separate"},
}
CODECS = ("paper", "compact", "beat", *OPTIONS)


@cache
def codec(name: str):
    one = small_processor(name.split(",")[0]).feature_extractor.codec
    return BeatCodec(**one.state | OPTIONS[name]) if name in OPTIONS else one


ANY_LENGTH = st.integers(500, 2600)
# Whole blocks, so that the coefficients of the decoded signal are those that were coded.
WHOLE_BLOCKS = st.sampled_from([512, 1008, 2496])


@st.composite
def ecgs(draw, samples=ANY_LENGTH) -> np.ndarray:
    """float32 (12, samples) in mV that obey Einthoven: beats, noise, drift, flat stretches."""
    count = draw(samples)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    t = np.arange(count)
    independent = rng.normal(0, draw(st.sampled_from([0, 0.005, 0.05, 0.3])), (8, count))
    interval = draw(st.sampled_from([90, 150.25, 210, 220, 333, 900]))
    irregular = draw(st.sampled_from([0, 1, 25]))
    peaks = np.arange(rng.uniform(0, interval), count, interval)
    for number, peak in enumerate(peaks + rng.normal(0, irregular, len(peaks))):
        other = number % 2 and draw(st.booleans())
        width, gain = (12, -1.5) if other else (4, 1.0)
        height = gain * np.linspace(0.3, 1.4, 8)[:, None]
        independent += height * np.exp(-(((t - peak) / width) ** 2))
        independent += 0.3 * height * np.exp(-(((t - peak - 75) / 14) ** 2))
    independent += draw(st.sampled_from([0, 0.5])) * np.sin(2 * np.pi * t / 700)
    if draw(st.booleans()):
        independent[:, count // 3 : count // 2] = 0
    return (LEADS_FROM_INDEPENDENT @ independent).astype(np.float32)


@settings(max_examples=30, deadline=None)
@given(signal=ecgs())
def test_paper_is_within_half_a_bin_where_it_does_not_clip(signal):
    paper = codec("paper")
    inside = (signal > paper.low) & (signal < paper.high)
    error = np.abs(paper.decode(paper.encode(signal), strict=True) - signal)[inside]
    assert error.max(initial=0) <= (paper.high - paper.low) / len(LETTERS) / 2 + 1e-5


@pytest.mark.parametrize("name", CODECS[1:])
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_coefficients_are_within_the_quantisers_bound(name, data):
    one = codec(name)
    signal = data.draw(ecgs(WHOLE_BLOCKS))
    decoded = one.decode(one.encode(signal), strict=True)
    missed = blocks_from_signal(one.to_components(signal) - one.to_components(decoded))
    # `beat` lets lone values go up to 0.9 steps; its loop is closed, so the template adds nothing.
    bound = one.state["lone_dead_zone"] or one.state["dead_zone"]
    assert np.abs(missed).max() <= bound * one.state["step"] + 2e-4


@pytest.mark.parametrize("name", CODECS)
@settings(max_examples=30, deadline=None)
@given(signal=ecgs())
def test_the_length_comes_back_and_the_words_are_of_the_alphabet(name, signal):
    one = codec(name)
    words = one.encode(signal)
    assert set("".join(words)) <= set(one.alphabet)
    assert one.length(words) == signal.shape[1]
    assert one.decode(words, strict=True).shape == signal.shape


@settings(max_examples=20, deadline=None)
@given(signal=ecgs())
def test_separate_alphabets_change_the_characters_and_nothing_else(signal):
    joint, separate = codec("beat"), codec("beat, separate alphabets")
    words, others = joint.encode(signal), separate.encode(signal)
    assert [len(word) for word in words] == [len(word) for word in others]
    assert np.array_equal(joint.decode(words), separate.decode(others, strict=True))
    assert joint.locate(words) == separate.locate(others)
    assert np.array_equal(joint.beat_positions(words), separate.beat_positions(others))
    rr, templates, rest = ({*"".join(others[a:b])} for a, b in ((0, 1), (1, 9), (9, 17)))
    assert rr.isdisjoint(templates | rest)
    assert templates.isdisjoint(rest)


@pytest.mark.parametrize("name", CODECS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_spans_are_ordered_and_cover_every_channel_that_has_a_word(name, data):
    one = codec(name)
    signal = data.draw(ecgs())
    words = one.encode(signal)
    samples = signal.shape[1]
    # A template has its place in the beat; a second one follows the first.
    in_the_beat = min(192 * (2 if len(parse(words[0]).marks) else 1), samples)
    for channel, word, spans in zip(one.channels, words, one.locate(words), strict=True):
        if not word:
            assert spans == []
            continue
        end = in_the_beat if channel.startswith("t") else samples
        assert len(spans) == len(word)
        assert (spans[0].start, spans[-1].stop) == (0, end)
        for before, after in pairwise(spans):
            assert before.start <= after.start <= before.stop <= after.stop
            if name == "paper":
                assert before.stop == after.start == before.start + 1


@pytest.mark.parametrize("name", CODECS[1:])
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_symbols_of_a_block_share_it_and_runs_span_what_they_skip(name, data):
    one = codec(name)
    signal = data.draw(ecgs())
    words = one.encode(signal)
    samples = signal.shape[1]
    for channel, word, spans in zip(one.channels, words, one.locate(words), strict=True):
        if not channel.startswith("r") or channel == "rr":
            continue
        places = one.places(channel, word)
        # The last one takes the silent end.
        for place, following, span in zip(places, places[1:], spans, strict=False):
            first, last = place // BLOCK, -(-int(following) // BLOCK)
            expected = (first * BLOCK, max(min(last * BLOCK, samples), min(first * BLOCK, samples)))
            assert (span.start, span.stop) == expected


@pytest.mark.parametrize("name", CODECS)
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_any_symbols_decode_to_a_finite_signal_and_come_back_as_symbols(name, data):
    one = codec(name)
    symbols = st.sampled_from(one.alphabet)
    words = data.draw(st.lists(st.text(symbols, max_size=50), max_size=len(one.channels)))
    decoded = one.decode(words)
    assert decoded.shape == (12, one.length(words))
    assert decoded.dtype == np.float32
    assert np.isfinite(decoded).all()
    assert [len(spans) for spans in one.locate(words)] == [len(word) for word in words]


PROGRAM = """
import json, sys, numpy as np
from ecg_byte_hf import EcgByteProcessor
signals = np.load("signals.npy")
for preset in sys.argv[1:]:
    processor = EcgByteProcessor.from_pretrained(preset)
    print(json.dumps([processor.ecg_ids(signal, 500) for signal in signals]))
"""


def test_ids_are_the_same_in_another_process_with_another_hash_seed(tmp_path):
    signals = np.stack([one.record.signal for one in simulated_records()[:4]])
    np.save(tmp_path / "signals.npy", signals)
    presets = ("paper", "compact", "beat", "beat-placed", "beat-named")
    for preset in presets:
        small_processor(preset).save_pretrained(tmp_path / preset)
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, *presets],
        cwd=tmp_path,
        env=os.environ | {"PYTHONHASHSEED": "4096"},
        capture_output=True,
        text=True,
        check=True,
    )
    for preset, line in zip(presets, run.stdout.splitlines(), strict=True):
        processor = small_processor(preset)
        assert json.loads(line) == [processor.ecg_ids(signal, 500) for signal in signals]
