"""Every ECG token in a Llama's vocabulary, at a fixed shift."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from ecg_byte_hf.hub_code.ecg_ids import ecg_token_names
from ecg_byte_hf.hub_code.errors import EcgByteError

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# Of what two tokens alike do not share, beside a waveform of length 1.
_OWN = 0.4


def add_ecg_tokens(
    tokenizer: PreTrainedTokenizerBase,
    ecg_tokenizer: PreTrainedTokenizerBase,
    word_markers: Collection[str],
) -> int:
    """Add every ECG token to `tokenizer` in place; return the shift.

    The ECG BPE's id `i` becomes `shift + i`. Adding the same ECG tokens a second time changes
    nothing and returns the same shift.

    Raises:
        EcgByteError: the vocabulary already has some of these names, or has them in another place.
    """
    from tokenizers import AddedToken

    names = ecg_token_names(ecg_tokenizer, word_markers)
    present = tokenizer.get_vocab()
    shift = present.get(names[0], len(tokenizer))
    if names[0] not in present:
        clash = [name for name in names if name in present]
        if clash:
            raise EcgByteError(
                f"the Llama's tokenizer already has the token {clash[0]!r}: start from the "
                "tokenizer of the base model, without any ECG tokens"
            )
        tokenizer.add_tokens(
            [AddedToken(name, special=True, normalized=False) for name in names],
            special_tokens=True,
        )
    ids = tokenizer.convert_tokens_to_ids(names)
    if ids != list(range(shift, shift + len(names))):
        raise EcgByteError(
            "the Llama's tokenizer holds the ECG tokens of another ECG tokenizer: start from the "
            "tokenizer of the base model, without any ECG tokens"
        )
    return shift


def resize_embeddings(model: PreTrainedModel, tokens: int) -> None:
    """Give `model` at least `tokens` rows of embeddings; what is in new ones is not defined.

    A base whose matrix is already large enough (padded vocabularies) is left alone, as
    `AutoPeftModelForCausalLM` leaves it.
    """
    if model.get_input_embeddings().weight.shape[0] < tokens:
        model.resize_token_embeddings(tokens, mean_resizing=False)


def draw_rows(
    model: PreTrainedModel,
    rows: range,
    seed: int = 0,
    spread: float = 1.0,
    vectors: NDArray[np.float32] | None = None,
) -> None:
    """Draw the embeddings `rows` (and the output layer's) around the mean of those before them.

    `spread` is in standard deviations of the known rows, per dimension; seeded. 0 puts all at the
    mean, as transformers' own resizing nearly does: all ECG tokens then start at the same point,
    and telling them apart costs the first part of the training. `vectors` (rows, features), where
    given, are what rows start from: a seeded random projection of them, with mean and standard
    deviation per dimension of the known rows (the latter times `spread`), and a little noise, so
    that no two are the same.
    """
    import torch

    if not rows:
        return
    layers: list[Any] = [model.get_input_embeddings()]
    output = model.get_output_embeddings()
    if output is not None and output.weight is not layers[0].weight:
        layers.append(output)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for layer in layers:
            known = layer.weight[: rows.start].float()
            noise = torch.randn(len(rows), known.shape[1], generator=generator)
            if vectors is not None:
                lines = torch.randn(vectors.shape[1], known.shape[1], generator=generator)
                noise = along_vectors(vectors, lines, noise)
            noise = noise.to(known.device)
            layer.weight[rows.start : rows.stop] = known.mean(0) + spread * known.std(0) * noise


def along_vectors(
    vectors: NDArray[np.float32], lines: torch.Tensor, noise: torch.Tensor
) -> torch.Tensor:
    """Rows (rows, width) that are alike where their vectors (rows, features) are.

    `lines` (features, width) project the vectors, `noise` (rows, width) keeps any two apart; mean 0
    and standard deviation 1 per dimension.
    """
    import torch

    drawn = torch.from_numpy(vectors) @ lines + _OWN * noise
    return (drawn - drawn.mean(0)) / drawn.std(0)
