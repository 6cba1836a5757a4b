"""A processor trained on a few simulated ECGs, for tests that need one and not its quality."""

from __future__ import annotations

from functools import cache
from itertools import islice

from ecg_byte_hf.corpora.simulation import SimulatedRecord, simulate
from ecg_byte_hf.hub_code.feature_extraction_ecg_byte import EcgByteFeatureExtractor
from ecg_byte_hf.hub_code.processing_ecg_byte import EcgByteProcessor
from ecg_byte_hf.tokenizer import train_tokenizer


@cache
def simulated_records(count: int = 12) -> tuple[SimulatedRecord, ...]:
    return tuple(islice(simulate(count, seed=7), count))


@cache
def small_processor(preset: str = "compact", unit: str = "mV") -> EcgByteProcessor:
    records = [one.record for one in simulated_records()]
    extractor = EcgByteFeatureExtractor(preset, unit=unit)
    extractor.fit((record.signal, record.sampling_rate) for record in records)
    words = [extractor.encode(record.signal, record.sampling_rate) for record in records]
    # The alphabet of placed and named words alone is larger than 512.
    size = 1024 if preset in ("beat-placed", "beat-named") else 512
    return EcgByteProcessor(extractor, train_tokenizer(words, extractor, size))
