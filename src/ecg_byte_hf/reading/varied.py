"""Training sequences whose ECGs are varied and tokenised anew each epoch."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from torch.utils.data import Dataset
from transformers import TrainerCallback

from ecg_byte_hf.augmentation import Augmentation, happens
from ecg_byte_hf.corpora import signal_mV
from ecg_byte_hf.hub_code.errors import EcgByteError

from .packing import Feature, Packer
from .sequences import Chat, Reading


@dataclass(frozen=True)
class EcgVariants:
    """The ECGs of a corpus split, each as often and as different as one wants.

    `rows`: the split (`open_corpus`), which stays on the disk; `plain`: the ids of its ECGs as they
    are, in the Llama's vocabulary; `processor`: the `EcgByteProcessor` of the ECG BPE; `shift`: of
    its ids in the Llama's vocabulary; `seed`: what is drawn hangs on it, and on nothing of the
    process that draws.
    """

    rows: Any
    plain: Mapping[str, Sequence[int]]
    processor: Any
    shift: int
    augmentation: Augmentation
    seed: tuple[int, ...]

    @cached_property
    def _places(self) -> dict[str, int]:
        return {str(record): place for place, record in enumerate(self.rows["record_id"])}

    def ids(self, record_id: str, epoch: int, part: int) -> Sequence[int]:
        """Ids of a variant of an ECG, or of it as it is, in the Llama's vocabulary.

        `part` tells several sequences with the same ECG apart.
        """
        rng = np.random.default_rng((*self.seed, epoch, zlib.crc32(record_id.encode()), part))
        return self.augmentation.kept(self._whole(record_id, rng), rng)

    def _whole(self, record_id: str, rng: np.random.Generator) -> Sequence[int]:
        if not happens(self.augmentation.share, rng):
            return self.plain[record_id]
        row = self.rows[self._places[record_id]]
        rate = float(row["sampling_rate"])
        try:
            words = self._words(self.augmentation(signal_mV(row), rate, rng), rate, rng, record_id)
        except EcgByteError:
            # A stretch or a gain may make a signal that is refused, flat or too large.
            return self.plain[record_id]
        return [self.shift + i for i in self.processor.words_to_ids(words)]

    def _words(
        self, signal: np.ndarray, rate: float, rng: np.random.Generator, record_id: str
    ) -> list[str]:
        extractor = self.processor.feature_extractor
        codec = extractor.codec
        phase_s = self.augmentation.phase_s(rng)
        if not (phase_s and codec.state.get("templates")):
            return list(extractor.encode(signal, rate, source=record_id))
        components = codec.to_components(extractor.clean(signal, rate, source=record_id))
        return list(codec.encode_components(components, phase_s=phase_s))


class VariedReadings(Dataset):
    """Packed sequences by number; until `set_epoch` with the ECGs as they are.

    Their lengths are then those that sequences are grouped by. A varied ECG with which a sequence
    would not fit the context gives way to the plain one.
    """

    def __init__(
        self,
        readings: Sequence[Reading],
        pack: Packer,
        variants: EcgVariants,
        chat: Chat,
        context: int,
    ) -> None:
        """`pack`: the sequences of a reading, which the context bounds at `context` tokens."""
        self._pack = pack
        self._chat = chat
        self._variants = variants
        self._context = context
        self._epoch: int | None = None
        self._plain: list[Feature] = []
        self._parts: list[tuple[int, Reading]] = []
        for reading in readings:
            done = 0
            for part, feature in enumerate(pack(reading)):
                turns = int(feature["segments"].max())
                asked = replace(reading, turns=reading.turns[done : done + turns])
                done += turns
                self._plain.append(feature)
                self._parts.append((part, asked))

    def set_epoch(self, epoch: int) -> None:
        """Draw the variants of this epoch from now on."""
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._plain)

    def __getitem__(self, index: int) -> Feature:
        plain = self._plain[index]
        if self._epoch is None:
            return plain
        part, reading = self._parts[index]
        ids = self._chat.shared_ids(
            [self._variants.ids(record, self._epoch, part) for record in reading.record_ids]
        )
        grown = len(ids) - len(reading.ecg_ids)
        if len(plain["input_ids"]) + grown > self._context:
            return plain
        return next(self._pack(replace(reading, ecg_ids=tuple(ids))))


class EpochOf(TrainerCallback):
    """Tells datasets and samplers the epoch.

    accelerate does so too, but not where its sampler takes the epoch instead, as it may with
    several processes and after a resume.
    """

    def __init__(self) -> None:
        self._told: list[Any] = []

    def tell(self, dataset: Any) -> None:
        """Call `dataset.set_epoch` as every epoch begins; a sampler has it too."""
        self._told.append(dataset)

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Set the epoch that begins, or goes on."""
        # Whole at an epoch's end but for rounding; a fraction where a run goes on inside of one.
        for dataset in self._told:
            dataset.set_epoch(int((state.epoch or 0.0) + 1e-6))
