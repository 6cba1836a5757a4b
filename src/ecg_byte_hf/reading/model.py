"""The Llama below the adapter: made small on the spot, or loaded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ecg_byte_hf.hub_code.errors import EcgByteError

from .usage import UsageError, in_one_line

if TYPE_CHECKING:
    from transformers import LlamaConfig, PreTrainedModel, PreTrainedTokenizerFast

_PAD, _USER, _ASSISTANT, _END = "<|pad|>", "<|user|>", "<|assistant|>", "<|end|>"
# What decides how large a Llama is.
_SIZES = ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads")
_MORE_SIZES = ("num_key_value_heads", "head_dim")
_OF_TOKENIZER = ("pad_token_id", "bos_token_id", "eos_token_id")
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
        EcgByteError: as `check_small_llama` does.
    """
    from transformers import LlamaForCausalLM

    return LlamaForCausalLM(
        _small_config(
            settings,
            context,
            vocab_size=len(tokenizer),
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )


def check_small_llama(settings: dict[str, Any], context: int) -> None:
    """See that a small new Llama can be built from `settings`, fields of `LlamaConfig`.

    A size that is left out would be LlamaConfig's own, that of a Llama of 7 billion parameters.

    Raises:
        EcgByteError: a size is missing, a field is unknown, or fields do not fit together.
    """
    import torch
    from transformers import LlamaForCausalLM

    if not settings:
        raise UsageError(
            "neither --base nor --small-llama is given: name a Llama, or the sizes of a small new "
            "one, as --config training/configs/small.yaml does"
        )
    config = _small_config(settings, context, vocab_size=1)
    with _told_in_one_line(), torch.device("meta"):
        LlamaForCausalLM(config)


def _small_config(settings: dict[str, Any], context: int, **of_tokenizer: Any) -> LlamaConfig:
    from transformers import LlamaConfig

    known = set(LlamaConfig().to_dict())
    own = {"vocab_size", "max_position_embeddings", *_OF_TOKENIZER}
    for name in sorted(settings):
        if name not in known:
            raise EcgByteError(f"--small-llama: unknown LlamaConfig field {name!r}: leave it out")
        if name in own:
            raise EcgByteError(f"--small-llama: {name} is made here: leave it out")
    if missing := [name for name in _SIZES if name not in settings]:
        raise EcgByteError(
            f"--small-llama lacks {', '.join(missing)}: give every size of a small new Llama"
        )
    for name in (*_SIZES, *_MORE_SIZES):
        value = settings.get(name)
        if (value is not None or name in _SIZES) and not (type(value) is int and value > 0):
            raise EcgByteError(f"--small-llama: {name} {value!r} must be a whole number from 1 on")
    heads = settings["num_attention_heads"]
    if settings["hidden_size"] % heads:
        raise EcgByteError(
            f"--small-llama: hidden_size {settings['hidden_size']} must be a multiple of "
            f"num_attention_heads {heads}"
        )
    if heads % (settings.get("num_key_value_heads") or heads):
        raise EcgByteError(
            f"--small-llama: num_attention_heads {heads} must be a multiple of "
            f"num_key_value_heads {settings['num_key_value_heads']}"
        )
    dropout = settings.get("attention_dropout", 0)
    if not (isinstance(dropout, int | float) and 0 <= dropout < 1):
        raise EcgByteError(f"--small-llama: attention_dropout {dropout!r} must be 0 to 1")
    with _told_in_one_line():
        return LlamaConfig(
            **{"attn_implementation": "sdpa", **settings},
            max_position_embeddings=context,
            **{**dict.fromkeys(_OF_TOKENIZER), **of_tokenizer},
        )


@contextmanager
def _told_in_one_line() -> Iterator[None]:
    """What transformers or torch refuse in the fields of a small Llama as an `EcgByteError`."""
    try:
        yield
    # Which exceptions there are differs from release to release.
    except Exception as error:
        raise EcgByteError(
            f"--small-llama: the fields do not fit together: {in_one_line(error)}"
        ) from error


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
