"""Make the bundled tokenizer: `python -m ecg_byte_hf.bundled.make PTB_XL`.

To be run again when the default preset or a codec changes; the test of this module says when.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from pathlib import Path

from ..corpora import describe_corpus
from ..corpora.ptb_xl import ptb_xl
from ..corpora.writer import write_corpus
from ..corpus_tokenizer import processor_from_corpus
from ..hub_code.presets import DEFAULT_PRESET

FOLDER = Path(__file__).resolve().parent
NAME = "ptb-xl"
VOCABULARY_SIZE = 4096


def make_bundled(
    source: str | Path, out: str | Path = FOLDER / NAME, *, quiet: bool = False
) -> Path:
    """Fit the default preset on folds 1 to 8 of PTB-XL at `source` and write it to `out`.

    `out` is replaced. The remote-code files are left out: the package has them, and
    `from_bundled(...).save_pretrained(folder)` writes them. The same records give the same files.

    Raises `EcgByteError` where `source` is not PTB-XL's folder.
    """
    from jinja2 import Environment, StrictUndefined

    corpus_source = ptb_xl(source)
    with tempfile.TemporaryDirectory() as scratch:
        corpus = Path(scratch) / "corpus"
        write_corpus(corpus_source, corpus, with_questions=False, quiet=quiet)
        processor = processor_from_corpus(
            corpus, preset=DEFAULT_PRESET, vocabulary_size=VOCABULARY_SIZE, quiet=quiet
        )
        records = describe_corpus(corpus)["splits"]["train"]["records"]
        made = Path(scratch) / "tokenizer"
        processor.save_pretrained(made)
        for code in made.glob("*.py"):
            code.unlink()
        template = (FOLDER / "card.md").read_text(encoding="utf-8")
        environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True)
        card = environment.from_string(template).render(
            preset=processor.feature_extractor.preset,
            vocabulary_size=processor.ecg_vocabulary_size,
            records=records,
            attribution=corpus_source.attribution,
        )
        (made / "README.md").write_text(card, encoding="utf-8")
        folder = Path(out)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(made, folder)
    return folder


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the bundled tokenizer from PTB-XL.")
    parser.add_argument("ptb_xl", type=Path, help="PTB-XL's folder, with ptbxl_database.csv")
    print(make_bundled(parser.parse_args().ptb_xl))
