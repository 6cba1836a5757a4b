"""The fields of `LlamaConfig` of a small new Llama: what they must say, and whether they fit."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from .usage import UsageError, in_one_line

if TYPE_CHECKING:
    from transformers import LlamaConfig

# What decides how large a Llama is.
_SIZES = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
_MORE_SIZES = ("num_key_value_heads", "head_dim")
_OF_TOKENIZER = ("pad_token_id", "bos_token_id", "eos_token_id")


def check_small_llama(settings: dict[str, Any], context: int) -> None:
    """See that a small new Llama can be built from `settings`, fields of `LlamaConfig`.

    A size that is left out would be LlamaConfig's own, that of a Llama of 7 billion parameters.

    Raises:
        UsageError: a size is missing, a field is unknown, or fields do not fit together.
    """
    import torch
    from transformers import LlamaForCausalLM

    if not settings:
        raise UsageError(
            "neither --base nor --small-llama is given: name a Llama, or the sizes of a small new "
            "one, as --config training/configs/small.yaml does"
        )
    config = small_llama_config(settings, context, vocab_size=1)
    with _told_in_one_line(), torch.device("meta"):
        LlamaForCausalLM(config)


def small_llama_config(settings: dict[str, Any], context: int, **of_tokenizer: Any) -> LlamaConfig:
    """The config of a small new Llama; `of_tokenizer` holds its `vocab_size` and special ids.

    Raises:
        UsageError: as `check_small_llama` does.
    """
    from transformers import LlamaConfig

    known = set(LlamaConfig().to_dict())
    own = {"vocab_size", "max_position_embeddings", *_OF_TOKENIZER}
    for name in sorted(settings, key=str):
        if name not in known:
            raise UsageError(f"--small-llama: unknown LlamaConfig field {name!r}: leave it out")
        if name in own:
            raise UsageError(f"--small-llama: {name} is made here: leave it out")
    if missing := [name for name in _SIZES if name not in settings]:
        raise UsageError(
            f"--small-llama lacks {', '.join(missing)}: give every size of a small new Llama"
        )
    for name in (*_SIZES, *_MORE_SIZES):
        value = settings.get(name)
        if (value is not None or name in _SIZES) and not (type(value) is int and value > 0):
            raise UsageError(f"--small-llama: {name} {value!r} must be a whole number from 1 on")
    heads = settings["num_attention_heads"]
    if settings["hidden_size"] % heads:
        raise UsageError(
            f"--small-llama: hidden_size {settings['hidden_size']} must be a multiple of "
            f"num_attention_heads {heads}"
        )
    if heads % (settings.get("num_key_value_heads") or heads):
        raise UsageError(
            f"--small-llama: num_attention_heads {heads} must be a multiple of "
            f"num_key_value_heads {settings['num_key_value_heads']}"
        )
    dropout = settings.get("attention_dropout", 0)
    if not (isinstance(dropout, int | float) and 0 <= dropout < 1):
        raise UsageError(f"--small-llama: attention_dropout {dropout!r} must be 0 to 1")
    with _told_in_one_line():
        return LlamaConfig(
            **{"attn_implementation": "sdpa", **settings},
            max_position_embeddings=context,
            **{**dict.fromkeys(_OF_TOKENIZER), **of_tokenizer},
        )


@contextmanager
def _told_in_one_line() -> Iterator[None]:
    """What transformers or torch refuse in the fields of a small Llama as a `UsageError`."""
    try:
        yield
    # Which exceptions there are differs from release to release.
    except Exception as error:
        raise UsageError(
            f"--small-llama: the fields do not fit together: {in_one_line(error)}"
        ) from error
