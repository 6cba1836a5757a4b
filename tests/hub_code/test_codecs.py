"""What holds for every preset, and what holds for one."""

import json
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_byte_hf.hub_code.codec_compact import (
    CompactCodec,
    blocks_from_signal,
    signal_from_blocks,
)
from ecg_byte_hf.hub_code.codec_paper import PaperCodec
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.hub_code.feature_extraction_ecg_byte import CODECS
from ecg_byte_hf.hub_code.leads import LEADS_FROM_INDEPENDENT, STANDARD_LEADS
from ecg_byte_hf.hub_code.run_lengths import ALPHABET, encode_rows, parse, run_symbols
from tests.small_tokenizer import simulated_records, small_processor

PRESETS = tuple(CODECS)


def cleaned(number: int = 0, samples: int = 2500) -> np.ndarray:
    record = simulated_records()[number].record
    return small_processor().feature_extractor.clean(record.signal, 500)[:, :samples]


def codec(preset: str):
    return small_processor(preset).feature_extractor.codec


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("samples", [500, 1000, 1237, 2496, 2500, 2501, 4000])
def test_the_length_comes_back(preset, samples):
    signal = np.tile(cleaned(), 2)[:, :samples]
    words = codec(preset).encode(signal)
    assert codec(preset).length(words) == samples
    assert codec(preset).decode(words, strict=True).shape == (12, samples)


@pytest.mark.parametrize("preset", PRESETS)
def test_encoding_what_was_decoded_changes_nothing_much(preset):
    signal = cleaned()
    decoded = codec(preset).decode(codec(preset).encode(signal))
    limit = {"paper": 0.06, "compact": 0.045}.get(preset, 0.05)
    assert np.sqrt(np.mean((decoded - signal) ** 2)) < limit


def test_paper_decodes_to_bin_centres_so_the_error_is_half_a_bin():
    signal = cleaned()
    paper = PaperCodec(low=-2.6, high=2.6)
    inside = (signal > -2.6) & (signal < 2.6)
    error = np.abs(paper.decode(paper.encode(signal)) - signal)[inside]
    assert error.max() <= 0.1 + 1e-6
    assert error.max() > 0.09


def test_paper_takes_its_range_from_the_percentiles():
    rng = np.random.default_rng(0)
    signals = [rng.normal(0, 0.4, (12, 2000)).astype(np.float32) for _ in range(5)]
    paper = PaperCodec().fit(iter(signals))
    p1, p99 = np.percentile(np.concatenate(signals, axis=1), [1, 99])
    assert paper.low == pytest.approx(p1 - 0.5, abs=0.002)
    assert paper.high == pytest.approx(p99 + 0.5, abs=0.002)


def test_paper_as_one_word_and_in_the_papers_order():
    signal = cleaned()
    leads = PaperCodec(low=-2, high=2, lead_order="paper")
    whole = PaperCodec(low=-2, high=2, lead_order="paper", one_word=True)
    assert leads.channels[3:5] == ("aVL", "aVR")
    assert whole.encode(signal) == ["".join(leads.encode(signal))]
    assert np.array_equal(whole.decode(whole.encode(signal)), leads.decode(leads.encode(signal)))
    spans = whole.locate(whole.encode(signal))[0]
    assert spans[2500] == ("II", 0, 1)
    assert spans[-1] == ("V6", 2499, 2500)


def test_compact_wavelet_blocks_invert():
    components = np.random.default_rng(0).normal(size=(8, 320)).astype(np.float32)
    assert signal_from_blocks(blocks_from_signal(components)) == pytest.approx(components, abs=1e-5)


def test_compact_klt_is_orthonormal_in_the_leads_that_einthoven_allows():
    klt = codec("compact").klt.astype(np.float64)
    assert klt @ klt.T == pytest.approx(np.eye(8), abs=1e-5)
    projector = klt.T @ klt
    allowed = LEADS_FROM_INDEPENDENT @ np.random.default_rng(0).normal(size=(8, 3))
    assert projector @ allowed == pytest.approx(allowed, abs=1e-5)


def test_compact_decodes_to_leads_that_obey_einthoven():
    decoded = codec("compact").decode(codec("compact").encode(cleaned())).astype(np.float64)
    i, ii, iii, avr, avl, avf = decoded[:6]
    assert iii == pytest.approx(ii - i, abs=1e-4)
    assert avr == pytest.approx(-(i + ii) / 2, abs=1e-4)
    assert avl == pytest.approx(i - ii / 2, abs=1e-4)
    assert avf == pytest.approx(ii - i / 2, abs=1e-4)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(st.sampled_from([0] * 20 + [-127, -1, 1, 2, 127]), min_size=64, max_size=64),
        min_size=1,
        max_size=4,
    )
)
def test_run_lengths_invert(rows):
    values = np.array(rows, dtype=np.int32)
    for row, word in zip(values, encode_rows(values), strict=True):
        parsed = parse(word)
        back = np.zeros(64, dtype=np.int32)
        kept = parsed.values != 0
        back[parsed.places[kept]] = parsed.values[kept]
        assert np.array_equal(back, row)
        assert parsed.foreign == 0
        assert not word or parsed.values[-1] != 0


@pytest.mark.parametrize("length", [1, 15, 16, 17, 37, 2047, 2048, 5000])
def test_runs_are_as_long_as_their_symbols_say(length):
    assert int(parse(run_symbols(length)).widths.sum()) == length


def test_the_alphabet_survives_every_unicode_normalisation():
    import unicodedata

    assert len(set(ALPHABET)) == len(ALPHABET) < 300
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert unicodedata.normalize(form, ALPHABET) == ALPHABET
    assert ALPHABET.isprintable()
    assert not any(character.isspace() for character in ALPHABET)
    assert ALPHABET.casefold() == ALPHABET


@pytest.mark.parametrize("preset", PRESETS)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_words_decode_to_a_finite_signal_and_have_spans(preset, data):
    one = codec(preset)
    text = st.text(
        st.one_of(st.sampled_from(one.alphabet[:40] + one.alphabet[-40:]), st.characters()),
        max_size=60,
    )
    words = data.draw(st.lists(text, max_size=len(one.channels) + 2))
    decoded = one.decode(words)
    assert decoded.shape == (12, one.length(words))
    assert np.isfinite(decoded).all()
    located = one.locate(words)
    for word, spans in zip(words, located, strict=False):
        assert len(spans) == len(word)
        assert all(0 <= s.start <= s.stop <= decoded.shape[1] for s in spans)


@pytest.mark.parametrize("preset", PRESETS)
def test_strict_says_what_is_wrong(preset):
    one = codec(preset)
    words = one.encode(cleaned())
    with pytest.raises(EcgByteError, match="words instead of"):
        one.decode(words[:-1], strict=True)
    with pytest.raises(EcgByteError, match="outside"):
        one.decode([words[0] + "?", *words[1:]], strict=True)
    with pytest.raises(EcgByteError, match=r"beyond|different lengths"):
        one.decode([words[0] + words[0], *words[1:]], strict=True)


def test_compact_spans_are_ordered_blocks_that_cover_the_channel():
    compact = codec("compact")
    words = compact.encode(cleaned())
    for word, spans in zip(words, compact.locate(words), strict=True):
        if not word:
            continue
        assert spans[0].start == 0
        assert spans[-1].stop == 2500
        for before, after in pairwise(spans):
            assert before.start <= after.start <= before.stop <= after.stop
        assert all(s.start % 16 == 0 for s in spans)


@pytest.mark.parametrize("preset", PRESETS)
def test_state_is_json_and_makes_the_same_codec(preset):
    one = codec(preset)
    again = type(one)(**json.loads(json.dumps(one.state)))
    assert again.state == one.state
    words = one.encode(cleaned())
    assert again.encode(cleaned()) == words
    assert np.array_equal(again.decode(words), one.decode(words))


def test_unfitted_and_senseless_codecs_are_refused():
    for one in (CompactCodec(), PaperCodec()):
        with pytest.raises(EcgByteError, match="not fitted"):
            one.encode(cleaned())
        with pytest.raises(EcgByteError, match="no signals"):
            type(one)().fit([])
    for options in ({"step": 0}, {"step": float("nan")}, {"dead_zone": 1}, {"klt": [[1.0]]}):
        with pytest.raises(EcgByteError):
            CompactCodec(**options)
    for options in ({"low": 1.0, "high": 0.0}, {"low": 1.0}, {"lead_order": "other"}):
        with pytest.raises(EcgByteError):
            PaperCodec(**options)


def test_channels_are_named_after_leads_or_components():
    assert codec("paper").channels == STANDARD_LEADS
    assert codec("compact").channels == tuple(f"r{k}" for k in range(1, 9))
