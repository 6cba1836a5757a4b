"""Plain containers come back as `pickle` would load them; nothing else does."""

import contextlib
import io
import os
import pickle
import re
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.plain_pickle import read_plain_pickle

ints = st.integers(-(2**80), 2**80)
plain = st.recursive(
    ints | st.text(),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.integers() | st.text(), inner)
    ),
    max_leaves=30,
)


@settings(max_examples=150, deadline=None)
@given(value=plain, protocol=st.sampled_from([2, 3, 4, 5]))
def test_reads_what_pickle_wrote(value, protocol):
    assert read_plain_pickle(pickle.dumps(value, protocol), "file") == value


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_long_containers_and_shared_objects(protocol):
    shared = tuple(range(300))
    value = ({i: f"token {i}" for i in range(2500)}, [(shared, i) for i in range(2500)])
    assert read_plain_pickle(pickle.dumps(value, protocol), "file") == value


class Caller:
    def __reduce__(self):
        return os.system, ("echo called > called",)


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "value",
    [
        Caller(),
        [Caller()],
        {1: (Caller(), 2)},
        1.5,
        None,
        True,
        b"bytes",
        {1, 2},
        frozenset([1]),
        range(3),
        os.system,
        dict,
        object(),
    ],
    # An address would name the tests otherwise in every process.
    ids=lambda value: re.sub(" at 0x[0-9a-f]+", "", repr(value)),
)
def test_nothing_else_is_read_and_nothing_called(value, protocol, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(EcgByteError, match="instruction"):
        read_plain_pickle(pickle.dumps(value, protocol), "evil.pkl")
    assert not list(tmp_path.iterdir())


def test_an_outside_object_is_refused():
    class Pickler(pickle.Pickler):
        def persistent_id(self, obj):
            return "somewhere" if isinstance(obj, str) else None

    stream = io.BytesIO()
    Pickler(stream).dump([1, "x"])
    with pytest.raises(EcgByteError, match="BINPERSID"):
        read_plain_pickle(stream.getvalue(), "evil.pkl")


@given(data=st.binary(max_size=200))
@settings(max_examples=300, deadline=None)
def test_any_bytes_end_in_a_value_or_one_error(data):
    with contextlib.suppress(EcgByteError):
        read_plain_pickle(data, "file")


@given(cut=st.integers(0, 400), byte=st.integers(0, 255))
@settings(max_examples=300, deadline=None)
def test_a_damaged_file_ends_in_a_value_or_one_error(cut, byte):
    whole = bytearray(pickle.dumps(({i: chr(i) for i in range(40)}, [((1, 2), 256)]), 4))
    whole[cut % len(whole)] = byte
    for data in (bytes(whole), bytes(whole[: cut % len(whole)])):
        with contextlib.suppress(EcgByteError):
            read_plain_pickle(data, "file")


def test_two_pickles_in_one_file_are_refused():
    with pytest.raises(EcgByteError, match="goes on after"):
        read_plain_pickle(pickle.dumps([1]) + pickle.dumps([2]), "file")


# Each of these crashes `pickle.Unpickler`, or makes it take gigabytes.
BOMBS = {
    "a table of 2**32 entries": b"\x80\x04]r\xff\xff\xff\xff.",
    "a nested tuple as a key": b"\x80\x04})" + b"\x85" * 500_000 + b"K\x01s.",
    "millions of dicts": b"\x80\x04" + b"}" * 30_000_000 + b".",
    "a string longer than the file": b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\x7f.",
    "a frame longer than the file": b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f.",
    "an int of 2 GB": b"\x80\x04\x8b\xff\xff\xff\x7f.",
}
PROGRAM = """
import resource, sys
from ecg_byte_hf import EcgByteError
from ecg_byte_hf.plain_pickle import read_plain_pickle
data = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_plain_pickle(data, "bomb")
    print("read")
except EcgByteError:
    print("refused")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS)
def test_bombs_are_refused_within_200_MB(bomb):
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], input=bomb, capture_output=True, timeout=120
    )
    assert run.returncode == 0, run.stderr.decode()[-500:]
    what, megabytes = run.stdout.split()
    assert what == b"refused"
    assert int(megabytes) < 200
