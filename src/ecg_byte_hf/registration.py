"""Make transformers' Auto classes know ours, without `trust_remote_code`."""

from __future__ import annotations


def register_auto_classes() -> None:
    """Register the extractor and the processor with `AutoFeatureExtractor` and `AutoProcessor`.

    Importing the Auto classes takes seconds and loads torch, so it is not done on import.
    Calling it twice does no harm.
    """
    from transformers import AutoFeatureExtractor, AutoProcessor

    from .hub_code.feature_extraction_ecg_byte import EcgByteFeatureExtractor
    from .hub_code.processing_ecg_byte import EcgByteProcessor

    EcgByteFeatureExtractor.register_for_auto_class("AutoFeatureExtractor")
    EcgByteProcessor.register_for_auto_class("AutoProcessor")
    _ = (AutoFeatureExtractor, AutoProcessor)
