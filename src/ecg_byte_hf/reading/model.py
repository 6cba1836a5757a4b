"""The Llama below the adapter: made small on the spot, or loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ecg_byte_hf.hub_code.errors import EcgByteError

from .small_llama import small_llama_config

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

_PAD, _USER, _ASSISTANT, _END = "<|pad|>", "<|user|>", "<|assistant|>", "<|end|>"
_CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] | trim }}"
    "{% if message['role'] == 'assistant' %}{{ '<|end|>' }}{% endif %}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def train_text_tokenizer(texts: Iterable[str], vocab_size: int = 512) -> PreTrainedTokenizerFast:
    """A byte-level BPE for a small Llama, trained on its questions and answers.

    Byte-level, so that any question can be asked. Texts are sorted and made unique first: the
    same questions in another order give the same tokenizer.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[_PAD, _USER, _ASSISTANT, _END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    bpe.train_from_iterator(sorted(set(texts)), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        pad_token=_PAD,
        eos_token=_END,
        extra_special_tokens=[_USER, _ASSISTANT],
        chat_template=_CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
    )


def new_llama(
    tokenizer: PreTrainedTokenizerFast, settings: dict[str, Any], context: int
) -> PreTrainedModel:
    """A randomly initialised Llama for the vocabulary of `tokenizer`.

    `settings` are fields of `LlamaConfig` (`hidden_size`, `num_hidden_layers`, ...); draw it under
    a seed.

    Raises:
        UsageError: as `small_llama.check_small_llama` does.
    """
    from transformers import LlamaForCausalLM

    return LlamaForCausalLM(
        small_llama_config(
            settings,
            context,
            vocab_size=len(tokenizer),
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )


def load_llama(
    name: str, gguf_file: str | None = None, *, revision: str | None = None, bf16: bool = False
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """A causal language model and its tokenizer from a Hub id or a folder, or from a GGUF in it.

    Weights are float32, or bfloat16 where the training runs in it; a GGUF's are dequantised.
    `revision` is a commit, branch or tag of a repository on the Hub. Pickled weights are not read:
    an adapter names its base, so whoever made the adapter chose the file.

    Raises:
        EcgByteError: nothing can be loaded from there; says what transformers said.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    dtype = torch.bfloat16 if bf16 else torch.float32
    extra = {"gguf_file": gguf_file, "revision": revision}
    extra = {key: value for key, value in extra.items() if value}
    if gguf_file:
        _draw_gguf_bar_as_others()
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, **extra)
        model = AutoModelForCausalLM.from_pretrained(
            name, dtype=dtype, use_safetensors=None if gguf_file else True, **extra
        )
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
        raise EcgByteError(
            f"cannot load a Llama from {name!r}: {first_line(error)} (give a Hub id, or a folder "
            "with config.json, weights in safetensors and tokenizer, or the folder of a GGUF with "
            "--gguf-file)"
        ) from error
    if gguf_file:
        _forget_quantisation(model)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return model, tokenizer


def norms_sha256(model: PreTrainedModel) -> str:
    """What tells one base from another of the same shape: SHA-256 over its norms, as bfloat16.

    Of the same base it is the same in every dtype and from a GGUF, whose norms are not quantised.
    """
    import torch

    digest = hashlib.sha256()
    for name, weights in sorted(model.named_parameters()):
        if name.endswith("norm.weight"):
            rounded = weights.detach().to("cpu", torch.bfloat16)
            digest.update(rounded.float().numpy().tobytes())
    return digest.hexdigest()


def first_line(error: Exception) -> str:
    """What a library said, without its traceback, or the name of its error."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


def _draw_gguf_bar_as_others() -> None:
    """Let the bar over a GGUF's tensors heed that bars are off, as all others of transformers."""
    from transformers import modeling_gguf_pytorch_utils
    from transformers.utils import logging

    modeling_gguf_pytorch_utils.tqdm = logging.tqdm


def _forget_quantisation(model: PreTrainedModel) -> None:
    """Make a dequantised GGUF what it is, an ordinary model.

    transformers 5.23 leaves its quantiser on it, and the Trainer then refuses to train.
    """
    model.is_quantized = False
    model.hf_quantizer = None
    for name in ("quantization_method", "is_loaded_in_4bit", "is_loaded_in_8bit"):
        if name in vars(model):
            delattr(model, name)
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
