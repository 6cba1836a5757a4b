"""Which delineator: the floor of NeuroKit2's methods, and how far they are from cardiologists.

    python -m tests.benchmarks.delineators PTB-XL-CORPUS LUDB-CORPUS LUDB-FOLDER [--step N]

No decoded signal is looked at: the method is chosen by what it makes of the same signal plus 1 and
30 uV of white noise (95 % limits of record medians, every `step`-th ECG of split validation) and by
LUDB's boundaries (bias and SD of each boundary, in lead II; r: correlation of the record's median
duration with the cardiologists'). About ten minutes on one core for all ECGs.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import neurokit2
import numpy as np
import scipy.signal

from ecg_byte_hf.corpora import open_corpus, signal_mV
from ecg_byte_hf.fidelity.agreement import agreement
from ecg_byte_hf.fidelity.ludb_boundaries import TOLERANCE_S, read_boundaries
from ecg_byte_hf.hub_code.cleaning import clean

_KEYS = {
    "qrs_onset": "ECG_R_Onsets",
    "qrs_offset": "ECG_R_Offsets",
    "p_onset": "ECG_P_Onsets",
    "t_offset": "ECG_T_Offsets",
}
Beats = dict[str, np.ndarray]


@dataclass(frozen=True)
class Variant:
    """A method at a sampling rate (Hz), below a cut-off (Hz), on every beat or the median beat."""

    method: str
    rate: int = 1000
    low_pass: float | None = None
    median_beat: bool = False

    def beats(self, lead: np.ndarray) -> Beats | None:
        """R peaks and boundaries of a lead at 250 Hz, in s; None where the method fails."""
        x = scipy.signal.resample_poly(np.asarray(lead, float), self.rate, 250)
        if self.low_pass:
            sos = scipy.signal.butter(4, self.low_pass, fs=self.rate, output="sos")
            x = scipy.signal.sosfiltfilt(sos, x)
        try:
            _, found = neurokit2.ecg_peaks(x, sampling_rate=self.rate)
            peaks = np.asarray(found["ECG_R_Peaks"], dtype=int)
            if self.median_beat:
                return self._median_beat(x, peaks)
            return self._delineate(x, peaks)
        except (ValueError, IndexError, KeyError, TypeError, ZeroDivisionError):
            return None

    def _delineate(self, x: np.ndarray, peaks: np.ndarray) -> Beats | None:
        _, waves = neurokit2.ecg_delineate(x, peaks, sampling_rate=self.rate, method=self.method)
        beats = {name: np.asarray(waves[key], float) for name, key in _KEYS.items()}
        # `cwt` has no P of the first and no T of the last beat.
        for name, values in beats.items():
            if len(values) == len(peaks) - 1:
                beats[name] = np.insert(values, 0 if name == "p_onset" else len(values), np.nan)
        beats["r_peak"] = np.asarray(peaks, float)
        if len({len(values) for values in beats.values()}) > 1:
            return None
        return {name: values / self.rate for name, values in beats.items()}

    def _median_beat(self, x: np.ndarray, peaks: np.ndarray) -> Beats | None:
        """The boundaries of the median beat, five times in a row, put at every R peak."""
        interval = int(np.median(np.diff(peaks)))
        before = int(0.4 * interval)
        whole = [p for p in peaks if p >= before and p - before + interval <= len(x)]
        beat = np.median([x[p - before : p - before + interval] for p in whole], axis=0)
        beat -= np.linspace(-0.5, 0.5, interval) * (beat[-1] - beat[0])
        centres = before + interval * np.arange(5)
        beats = self._delineate(np.tile(beat, 5), centres)
        if beats is None:
            return None
        offset = {name: values[2] - centres[2] / self.rate for name, values in beats.items()}
        return {name: peaks / self.rate + value for name, value in offset.items()}

    @property
    def name(self) -> str:
        """What a row is called."""
        filtered = f"below {self.low_pass:g} Hz" if self.low_pass else "not filtered"
        beats = "median beat" if self.median_beat else "every beat"
        return f"{self.method}, {self.rate} Hz, {filtered}, {beats}"


VARIANTS = (
    Variant("dwt", 250),
    Variant("dwt"),
    Variant("dwt", low_pass=40),
    Variant("cwt"),
    Variant("cwt", low_pass=40),
    Variant("prominence", 250),
    Variant("prominence"),
    Variant("prominence", low_pass=25),
    Variant("prominence", low_pass=40),
    Variant("prominence", low_pass=40, median_beat=True),
)

DURATIONS: dict[str, Callable[[Beats], np.ndarray]] = {
    "QRS": lambda b: b["qrs_offset"] - b["qrs_onset"],
    "PR": lambda b: b["qrs_onset"] - b["p_onset"],
    "QT": lambda b: b["t_offset"] - b["qrs_onset"],
}


def _median_ms(values: np.ndarray) -> float:
    return 1000 * float(np.nanmedian(values)) if np.isfinite(values).any() else np.nan


def _floor(variant: Variant, leads: list[np.ndarray], noise_uV: float) -> dict[str, Any]:
    differences: dict[str, list[float]] = {name: [] for name in DURATIONS}
    for number, lead in enumerate(leads):
        noise = np.random.default_rng(number).standard_normal(lead.shape)
        one, other = variant.beats(lead), variant.beats(lead + noise_uV / 1000 * noise)
        for name, duration in DURATIONS.items():
            both = one is not None and other is not None
            difference = _median_ms(duration(other)) - _median_ms(duration(one)) if both else np.nan
            differences[name].append(difference)
    return {name: agreement(values) for name, values in differences.items()}


def _against_cardiologists(
    variant: Variant, leads: list[tuple[str, np.ndarray]], folder: Path
) -> str:
    errors: dict[str, list[float]] = {name: [] for name in _KEYS}
    marked_in_all = dict.fromkeys(_KEYS, 0)
    durations: list[tuple[float, float]] = []
    failed = 0
    for record_id, lead in leads:
        marked, beats = read_boundaries(folder / record_id), variant.beats(lead)
        if marked is None or beats is None:
            failed += 1
            continue
        for name in _KEYS:
            found = beats[name][np.isfinite(beats[name])]
            marked_in_all[name] += len(marked[name])
            for mark in marked[name] if len(found) else ():
                error = found[np.argmin(np.abs(found - mark))] - mark
                if abs(error) <= TOLERANCE_S:
                    errors[name].append(1000 * error)
        if len(marked["qrs_onset"]) == len(marked["qrs_offset"]):
            qrs = DURATIONS["QRS"]
            durations.append((_median_ms(qrs(marked)), _median_ms(qrs(beats))))
    pairs = np.array([pair for pair in durations if np.isfinite(pair).all()])
    cells = [
        f"{np.mean(values):+.0f} ± {np.std(values):.0f} "
        f"({100 * len(values) / max(1, marked_in_all[name]):.0f} %)"
        for name, values in errors.items()
    ]
    return f"{' | '.join(cells)} | {np.corrcoef(pairs.T)[0, 1]:.2f} | {failed}"


def _leads(corpus: str, step: int) -> list[tuple[str, np.ndarray]]:
    rows = open_corpus(corpus)["validation"]
    return [
        (str(row["record_id"]), clean(signal_mV(row), float(row["sampling_rate"]))[1])
        for row in (rows[k] for k in range(0, len(rows), step))
    ]


def main() -> None:
    """Print one row of a Markdown table per variant."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("ptb_xl")
    parser.add_argument("ludb")
    parser.add_argument("ludb_folder", type=Path)
    parser.add_argument("--step", type=int, default=1)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    own = [lead for _, lead in _leads(arguments.ptb_xl, arguments.step)]
    ludb = _leads(arguments.ludb, arguments.step)
    print(
        "| variant | 1 uV: QRS | PR | QT | 30 uV: QRS | PR | QT "
        "| LUDB: QRS on | QRS off | P on | T off | r of QRS | failed |\n|" + "---|" * 13
    )
    for variant in VARIANTS:
        cells = []
        for noise_uV in (1.0, 30.0):
            for one in _floor(variant, own, noise_uV).values():
                cells.append("-" if one["sd"] is None else f"±{1.96 * one['sd']:.1f} ({one['n']})")
        against = _against_cardiologists(variant, ludb, arguments.ludb_folder)
        print(f"| {variant.name} | {' | '.join(cells)} | {against} |", flush=True)


if __name__ == "__main__":
    main()
