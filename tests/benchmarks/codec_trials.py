"""`python -m tests.benchmarks.codec_trials`: what each part of `beat` is worth, on real ECGs.

Prints the tables of docs/codec.md and writes out/codec_trials.json. Needs the folder of real ECGs
(`ECG_BYTE_DATA`); everything is fitted on folds 1-8 of its PTB-XL records.
"""

from __future__ import annotations

import argparse
import ast
import csv
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from tokenizers import Tokenizer, models

from ecg_byte_hf.corpus_tokenizer import DEFAULT_AUGMENT
from ecg_byte_hf.hub_code.beats import STEPS_PER_SAMPLE, find_beats
from ecg_byte_hf.hub_code.cleaning import clean, resample
from ecg_byte_hf.hub_code.feature_extraction_ecg_byte import EcgByteFeatureExtractor
from ecg_byte_hf.hub_code.leads import LEADS_FROM_INDEPENDENT
from ecg_byte_hf.hub_code.processing_ecg_byte import EcgByteProcessor
from ecg_byte_hf.records import read_record
from ecg_byte_hf.tokenizer import train_tokenizer
from ecg_byte_hf.training_words import copies_of, variants

from .ecgs import REPOSITORY

VOCABULARY_SIZE = 4096
FRONTIER = (
    *((0.8, 0.22), (0.6, 0.17), (0.55, 0.16), (0.5, 0.15)),
    *((0.35, 0.13), (0.25, 0.1), (0.17, 0.075), (0.15, 0.065)),
)
# Tokens of `beat` go with RMSE to the power of -1.9 (measured between steps 0.33 and 0.6).
RATE_EXPONENT = 1.9
LEVERS: dict[str, dict[str, Any]] = {
    "default": {},
    "no template": {"templates": 0},
    "one template": {"templates": 1},
    "lone values kept": {"lone_dead_zone": 0.6},
    "lone values kept, dead zone 0.65": {"dead_zone": 0.65, "lone_dead_zone": 0.65},
    "template step 0.1": {"template_step": 0.1},
    "template step 0.2": {"template_step": 0.2},
    "template step 0.3": {"template_step": 0.3},
    "template dead zone 0.65": {"template_dead_zone": 0.65},
}
# How the BPE is trained, not what is coded.
TRAINING: dict[str, dict[str, Any]] = {
    "no copies, no short pieces": {"augment": 0, "pieces": False},
    "no copies": {"augment": 0},
    "no short pieces": {"pieces": False},
    "4 copies": {"augment": 4},
    "vocabulary 4,694": {"vocabulary_size": 4694},
}
# Joint vocabularies spend 299 of their tokens on the alphabet, separate ones 3 x 299.
SEPARATE: dict[str, dict[str, Any]] = {
    f"separate vocabularies rr {rr}, t {t}, r {r}": {"vocabulary_sizes": {"rr": rr, "t": t, "r": r}}
    for rr, t, r in ((350, 1400, 2326), (330, 2000, 1746), (330, 2000, 2344))
}
RHYTHMS = ("AFIB", "AFLT", "PVC", "PACE", "CLBBB", "CRBBB", "STACH", "SARRH")
COMPACT_STEPS = (0.25, 0.33, 0.45, 0.6, 0.8, 1.1)

Signal = np.ndarray


def read_all(folder: Path) -> tuple[dict[str, list[Signal]], list[set[str]]]:
    """Cleaned signals (12, samples) by corpus, and the SCP codes of the validation records."""
    corpora: dict[str, list[Signal]] = {"train": [], "PTB-XL": []}
    codes = []
    with (folder / "ptb-xl" / "ptbxl_database.csv").open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            validation = int(row["strat_fold"]) == 9
            name = "PTB-XL" if validation else "train"
            corpora[name].append(_cleaned(folder / "ptb-xl" / row["filename_hr"]))
            if validation:
                codes.append(set(ast.literal_eval(row["scp_codes"])))
    for name, part in (("Chapman-Ningbo", "challenge-2021"), ("LUDB", "ludb")):
        headers = sorted((folder / part).rglob("*.hea"))
        corpora[name] = [_cleaned(header.with_suffix("")) for header in headers]
    return corpora, codes


def _cleaned(path: Path) -> Signal:
    record = next(read_record(path).windows())
    return clean(record.signal, record.sampling_rate)


def processor_of(
    preset: str,
    options: dict[str, Any],
    train: list[Signal],
    *,
    augment: int | None = None,
    pieces: bool = True,
    vocabulary_size: int = VOCABULARY_SIZE,
    vocabulary_sizes: Mapping[str, int] | None = None,
) -> EcgByteProcessor:
    """A processor as `processor_from_corpus` makes it; `pieces`: the BPE also sees short pieces."""
    extractor = EcgByteFeatureExtractor(preset, cleaning="none", codec=options)
    extractor.codec.fit(train)
    copies = DEFAULT_AUGMENT[preset] if augment is None else augment
    words = []
    for index, signal in enumerate(train):
        rng = np.random.default_rng((0, index))
        words.append(extractor.codec.encode(signal))
        if pieces:
            words += variants(signal, extractor, copies, rng)
        else:
            words += map(extractor.codec.encode, copies_of(signal, copies, rng))
    tokenizer = train_tokenizer(
        words, extractor, vocabulary_size, vocabulary_sizes=vocabulary_sizes
    )
    return EcgByteProcessor(extractor, tokenizer)


def per_record(processor: EcgByteProcessor, signals: list[Signal]) -> np.ndarray:
    """Tokens, RMSE in uV, PRD in % and whether there is a template: float64 (records, 4)."""
    codec = processor.feature_extractor.codec
    rows = []
    for signal in signals:
        words = codec.encode(signal)
        error = np.sum((codec.decode(words) - signal).astype(np.float64) ** 2)
        rows.append(
            (
                len(processor.words_to_ids(words)),
                1000 * np.sqrt(error / signal.size),
                100 * np.sqrt(error / np.sum(signal.astype(np.float64) ** 2)),
                len(words) > 8 and bool(words[0]),
            )
        )
    return np.array(rows, dtype=np.float64)


def summary(rows: np.ndarray) -> dict[str, float]:
    """Mean tokens, RMSE over all samples (equal lengths), median PRD, share with a template."""
    tokens, rmse = float(rows[:, 0].mean()), float(np.sqrt(np.mean(rows[:, 1] ** 2)))
    return {
        "tokens_mean": tokens,
        "rmse_uV": rmse,
        "tokens_at_30_uV": tokens * (rmse / 30) ** RATE_EXPONENT,
        "prd_median": float(np.median(rows[:, 2])),
        "with_template": float(rows[:, 3].mean()),
    }


def fewest_tokens(processor: EcgByteProcessor, signals: list[Signal]) -> float:
    """Mean tokens if the same vocabulary were used in the fewest pieces instead of merge order.

    Equal scores make the Viterbi search of a unigram model find them.
    """
    alphabet = set(processor.feature_extractor.alphabet)
    vocabulary = processor.tokenizer.backend_tokenizer.get_vocab(with_added_tokens=False)
    pieces = [(token, -10.0) for token in vocabulary if set(token) <= alphabet]
    unigram = Tokenizer(models.Unigram(pieces, None, False))
    encode = processor.feature_extractor.codec.encode
    counts = [
        sum(1 + len(unigram.encode(word).ids) for word in encode(signal) if word)
        for signal in signals
    ]
    return float(np.mean(counts)) + 2


def _noisy(signal: Signal, klt: Signal, mV: float) -> Signal:
    noise = np.random.default_rng(0).normal(0, mV, (8, signal.shape[1])).astype(np.float32)
    return signal + klt.T @ noise


def _flat(signal: Signal) -> Signal:
    flat = signal.copy()
    flat[:, 800:1600] = 0
    return flat


def _alternating(signal: Signal, klt: Signal) -> Signal:
    """Every second beat at 60 % of its height."""
    beats = find_beats(klt @ signal, 250) // STEPS_PER_SAMPLE
    turned = signal.copy()
    for before, beat in zip(beats[::2], beats[1::2], strict=False):
        middle = (before + beat) // 2
        turned[:, middle : 2 * beat - middle] *= np.float32(0.6)
    return turned


def _bigeminy(signal: Signal, klt: Signal) -> Signal:
    """Every second beat gives way to one that is wide and of another axis."""
    t = np.arange(signal.shape[1])
    axis = klt.T @ np.array([-1.5, 0.7, 0.3, 0, 0, 0, 0, 0])
    turned = signal.copy()
    for beat in find_beats(klt @ signal, 250)[1::2] // STEPS_PER_SAMPLE:
        wide = np.exp(-(((t - beat) / 14) ** 2)) - 0.4 * np.exp(-(((t - beat - 60) / 22) ** 2))
        turned *= (1 - 0.9 * np.exp(-(((t - beat) / 25) ** 2))).astype(np.float32)
        turned += np.outer(axis, wide).astype(np.float32)
    return turned


def _tachycardia(signal: Signal) -> Signal:
    """A run: 1.8 times as fast from 2 s on."""
    fast = resample(signal, 250, 250 / 1.8)
    return np.concatenate([signal[:, :500], fast, fast], axis=1)[:, : signal.shape[1]].copy()


def _spikes(signal: Signal, klt: Signal) -> Signal:
    """Two samples of 20 mV in each component, 60 ms before every beat."""
    spiked = signal.copy()
    for beat in find_beats(klt @ signal, 250) // STEPS_PER_SAMPLE:
        if beat >= 15:
            spiked[:, beat - 15 : beat - 13] += 20 * klt.sum(axis=0)[:, None]
    return spiked


def _artefact(signal: Signal) -> Signal:
    """80 mV on two electrodes for 24 ms."""
    moved = signal.copy()
    moved[:, 1200:1206] += 80 * LEADS_FROM_INDEPENDENT[:, [2, 5]].sum(axis=1)[:, None]
    return moved


def _pieces(signals: list[Signal], seconds: int) -> list[Signal]:
    """Two pieces of each signal."""
    return [
        np.ascontiguousarray(x[:, start : start + 250 * seconds])
        for x in signals
        for start in (300, 1250)
    ]


def cases(
    corpora: dict[str, list[Signal]], codes: list[set[str]], klt: Signal
) -> dict[str, list[Signal]]:
    """Signals by what is hard about them."""
    signals = corpora["PTB-XL"]
    some = signals[::6]
    found = {
        code: [x for x, own in zip(signals, codes, strict=True) if code in own] for code in RHYTHMS
    }
    found |= {name: corpora[name] for name in ("PTB-XL", "Chapman-Ningbo", "LUDB")}
    found |= {f"{s} s": _pieces(signals, s) for s in (2, 3, 5)}
    found |= {f"{s} s, Chapman-Ningbo": _pieces(corpora["Chapman-Ningbo"], s) for s in (2, 3, 5)}
    found["60 s"] = [np.tile(x, 6) for x in some[:4]]
    found["noise 50 uV"] = [_noisy(x, klt, 0.05) for x in some]
    found["noise 200 uV"] = [_noisy(x, klt, 0.2) for x in some]
    found["flat for 3 s"] = [_flat(x) for x in some]
    found["alternating"] = [_alternating(x, klt) for x in some]
    found["bigeminy"] = [_bigeminy(x, klt) for x in some]
    found["run of tachycardia"] = [_tachycardia(x) for x in some]
    found["pacemaker spikes"] = [_spikes(x, klt) for x in some]
    found["artefact"] = [_artefact(x) for x in some]
    return {name: them for name, them in found.items() if them}


def _between(at: float, x: np.ndarray, y: np.ndarray) -> float:
    """`y` where `x` is `at`, between points that lie on a power law."""
    order = np.argsort(x)
    return float(np.exp(np.interp(np.log(at), np.log(x[order]), np.log(y[order]))))


def against_compact(
    beat: EcgByteProcessor, train: list[Signal], found: dict[str, list[Signal]]
) -> dict[str, dict[str, float]]:
    """Per case, against `compact` between its steps: tokens at the same error, error at the same
    tokens, of all records and of the worst; and how many have an error over 5 % larger.
    """
    compacts = [processor_of("compact", {"step": step}, train) for step in COMPACT_STEPS]
    result = {}
    for name, signals in found.items():
        own = per_record(beat, signals)
        others = np.stack([per_record(compact, signals) for compact in compacts])
        tokens, rmse = others[:, :, 0], others[:, :, 1]
        total = summary(own)
        pooled = np.sqrt(np.mean(rmse**2, axis=1))
        same = _between(total["rmse_uV"], pooled, tokens.mean(axis=1))
        each = range(len(signals))
        fewer = [own[k, 0] / _between(own[k, 1], rmse[:, k], tokens[:, k]) for k in each]
        truer = [own[k, 1] / _between(own[k, 0], tokens[:, k], rmse[:, k]) for k in each]
        result[name] = total | {
            "records": len(signals),
            "tokens_over_compact": total["tokens_mean"] / same,
            "worst_tokens": max(fewer),
            "worst_error": max(truer),
            "error_over_5_percent": sum(bool(error > 1.05) for error in truer),
        }
    return result


def _table(title: str, rows: dict[str, dict[str, float]]) -> Table:
    table = Table(title=title)
    table.add_column("")
    columns = list(next(iter(rows.values())))
    for column in columns:
        table.add_column(column, justify="right")
    for name, row in rows.items():
        table.add_row(name, *(f"{row[column]:.4g}" for column in columns))
    return table


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, default=Path("out/codec_trials.json"))
    arguments = parser.parse_args()
    folder = Path(os.environ.get("ECG_BYTE_DATA", REPOSITORY.parent / "shared" / "data"))
    if not (folder / "ptb-xl" / "ptbxl_database.csv").is_file():
        sys.exit(f"no real ECGs at {folder}; set ECG_BYTE_DATA to the folder that holds ptb-xl/")
    console = Console()
    progress = Console(stderr=True)
    content: dict[str, Any] = {}
    with progress.status("reading"):
        corpora, codes = read_all(folder)
    train, validation = corpora["train"], corpora["PTB-XL"]
    with progress.status("steps"):
        content["frontier"] = {}
        for step, template_step in FRONTIER:
            processor = processor_of("beat", {"step": step, "template_step": template_step}, train)
            for name in ("PTB-XL", "Chapman-Ningbo", "LUDB"):
                key = f"{name}, {step} / {template_step}"
                content["frontier"][key] = summary(per_record(processor, corpora[name]))
    console.print(_table("step / template step", content["frontier"]))
    with progress.status("parts"):
        content["levers"] = {
            name: summary(per_record(processor_of("beat", options, train), validation))
            for name, options in LEVERS.items()
        }
        beat = processor_of("beat", {}, train)
        for name, ways in TRAINING.items():
            rows = per_record(processor_of("beat", {}, train, **ways), validation)
            content["levers"][name] = summary(rows)
        for name, ways in SEPARATE.items():
            rows = per_record(
                processor_of("beat", {"alphabets": "separate"}, train, **ways), validation
            )
            content["levers"][name] = summary(rows)
        default = content["levers"]["default"]
        tokens = fewest_tokens(beat, validation)
        content["levers"]["fewest tokens instead of merge order"] = default | {
            "tokens_mean": tokens,
            "tokens_at_30_uV": default["tokens_at_30_uV"] * tokens / default["tokens_mean"],
        }
    console.print(_table("parts of beat, PTB-XL fold 9", content["levers"]))
    with progress.status("against compact"):
        klt = beat.feature_extractor.codec.klt
        content["against_compact"] = against_compact(beat, train, cases(corpora, codes, klt))
    console.print(
        _table("default beat against compact at the same error", content["against_compact"])
    )
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    arguments.json.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
