"""What travels to the Hub reads no network, writes no file, runs no data: by its syntax tree."""

import ast
import sys
from pathlib import Path

import pytest

import ecg_byte_hf

HUB_CODE = Path(ecg_byte_hf.__file__).parent / "hub_code"
FILES = sorted(HUB_CODE.glob("*.py"))

LIBRARIES = {"numpy", "scipy", "pywt", "transformers"}
# Of the standard library what computes; nothing that reaches the network, other processes, the
# interpreter or pickled data.
STANDARD = {
    "__future__",
    "bisect",
    "collections",
    "dataclasses",
    "functools",
    "hashlib",
    "inspect",
    "itertools",
    "json",
    "math",
    "operator",
    "pathlib",
    "re",
    "typing",
}
CALLS = {"eval", "exec", "compile", "__import__", "open", "input", "breakpoint", "globals", "vars"}
METHODS = {
    # of Path and file objects
    *("write_text", "write_bytes", "touch", "mkdir", "unlink", "rename", "rmdir", "open"),
    *("symlink_to", "hardlink_to", "chmod", "dump"),
    # of numpy
    *("save", "savez", "savez_compressed", "savetxt", "tofile", "fromfile", "memmap"),
    # of the interpreter and the system
    *("system", "popen", "urlopen", "import_module", "exec_module"),
}
WRITERS = {
    "save_pretrained",
    "save_portable_tokenizer",
    "save_empty_model_config",
    # into the folder that `push_to_hub` uploads
    "write_card",
}


def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def functions_around(tree: ast.Module):
    """Every node with the name of the function that it stands in, "" for the module."""
    stack = [(tree, "")]
    while stack:
        node, name = stack.pop()
        yield node, name
        inner = node.name if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else name
        stack += [(child, inner) for child in ast.iter_child_nodes(node)]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_imports_only_what_computes(path):
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.ImportFrom) and node.level:
            # The Hub's loader copies what `from .sibling import name` names, and nothing else.
            assert node.level == 1
            assert (HUB_CODE / f"{node.module}.py").is_file(), f"{path.name}: {node.module}"
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module]
        else:
            continue
        for name in names:
            root = name.split(".")[0]
            allowed = STANDARD if root in sys.stdlib_module_names else LIBRARIES
            assert root in allowed, f"{path.name}:{node.lineno} imports {name}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_runs_no_data_and_writes_only_where_it_saves(path):
    for node, function in functions_around(tree_of(path)):
        if isinstance(node, ast.Name):
            assert node.id not in CALLS - {"open", "vars"}, f"{path.name}:{node.lineno} {node.id}"
        if not isinstance(node, ast.Call):
            continue
        place = f"{path.name}:{node.lineno} in {function}"
        if isinstance(node.func, ast.Name):
            assert node.func.id not in CALLS, f"{place}: {node.func.id}()"
        if isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
            assert function in WRITERS, f"{place}: .{node.func.attr}()"
        for keyword in node.keywords:
            # numpy.load(allow_pickle=True), AutoX.from_pretrained(trust_remote_code=True)
            if keyword.arg in ("allow_pickle", "trust_remote_code", "shell"):
                assert isinstance(keyword.value, ast.Constant), place
                assert keyword.value.value is False, place


@pytest.mark.parametrize(
    "line",
    [
        "import socket",
        "import os",
        "import pickle",
        "from urllib.request import urlopen",
        "import requests",
        "import torch",
        "from .. import records",
        "from .nothing import x",
        "from ecg_byte_hf import records",
        "eval('1')",
        "e = exec",
        "open('x', 'w')",
        "Path('x').write_text('y')",
        "np.save('x', y)",
        "np.load('x', allow_pickle=True)",
        "AutoModel.from_pretrained('x', trust_remote_code=True)",
        "AutoModel.from_pretrained('x', trust_remote_code=trusted)",
    ],
)
def test_this_test_sees_what_must_not_be(line, tmp_path):
    path = tmp_path / "evil.py"
    path.write_text(f"{line}\n")

    def both_tests():
        test_imports_only_what_computes(path)
        test_runs_no_data_and_writes_only_where_it_saves(path)

    with pytest.raises(AssertionError):
        both_tests()
