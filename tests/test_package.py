"""What importing the package costs, and what it offers."""

import subprocess
import sys

import pytest

import ecg_byte_hf


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
