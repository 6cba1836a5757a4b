"""What each ECG token is known to say before any training, as vectors that embeddings start from.

Tokens that decode to similar waveforms get similar vectors. What one token alone decodes to depends
on where it stands; it is taken at the start of the channel that it usually stands in.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ecg_byte_hf.hub_code.ecg_ids import BEGIN, END
from ecg_byte_hf.hub_code.leads import INDEPENDENT_LEADS, independent_leads
from ecg_byte_hf.hub_code.placed_words import PlacedWords
from ecg_byte_hf.hub_code.run_lengths import ALPHABET, FIRST_CHARACTER, SYMBOLS, parse

# Of a waveform so much is compared: longer than a representative beat.
_SHOWN_S = 1.0
# How much each kind of knowledge weighs beside the waveform's shape.
_SIZE, _TIME, _LENGTH, _INTERVAL, _CHANNEL, _KIND = 0.5, 0.5, 0.5, 1.0, 0.5, 0.5
_BUMPS = 8
# At place 0 of its block, the coarsest, the value 1.
_COARSEST = PlacedWords(1, 1).alphabet[1]
# Run lengths occur in three alphabets, one after the other.
_RUN_LENGTHS = {FIRST_CHARACTER + k: ALPHABET[k % SYMBOLS] for k in range(3 * SYMBOLS)}

Float32 = NDArray[np.float32]


def token_vectors(processor: Any) -> Float32:
    """A vector (tokens, features) per id of the ECG BPE of a processor, float32.

    Side by side: the shape of its waveform in the independent leads, of length 1 (0 where it has
    none); the size of it; when it is; how many places it takes; of RR words the first interval's
    change; the channel that it names, or usually stands in; the kind of word, marker or none. A
    token of a representative beat that names a block and no value gets the coarsest waveform of
    that block, which says where it stands.
    """
    extractor, tokenizer = processor.feature_extractor, processor.tokenizer
    codec = extractor.codec
    names = tokenizer.convert_ids_to_tokens(range(processor.ecg_vocabulary_size))
    special = {BEGIN, END, *extractor.markers, *tokenizer.all_special_tokens}
    samples = round(_SHOWN_S * extractor.sampling_rate)
    shapes = np.zeros((len(names), len(INDEPENDENT_LEADS) * samples), dtype=np.float32)
    sizes, times, lengths, changes = np.full((4, len(names)), np.nan)
    channels, kinds = [], []
    for i, name in enumerate(names):
        if name in special:
            channels.append(name.strip("<|>"))
            kinds.append("marker" if name in extractor.markers else name)
            continue
        channel = codec.usual_channel(name)
        channels.append(channel)
        kinds.append(channel.rstrip("0123456789") if extractor.preset != "paper" else "paper")
        wave = _waveform(codec, channel, name, samples)
        norm = float(np.linalg.norm(wave))
        if norm > 0:
            shapes[i, : wave.size] = wave.ravel() / norm
            sizes[i] = np.log(norm)
            power = (wave**2).sum(axis=0)
            times[i] = power @ np.arange(len(power)) / power.sum()
        runs = parse(name.translate(_RUN_LENGTHS)) if extractor.preset != "paper" else None
        if runs is None or runs.foreign or not len(runs.places):
            lengths[i] = np.log(len(name))
            continue
        lengths[i] = np.log1p(float(runs.places[-1] + runs.widths[-1]))
        if kinds[i] == "rr":
            first = float(runs.values[0])
            changes[i] = np.sign(first) * np.log1p(abs(first))
    parts = [
        shapes,
        _SIZE * _bumps(sizes),
        _TIME * _bumps(times),
        _LENGTH * _bumps(lengths),
        _INTERVAL * _bumps(changes),
        _CHANNEL * _one_of(channels),
        _KIND * _one_of(kinds),
    ]
    return np.concatenate(parts, axis=1, dtype=np.float32)


def _waveform(codec: Any, channel: str, symbols: str, samples: int) -> Float32:
    """Of symbols at the start of a channel, in the independent leads: (8, samples or fewer).

    What begins later than that, after a long run of zeros, is shown from its beginning.
    """
    wave = codec.waveform(channel, symbols)
    if not wave.any() and any(symbol in symbols for symbol in getattr(codec, "piece_starts", "")):
        wave = codec.waveform(channel, symbols + _COARSEST)
    first = int(wave.any(axis=0).argmax())
    start = first if first >= samples else 0
    return np.asarray(independent_leads(wave)[:, start : start + samples], dtype=np.float32)


def _one_of(names: Sequence[str]) -> Float32:
    """Names (tokens,) as (tokens, different names), 1 at a token's own."""
    known = sorted(set(names))
    return np.array([[name == one for one in known] for name in names], dtype=np.float32)


def _bumps(values: NDArray[np.float64]) -> Float32:
    """Numbers (tokens,) as overlapping bumps (tokens, bumps) of length 1: near ones are alike.

    Where there is no number (nan), zeros.
    """
    known = np.isfinite(values)
    bumps = np.zeros((len(values), _BUMPS), dtype=np.float32)
    if known.any():
        low, high = np.percentile(values[known], [2, 98])
        centres = np.linspace(low, max(high, low + 1e-6), _BUMPS)
        near = (np.clip(values[known], low, high)[:, None] - centres) / (centres[1] - centres[0])
        rows = np.exp(-0.5 * near**2)
        bumps[known] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return bumps
