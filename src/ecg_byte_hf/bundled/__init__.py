"""Tokenizers that come with the package: folders that `EcgByteProcessor.from_bundled` reads.

`python -m ecg_byte_hf.bundled.make` makes them.
"""

from pathlib import Path

FOLDER = Path(__file__).resolve().parent
