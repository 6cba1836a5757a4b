"""What importing the package costs, and what travels to the Hub may import."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import ecg_byte_hf

HUB_CODE = Path(ecg_byte_hf.__file__).parent / "hub_code"
ALLOWED = {"numpy", "scipy", "pywt", "transformers"}


@pytest.mark.parametrize("module", ["ecg_byte_hf", "ecg_byte_hf.cli"])
def test_importing_loads_no_torch_and_no_transformers(module):
    program = f"import sys, {module}; print('torch' in sys.modules, 'transformers' in sys.modules)"
    printed = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert printed.stdout.split() == ["False", "False"]


def test_every_exported_name_is_there():
    for name in ecg_byte_hf.__all__:
        assert getattr(ecg_byte_hf, name) is not None
    assert set(ecg_byte_hf.__all__) <= set(dir(ecg_byte_hf))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = ecg_byte_hf.nothing


@pytest.mark.parametrize("path", sorted(HUB_CODE.glob("*.py")), ids=lambda path: path.name)
def test_hub_code_imports_only_what_a_stranger_may_have(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module]
        elif isinstance(node, ast.ImportFrom):
            # The Hub's loader copies what `from .sibling import name` names, and nothing else.
            assert node.level == 1
            assert (HUB_CODE / f"{node.module}.py").is_file()
            continue
        else:
            continue
        for name in names:
            root = name.split(".")[0]
            assert root in ALLOWED or root in sys.stdlib_module_names, f"{path.name}: {name}"
