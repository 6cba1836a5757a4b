from itertools import pairwise

import numpy as np
import pytest

from ecg_byte_hf.corpora.simulation import simulate
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.hub_code.feature_extraction_ecg_byte import EcgByteFeatureExtractor
from ecg_byte_hf.hub_code.placed_words import PlacedWords
from ecg_byte_hf.hub_code.processing_ecg_byte import EcgByteProcessor
from ecg_byte_hf.tokenizer import train_tokenizer


def signals(count: int) -> list[np.ndarray]:
    return [one.record.signal for one in simulate(count, 0, sampling_rate=250.0)]


@pytest.fixture(
    scope="module",
    params=[
        (words, alphabets) for words in ("placed", "named") for alphabets in ("joint", "separate")
    ],
    ids="-".join,
)
def pair(request):
    """The same codec with run lengths and with placed or named words, fitted alike, and ECGs."""
    ecgs = signals(6)
    made = []
    form, alphabets = request.param
    for words in ("runs", form):
        codec = {"template_words": words, "alphabets": alphabets}
        extractor = EcgByteFeatureExtractor("beat", cleaning="none", codec=codec)
        made.append(extractor.fit((signal, 250.0) for signal in ecgs))
    return *made, ecgs


@pytest.mark.parametrize("every", [False, True])
def test_values_come_back_in_any_place_and_of_any_size(every):
    rng = np.random.default_rng(0)
    values = rng.integers(-40, 41, (3, 4 * 16)) * (rng.random((3, 4 * 16)) < 0.2)
    values[1, 5], values[1, 40], values[2] = 5000, -(2**20), 0
    words = PlacedWords(3, 2, every=every).encode(values.astype(np.int32))
    for component, (word, row) in enumerate(zip(words, values, strict=True)):
        parsed = PlacedWords(3, 2).parse(word, component)
        found = np.zeros(64, dtype=np.int64)
        used = parsed.values != 0
        found[parsed.places[used]] = parsed.values[used]
        assert np.array_equal(found, row)
        assert parsed.foreign == 0
    assert words[2] == ""


def test_a_block_names_itself_wherever_it_stands():
    placed = PlacedWords(2, 2)
    values = np.zeros((2, 32), dtype=np.int32)
    values[1, [3, 20]] = 2, -1
    word = placed.encode(values)[1]
    # Without its first block, the second still says where it is.
    last = word[word.index(word[-2]) :]
    parsed = placed.parse(last, 1)
    assert (parsed.places[-1], parsed.values[-1]) == (20, -1)
    # Another component's word is foreign where it names its block, and in it.
    assert placed.parse(word, 0).foreign == 4
    assert placed.component(word) == 1


def test_a_named_value_says_all_of_itself():
    named = PlacedWords(2, 2, every=True)
    values = np.zeros((2, 64), dtype=np.int32)
    values[1, [3, 5, 20, 37]] = 2, -1, 4, 1
    word = named.encode(values)[1]
    mark = named.starts[0]
    first, second = word.split(mark)
    # A block and a value each; two of one block name it twice.
    assert (len(first), len(second)) == (6, 2)
    assert first[0] == first[2] != first[4]
    whole = named.parse(word, 1)
    used = whole.values != 0
    assert whole.places[used].tolist() == [3, 5, 20, 37]
    assert whole.values[used].tolist() == [2, -1, 4, 1]
    assert whole.places[~used].tolist()[:2] == [0, 0]
    for pair, place in zip((first[:2], first[2:4], first[4:]), (3, 5, 20), strict=True):
        parsed = named.parse(pair, 1)
        assert (parsed.places[-1], parsed.values[-1]) == (place, values[1, place])


def test_a_token_of_named_words_holds_one_coefficient_at_most():
    ecgs = signals(6)
    extractor = EcgByteFeatureExtractor("beat-named", cleaning="none")
    extractor.fit((signal, 250.0) for signal in ecgs)
    words = [extractor.encode(signal, 250.0) for signal in ecgs]
    processor = EcgByteProcessor(extractor, train_tokenizer(words, extractor, 1400))
    channels = [f"t{k}" for k in range(1, 9)]
    values, whole = [], 0
    for token in processor.tokenizer.get_vocab():
        channel = "r1" if token.startswith("<") else extractor.codec.usual_channel(token)
        if channel in channels:
            parsed = PlacedWords(8, 12).parse(token, channels.index(channel))
            values.append(np.count_nonzero(parsed.values))
            whole += values[-1] == 1 and token[0] in extractor.codec.piece_starts
    assert max(values) == 1
    assert whole > 100


def test_both_forms_decode_to_the_same_signal(pair):
    runs, placed, ecgs = pair
    for signal in ecgs:
        first, second = runs.encode(signal, 250.0), placed.encode(signal, 250.0)
        assert first[0]
        assert first[1] != second[1]
        assert [first[0], *first[9:]] == [second[0], *second[9:]]
        assert np.array_equal(runs.decode(first, strict=True), placed.decode(second, strict=True))


def test_spans_of_placed_words_are_ordered_and_cover_the_beat(pair):
    _, placed, ecgs = pair
    words = placed.encode(ecgs[0], 250.0)
    for word, spans in list(zip(words, placed.locate(words), strict=True))[1:9]:
        assert len(spans) == len(word)
        if word:
            assert spans[0].start == 0
            assert spans[-1].stop in (192, 384)
            assert all(a.start <= b.start <= a.stop for a, b in pairwise(spans))
    strange = [words[0], words[1][:2] + "x" + words[1][2:], *words[2:]]
    spans = placed.locate(strange)[1]
    assert [spans[2].start, *spans[:2], *spans[3:]] == [spans[1].stop, *placed.locate(words)[1]]


def test_what_tokens_add_comes_to_the_decoded_signal(pair):
    _, placed, ecgs = pair
    words = [placed.encode(signal, 250.0) for signal in ecgs]
    processor = EcgByteProcessor(placed, train_tokenizer(words, placed, 1400))
    ids = processor.ecg_ids(ecgs[0], 250.0)
    decoded = processor.decode_ecg(ids, strict=True)
    assert np.array_equal(decoded, placed.decode(words[0]))
    total = sum(added for added in placed.codec.contributions(words[0], _characters(words[0])))
    assert np.abs(total - decoded).max() < 1e-4
    assert len(processor.token_spans(ids)) == len(ids)


def _characters(words):
    return [
        (number, place, place + 1)
        for number, word in enumerate(words)
        for place in range(len(word))
    ]


def test_no_token_reaches_across_two_blocks(pair):
    _, placed, ecgs = pair
    words = [placed.encode(signal, 250.0) for signal in ecgs]
    tokenizer = train_tokenizer(words, placed, 1400)
    starts = set(placed.codec.piece_starts)
    tokens = [token for token in tokenizer.get_vocab() if not token.startswith("<")]
    assert any(token[0] in starts and len(token) > 1 for token in tokens)
    assert not any(set(token[1:]) & starts for token in tokens)


def test_anything_decodes_and_a_strange_word_is_named(pair):
    _, placed, ecgs = pair
    rng = np.random.default_rng(1)
    alphabet = list(placed.alphabet)
    words = ["".join(rng.choice(alphabet, 30)) for _ in placed.channels]
    assert np.isfinite(placed.decode(words)).all()
    good = placed.encode(ecgs[0], 250.0)
    swapped = [good[0], good[2], good[1], *good[3:]]
    with pytest.raises(EcgByteError, match="word t1 holds"):
        placed.decode(swapped, strict=True)


def test_the_form_is_kept_in_the_configuration_and_checked():
    for form in ("placed", "named"):
        extractor = EcgByteFeatureExtractor("beat", codec={"template_words": form})
        again = EcgByteFeatureExtractor(**extractor.to_dict())
        assert again.alphabet == extractor.alphabet
        assert again.codec.template_words == form
    with pytest.raises(EcgByteError, match="template_words"):
        EcgByteFeatureExtractor("beat", codec={"template_words": "other"})


def test_of_several_values_at_one_place_the_last_counts():
    placed = PlacedWords(1, 1)
    first, second = (placed.encode(np.array([[0, value] + [0] * 14]))[0] for value in (3, -2))
    parsed = placed.parse(first + second[1:], 0)
    assert parsed.places.tolist() == [0, 1, 1]
    assert parsed.values.tolist() == [0, 0, -2]


def test_strict_decoding_refuses_a_place_that_is_said_twice(pair):
    _, placed, ecgs = pair
    words = placed.encode(ecgs[0], 250.0)
    placed.decode(words, strict=True)
    # The last symbol of a word is a value; once more, it is a second one at its place.
    again = [words[0], words[1] + words[1][-1], *words[2:]]
    assert np.array_equal(placed.decode(again), placed.decode(words))
    with pytest.raises(EcgByteError, match="word t1 says 1 values again"):
        placed.decode(again, strict=True)


def test_a_value_in_a_block_of_another_component_is_foreign():
    placed = PlacedWords(2, 2)
    own, other = (placed.encode(np.eye(2, 32, 16 + row, dtype=np.int32) * 3)[0] for row in (0, 1))
    values = np.zeros((2, 32), dtype=np.int32)
    values[1, 4] = -4
    foreign = placed.encode(values)[1]
    parsed = placed.parse(own + foreign + other, 0)
    assert parsed.foreign == 2
    assert parsed.places[parsed.values != 0].tolist() == [16, 17]
    assert placed.known(own + foreign, 0).tolist() == [True, True, False, False]


def test_an_extension_is_of_the_value_right_after_it():
    placed = PlacedWords(1, 2)
    values = np.zeros((1, 32), dtype=np.int32)
    values[0, 3] = 9
    word = placed.encode(values)[0]
    block, more, value = word
    assert placed.parse(word, 0).values.tolist() == [0, 0, 9]
    assert placed.parse(block + more + block + value, 0).values.tolist() == [0, 0, 0, 1]


def test_named_words_differ_from_placed_ones_and_both_are_read_by_either(pair):
    _, form, ecgs = pair
    other = {"placed": "named", "named": "placed"}[form.codec.template_words]
    state = {**form.codec.state, "template_words": other}
    twin = EcgByteFeatureExtractor("beat", cleaning="none", codec=state)
    words, others = form.encode(ecgs[0], 250.0), twin.encode(ecgs[0], 250.0)
    assert words != others
    assert np.array_equal(form.decode(others, strict=True), twin.decode(words, strict=True))


def test_the_wave_of_a_token_in_another_component_is_refused(pair):
    _, form, ecgs = pair
    word = form.encode(ecgs[0], 250.0)[2]
    with pytest.raises(EcgByteError, match="of the symbols name no block of t1"):
        form.codec.waveform("t1", word[:2])
