"""What a whole corpus adds up to: tokens and errors of all its records."""

from __future__ import annotations

import math
from array import array
from typing import Any

import numpy as np

from ..hub_code.leads import INDEPENDENT_LEADS, STANDARD_LEADS
from .metrics import ErrorSums


class CorpusTotals:
    """Sums over all records, and for the medians four-byte floats of each."""

    def __init__(self, leads: int) -> None:
        self.records = 0
        self.sums = ErrorSums.nothing(leads)
        self.symbols = 0
        self.markers = 0
        self.tokens = array("i")
        # Per record: RMSE, PRD, PRDN, SNR of all leads together, then of each lead.
        self.measures = array("f")
        self.leads = leads

    def add(self, sums: ErrorSums, *, tokens: int, markers: int, symbols: int) -> None:
        """Take in one record."""
        self.records += 1
        self.sums = self.sums + sums
        self.tokens.append(tokens)
        self.markers += markers
        self.symbols += symbols
        for part in (sums.over_leads(), sums):
            for measure in (part.rmse, part.prd, part.prdn, part.snr):
                self.measures.extend(np.atleast_1d(measure).tolist())

    def tokens_summary(self, vocabulary_size: int) -> dict[str, float]:
        """Tokens an ECG, symbols a token, and bits a sample.

        Every id, markers too, takes log2(vocabulary) bits: what it costs without an entropy coder.
        `bits_per_sample` is over the samples of all leads; four of twelve follow from the others,
        so that `bits_per_independent_sample` counts eight.
        """
        tokens = np.asarray(self.tokens)
        bits_per_token = math.log2(vocabulary_size)
        bits = int(tokens.sum()) * bits_per_token
        samples = float(self.sums.samples.sum())
        return {
            "tokens_mean": float(tokens.mean()),
            "tokens_p50": float(np.percentile(tokens, 50)),
            "tokens_p95": float(np.percentile(tokens, 95)),
            "symbols_per_token": self.symbols / max(1, int(tokens.sum()) - self.markers),
            "bits_per_token": bits_per_token,
            "bits_per_sample": bits / samples,
            "bits_per_independent_sample": bits / samples * self.leads / len(INDEPENDENT_LEADS),
        }

    def error_summary(self, unit: str) -> dict[str, float | None]:
        """The errors over all leads."""
        table = np.asarray(self.measures).reshape(self.records, 4 * (1 + self.leads))
        return _named(self.sums.over_leads(), table[:, :4], unit)

    def error_summaries_per_lead(self, unit: str) -> dict[str, dict[str, float | None]]:
        """The errors of each lead."""
        table = np.asarray(self.measures).reshape(self.records, 4 * (1 + self.leads))
        per_lead = table[:, 4:].reshape(self.records, 4, self.leads)
        return {
            lead: _named(self.sums.lead(row), per_lead[:, :, row], unit)
            for row, lead in enumerate(STANDARD_LEADS)
        }


def _named(sums: ErrorSums, per_record: Any, unit: str) -> dict[str, float | None]:
    scale, suffix = (1000.0, "_uV") if unit == "mV" else (1.0, "")
    rmse, prd, prdn, snr = np.median(per_record, axis=0)
    values = {
        f"rmse{suffix}": scale * sums.rmse,
        f"rmse_median{suffix}": scale * rmse,
        "prd": sums.prd,
        "prd_median": prd,
        "prdn": sums.prdn,
        "prdn_median": prdn,
        "snr_dB": sums.snr,
        "snr_median_dB": snr,
        f"max_error{suffix}": scale * sums.max_error,
    }
    # JSON has no infinity: the SNR of a perfect, the PRD of a flat lead are null.
    return {name: float(v) if math.isfinite(v) else None for name, v in values.items()}
