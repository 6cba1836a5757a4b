"""Where the real ECGs are, and what happens where they are not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
if "PYTEST_XDIST_WORKER" in os.environ:
    # As many processes as cores: a thread more in each would only wait for another.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS"):
        os.environ.setdefault(name, "1")

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def ecg_byte_data() -> Path:
    """The folder of real ECGs; a skip where it is absent, a failure where it is required."""
    folder = Path(os.environ.get("ECG_BYTE_DATA", REPOSITORY.parent / "shared" / "data"))
    if (folder / "ptb-xl" / "ptbxl_database.csv").is_file():
        return folder
    reason = f"no real ECGs at {folder}; set ECG_BYTE_DATA to the folder that holds ptb-xl/"
    if os.environ.get("ECG_BYTE_REQUIRE_DATA") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
