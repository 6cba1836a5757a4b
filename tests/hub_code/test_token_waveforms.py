"""What a token adds to the signal: alone, and in its own ECG."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_byte_hf.hub_code.codec_paper import PaperCodec
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.hub_code.feature_extraction_ecg_byte import CODECS
from ecg_byte_hf.hub_code.spans import Span, Stretch
from ecg_byte_hf.records import read_record
from tests.small_tokenizer import simulated_records, small_processor

PRESETS = tuple(CODECS)


def some_ids(preset: str, number: int = 0) -> list[int]:
    return small_processor(preset).ecg_ids(simulated_records()[number].record.signal, 500)


def assert_they_sum_to_the_decoded_signal(processor, ids) -> None:
    decoded = processor.decode_ecg(ids)
    total = np.zeros(decoded.shape)
    count = 0
    for one in processor.token_contributions(ids):
        assert one.dtype == np.float32
        assert one.shape == decoded.shape
        total += one
        count += 1
    assert count == len(ids)
    # Symbols that no ECG has may stand for hundreds of thousands of steps.
    assert np.abs(total - decoded).max() <= 1e-4 * max(1.0, float(np.abs(decoded).max()))


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("number", [0, 3, 7])
def test_contributions_sum_to_the_decoded_signal(preset, number):
    assert_they_sum_to_the_decoded_signal(small_processor(preset), some_ids(preset, number))


@pytest.mark.parametrize("preset", PRESETS)
def test_a_token_acts_where_its_occurrences_are(preset):
    processor, ids = small_processor(preset), some_ids(preset)
    codec, words = processor.feature_extractor.codec, processor.ids_to_words(ids)
    occurrences, spans = processor.token_occurrences(ids), processor.token_spans(ids)
    assert len(occurrences) == len(ids)
    # The wavelet of a block reaches over its neighbours, and round the ends of a record or beat.
    reach = 0 if preset == "paper" else 80
    most = 0
    added_by_each = processor.token_contributions(ids)
    for found, span, added in zip(occurrences, spans, added_by_each, strict=True):
        acts = found
        if span.channel.startswith("t") and found:
            most = max(most, len(found))
            (acts,) = codec.occurrences(words, [Span(span.channel, 0, 384)])
        else:
            assert found == ([span] if span.stop > span.start else [])
        outside = added.astype(np.float64) ** 2
        whole = outside.sum()
        for one in acts:
            outside[:, max(one.start - reach, 0) : one.stop + reach] = 0
        assert outside.sum() <= 0.05 * whole
    beats = len(codec.beat_positions(words)) if preset.startswith("beat") else 0
    assert beats - 1 <= most <= beats


@pytest.mark.parametrize("preset", PRESETS)
def test_contributions_sum_to_the_decoded_signal_of_real_ecgs(preset, ecg_byte_data):
    headers = sorted((ecg_byte_data / "ptb-xl").rglob("*.hea"))[::150]
    assert headers
    for header in headers:
        record = read_record(header.with_suffix(""))
        processor = small_processor(preset)
        ids = processor.ecg_ids(record.signal, record.sampling_rate)
        assert_they_sum_to_the_decoded_signal(processor, ids)


@pytest.mark.parametrize("preset", PRESETS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_contributions_of_any_ids_sum_to_what_they_decode_to(preset, data):
    processor = small_processor(preset)
    ids = st.lists(st.integers(0, processor.ecg_vocabulary_size - 1), max_size=60)
    assert_they_sum_to_the_decoded_signal(processor, data.draw(ids))


@pytest.mark.parametrize("preset", PRESETS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_contributions_of_any_symbols_sum_to_what_they_decode_to(preset, data):
    codec = small_processor(preset).feature_extractor.codec
    one = st.one_of(st.sampled_from(codec.alphabet), st.characters())
    word = st.lists(one, max_size=40).map("".join)
    words = data.draw(
        st.lists(word, min_size=len(codec.channels), max_size=len(codec.channels)), label="words"
    )
    cuts = [data.draw(st.integers(0, len(word))) for word in words]
    stretches = [
        Stretch(number, *edges)
        for number, (word, cut) in enumerate(zip(words, cuts, strict=True))
        for edges in ((0, cut), (cut, len(word)))
    ]
    decoded = codec.decode(words)
    total = sum(one.astype(np.float64) for one in codec.contributions(words, stretches))
    assert np.abs(total - decoded).max() <= 1e-4 * max(1.0, float(np.abs(decoded).max()))


def test_markers_and_rr_tokens_add_nothing_and_a_template_token_adds_in_every_beat():
    processor = small_processor("beat")
    ids = some_ids("beat")
    beats = processor.feature_extractor.codec.beat_positions(processor.ids_to_words(ids))
    symbols = processor.token_symbols(ids)
    contributions = processor.token_contributions(ids)
    largest = 0
    for token, one in zip(symbols, contributions, strict=True):
        if not token.symbols or token.channel == "rr":
            assert not one.any()
        elif token.channel == "t1":
            # Of one beat after the other, from its start to the start of the next.
            starts = np.append(np.maximum(beats.astype(int) - 70, 0), one.shape[1])
            heights = [np.abs(one[:, a:b]).max() for a, b in pairwise(starts)]
            if max(heights) > 0.1:
                largest = max(largest, sum(height > 0.02 for height in heights))
    assert largest >= len(beats) - 1


def test_a_waveform_at_its_own_place_is_what_the_token_adds():
    for preset in PRESETS:
        processor = small_processor(preset)
        ids = some_ids(preset)
        compared = 0
        for i, token, one in zip(
            ids, processor.token_symbols(ids), processor.token_contributions(ids), strict=True
        ):
            if token.symbols and not token.channel.startswith("t") and compared < 200:
                waveform = processor.token_waveform(i, token.channel, token.place)
                assert np.abs(waveform - one).max() < 1e-4, (preset, token)
                compared += 1
        assert compared > 20


def test_a_template_waveform_is_that_of_one_beat():
    processor = small_processor("beat")
    ids = some_ids("beat")
    words = processor.ids_to_words(ids)
    template_ids = [
        (i, token)
        for i, token in zip(ids, processor.token_symbols(ids), strict=True)
        if token.channel.startswith("t") and token.symbols
    ]
    beat = sum(processor.token_waveform(i, token.channel, token.place) for i, token in template_ids)
    assert beat.shape == (12, 192)
    codec = processor.feature_extractor.codec
    without_rest = codec.decode([*words[:9], *[""] * 8])
    # A beat that stands on a whole sample shows the template as it is.
    whole = [p for p in codec.beat_positions(words)[1:-1] if p == int(p)]
    if whole:
        start = int(whole[0]) - 70
        assert without_rest[:, start + 40 : start + 120] == pytest.approx(beat[:, 40:120], abs=1e-4)
    second = processor.token_waveform(template_ids[0][0], "t1", 192 + 5)
    assert np.array_equal(second, processor.token_waveform(template_ids[0][0], "t1", 5))


def test_a_waveform_depends_on_channel_and_place_within_the_block_only():
    processor = small_processor("compact")
    i = next(
        i
        for i, token in zip(
            some_ids("compact"), processor.token_symbols(some_ids("compact")), strict=True
        )
        if token.channel == "r1"
        and 2 <= len(token.symbols) <= 4
        and processor.token_waveform(i).any()
    )
    here, later = (processor.token_waveform(i, "r1", place) for place in (800, 960))
    assert np.abs(later[:, 160:] - here[:, :-160]).max() < 1e-5
    assert not np.allclose(later, processor.token_waveform(i, "r1", 961))
    klt = processor.feature_extractor.codec.klt
    wave = klt[0] @ here
    assert np.abs(processor.token_waveform(i, "r2", 800) - np.outer(klt[1], wave)).max() < 1e-4
    assert np.array_equal(processor.token_waveform(i), processor.token_waveform(i, "r1", 0))


def test_symbols_of_all_tokens_are_the_words():
    for preset in PRESETS:
        processor = small_processor(preset)
        ids = some_ids(preset)
        words = dict.fromkeys(processor.feature_extractor.channels, "")
        for token in processor.token_symbols(ids):
            if token.symbols:
                places = processor.feature_extractor.codec.places(
                    token.channel, words[token.channel] + token.symbols
                )
                assert places[len(words[token.channel])] == token.place
                words[token.channel] += token.symbols
        assert list(words.values()) == processor.ids_to_words(ids)


def test_waveforms_of_markers_are_silent_and_of_unknown_things_refused():
    for preset in PRESETS:
        processor = small_processor(preset)
        for marker in processor.feature_extractor.markers:
            waveform = processor.token_waveform(processor.tokenizer.convert_tokens_to_ids(marker))
            assert waveform.shape[0] == 12
            assert not waveform.any()
        with pytest.raises(EcgByteError, match="out of range"):
            processor.token_waveform(processor.ecg_vocabulary_size)
        with pytest.raises(EcgByteError, match="no channel 'X'"):
            processor.token_waveform(100, "X")
        with pytest.raises(EcgByteError, match="not within"):
            processor.token_waveform(100, place=100_000)
        with pytest.raises(EcgByteError, match="not within"):
            processor.token_waveform(100, place=-1)


def test_contributions_of_the_whole_ecg_as_one_word():
    signal = np.random.default_rng(0).normal(size=(12, 100)).astype(np.float32)
    codec = PaperCodec(low=-2, high=2, one_word=True, lead_order="paper", nominal_samples=100)
    words = codec.encode(signal)
    pieces = [Stretch(0, start, min(start + 70, 1200)) for start in range(0, 1200, 70)]
    total = sum(codec.contributions(words, pieces))
    assert np.array_equal(total, codec.decode(words))
    assert codec.waveform("leads", "zz", 399)[[4, 3], [99, 0]] == pytest.approx(1.923, abs=1e-3)
