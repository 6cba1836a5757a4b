import pickle
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_byte_hf import EcgByteProcessor
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.hub_code.feature_extraction_ecg_byte import CODECS
from ecg_byte_hf.hub_code.leads import STANDARD_LEADS
from tests.small_tokenizer import simulated_records, small_processor

PRESETS = tuple(CODECS)


def a_signal(number: int = 0) -> np.ndarray:
    return simulated_records()[number].record.signal


@pytest.mark.parametrize("preset", PRESETS)
def test_signal_to_ids_to_signal_is_the_codec_alone(preset):
    processor = small_processor(preset)
    ids = processor(ecg=a_signal(), sampling_rate=500)["input_ids"][0]
    words = processor.feature_extractor.encode(a_signal(), 500)
    assert processor.ids_to_words(ids, strict=True) == words
    decoded = processor.decode_ecg(ids, strict=True)
    assert decoded.dtype == np.float32
    assert np.array_equal(decoded, processor.feature_extractor.decode(words))


@pytest.mark.parametrize("preset", PRESETS)
def test_ids_are_framed_by_begin_and_end_and_one_marker_per_word(preset):
    processor = small_processor(preset)
    ids = processor(ecg=a_signal(), sampling_rate=500)["input_ids"][0]
    tokens = processor.tokenizer.convert_ids_to_tokens(ids)
    assert tokens[0] == "<|ecg|>"
    assert tokens[-1] == "<|/ecg|>"
    markers = [token for token in tokens[1:-1] if token.startswith("<|")]
    words = processor.feature_extractor.encode(a_signal(), 500)
    named = zip(processor.feature_extractor.markers, words, strict=True)
    assert markers == [marker for marker, word in named if word]


def test_no_token_crosses_a_word_and_decoding_adds_no_spaces():
    processor = small_processor()
    ids = processor(ecg=a_signal(), sampling_rate=500)["input_ids"][0]
    words = processor.feature_extractor.encode(a_signal(), 500)
    pairs = zip(processor.feature_extractor.markers, words, strict=True)
    text = "<|ecg|>" + "".join(m + word for m, word in pairs if word) + "<|/ecg|>"
    assert processor.tokenizer.decode(ids) == text
    assert processor.tokenizer(text, add_special_tokens=False)["input_ids"] == ids


def test_paper_spans_cover_each_lead_exactly():
    processor = small_processor("paper")
    ids = processor(ecg=a_signal(), sampling_rate=500)["input_ids"][0]
    spans = processor.token_spans(ids)
    assert len(spans) == len(ids)
    for lead in STANDARD_LEADS:
        own = [span for span in spans if span.channel == lead and span.stop > span.start]
        assert own[0].start == 0
        assert own[-1].stop == 2500
        assert all(before.stop == after.start for before, after in pairwise(own))


def test_compact_spans_are_ordered_and_their_union_covers_each_component_with_a_word():
    processor = small_processor()
    ids = processor(ecg=a_signal(), sampling_rate=500)["input_ids"][0]
    spans = processor.token_spans(ids)
    words = processor.ids_to_words(ids)
    for channel, word in zip(processor.feature_extractor.channels, words, strict=True):
        if not word:
            continue
        own = [span for span in spans if span.channel == channel and span.stop > span.start]
        covered = np.zeros(2500, dtype=bool)
        for span in own:
            covered[span.start : span.stop] = True
        assert covered.all()
        assert all(before.start <= after.start for before, after in pairwise(own))


def test_an_empty_word_has_no_marker_and_comes_back_empty():
    processor = small_processor()
    words = processor.feature_extractor.encode(a_signal(), 500)
    for silent in (0, 3, 7):
        some = [*words[:silent], "", *words[silent + 1 :]]
        ids = processor.words_to_ids(some)
        assert processor.ids_to_words(ids, strict=True) == some
        marker = processor.feature_extractor.markers[silent]
        assert processor.tokenizer.convert_tokens_to_ids(marker) not in ids
    nothing = processor.words_to_ids([""] * 8)
    assert len(nothing) == 2
    assert not processor.decode_ecg(nothing, strict=True).any()


def test_the_marker_of_a_silent_channel_covers_it():
    processor = small_processor()
    ids = processor.words_to_ids(["", *processor.feature_extractor.encode(a_signal(), 500)[1:]])
    # As a language model may write it.
    ids.insert(1, processor.tokenizer.convert_tokens_to_ids("<|r1|>"))
    spans = processor.token_spans(ids)
    assert spans[0] == ("", 0, 0)
    assert spans[1] == ("r1", 0, 2500)


@pytest.mark.parametrize("preset", PRESETS)
@settings(max_examples=50, deadline=None)
@given(ids=st.lists(st.integers(0, 511), max_size=80))
def test_any_ids_decode_to_a_finite_signal_with_one_span_each(preset, ids):
    processor = small_processor(preset)
    decoded = processor.decode_ecg(ids)
    assert decoded.shape[0] == 12
    assert np.isfinite(decoded).all()
    spans = processor.token_spans(ids)
    assert len(spans) == len(ids)
    assert all(0 <= span.start <= span.stop <= decoded.shape[1] for span in spans)


def test_batches_pad_and_return_tensors():
    torch = pytest.importorskip("torch")
    processor = small_processor()
    short = a_signal(1)[:, :1500]
    batch = processor(ecg=[a_signal(), short], sampling_rate=500, padding=True, return_tensors="pt")
    assert batch["input_ids"].dtype == torch.int64
    assert batch["input_ids"].shape == batch["attention_mask"].shape
    assert int(batch["attention_mask"][1].sum()) < batch["input_ids"].shape[1]
    assert processor.decode_ecg(batch["input_ids"][1]).shape == (12, 750)
    assert processor.decode_ecg(batch["input_ids"][0].numpy()).shape == (12, 2500)
    arrays = processor(ecg=a_signal(), sampling_rate=500, return_tensors="np")
    assert arrays["input_ids"].shape[0] == 1


def test_records_go_in_as_they_are():
    processor = small_processor()
    record = simulated_records()[0].record
    expected = processor(ecg=record.signal, sampling_rate=record.sampling_rate)["input_ids"]
    assert processor(ecg=record)["input_ids"] == expected


@pytest.mark.parametrize("preset", PRESETS)
def test_save_and_load(preset, tmp_path):
    processor = small_processor(preset)
    processor.save_pretrained(tmp_path)
    again = EcgByteProcessor.from_pretrained(tmp_path)
    ids = processor(ecg=a_signal(), sampling_rate=500)["input_ids"]
    assert again(ecg=a_signal(), sampling_rate=500)["input_ids"] == ids
    assert again.feature_extractor.to_dict() == processor.feature_extractor.to_dict()
    names = {path.name for path in tmp_path.iterdir()}
    assert {"tokenizer.json", "tokenizer_config.json", "processor_config.json"} <= names
    assert pickle.loads(pickle.dumps(again))(ecg=a_signal(), sampling_rate=500)["input_ids"] == ids


def test_auto_classes_load_it_once_registered(tmp_path):
    small_processor().save_pretrained(tmp_path)
    program = (
        "import ecg_byte_hf; ecg_byte_hf.register_auto_classes()\n"
        "from transformers import AutoFeatureExtractor, AutoProcessor\n"
        f"print(type(AutoProcessor.from_pretrained({str(tmp_path)!r})).__name__)\n"
        f"print(type(AutoFeatureExtractor.from_pretrained({str(tmp_path)!r})).__name__)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.split() == ["EcgByteProcessor", "EcgByteFeatureExtractor"], run.stderr


@pytest.mark.parametrize("ids", [[512], [-1], [10**12], [1.5], [[1, 2]], [[1, 2], [3]], ["a"], 7])
def test_ids_that_are_no_ids_are_refused(ids):
    for method in (small_processor().decode_ecg, small_processor().token_spans):
        with pytest.raises(EcgByteError, match=r"out of range|one sequence of integers"):
            method(ids)


def test_strict_decoding_says_what_is_wrong():
    processor = small_processor()
    ids = processor(ecg=a_signal(), sampling_rate=500)["input_ids"][0]
    second = processor.tokenizer.convert_tokens_to_ids("<|r2|>")
    at = ids.index(second)
    broken = {
        "no <|ecg|>": ids[1:],
        "markers are not in the order": [*ids[:at], second, *ids[at:]],
        "beyond": [i for i in ids if i != second],
        "belongs to no channel": [ids[0], 0, *ids[1:]],
    }
    for message, bad in broken.items():
        with pytest.raises(EcgByteError, match=message.replace("|", r"\|")):
            processor.decode_ecg(bad, strict=True)


def test_words_that_do_not_fit_are_refused():
    processor = small_processor()
    with pytest.raises(EcgByteError, match="2 words for 8 channels"):
        processor.words_to_ids(["", ""])
    with pytest.raises(EcgByteError, match="outside the alphabet"):
        processor.words_to_ids(["abc", *[""] * 7])


def test_a_tokenizer_of_another_preset_is_refused():
    with pytest.raises(EcgByteError, match="do not belong together"):
        EcgByteProcessor(
            small_processor("paper").feature_extractor, small_processor("compact").tokenizer
        )


def test_text_needs_a_language_models_tokenizer():
    with pytest.raises(EcgByteError, match="takes no text"):
        small_processor()(ecg=a_signal(), sampling_rate=500, text="<|ecg|> What is it?")


def test_nothing_and_unknown_arguments_are_refused():
    with pytest.raises(EcgByteError, match="give ecg="):
        small_processor()()
    with pytest.raises(EcgByteError, match="unknown arguments image"):
        small_processor()(ecg=a_signal(), sampling_rate=500, image=1)
    with pytest.raises(EcgByteError, match="give its sampling_rate"):
        small_processor()(ecg=a_signal())


@pytest.mark.parametrize("name", ["no-such-folder", "./no/such/folder", "no-org/no-repo"])
def test_a_processor_that_is_not_there_is_an_error_of_one_line(name):
    with pytest.raises(EcgByteError, match="no ECG processor") as caught:
        EcgByteProcessor.from_pretrained(name, local_files_only=True)
    assert "\n" not in str(caught.value)


def test_an_ecg_is_padded_to_a_length_and_never_cut_to_it():
    processor = small_processor()
    length = len(processor(ecg=a_signal(), sampling_rate=500)["input_ids"][0])
    options = {"ecg": a_signal(), "sampling_rate": 500, "padding": "max_length"}
    padded = processor(**options, max_length=length + 7)
    assert len(padded["input_ids"][0]) == length + 7
    assert sum(padded["attention_mask"][0]) == length
    with pytest.raises(EcgByteError, match="never cut"):
        processor(**options, max_length=length - 1)
    with pytest.raises(EcgByteError, match="needs max_length"):
        processor(**options)


@pytest.mark.parametrize(
    "options", [{"return_tensors": "pt"}, {"padding": "foo"}, {"return_tensors": "foo"}]
)
def test_a_batch_that_cannot_be_made_is_an_error_of_one_line(options):
    with pytest.raises(EcgByteError, match="padding=True") as caught:
        small_processor()(ecg=[a_signal(), a_signal(1)[:, :1500]], sampling_rate=500, **options)
    assert "\n" not in str(caught.value)


def test_a_record_in_another_unit_is_refused():
    processor = small_processor()
    record = simulated_records()[0].record
    other = replace(record, unit="SD", record_id="row 7")
    with pytest.raises(EcgByteError, match="reads ECGs in mV, record row 7 is in SD"):
        processor(ecg=[record, other])
    with pytest.raises(EcgByteError, match="reads ECGs in mV, record row 7 is in SD"):
        processor.feature_extractor(other)
