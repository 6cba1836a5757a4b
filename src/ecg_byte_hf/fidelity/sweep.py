"""Rate against distortion of many tokenizers on one corpus, in one JSON that can be gone on with.

Each point is what `ecg-byte train-tokenizer` with its options, then `ecg-byte report` give.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from .. import __version__
from ..corpora import check_corpus_unit, open_corpus, signal_mV
from ..corpora.corpus import CORPUS_FILE
from ..corpus_tokenizer import processor_from_corpus
from ..hub_code.errors import EcgByteError
from ..hub_code.feature_extraction_ecg_byte import EcgByteFeatureExtractor
from ..progress import bar, datasets_bars
from .curves import between_points
from .dct_baseline import DctCodec, DctTokenizer
from .goals import judge_goals
from .lossless import bits_per_sample
from .pareto import pareto_front
from .report import measure
from .report_output import write_json
from .sweep_plan import (
    PRESETS,
    STEPS,
    VOCABULARY,
    Setting,
    default_setting,
    not_possible,
    plan,
)

# Of a report's `overall`, what a point keeps.
_FIGURES = (
    *("tokens_mean", "tokens_p50", "tokens_p95", "symbols_per_token", "bits_per_sample"),
    *("rmse_uV", "rmse_median_uV", "prd", "prd_median"),
)

# (name, seconds of a chunk or None for the whole ECG, whether only the independent leads).
FAST_VARIANTS = (("1-s chunks, 12 leads", 1.0, False), ("10-s chunks, 8 leads", None, True))
FAST_SCALES = (2.0, 4.0, 8.0, 16.0)
# Its words are as long as the ECG, and the time that their BPE takes to train goes with it.
FAST_TRAINING = 500

NOTES = {
    "tokens": "all ids from <|ecg|> to <|/ecg|>, both and all markers counted",
    "rmse_uV": "over all samples of all leads and ECGs, against the ECG as the preset cleans it",
    "bits_per_sample": "tokens x log2(vocabulary size) / samples of the 12 leads at 250 Hz",
    "pareto": (
        "of the points learned from all training ECGs, baselines included, none takes fewer tokens "
        "at the same or a smaller RMSE, or has a smaller RMSE at as many tokens"
    ),
    "fast": (
        "recipe of arXiv 2501.09747: DCT of each lead of a chunk in mV, times scale, rounded, "
        "lowest frequencies of all leads first, BPE; its default are chunks of 1 s; the whole ECG "
        "as one chunk and the 8 independent leads cost it fewer tokens at the same error; leads "
        "are not scaled by their quantiles; integers never seen in training are clipped"
    ),
    "lossless": (
        "the 8 independent leads rounded so that all 12 have the RMSE of the preset, each ECG "
        "compressed on its own by zlib (level 9) and FLAC (16 bits, 8 channels); bits over the "
        "samples of the 12 leads"
    ),
}


def sweep(
    corpus: str | Path,
    json_file: str | Path,
    *,
    split: str = "validation",
    also: Mapping[str, str | Path] | None = None,
    quick: bool = False,
    overwrite: bool = False,
    quiet: bool = False,
) -> dict[str, Any]:
    """Measure every setting of `sweep_plan.plan`, the baselines and the goals; returns the JSON.

    Learned from the split `train` of `corpus`, measured on `split`. `also`: further corpora by
    name, on all of whose ECGs the tokenizers with vocabulary 4,096 are measured (`"ludb"` and
    `"chapman"` have a goal). The file is written after each point, whole or not at all; points that
    it holds already are not measured again. Memory: the cleaned ECGs of `split`, 120 kB each.

    Raises `EcgByteError` where a corpus or split is missing or not in mV, or the file holds another
    corpus, was measured with another version of the code, or is no sweep (unless `overwrite`).
    """
    return _Sweep(Path(corpus), Path(json_file), split, also or {}, quick, overwrite, quiet).run()


class _Sweep:
    def __init__(
        self,
        corpus: Path,
        json_file: Path,
        split: str,
        also: Mapping[str, str | Path],
        quick: bool,
        overwrite: bool,
        quiet: bool,
    ) -> None:
        self.corpus, self.json_file, self.split, self.quiet = corpus, json_file, split, quiet
        for folder in (corpus, *also.values()):
            check_corpus_unit(folder, "mV", "sweep")
        with datasets_bars(quiet):
            splits = open_corpus(corpus)
            for name in ("train", split):
                if name not in splits:
                    raise EcgByteError(f"{corpus}: no split {name!r}; it has {', '.join(splits)}")
            self.train, self.rows = splits["train"], splits[split]
            self.also = {name: _all_rows(folder) for name, folder in also.items()}
        self.quick = quick
        self.settings = plan(len(self.train), quick=quick)
        self.result = self._begin(also, overwrite)

    def _begin(self, also: Mapping[str, str | Path], overwrite: bool) -> dict[str, Any]:
        same = {
            "corpus_sha256": _sha256_of_corpus(self.corpus),
            "split": self.split,
            "version": __version__,
            "code_sha256": _sha256_of_code(),
        }
        also_sha256 = {name: _sha256_of_corpus(folder) for name, folder in also.items()}
        old = {} if overwrite else _read(self.json_file)
        if old:
            known = old["settings"]
            other = [name for name in same if known[name] != same[name]]
            other += [
                f"also {name}"
                for name, digest in also_sha256.items()
                if known["also_sha256"].get(name, digest) != digest
            ]
            if other:
                raise EcgByteError(
                    f"{self.json_file}: holds a sweep with another {', '.join(other)}; give "
                    f"another --json, or --overwrite to begin anew"
                )
            also_sha256 = known["also_sha256"] | also_sha256
        return {
            "settings": {
                "corpus": str(self.corpus),
                **same,
                "also_sha256": also_sha256,
                "training_ecgs": len(self.train),
                "ecgs": len(self.rows),
            },
            "complete": False,
            "notes": NOTES,
            "points": old.get("points", []),
            "not_possible": not_possible(),
            "baselines": old.get("baselines", {"fast": [], "lossless": []}),
            "goals": [],
        }

    def run(self) -> dict[str, Any]:
        """Do what is left to do."""
        todo = self._points_to_do() + self._fast_to_do()
        with bar("sweeping", len(todo), self.quiet) as advance:
            for task in todo:
                task()
                self._write()
                advance()
        for task in self._lossless_to_do():
            task()
            self._write()
        self._write()
        return self.result

    def _points_to_do(self) -> list[Callable[[], None]]:
        points = {Setting.of_point(point): point for point in self.result["points"]}
        todo: list[Callable[[], None]] = []
        for setting in self.settings:
            missing = self._also_of(setting) - set(points.get(setting, {}).get("also", {}))
            if setting not in points or missing:
                todo.append(partial(self._do, setting, points.get(setting)))
        return todo

    def _also_of(self, setting: Setting) -> set[str]:
        full = setting.vocabulary == VOCABULARY and setting.training_ecgs == len(self.train)
        return set(self.also) if full else set()

    def _do(self, setting: Setting, point: dict[str, Any] | None) -> None:
        everything = setting.training_ecgs == len(self.train)
        processor = processor_from_corpus(
            self.corpus,
            preset=setting.preset,
            vocabulary_size=setting.vocabulary,
            max_records=None if everything else setting.training_ecgs,
            codec=dict(setting.codec),
            quiet=True,
        )
        if point is None:
            point = {
                "preset": setting.preset,
                "codec": dict(setting.codec),
                "vocabulary": setting.vocabulary,
                "training_ecgs": setting.training_ecgs,
                "default": setting == default_setting(setting.preset, len(self.train)),
                **self._figures(processor, self.rows, self.corpus),
            }
            self.result["points"].append(point)
        for name in sorted(self._also_of(setting) - set(point.get("also", {}))):
            figures = self._figures(processor, self.also[name], name)
            point["also"] = point.get("also", {}) | {name: figures}

    def _figures(self, processor: Any, rows: Any, source: Any) -> dict[str, Any]:
        measured = measure(processor, rows, source=str(source))
        settings, overall = measured["settings"], measured["overall"]
        return {
            "vocabulary_size": settings["vocabulary_size"],
            "ecgs": settings["records"],
            "left_out": settings["left_out"],
            **{name: overall[name] for name in _FIGURES},
        }

    def _fast_to_do(self) -> list[Callable[[], None]]:
        done = {(row["variant"], row["scale"]) for row in self.result["baselines"]["fast"]}
        variants = FAST_VARIANTS[:1] if self.quick else FAST_VARIANTS
        scales = FAST_SCALES[::2] if self.quick else FAST_SCALES
        return [
            partial(self._do_fast, variant, scale)
            for variant in variants
            for scale in scales
            if (variant[0], scale) not in done
        ]

    def _do_fast(self, variant: tuple[str, float | None, bool], scale: float) -> None:
        name, chunk_s, independent = variant
        rate = EcgByteFeatureExtractor("compact").sampling_rate
        codec = DctCodec(scale, None if chunk_s is None else round(chunk_s * rate), independent)
        train = self.train.select(range(min(FAST_TRAINING, len(self.train))))
        tokenizer = DctTokenizer(codec, _signals(train), VOCABULARY)
        point = {
            "preset": "fast",
            "variant": name,
            "scale": scale,
            "vocabulary": VOCABULARY,
            "training_ecgs": len(train),
            **self._figures(tokenizer, self.rows, self.corpus),
        }
        # Its words have no markers, which the report takes off when it counts symbols.
        del point["symbols_per_token"]
        self.result["baselines"]["fast"].append(point)

    def _lossless_to_do(self) -> list[Callable[[], None]]:
        done = {Setting.of_point(row) for row in self.result["baselines"]["lossless"]}
        wanted = []
        for preset in PRESETS:
            wanted.append(default_setting(preset, len(self.train)))
            finest = min(STEPS[preset], key=lambda options: options.get("step", 0))
            codec = tuple(sorted(finest.items()))
            wanted.append(Setting(preset, codec, VOCABULARY, len(self.train)))
        points = {Setting.of_point(point): point for point in self.result["points"]}
        return [
            partial(self._do_lossless, setting, points[setting])
            for setting in dict.fromkeys(wanted)
            if setting in points and setting not in done
        ]

    def _do_lossless(self, setting: Setting, point: Mapping[str, Any]) -> None:
        # Not the paper's cleaning: it breaks Einthoven's law, by which the compressors gain.
        extractor = EcgByteFeatureExtractor("compact")
        own = point["bits_per_sample"]
        row: dict[str, Any] = {
            "preset": setting.preset,
            "codec": dict(setting.codec),
            "vocabulary": setting.vocabulary,
            "training_ecgs": setting.training_ecgs,
            "rmse_uV": point["rmse_uV"],
            "bits_per_sample": {"tokens": own},
        }
        try:
            step, bits = bits_per_sample(
                list(_cleaned(self.rows, extractor)),
                point["rmse_uV"] / 1000,
                extractor.sampling_rate,
            )
        except EcgByteError as error:
            # Leads that do not obey Einthoven's law: nothing can be compared.
            row["why"] = str(error)
        else:
            row["step_uV"] = 1000 * step
            row["bits_per_sample"] |= bits
            row["times_the_tokens"] = {
                name: None if found is None else found / own for name, found in bits.items()
            }
        self.result["baselines"]["lossless"].append(row)

    def _write(self) -> None:
        place = {setting: k for k, setting in enumerate(plan(len(self.train)))}
        self.result["points"].sort(key=lambda point: place.get(Setting.of_point(point), len(place)))
        self.result["baselines"]["fast"].sort(key=lambda point: (point["variant"], point["scale"]))
        derive(self.result)
        write_json(self.result, self.json_file)


def derive(result: dict[str, Any]) -> None:
    """Put into a sweep's JSON what follows from its points: front, ratios to FAST, goals.

    `complete` is whether all settings of a whole sweep are there; before that (and after a quick
    one) no goal is called missed.
    """
    points, baselines = result["points"], result["baselines"]
    training_ecgs = result["settings"]["training_ecgs"]
    for point in points:
        point["pareto"] = False
    rivals = [one for one in points if one["training_ecgs"] == training_ecgs] + baselines["fast"]
    front = pareto_front([(one["tokens_mean"], one["rmse_uV"]) for one in rivals])
    for point, on_front in zip(rivals, front, strict=True):
        point["pareto"] = on_front
    baselines["fast_at_equal_rmse"] = _fast_at_equal_rmse(points, baselines["fast"])
    settings = {Setting.of_point(point) for point in points}
    result["complete"] = settings.issuperset(plan(training_ecgs))
    result["goals"] = judge_goals(points, training_ecgs)
    for goal in result["goals"]:
        if goal["reached"] is False and not result["complete"]:
            goal |= {"reached": None, "why": "not reached by the settings measured so far"}


def _fast_at_equal_rmse(
    points: list[dict[str, Any]], fast: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Tokens of each FAST variant, between its scales, at the RMSE of each preset's default."""
    rows = []
    for variant in dict.fromkeys(one["variant"] for one in fast):
        curve = [(one["rmse_uV"], one["tokens_mean"]) for one in fast if one["variant"] == variant]
        for point in points:
            tokens = between_points(curve, point["rmse_uV"]) if point["default"] else None
            if tokens is not None:
                rows.append(
                    {
                        "variant": variant,
                        "preset": point["preset"],
                        "rmse_uV": point["rmse_uV"],
                        "tokens_mean": point["tokens_mean"],
                        "tokens_mean_fast": tokens,
                        "ratio": tokens / point["tokens_mean"],
                    }
                )
    return rows


def _all_rows(folder: str | Path) -> Any:
    from datasets import concatenate_datasets

    # Nothing is fitted on them, so all of their splits may be measured.
    return concatenate_datasets(list(open_corpus(folder).values())).with_format("numpy")


def _signals(rows: Any) -> Iterator[tuple[Any, float]]:
    for row in rows:
        yield signal_mV(row), float(row["sampling_rate"])


def _cleaned(rows: Any, extractor: EcgByteFeatureExtractor) -> Iterator[Any]:
    """Cleaned signals (12, samples) in mV of the rows that the extractor takes."""
    for signal, sampling_rate in _signals(rows):
        with contextlib.suppress(EcgByteError):
            yield extractor.clean(signal, sampling_rate)


def _sha256_of_corpus(folder: str | Path) -> str:
    return hashlib.sha256((Path(folder) / CORPUS_FILE).read_bytes()).hexdigest()


def _sha256_of_code() -> str:
    """Of the code that the figures hang on."""
    package = Path(__file__).parents[1]
    files = [
        *sorted((package / "hub_code").glob("*.py")),
        *(package / name for name in ("tokenizer.py", "training_words.py", "corpus_tokenizer.py")),
        *(package / "fidelity" / name for name in ("dct_baseline.py", "lossless.py", "report.py")),
    ]
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    try:
        old: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        old["settings"]["code_sha256"], old["settings"]["also_sha256"], old["points"]
        old["baselines"]["fast"], old["baselines"]["lossless"]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError):
        raise EcgByteError(
            f"{path}: is no sweep's JSON; give another --json, or --overwrite to replace it"
        ) from None
    return old
