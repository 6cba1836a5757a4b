"""How signals are changed each time a ResNet sees them in training."""

from __future__ import annotations

import torch


def varied(
    signals: torch.Tensor,
    generator: torch.Generator,
    *,
    gain: float = 0.15,
    lead_gain: float = 0.1,
) -> torch.Tensor:
    """A variant of each of the signals (ECGs, 12, samples): turned in time, louder or softer.

    Each is turned by any number of samples, what leaves at the end coming in at the start; `gain`
    and `lead_gain` are the standard deviations of the logarithm of a gain of all leads and of one
    for each lead.
    """
    ecgs, leads, samples = signals.shape

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator).to(signals.device)

    gains = torch.exp(gain * normal(ecgs, 1, 1) + lead_gain * normal(ecgs, leads, 1))
    shift = torch.randint(samples, (ecgs, 1, 1), generator=generator).to(signals.device)
    places = (torch.arange(samples, device=signals.device) + shift) % samples
    return torch.gather(signals, 2, places.expand(ecgs, leads, samples)) * gains


def obscured(signals: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """A view for contrastive learning: `varied`, with leads and a stretch of time left out.

    Each lead is zeroed with probability 0.2 (never all), and up to half of the time; noise of 0.1
    of the ECG's standard deviation is added. After Kiyasseh et al., CLOCS (ICML 2021), and SimCLR.
    """
    ecgs, leads, samples = signals.shape
    view = varied(signals, generator, gain=0.3, lead_gain=0.2)
    kept = torch.rand((ecgs, leads, 1), generator=generator) >= 0.2
    kept |= ~kept.any(dim=1, keepdim=True)
    start = torch.rand((ecgs, 1, 1), generator=generator)
    length = 0.5 * torch.rand((ecgs, 1, 1), generator=generator)
    place = torch.arange(samples) / samples
    seen = ((place - start) % 1.0) >= length
    noise = 0.1 * torch.randn(signals.shape, generator=generator).to(signals.device)
    view = view + noise * signals.std(dim=(1, 2), keepdim=True)
    return view * (kept & seen).to(signals.device)
