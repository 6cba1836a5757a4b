"""An imported tokenizer gives the very ids of the authors' greedy encoder, and their decoding."""

import json
import pickle
import random
import time
from functools import cache

import numpy as np
import pytest
from typer.testing import CliRunner

from ecg_byte_hf import EcgByteError, EcgByteFeatureExtractor, EcgByteProcessor
from ecg_byte_hf.cli import app
from ecg_byte_hf.pickled_tokenizer import SOURCE_FILE, import_pickle, read_released_tokenizer
from tests.small_tokenizer import simulated_records

LOW, HIGH = -1.5, 1.7


@cache
def letters_of_ecgs() -> tuple[str, ...]:
    codec = {"low": LOW, "high": HIGH, "one_word": True, "lead_order": "paper"}
    extractor = EcgByteFeatureExtractor("paper", codec=codec)
    records = [one.record for one in simulated_records()[:5]]
    return tuple(extractor.encode(one.signal, one.sampling_rate)[0] for one in records)


def single_bytes() -> dict[int, str]:
    return {i: chr(i) if i < 128 else f"<{i}>" for i in range(256)}


def released(strings) -> tuple[dict, list]:
    """What the authors' trainer pickles, for merges that spell `strings`."""
    vocab, merges = single_bytes(), []
    for i, string in enumerate(strings, start=256):
        vocab[i] = string
        merges.append((tuple(string.encode()), i))
    return vocab, merges


@cache
def merged_strings(count: int, seed: int = 0) -> tuple[str, ...]:
    """Stretches of ECGs, and random concatenations of them as merges make them."""
    choose = random.Random(seed)
    text = letters_of_ecgs()[0]
    strings: dict[str, None] = {}
    while len(strings) < count // 2:
        start = choose.randrange(len(text) - 80)
        strings[text[start : start + choose.randint(2, 40)]] = None
    pool = list(strings)
    while len(strings) < count:
        strings[choose.choice(pool) + choose.choice(pool)[: choose.randint(1, 30)]] = None
    return tuple(strings)


def write(path, value) -> object:
    path.write_bytes(pickle.dumps(value))
    return path


def greedy(text: str, merges) -> list[int]:
    """The longest token at every place, by a trie of dicts: ECG-Byte's `encode_text`."""
    root: dict = {}
    for base, token in [*(((byte,), byte) for byte in range(256)), *merges]:
        node = root
        for byte in base:
            node = node.setdefault(byte, {})
        node["id"] = token
    data, ids, place = text.encode(), [], 0
    while place < len(data):
        node, end = root, place
        while end < len(data) and data[end] in node:
            node = node[data[end]]
            end += 1
            if "id" in node:
                token, stop = node["id"], end
        ids.append(token)
        place = stop
    return ids


@pytest.mark.parametrize("count", [3500, 10_000])
def test_auto_tokenizer_gives_their_very_ids(count, tmp_path):
    from transformers import AutoTokenizer

    vocab, merges = released(merged_strings(count))
    import_pickle(write(tmp_path / "t.pkl", (vocab, merges)), tmp_path / "out", quiet=True)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert len(tokenizer) == len(vocab) == 256 + count
    for text in letters_of_ecgs():
        ids = greedy(text, merges)
        assert tokenizer(text)["input_ids"] == ids
        assert tokenizer.decode(ids) == text
    assert [tokenizer.decode([i]) for i in range(len(vocab))] == list(vocab.values())


@pytest.mark.parametrize("seed", range(5))
def test_few_letters_many_overlaps(seed, tmp_path):
    from transformers import AutoTokenizer

    choose = random.Random(seed)
    strings = {"".join(choose.choices("abz", k=choose.randint(2, 9))) for _ in range(150)}
    vocab, merges = released(sorted(strings))
    import_pickle(write(tmp_path / "t.pkl", (vocab, merges)), tmp_path / "out", quiet=True)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    for _ in range(50):
        text = "".join(choose.choices("abzc", k=200))
        assert tokenizer(text)["input_ids"] == greedy(text, merges)


def test_two_merges_of_one_string(tmp_path):
    """(a, bc) and (ab, c): their encoder gives the later id, and both decode to it."""
    from transformers import AutoTokenizer

    vocab, merges = released(["bc", "abc", "ab", "abc", "abcabc"])
    import_pickle(write(tmp_path / "t.pkl", (vocab, merges)), tmp_path / "out", quiet=True)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert tokenizer("abcxabcabcbc")["input_ids"] == greedy("abcxabcabcbc", merges)
    assert tokenizer("abc")["input_ids"] == [259]
    assert tokenizer.decode([257]) == tokenizer.decode([259]) == "abc"
    assert tokenizer.decode([257, 97, 257]) == "abcaabc"
    source = json.loads((tmp_path / "out" / SOURCE_FILE).read_text())
    assert source["ids_that_only_decode"] == [257]


def test_bytes_that_no_ecg_has_keep_their_ids(tmp_path):
    from transformers import AutoTokenizer

    vocab, merges = released(["ab"])
    import_pickle(write(tmp_path / "t.pkl", (vocab, merges)), tmp_path / "out", quiet=True)
    unused = json.loads((tmp_path / "out" / SOURCE_FILE).read_text())["unused_byte_ids"]
    assert len(unused) == 230
    assert unused["200"] == "<200>"
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    text = "".join(chr(i) for i in range(128))
    assert tokenizer(text)["input_ids"] == greedy(text, merges)
    assert tokenizer("<200>")["input_ids"] == list(b"<200>")
    assert tokenizer.decode([200, 97]) == "<200>a"


def test_with_a_range_it_is_a_processor(tmp_path):
    vocab, merges = released(merged_strings(500))
    file = write(tmp_path / "t.pkl", (vocab, merges))
    import_pickle(file, tmp_path / "out", low=LOW, high=HIGH, quiet=True)
    processor = EcgByteProcessor.from_pretrained(tmp_path / "out")
    record = simulated_records()[0].record
    ids = processor(ecg=record)["input_ids"][0]
    [word] = processor.feature_extractor.encode(record.signal, record.sampling_rate)
    begin, marker, *theirs, end = ids
    assert theirs == greedy(word, merges)
    assert min(begin, marker, end) >= len(vocab)
    cleaned = processor.feature_extractor.clean(record.signal, record.sampling_rate)
    inside = (cleaned > LOW) & (cleaned < HIGH)
    error = processor.decode_ecg(ids, strict=True) - cleaned
    assert np.abs(error[inside]).max() <= (HIGH - LOW) / 26 / 2 + 1e-5
    spans = processor.token_spans(ids)
    assert spans[2].channel == "I"
    assert spans[2].stop - spans[2].start == len(vocab[theirs[0]])


def test_encoding_is_not_slower_than_looking_letter_by_letter(tmp_path):
    from transformers import AutoTokenizer

    vocab, merges = released(merged_strings(3500))
    import_pickle(write(tmp_path / "t.pkl", (vocab, merges)), tmp_path / "out", quiet=True)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    text = letters_of_ecgs()[0]
    root_made = time.perf_counter()
    greedy(text, merges)
    in_python = time.perf_counter() - root_made
    ours = []
    for _ in range(3):
        start = time.perf_counter()
        tokenizer(text)
        ours.append(time.perf_counter() - start)
    assert min(ours) < in_python


def changed(**changes) -> tuple:
    vocab, merges = released(["ab", "abc"])
    return (
        changes.get("vocab", vocab),
        changes.get("merges", merges),
    )


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ([1, 2, 3], "instead of a pair"),
        ("text", "instead of a pair"),
        (([], {}), "instead of \\(dict, list\\)"),
        (({0: "a"}, []), "tokens and"),
        (changed(merges=[]), "tokens and"),
        (changed(merges=[((97, 98), 256), ((97, 98), 256)]), "pair"),
        (changed(merges=[((97, 98), 256), ((97, 98), 257)]), "does not spell"),
        (changed(merges=[((97, 98), 256), 7]), "pair"),
        (changed(merges=[((97, 98), 256), ("abc", 257)]), "pair"),
        (changed(merges=[((97, 98), 256), ((97, 200), 257)]), "letters only"),
        (changed(merges=[((97, 98), 256), ((97, "b"), 257)]), "letters only"),
        (changed(merges=[((97, 98), 256), ((97,), 257)]), "base ids"),
        (changed(vocab=single_bytes() | {256: "ab", 258: "abc"}), "without gaps"),
        (changed(vocab=single_bytes() | {256: "ab", 257: 3}), "int to str"),
        (changed(vocab=single_bytes() | {256: "ab", "257": "abc"}), "int to str"),
        (changed(vocab=single_bytes() | {256: "ab", 257: "abc", 97: "A"}), "id 97"),
    ],
)
def test_what_is_no_tokenizer_of_theirs_is_refused(value, message, tmp_path):
    with pytest.raises(EcgByteError, match=message) as caught:
        read_released_tokenizer(write(tmp_path / "t.pkl", value))
    assert str(tmp_path / "t.pkl") in str(caught.value)


def test_one_long_merge_referred_to_many_times_is_refused_at_once(tmp_path):
    count, base = 20_000, (97,) * 60_000
    string = "a" * len(base)
    vocab = single_bytes() | {256 + i: string for i in range(count)}
    file = write(tmp_path / "t.pkl", (vocab, [(base, 256 + i) for i in range(count)]))
    assert file.stat().st_size < 1e6
    with pytest.raises(EcgByteError, match="so many"):
        read_released_tokenizer(file)


def test_command(tmp_path):
    vocab, merges = released(["ab", "abc"])
    file, out = write(tmp_path / "t.pkl", (vocab, merges)), tmp_path / "out"
    command = ["import-pickle", str(file), "--out", str(out)]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert "258 tokens" in done.output
    again = CliRunner().invoke(app, command)
    assert isinstance(again.exception, EcgByteError)
    assert "holds other files" in str(again.exception)
    for options, values, message in (
        (["--low", "-1"], {"low": -1.0}, "both low and high"),
        (["--low", "2", "--high", "1"], {"low": 2.0, "high": 1.0}, "must be below"),
    ):
        usage = CliRunner().invoke(app, [*command[:-1], str(tmp_path / "new"), *options])
        assert usage.exit_code == 2, usage.output
        assert "--high" in usage.output
        with pytest.raises(EcgByteError, match=message):
            import_pickle(file, tmp_path / "new", **values)
        assert not (tmp_path / "new").exists()
    new = [*command[:-1], str(tmp_path / "new"), "--max-megabytes", "0.001"]
    assert "larger than" in str(CliRunner().invoke(app, new).exception)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("limit", ["inf", "nan", "1e300", "1025", "-1", "0"])
def test_a_limit_that_is_none_is_refused(limit, tmp_path):
    file, out = write(tmp_path / "t.pkl", released(["ab"])), tmp_path / "out"
    with pytest.raises(EcgByteError, match="must be above 0 and at most 1,024"):
        import_pickle(file, out, max_megabytes=float(limit))
    command = ["import-pickle", str(file), "--out", str(out), "--max-megabytes", limit]
    # The command line itself refuses what is no number from 0.001 up.
    assert isinstance(CliRunner().invoke(app, command).exception, (EcgByteError, SystemExit))
    assert not out.exists()
