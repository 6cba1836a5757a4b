"""The whole way on simulated ECGs: corpus, tokenizer, fidelity, Llama, controls, a question."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import __version__
from .extras import require_extra
from .hub.cards import RUN_PICTURES
from .hub_code.errors import EcgByteError
from .hub_code.presets import DEFAULT_PRESET
from .shipped import shipped_file

# What a small Llama learns to read in a few minutes: steps (mV) of four and almost three times the
# preset's own and a small vocabulary. Fewer, more frequent tokens, at a larger error.
VOCABULARY_SIZE = 1536
CODEC: dict[str, Any] = {"step": 2.0, "template_step": 0.4}
CONFIG = "training/configs/small.yaml"
SETTINGS_FILE = "quickstart.json"
RECORD = "record.csv"
TOKENIZER = "tokenizer"
MODEL = "model"
FIDELITY_FILE = "fidelity.json"
REPORT_FILE = "report.json"
ECG_PICTURE, TOKENS_PICTURE = RUN_PICTURES


def quickstart(
    out: str | Path = "out",
    *,
    records: int = 2000,
    seed: int = 0,
    overwrite: bool = False,
    quiet: bool = False,
    say: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Simulate, prepare, train a tokenizer and a small Llama, evaluate it, ask it one question.

    Leaves `corpus/`, `tokenizer/`, `model/`, `report.json`, `ecg.png`, `tokens.png` and, to try
    other commands on, `record.csv` in `out`.
    Steps that an interrupted run with the same arguments finished are not done again; `overwrite`
    replaces an earlier quickstart and leaves every other file where it is. `say` gets the lines
    that tell what happens. Returns what `report.json` holds.

    Raises `EcgByteError` where torch or matplotlib is not installed, `out` holds something else,
    or `records` is too small to learn from.
    """
    folder = Path(out)
    settings = {"records": records, "seed": seed, "version": __version__}
    require_extra("train", "quickstart")
    require_extra("plot", "quickstart")
    replaced = _claim(folder, settings, overwrite)
    started = time.monotonic()

    def step(text: str) -> None:
        say(f"[{time.monotonic() - started:4.0f} s] {text}")

    step(f"simulating {records:,} ECGs with known truth -> {folder / 'corpus'}")
    say(f"         {_corpus(folder, records, seed, replaced, quiet)}")
    step(f"training the tokenizer, preset {DEFAULT_PRESET} -> {folder / 'tokenizer'}")
    fidelity = _tokenizer(folder, quiet)
    overall = fidelity["overall"]
    say(
        f"         {overall['tokens_mean']:.0f} tokens an ECG, RMSE {overall['rmse_uV']:.0f} uV, "
        f"PRD {overall['prd_median']:.1f} % on {fidelity['settings']['records']} unseen ECGs"
    )
    step(f"drawing -> {folder / 'ecg.png'}, {folder / 'tokens.png'}")
    record = _pictures(folder)
    _tokenizer_card(folder, fidelity)
    step(f"training a small Llama on questions about them -> {folder / 'model'}")
    _model(folder, seed, quiet)
    step("evaluating it on patients it has not seen, beside its controls")
    accuracy = _evaluation(folder, seed, quiet)
    _print_accuracies(accuracy)
    asked = _ask(folder, record)
    step(
        f"asking: {asked['question']}\n         answer: {asked['answer']} (truth: {asked['truth']})"
    )
    report = {
        "settings": settings | {"preset": DEFAULT_PRESET, "vocabulary_size": VOCABULARY_SIZE},
        "fidelity": fidelity,
        "reading": accuracy,
        "asked": asked,
        "seconds": round(time.monotonic() - started),
    }
    _write_json(folder / REPORT_FILE, report)
    step(f"done; everything is in {folder}/, the figures in {folder / 'report.json'}")
    say(f'Ask more: ecg-byte ask {folder / RECORD} "{asked["question"]}" --model {folder / MODEL}')
    say("Push tokenizer and model to the Hub, as yourself:")
    say(f"ecg-byte push {folder / TOKENIZER} YOU/ecg-byte")
    say(f"ecg-byte push {folder / MODEL} YOU/ecg-byte-llama")
    return report


def _claim(folder: Path, settings: dict[str, Any], overwrite: bool) -> bool:
    """Make `folder` ours, or see that it is; whether an earlier quickstart in it is replaced."""
    if settings["records"] < 100:
        raise EcgByteError(
            f"quickstart: {settings['records']} records are too few; take 100 or more"
        )
    marker = folder / SETTINGS_FILE
    replaced = False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            found = _read_settings(marker)
            if found is None:
                raise EcgByteError(
                    f"{folder}: not empty and not a quickstart's; give another --out"
                )
            if found != settings and not overwrite:
                raise EcgByteError(
                    f"{folder}: holds a quickstart with other arguments; "
                    "give another --out, or --overwrite"
                )
            replaced = overwrite
        if replaced:
            _remove_results(folder)
    except OSError as error:
        raise EcgByteError(
            f"{folder}: no folder can be made there ({error.strerror or error}); give another --out"
        ) from error
    _write_json(marker, settings)
    return replaced


def _read_settings(marker: Path) -> dict[str, Any] | None:
    try:
        found = json.loads(marker.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and "records" in found else None


def _remove_results(folder: Path) -> None:
    """Remove what says that a step is done; the corpus and the tokenizer are written over."""
    from .reading.output_folder import is_output, remove_output

    for name in (FIDELITY_FILE, REPORT_FILE, ECG_PICTURE, TOKENS_PICTURE, RECORD):
        (folder / name).unlink(missing_ok=True)
    if is_output(folder / MODEL):
        remove_output(folder / MODEL)


def _write_json(path: Path, content: Any) -> None:
    from .fidelity.report_output import write_json

    write_json(content, path)


def _corpus(folder: Path, records: int, seed: int, overwrite: bool, quiet: bool) -> str:
    from .corpora.simulated import simulated
    from .corpora.writer import write_corpus

    source = simulated(records, seed=seed)
    return str(write_corpus(source, folder / "corpus", overwrite=overwrite, quiet=quiet))


def _tokenizer(folder: Path, quiet: bool) -> dict[str, Any]:
    from .corpus_tokenizer import processor_from_corpus, save_processor
    from .fidelity.report import report

    tokenizer, result = folder / TOKENIZER, folder / FIDELITY_FILE
    if result.is_file():
        return dict(json.loads(result.read_text(encoding="utf-8")))
    processor = processor_from_corpus(
        folder / "corpus",
        preset=DEFAULT_PRESET,
        vocabulary_size=VOCABULARY_SIZE,
        codec=CODEC,
        # Copies save 1 to 2 % of the tokens (docs/codec.md), for more time than that saves here.
        augment=0,
        quiet=quiet,
    )
    save_processor(processor, tokenizer)
    fidelity = report(tokenizer, folder / "corpus", "validation", quiet=quiet)
    _write_json(result, fidelity)
    return fidelity


def _held_out(folder: Path) -> Any:
    """The first held-out ECG, as it stands in the corpus."""
    from .corpora import open_corpus, signal_mV
    from .records import read_record

    row = open_corpus(folder / "corpus")["test"][0]
    return read_record(
        signal_mV(row), sampling_rate=float(row["sampling_rate"]), record_id=str(row["record_id"])
    )


def _write_csv(record: Any, path: Path) -> None:
    """A record with its time in seconds, to 1 uV."""
    import numpy as np

    seconds = np.arange(record.signal.shape[1]) / record.sampling_rate
    np.savetxt(
        path,
        np.vstack([seconds, record.signal]).T,
        fmt=["%.4f"] + ["%.3f"] * 12,
        delimiter=",",
        header=",".join(["time", *record.lead_names]),
        comments="",
    )


def _pictures(folder: Path) -> Any:
    from .figures.beat import draw_beat
    from .figures.canvas import save_figure
    from .figures.record import draw_record
    from .hub_code.processing_ecg_byte import EcgByteProcessor

    record = _held_out(folder)
    _write_csv(record, folder / RECORD)
    processor = EcgByteProcessor.from_pretrained(str(folder / TOKENIZER))
    save_figure(draw_record(processor, record), folder / ECG_PICTURE)
    save_figure(draw_beat(processor, record), folder / TOKENS_PICTURE)
    return record


def _tokenizer_card(folder: Path, fidelity: dict[str, Any]) -> None:
    from .hub.tokenizer_card import write_tokenizer_card

    for name in RUN_PICTURES:
        shutil.copyfile(folder / name, folder / TOKENIZER / name)
    write_tokenizer_card(folder / TOKENIZER, fidelity)


def _model(folder: Path, seed: int, quiet: bool) -> None:
    from .reading.arguments import parse_finetune
    from .reading.output_folder import SETTINGS_FILE as READING_FILE
    from .reading.training import finetune

    model = folder / MODEL
    if (model / READING_FILE).is_file():
        return
    arguments = {
        "config": shipped_file(CONFIG),
        "corpus": folder / "corpus",
        "tokenizer": folder / TOKENIZER,
        "output_dir": model,
        "seed": seed,
        "resume_from_checkpoint": True,
        "quiet": quiet,
    }
    finetune(*parse_finetune([text for k, v in arguments.items() for text in (f"--{k}", str(v))]))


def _evaluation(folder: Path, seed: int, quiet: bool) -> dict[str, Any]:
    from .hub.model_card import refresh_model_card
    from .reading.evaluation import evaluate
    from .reading.output_folder import evaluation_file

    result = evaluate(folder / MODEL, folder / "corpus", split="test", seed=seed, quiet=quiet)
    _write_json(folder / MODEL / evaluation_file("test"), result)
    refresh_model_card(folder / MODEL)
    return result


def _print_accuracies(accuracy: dict[str, Any]) -> None:
    from .reading.tables import print_accuracies

    print_accuracies(accuracy)


def _ask(folder: Path, record: Any) -> dict[str, str]:
    from .corpora import open_questions
    from .reading.loading import load_reader

    asked = open_questions(folder / "corpus")["test"]
    rows = [row for row in asked if row["record_id"] == record.record_id]
    row = next(row for row in rows if row["question_type"] != "report")
    reader = load_reader(folder / MODEL)
    ids = reader.processor.ecg_ids(record.signal, record.sampling_rate, source=record.record_id)
    return {
        "record_id": record.record_id,
        "question": row["question"],
        "answer": reader.answers(ids, [row["question"]])[0],
        "truth": row["answer"],
    }
