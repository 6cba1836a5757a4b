"""Make the bundled tokenizer: `python -m ecg_byte_hf.bundled.make PTB_XL`.

To be run again when the default preset or a codec changes; the test of this module says when.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path
from typing import Any

from ..corpora.ptb_xl import ptb_xl
from ..corpora.writer import write_corpus
from ..corpus_tokenizer import processor_from_corpus, save_processor
from ..fidelity.report import report
from ..hub.tokenizer_card import write_tokenizer_card
from ..hub_code.presets import DEFAULT_PRESET
from . import FOLDER

NAME = "ptb-xl"
VOCABULARY_SIZE = 4096


def make_bundled(
    source: str | Path, out: str | Path = FOLDER / NAME, *, quiet: bool = False
) -> Path:
    """Fit the default preset on folds 1 to 8 of PTB-XL at `source`, measure it on fold 9.

    `out` is replaced. What was measured is kept as `fidelity.json`, for the cards of those who save
    or push this tokenizer. The remote-code files are left out: the package has them, and
    `from_bundled(...).save_pretrained(folder)` writes them. The same records give the same files.

    Raises `EcgByteError` where `source` is not PTB-XL's folder.
    """
    with tempfile.TemporaryDirectory() as scratch:
        corpus = Path(scratch) / "corpus"
        write_corpus(ptb_xl(source), corpus, with_questions=False, quiet=quiet)
        processor = processor_from_corpus(
            corpus, preset=DEFAULT_PRESET, vocabulary_size=VOCABULARY_SIZE, quiet=quiet
        )
        made = Path(scratch) / "tokenizer"
        save_processor(processor, made)
        measured = report(made, corpus, "validation", quiet=quiet)
        write_tokenizer_card(made, _rounded(measured))
        for path in made.glob("*.py"):
            path.unlink()
        folder = Path(out)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(made, folder)
    return folder


def _rounded(value: Any) -> Any:
    """A report whose last digits, which differ from one processor to the next, are left out."""
    if isinstance(value, dict):
        return {key: _rounded(inner) for key, inner in value.items()}
    return round(value, 6) if isinstance(value, float) else value


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the bundled tokenizer from PTB-XL.")
    parser.add_argument("ptb_xl", type=Path, help="PTB-XL's folder, with ptbxl_database.csv")
    print(make_bundled(parser.parse_args().ptb_xl))
