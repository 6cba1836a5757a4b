"""Make transformers' Auto classes know ours, without `trust_remote_code`."""

from __future__ import annotations


def register_auto_classes() -> None:
    """Register extractor and processor with `AutoFeatureExtractor` and `AutoProcessor`.

    Importing the Auto classes takes seconds and loads torch, so it is not done on import.
    Calling it twice does no harm.
    """
    from transformers import AutoFeatureExtractor, AutoProcessor, PretrainedConfig

    from .hub_code.feature_extraction_ecg_byte import EcgByteFeatureExtractor
    from .hub_code.processing_ecg_byte import EcgByteProcessor

    class EcgByteConfig(PretrainedConfig):
        """No model has it: the registries are keyed by configuration class."""

        model_type = "ecg-byte"

    AutoFeatureExtractor.register(EcgByteConfig, EcgByteFeatureExtractor, exist_ok=True)
    AutoProcessor.register(EcgByteConfig, EcgByteProcessor, exist_ok=True)
