"""Features of an ECG as vectors among a Llama's embeddings, and the embedding that holds both."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn
from torch.nn import functional
from transformers import PreTrainedModel

from ecg_byte_hf.hub_code.errors import EcgByteError

from .labelled_ecgs import EcgSignals
from .resnet import EcgResNet
from .two_stage_files import PROJECTOR_WEIGHTS
from .variation import varied


class Projector(nn.Module):
    """Two layers from a feature map (ECGs, width, columns) to embeddings (ECGs, hidden, columns).

    After LLaVA-1.5 (Liu et al., arXiv 2310.03744), on features scaled to zero mean and unit
    variance by the statistics of the training ECGs; the last layer starts with outputs as large as
    the Llama's own embeddings. Convolutions of width 1, which LoRA's all-linear leaves alone.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(width, 1))
        self.register_buffer("scale", torch.ones(width, 1))
        self.register_buffer("size", torch.ones(()))
        self.into = nn.Conv1d(width, hidden, 1)
        self.out = nn.Conv1d(hidden, hidden, 1)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Project float32 features (ECGs, width, columns) to (ECGs, hidden, columns)."""
        scaled = (features - self.mean) / self.scale
        return self.size * self.out(functional.gelu(self.into(scaled)))

    @torch.no_grad()
    def fit(self, features: torch.Tensor, embedding: torch.Tensor) -> None:
        """Take the statistics of training features, and the root mean square of `embedding`."""
        self.mean.copy_(features.mean(dim=(0, 2))[:, None])
        self.scale.copy_(features.std(dim=(0, 2))[:, None].clamp(min=1e-3))
        self.size.fill_(1.0)
        own = self(features).square().mean().sqrt()
        self.size.copy_(embedding.float().square().mean().sqrt() / own)


class EcgEmbedding(nn.Embedding):
    """A Llama's input embedding in which ids from `first_id` on are features of ECGs.

    Id `first_id + e * columns + k` is column k of the projected feature map of ECG e of `show`.
    They are ids of the input alone: the output layer has none of them. The weight is the Llama's
    own, under its own name, so that a tied output layer stays tied. Signals are no part of the
    state; `show` gives others at any time.
    """

    def __init__(
        self,
        of: nn.Embedding,
        encoder: EcgResNet,
        projector: Projector,
        *,
        first_id: int,
        columns: int,
        train_encoder: bool,
        vary: bool,
        seed: int,
    ) -> None:
        """`vary`: in training, each ECG is turned in time and scaled as it is looked up.

        Without `train_encoder` the encoder stays in eval mode: BatchNorm must not learn either.
        """
        super().__init__(1, 1, device="meta")
        self.num_embeddings, self.embedding_dim = of.num_embeddings, of.embedding_dim
        self.padding_idx = of.padding_idx
        self.weight = of.weight
        self.encoder, self.projector = encoder, projector
        self.first_id, self.columns = first_id, columns
        self.train_encoder, self.vary = train_encoder, vary
        # What its variants are drawn from; a run that goes on goes on with its state.
        self.generator = torch.Generator().manual_seed(seed)
        self.register_buffer("signals", torch.zeros(0), persistent=False)
        self._places: dict[str, int] = {}

    def show(self, ecgs: Sequence[EcgSignals]) -> dict[str, list[int]]:
        """Hold these ECGs instead of those before; record id -> its ids.

        One more ECG is held, all zeros, whose ids are `flat_ids`.
        """
        parts = [torch.from_numpy(one.signals) for one in ecgs]
        flat = torch.zeros((1, *parts[0].shape[1:]), dtype=parts[0].dtype)
        self.signals = torch.cat([*parts, flat]).to(self.weight.device)
        records = [record for one in ecgs for record in one.record_ids]
        self._places = {record: place for place, record in enumerate(records)}
        return {record: self._ids(place) for record, place in self._places.items()}

    @property
    def flat_ids(self) -> list[int]:
        """The ids of the ECG of zeros."""
        return self._ids(len(self.signals) - 1)

    @property
    def end_id(self) -> int:
        """The first id after those of all ECGs held."""
        return self.first_id + len(self.signals) * self.columns

    def _ids(self, place: int) -> list[int]:
        start = self.first_id + place * self.columns
        return list(range(start, start + self.columns))

    def train(self, mode: bool = True) -> EcgEmbedding:
        """Set the mode, that of the encoder only if it is trained."""
        super().train(mode)
        if not self.train_encoder:
            self.encoder.eval()
        return self

    def feature_map(self, signals: torch.Tensor) -> torch.Tensor:
        """The encoder's features (ECGs, width, columns) of float32 signals (ECGs, 12, samples)."""
        return functional.adaptive_avg_pool1d(self.encoder.features(signals), self.columns)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Embeddings (batch, length, hidden) of int64 ids (batch, length)."""
        of_ecg = ids >= self.first_id
        embedded = super().forward(ids.masked_fill(of_ecg, 0))
        if not bool(of_ecg.any()):
            return embedded
        place = ids[of_ecg] - self.first_id
        shown, which = torch.unique(place // self.columns, return_inverse=True)
        signals = self.signals[shown].float()
        if self.vary and self.training:
            signals = varied(signals, self.generator)
        # Mixed precision is for the Llama: BatchNorm's statistics were taken in float32.
        with torch.autocast(device_type=signals.device.type, enabled=False):
            vectors = self.projector(self.feature_map(signals))
        picked = vectors[which, :, place % self.columns]
        return embedded.masked_scatter(of_ecg[..., None], picked.to(embedded.dtype))


def put_in(
    model: PreTrainedModel,
    encoder: EcgResNet,
    projector: Projector,
    *,
    first_id: int,
    columns: int,
    train_encoder: bool = False,
    vary: bool = False,
    seed: int = 0,
) -> EcgEmbedding:
    """Replace the input embedding of a Llama by one that knows ECGs; returns it."""
    embedding = EcgEmbedding(
        model.get_input_embeddings(),
        encoder,
        projector,
        first_id=first_id,
        columns=columns,
        train_encoder=train_encoder,
        vary=vary,
        seed=seed,
    )
    model.set_input_embeddings(embedding)
    return embedding


def save_projector(projector: Projector, folder: Path) -> None:
    """Write `projector.safetensors` into an encoder's folder."""
    tensors = {name: tensor.contiguous() for name, tensor in projector.state_dict().items()}
    save_file(tensors, folder / PROJECTOR_WEIGHTS, metadata={"format": "pt"})


def load_projector(folder: Path) -> Projector:
    """Read the projector in an encoder's folder.

    Raises:
        EcgByteError: there is none, or it is damaged.
    """
    try:
        tensors = load_file(folder / PROJECTOR_WEIGHTS)
        hidden, width, _ = tensors["into.weight"].shape
        projector = Projector(width, hidden)
        projector.load_state_dict(tensors)
    except (OSError, KeyError, ValueError, RuntimeError, SafetensorError) as error:
        raise EcgByteError(
            f"{folder / PROJECTOR_WEIGHTS} is missing or damaged: make it again with "
            "training/two_stage.py"
        ) from error
    return projector.eval()
