"""Folders of the kinds that take long to make: small ones, whole enough to be pushed."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from ecg_byte_hf.pickled_tokenizer import import_pickle
from tests.test_pickled_tokenizer import released

READING = {
    "base": "org/base",
    "context": 2048,
    "corpus": {
        "title": "Some ECGs",
        "source": "some",
        "licence": "cc-by-4.0",
        "attribution": "Someone, 2020.",
    },
    "ecg_tokens_mean": 199.6,
    "ecg_vocabulary": 1024,
    "preset": "compact",
    "questions": {"train": 120, "validation": 30},
    "records": {"train": 60, "validation": 15},
    "seed": 5,
    "sees_ecg": True,
}


def imported_folder(folder: Path) -> Path:
    """What `ecg-byte import-pickle` makes of two merges, without a range of amplitudes."""
    file = folder.with_suffix(".pkl")
    file.write_bytes(pickle.dumps(released(["ab", "abc"])))
    import_pickle(file, folder, quiet=True)
    return folder


def model_folder(tokenizer: Path, folder: Path) -> Path:
    """An adapter of no use: a tokenizer's files, settings and weights of zeros."""
    shutil.copytree(tokenizer, folder, ignore=shutil.ignore_patterns("README.md", "fidelity.json"))
    (folder / "ecg_tokenizer").mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(tokenizer / name, folder / "ecg_tokenizer" / name)
    (folder / "reading.json").write_text(json.dumps(READING))
    (folder / "adapter_config.json").write_text('{"base_model_name_or_path": "org/base"}')
    save_file({"a": np.zeros((4, 3), np.float32)}, folder / "adapter_model.safetensors")
    return folder
