"""Repositories by anybody: an `EcgByteError` or a processor that works, soon, in little memory."""

import json
import math
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecg_byte_hf import EcgByteError, EcgByteFeatureExtractor, EcgByteProcessor
from ecg_byte_hf.hub_code.feature_extraction_ecg_byte import CODECS
from tests.small_tokenizer import simulated_records, small_processor

FILES = (
    "processor_config.json",
    "preprocessor_config.json",
    "tokenizer_config.json",
    "tokenizer.json",
)
DEEP = "[" * 100_000 + "]" * 100_000


def children(node):
    """Keys of an object, places of a list; a few of a long one (a vocabulary has hundreds)."""
    keys = list(node) if isinstance(node, dict) else list(range(len(node)))
    return keys if len(keys) <= 12 else [*keys[:4], *keys[-4:]]


def paths(node, before=()):
    if isinstance(node, (dict, list)):
        for key in children(node):
            yield (*before, key)
            yield from paths(node[key], (*before, key))


@cache
def good_files(preset: str, folder: Path) -> dict[str, str]:
    small_processor(preset).save_pretrained(folder / preset)
    return {name: (folder / preset / name).read_text(encoding="utf-8") for name in FILES}


values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**9, 2**31, 2**32, 2**63, 10**400, -1, 0]),
    st.floats(),
    st.text(max_size=6),
    st.sampled_from(["../../etc/passwd", "9" * 5000, "\ud800", "<|ecg|>", "A" * 200_000]),
    st.lists(st.integers() | st.floats() | st.text(max_size=3) | st.none(), max_size=4),
    # Made anew each time: later changes may go into what an earlier one put there.
    st.builds(lambda: [0] * 100_000),
    st.dictionaries(st.text(max_size=4), st.integers() | st.text(max_size=3), max_size=3),
    st.builds(lambda: {"__type": "AddedToken", "content": 3}),
)
new_keys = st.sampled_from(
    [
        *("audio_tokenizer", "auto_map", "vocab_file", "tokenizer_file", "fast_tokenizer_files"),
        *("chat_template", "extra_special_tokens", "added_tokens_decoder", "init_inputs", "x"),
        *("normalizer", "pre_tokenizer", "step", "klt", "backend", "model_max_length", "padding"),
    ]
)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    return tmp_path_factory.mktemp("hostile")


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), preset=st.sampled_from(sorted(CODECS)))
def test_any_change_is_refused_or_harmless(data, preset, workplace):
    folder = workplace / "changed"
    folder.mkdir(exist_ok=True)
    configs = {name: json.loads(text) for name, text in good_files(preset, workplace).items()}
    for _ in range(data.draw(st.integers(1, 3))):
        name = data.draw(st.sampled_from(FILES))
        *way, last = data.draw(st.sampled_from(list(paths(configs[name]))))
        node = configs[name]
        for key in way:
            node = node[key]
        change = data.draw(st.sampled_from(["replace", "delete", "add"]))
        if change == "delete":
            del node[last]
        elif change == "add" and isinstance(node, dict):
            node[data.draw(new_keys)] = data.draw(values)
        else:
            node[last] = data.draw(values)
    for name, config in configs.items():
        (folder / name).write_text(json.dumps(config), encoding="utf-8")
    try:
        processor = EcgByteProcessor.from_pretrained(folder)
        ids = processor(ecg=simulated_records()[0].record)["input_ids"][0]
        signal = processor.decode_ecg(ids)
        processor.token_spans(ids)
    except EcgByteError as error:
        message = str(error)
        assert "\n" not in message
        assert len(message) < 1000
        return
    assert np.isfinite(signal).all()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "text",
    ["", "nothing", "[]", "3", "null", '{"a": 1}', '{"a":', DEEP, '{"a": ' + DEEP + "}", "\x00"],
    ids=lambda text: text[:12],
)
def test_files_that_are_no_configuration(name, text, workplace, tmp_path):
    for other, good in good_files("compact", workplace).items():
        (tmp_path / other).write_text(good, encoding="utf-8")
    (tmp_path / name).write_text(text)
    if text == '{"a": 1}' and name.startswith("p"):
        # The extractor is in another file too.
        EcgByteProcessor.from_pretrained(tmp_path)
        return
    with pytest.raises(EcgByteError) as caught:
        EcgByteProcessor.from_pretrained(tmp_path)
    assert str(caught.value).startswith(str(tmp_path))


def edited(folder: Path, edits: dict) -> None:
    """Write `edits`, {file: {dotted path: value}}, into the files of `folder`."""
    for name, changes in edits.items():
        config = json.loads((folder / name).read_text(encoding="utf-8"))
        for dotted, value in changes.items():
            *way, last = dotted.split(".")
            node = config
            for key in way:
                node = node[int(key) if isinstance(node, list) else key]
            node[last] = value
        (folder / name).write_text(json.dumps(config), encoding="utf-8")


def codec(**changes):
    """The same change in both files that hold the extractor."""
    return {
        "processor_config.json": {f"feature_extractor.codec.{k}": v for k, v in changes.items()},
        "preprocessor_config.json": {f"codec.{k}": v for k, v in changes.items()},
    }


def extractor(**changes):
    return {
        "processor_config.json": {f"feature_extractor.{k}": v for k, v in changes.items()},
        "preprocessor_config.json": changes,
    }


FIXED = {"strategy": {"Fixed": 10**9}, "direction": "Right", "pad_to_multiple_of": None}
FIXED |= {"pad_id": 0, "pad_type_id": 0, "pad_token": "<|pad|>"}
BOMB = {"type": "Split", "pattern": {"Regex": "(.*)*$"}, "behavior": "Isolated", "invert": False}
ELSEWHERE = {"audio_tokenizer_class": "DacModel", "audio_tokenizer_name_or_path": "/evil"}

MARKERS = [f"<|r{k}|>" for k in range(1, 9)]
SYMBOL = EcgByteFeatureExtractor("compact").alphabet[7]

# What to write, and what the message says; None where it does no harm.
WORST = {
    "10^9 samples": (codec(nominal_samples=10**9), "nominal_samples"),
    "thousands of leads": (codec(klt=[[0.0] * 12] * 5000), "klt"),
    "NaN step": (codec(step=math.nan), "step"),
    "infinite step": (codec(step=math.inf), "step"),
    "step as text": (codec(step="0.3"), "step|codec options"),
    "NaN in the transform": (codec(klt=[[math.nan] * 12] * 8), "klt"),
    "text in the transform": (codec(klt=[["x"] * 12] * 8), "codec options"),
    "10^9 Hz": (extractor(sampling_rate=10**9), "sampling rate"),
    "preset as list": (extractor(preset=["compact"]), "unhashable|preset"),
    "codec as text": (extractor(codec="compact"), "dictionary|codec"),
    "an unknown option": (extractor(channels=10**9), "unknown option"),
    "a huge text": (extractor(cleaning="A" * 500_000), "cleaning"),
    "another preset's alphabet": (extractor(preset="paper", codec={}), "belong together"),
    "an id of 10^9": ({"tokenizer.json": {"model.vocab.<|ecg|>x": 10**9}}, "no gaps"),
    "two tokens of one id": ({"tokenizer.json": {"model.vocab.doubled": 100}}, "no doubles"),
    "a symbol that is a marker": (
        {"tokenizer_config.json": {"additional_special_tokens": [SYMBOL, *MARKERS]}},
        "is a special token",
    ),
    "markers that are symbols": (
        {
            "tokenizer.json": {"added_tokens": []},
            "tokenizer_config.json": {"additional_special_tokens": []},
        },
        "is no special token",
    ),
    "a splitter that never ends": ({"tokenizer.json": {"pre_tokenizer": BOMB}}, "splits"),
    "a normaliser": ({"tokenizer.json": {"normalizer": {"type": "NFKC"}}}, "normalises"),
    "dropout": ({"tokenizer.json": {"model.dropout": 0.5}}, "dropout"),
    "padding to 10^9": ({"tokenizer.json": {"padding": FIXED}}, None),
    "code of its own": (
        {"tokenizer_config.json": {"auto_map": {"AutoTokenizer": ["evil.Tokenizer", None]}}},
        "auto_map",
    ),
    "a path for a file name": (
        {"tokenizer_config.json": {"fast_tokenizer_files": ["../../tokenizer.4.0.json"]}},
        "by its path",
    ),
    "an absolute path": ({"tokenizer_config.json": {"vocab_file": "/etc/passwd"}}, "by its path"),
    "a part from elsewhere": (
        {"processor_config.json": {"audio_tokenizer": ELSEWHERE}},
        "audio tokenizer",
    ),
}


@pytest.fixture(scope="module")
def repositories(tmp_path_factory):
    """A good repository and the worst ones, each in its folder, with code and pickles in them."""
    top = tmp_path_factory.mktemp("repositories")
    small_processor("compact").save_pretrained(top / "good")
    # Loading would raise: it is no pickle. It must not be tried.
    (top / "good" / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'touch unpickled'\ntR.")
    for number, (edits, _) in enumerate(WORST.values()):
        edited(shutil.copytree(top / "good", top / str(number)), edits)
    return top


@pytest.mark.parametrize("number", range(len(WORST)), ids=WORST)
def test_the_message_says_what_is_wrong(number, repositories):
    folder, message = repositories / str(number), list(WORST.values())[number][1]
    if message is None:
        record = simulated_records()[0].record
        ids = EcgByteProcessor.from_pretrained(folder)(ecg=record)["input_ids"]
        assert ids == small_processor("compact")(ecg=record)["input_ids"]
        return
    with pytest.raises(EcgByteError, match=message) as caught:
        EcgByteProcessor.from_pretrained(folder)
    assert str(caught.value).startswith(str(folder))


def test_an_extractor_alone_is_checked_too(repositories):
    for number in (0, 2, 8):
        with pytest.raises(EcgByteError):
            EcgByteFeatureExtractor.from_pretrained(repositories / str(number))


@pytest.mark.parametrize("name", [*FILES, "special_tokens_map.json", "chat_template.jinja"])
def test_huge_files_are_refused_by_their_size(name, repositories, tmp_path):
    folder = shutil.copytree(repositories / "good", tmp_path / "repository")
    with (folder / name).open("w") as file:
        # A hole: it takes no room on the disk.
        file.truncate(41 * 2**20)
    with pytest.raises(EcgByteError, match=f"{name} has 41 MiB"):
        EcgByteProcessor.from_pretrained(folder)


# Loads every repository in every way in one process: the limit on memory is set after the imports
# and the good loads. A crash (a stack overflow, an abort in Rust) ends the process.
PROGRAM = """
import json, resource, sys, time
from pathlib import Path
from transformers import AutoFeatureExtractor, AutoProcessor, AutoTokenizer
from ecg_byte_hf import EcgByteProcessor

top = Path(sys.argv[1])
LOADERS = {
    "ours": lambda place: EcgByteProcessor.from_pretrained(place),
    "AutoTokenizer": lambda place: AutoTokenizer.from_pretrained(place),
    "AutoFeatureExtractor": lambda place: AutoFeatureExtractor.from_pretrained(
        place, trust_remote_code=True
    ),
    "AutoProcessor": lambda place: AutoProcessor.from_pretrained(place, trust_remote_code=True),
}
for load in LOADERS.values():
    load(top / "good")
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + 200 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for way, load in LOADERS.items():
    for place in ["good", *sorted(p.name for p in top.iterdir() if p.name != "good")]:
        started = time.process_time()
        try:
            load(top / place)
            end = "loaded"
        except Exception as error:
            end = type(error).__name__
        print("RESULT", json.dumps([way, place, end, time.process_time() - started]))
"""


@pytest.mark.skipif(not Path("/proc/self/statm").is_file(), reason="limits memory as Linux does")
def test_the_worst_end_soon_and_within_200_MB(repositories, tmp_path):
    environment = os.environ | {"HF_HOME": str(tmp_path), "TOKENIZERS_PARALLELISM": "false"}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM, repositories],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        cwd=tmp_path,
        env=environment,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    lines = [line for line in run.stdout.splitlines() if line.startswith("RESULT ")]
    results = {}
    for line in lines:
        way, place, end, seconds = json.loads(line.removeprefix("RESULT "))
        results[way, place] = end, seconds
    assert len(results) == 4 * (len(WORST) + 1)
    for (way, place), (end, seconds) in results.items():
        assert results[way, "good"][0] == "loaded"
        name, (_, message) = ("good", ({}, None))
        if place != "good":
            name, (_, message) = list(WORST.items())[int(place)]
        if way == "ours":
            assert end == ("EcgByteError" if message else "loaded"), name
        # Of the processor, not of the clock; a good one takes 0.02 to 0.1 s.
        assert seconds < 1, (way, name, end, seconds)
    assert not (tmp_path / "unpickled").exists()
