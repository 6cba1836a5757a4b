"""The recipe of FAST for action chunks, applied to ECGs: DCT, round, flatten, BPE.

Pertsch et al., "FAST: Efficient Action Tokenization for Vision-Language-Action Models"
(arXiv 2501.09747): the DCT of every channel of a chunk, times a scale, rounded, flattened with the
lowest frequencies of all channels first, then a BPE over the integers as characters. Not applied:
the paper's scaling of each channel by its quantiles, since all leads are in mV and one step for all
is what keeps the RMSE least.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.fft import dct, idct

from ..hub_code.ecg_ids import BEGIN, END
from ..hub_code.errors import EcgByteError
from ..hub_code.feature_extraction_ecg_byte import EcgByteFeatureExtractor
from ..hub_code.leads import LEADS_FROM_INDEPENDENT, independent_leads
from ..tokenizer import train_tokenizer

# CJK unified ideographs: printable, and left alone by every Unicode normalisation.
_FIRST_CHARACTER = 0x4E00
_CHARACTERS = 20_992

Float32 = NDArray[np.float32]
Int64 = NDArray[np.int64]


class DctCodec:
    """Signals to words and back, a word per chunk.

    `chunk`: samples of a chunk, `None` for the whole signal; the last chunk may be shorter.
    `scale`: what an orthonormal DCT coefficient in mV is multiplied with before it is rounded, so
    1 / step. `independent`: code I, II, V1 ... V6 and have the other four by Einthoven's and
    Goldberger's equations, instead of all twelve leads as FAST codes all its channels.
    """

    def __init__(self, scale: float, chunk: int | None = None, independent: bool = False) -> None:
        if not (np.isfinite(scale) and scale > 0):
            raise EcgByteError(f"DCT baseline: scale {scale!r} must be a positive number")
        self.scale = float(scale)
        self.chunk = chunk
        self.channels = 8 if independent else 12
        self.lowest, self.highest = 0, 0

    def state(self) -> dict[str, float | int | None]:
        """Everything that decoding needs, as JSON types."""
        return {
            "scale": self.scale,
            "chunk": self.chunk,
            "channels": self.channels,
            "lowest": self.lowest,
            "highest": self.highest,
        }

    @property
    def alphabet(self) -> str:
        """A character per integer between the smallest and the largest that `fit` saw."""
        return "".join(map(chr, range(_FIRST_CHARACTER, self._character(self.highest) + 1)))

    def fit(self, signals: Iterable[Float32]) -> list[list[str]]:
        """Learn the range of the integers from cleaned signals (12, samples); their words.

        Raises `EcgByteError` where the range is wider than there are characters.
        """
        quantised = [self._quantise(signal) for signal in signals]
        self.lowest = min(int(values.min()) for chunks in quantised for values in chunks)
        self.highest = max(int(values.max()) for chunks in quantised for values in chunks)
        if self.highest - self.lowest >= _CHARACTERS:
            raise EcgByteError(f"DCT baseline: scale {self.scale:g} is too fine for an alphabet")
        return [[self._word(values) for values in chunks] for chunks in quantised]

    def encode(self, signal: Float32) -> list[str]:
        """The words of a cleaned signal (12, samples); integers never seen are clipped."""
        return [self._word(values) for values in self._quantise(signal)]

    def decode(self, symbols: str) -> Float32:
        """float32 (12, samples) of the words of one signal, joined."""
        codes = np.frombuffer(symbols.encode("utf-32-le"), dtype="<u4").astype(np.int64)
        values = (codes - _FIRST_CHARACTER + self.lowest) / self.scale
        size = self.channels * (self.chunk or len(values))
        parts = [
            idct(values[start : start + size].reshape(-1, self.channels).T, norm="ortho", axis=-1)
            for start in range(0, len(values), size)
        ]
        leads = np.concatenate(parts, axis=1)
        if self.channels == 8:
            leads = LEADS_FROM_INDEPENDENT @ leads
        return leads.astype(np.float32)

    def _quantise(self, signal: Float32) -> list[Int64]:
        leads = independent_leads(signal) if self.channels == 8 else signal
        samples = leads.shape[1]
        chunk = self.chunk or samples
        # Transposed before it is flattened: all channels of a frequency side by side.
        return [
            np.rint(
                self.scale * dct(leads[:, start : start + chunk], norm="ortho", axis=-1).T
            ).astype(np.int64)
            for start in range(0, samples, chunk)
        ]

    def _character(self, value: int) -> int:
        return _FIRST_CHARACTER + value - self.lowest

    def _word(self, values: Int64) -> str:
        clipped = np.clip(values, self.lowest, self.highest) + (_FIRST_CHARACTER - self.lowest)
        return clipped.astype("<u4").tobytes().decode("utf-32-le")


class DctTokenizer:
    """The recipe with its BPE: what `fidelity.report.measure` asks of a processor.

    `signals`: (signal (12, samples) in mV, sampling rate in Hz) of the training ECGs; cleaned as
    `compact` and `beat` clean theirs. `vocabulary_size` counts pad, begin and end too.
    Raises `EcgByteError` where the vocabulary is too small for the integers at this scale.
    """

    def __init__(
        self, codec: DctCodec, signals: Iterable[tuple[Any, float]], vocabulary_size: int
    ) -> None:
        cleaner = EcgByteFeatureExtractor("compact")
        words = codec.fit(cleaner.clean(signal, rate) for signal, rate in signals)
        self.feature_extractor: Any = SimpleNamespace(
            preset="fast",
            cleaning=cleaner.cleaning,
            sampling_rate=cleaner.sampling_rate,
            unit=cleaner.unit,
            clean=cleaner.clean,
            codec=codec,
            markers=(),
            alphabet=codec.alphabet,
            to_dict=codec.state,
        )
        self.codec = codec
        self.ecg_tokenizer = None
        self.tokenizer = train_tokenizer(words, self.feature_extractor, vocabulary_size)
        self._backend = self.tokenizer.backend_tokenizer
        vocabulary = self._backend.get_vocab(with_added_tokens=True)
        self._symbols = {i: token for token, i in vocabulary.items()}
        self._begin, self._end = vocabulary[BEGIN], vocabulary[END]
        self.ecg_vocabulary_size = len(vocabulary)

    def words_to_ids(self, words: Sequence[str]) -> list[int]:
        """`<|ecg|>`, the tokens of all words, `<|/ecg|>`."""
        encoded = self._backend.encode_batch_fast(list(words), add_special_tokens=False)
        return [self._begin, *(i for word in encoded for i in word.ids), self._end]

    def decode_ecg(self, ids: Sequence[int]) -> Float32:
        """float32 (12, samples) in mV at 250 Hz of what `words_to_ids` gave."""
        return self.codec.decode("".join(self._symbols[i] for i in ids[1:-1]))
