"""A one-dimensional ResNet on 12-lead signals: the strong model without a language model."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import PreTrainedConfig, PreTrainedModel

from ecg_byte_hf.hub_code.errors import EcgByteError

LEADS = 12
_KERNEL = 7


class EcgResNetConfig(PreTrainedConfig):
    """The shape of an `EcgResNet`, and of the signals that it was trained on.

    `sampling_rate` (Hz), `samples` (of the longest signal) and `cleaned` (whether signals pass
    `hub_code.cleaning.clean` first) say how signals become its input, `lead_scale` (12 standard
    deviations, in the corpus's unit) what they are divided by. `attribute` is what its `classes`
    are statements about, `thresholds` the probabilities from which it says yes, one per class.
    """

    model_type = "ecg_resnet"

    def __init__(
        self,
        *,
        attribute: str = "",
        classes: tuple[str, ...] = (),
        thresholds: tuple[float, ...] = (),
        sampling_rate: float = 100.0,
        samples: int = 1000,
        cleaned: bool = True,
        lead_scale: tuple[float, ...] = (1.0,) * LEADS,
        widths: tuple[int, ...] = (32, 64, 96, 128),
        dropout: float = 0.2,
        **more: Any,
    ) -> None:
        self.attribute = attribute
        self.classes = list(classes)
        self.thresholds = list(thresholds)
        self.sampling_rate = sampling_rate
        self.samples = samples
        self.cleaned = cleaned
        self.lead_scale = list(lead_scale)
        self.widths = list(widths)
        self.dropout = dropout
        super().__init__(**more)


class _Block(nn.Module):
    """Two convolutions with a shortcut; halves the sampling rate."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        half = _KERNEL // 2
        self.first = nn.Conv1d(inputs, outputs, _KERNEL, 2, half, bias=False)
        self.first_norm = nn.BatchNorm1d(outputs)
        self.second = nn.Conv1d(outputs, outputs, _KERNEL, 1, half, bias=False)
        self.second_norm = nn.BatchNorm1d(outputs)
        self.shortcut = nn.Conv1d(inputs, outputs, 1, 2, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = torch.relu(self.first_norm(self.first(x)))
        return torch.relu(self.shortcut(x) + self.second_norm(self.second(inner)))


class EcgResNet(PreTrainedModel):
    """Logits of the classes from signals (ECGs, 12, samples).

    He et al., arXiv 1512.03385, with convolutions over time of width 7, as in Ribeiro et al.,
    Nat. Commun. 11:1760 (2020), and smaller: 0.39 M parameters at the default widths. Each of stem
    and blocks halves the sampling rate, so that 10 s at 100 Hz become 32 columns.
    """

    config_class = EcgResNetConfig
    main_input_name = "signals"

    def __init__(self, config: EcgResNetConfig) -> None:
        super().__init__(config)
        stem = config.widths[0]
        scale = torch.tensor(config.lead_scale, dtype=torch.float32)
        self.register_buffer("lead_scale", scale[:, None])
        self.stem = nn.Sequential(
            nn.Conv1d(LEADS, stem, _KERNEL, 2, _KERNEL // 2, bias=False),
            nn.BatchNorm1d(stem),
            nn.ReLU(),
        )
        pairs = zip([stem, *config.widths], config.widths, strict=False)
        self.blocks = nn.Sequential(*(_Block(inputs, outputs) for inputs, outputs in pairs))
        self.dropout = nn.Dropout(config.dropout)
        self.head = nn.Linear(config.widths[-1], len(config.classes))
        self.post_init()

    def _init_weights(self, module: nn.Module) -> None:
        """PyTorch has drawn them as it makes layers; there is nothing to draw again."""

    def features(self, signals: torch.Tensor) -> torch.Tensor:
        """The feature map (ECGs, widths[-1], columns) of float32 signals (ECGs, 12, samples)."""
        return self.blocks(self.stem(signals / self.lead_scale))

    def pooled(self, signals: torch.Tensor) -> torch.Tensor:
        """The mean of the feature map over time, (ECGs, widths[-1])."""
        return self.features(signals).mean(dim=-1)

    def forward(self, signals: torch.Tensor) -> torch.Tensor:
        """Logits (ECGs, classes) of float32 signals (ECGs, 12, samples) in the corpus's unit."""
        return self.head(self.dropout(self.pooled(signals)))


def load_resnet(folder: str | Path) -> EcgResNet:
    """The ResNet in a folder that training/resnet.py or training/two_stage.py wrote, in eval mode.

    Raises:
        EcgByteError: there is none, or it is damaged.
    """
    try:
        if not Path(folder).is_dir():
            raise OSError("no such folder")
        # Asked first: transformers would warn of another type, and go on.
        fields, _ = EcgResNetConfig.get_config_dict(str(folder))
        if fields.get("model_type") != EcgResNetConfig.model_type or not fields.get("classes"):
            raise ValueError("its config.json is not that of a ResNet")
        config = EcgResNetConfig.from_pretrained(str(folder))
        model = EcgResNet.from_pretrained(str(folder), config=config, use_safetensors=True)
    except (OSError, ValueError, TypeError, KeyError, RuntimeError, SafetensorError) as error:
        first = str(error).strip().splitlines()[0]
        raise EcgByteError(
            f"{folder} holds no ResNet: {first} (make one with training/resnet.py)"
        ) from error
    return model.eval()
