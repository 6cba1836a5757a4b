"""The Llama: made small on the spot, or loaded; LoRA on top; saved and loaded again."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecg_byte_hf.hub_code.errors import EcgByteError

from .output_folder import ADAPTER_WEIGHTS, BASE_FOLDER, SETTINGS_FILE
from .vocabulary import resize_embeddings

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel, PreTrainedTokenizerFast

ADAPTER_CONFIG = "adapter_config.json"

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
        EcgByteError: a field is unknown or contradicts another.
    """
    from transformers import LlamaConfig, LlamaForCausalLM

    known = set(LlamaConfig().to_dict())
    unknown = sorted(set(settings) - known)
    if unknown:
        raise EcgByteError(f"unknown LlamaConfig field {unknown[0]!r} in the model's settings")
    try:
        config = LlamaConfig(
            **{"attn_implementation": "sdpa", **settings},
            vocab_size=len(tokenizer),
            max_position_embeddings=context,
            pad_token_id=tokenizer.pad_token_id,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
        )
        return LlamaForCausalLM(config)
    except (ValueError, TypeError, ZeroDivisionError) as error:
        raise EcgByteError(f"the small Llama's settings do not fit together: {error}") from error


def load_llama(
    name: str, gguf_file: str | None = None, *, bf16: bool = False
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast]:
    """A causal language model and its tokenizer from a Hub id or a folder, or from a GGUF in it.

    Weights are float32, or bfloat16 where the training runs in it; a GGUF's are dequantised.

    Raises:
        EcgByteError: nothing can be loaded from there; says what transformers said.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForCausalLM, AutoTokenizer

    dtype = torch.bfloat16 if bf16 else torch.float32
    extra = {"gguf_file": gguf_file} if gguf_file else {}
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, **extra)
        model = AutoModelForCausalLM.from_pretrained(name, dtype=dtype, **extra)
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
        raise EcgByteError(
            f"cannot load a Llama from {name!r}: {_first_line(error)} (give a Hub id, or a folder "
            "with config.json, weights and tokenizer, or the folder of a GGUF with --gguf-file)"
        ) from error
    if gguf_file:
        _forget_quantisation(model)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return model, tokenizer


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__


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


def check_lora_targets(model: PreTrainedModel, target_modules: str | list[str]) -> None:
    """See that LoRA finds its layers, before anything is trained.

    Raises:
        EcgByteError: no layer of the model has one of these names.
    """
    if isinstance(target_modules, str):
        return
    layers = {name for name, _ in model.named_modules()}
    for target in target_modules:
        if not any(f".{name}".endswith(f".{target}") for name in layers):
            ends = sorted({n.rsplit(".", 1)[-1] for n in layers if n.endswith("_proj")})
            raise EcgByteError(
                f"lora_target_modules: the model has no layer {target!r}; choose among "
                f"{', '.join(ends)}, or all-linear"
            )


def add_adapter(
    model: PreTrainedModel,
    new_rows: range,
    *,
    r: int,
    alpha: int,
    dropout: float,
    target_modules: str | list[str],
    base_id: str | None,
) -> PeftModel:
    """LoRA on the linear layers, and the rows of the new tokens trained as rows.

    `new_rows` are the ids of embeddings made for the ECG tokens (empty where the base already has
    them). They are part of the adapter, in the input embeddings and, where the output layer is
    not tied to them, in that too: rows that were merely drawn at random would be other rows after
    loading. `base_id` is what the adapter names as its base, a public id and never a local path.
    """
    from peft import LoraConfig, get_peft_model

    tied = model.get_output_embeddings().weight is model.get_input_embeddings().weight
    rows = list(new_rows)
    layers = ["embed_tokens"] if tied else ["embed_tokens", "lm_head"]
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=r,
        lora_alpha=alpha,
        lora_dropout=dropout,
        target_modules=target_modules,
        trainable_token_indices={layer: rows for layer in layers} if rows else None,
    )
    try:
        adapted = get_peft_model(model, config)
    except ValueError as error:
        raise EcgByteError(f"LoRA does not fit the model: {_first_line(error)}") from error
    adapted.peft_config["default"].base_model_name_or_path = base_id
    return adapted


def save_adapter(model: PeftModel, folder: Path) -> None:
    """Write the adapter and its rows, without the whole matrices that the rows are part of."""
    model.save_pretrained(str(folder), save_embedding_layers=False)


def read_settings(folder: Path) -> dict[str, Any]:
    """Read `reading.json` of a model folder.

    Raises:
        EcgByteError: the folder is not one that `training/finetune.py` wrote.
    """
    try:
        settings = json.loads((folder / SETTINGS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        settings = None
    fields = {"context": int, "longest_answers": dict, "sees_ecg": bool}
    whole = isinstance(settings, dict) and all(
        isinstance(settings.get(name), kind) for name, kind in fields.items()
    )
    if not whole:
        raise EcgByteError(
            f"{folder} is no fine-tuned model ({SETTINGS_FILE} is missing or damaged): make one "
            "with training/finetune.py, or let it go on with --resume-from-checkpoint true"
        )
    return dict(settings)


def load_adapted(
    folder: Path,
    tokens: int,
    *,
    base: str | None = None,
    gguf_file: str | None = None,
    device: str = "cpu",
) -> PreTrainedModel:
    """The adapted model of a folder, adapter merged into the weights, ready to answer.

    The base is `base` if given, else `base/` in the folder, else the public one that the adapter
    names. `tokens` is the size of the vocabulary with the ECG tokens.

    Raises:
        EcgByteError: there is no adapter, or its base cannot be loaded.
    """
    from peft import PeftConfig, PeftModel
    from safetensors import SafetensorError

    absent = [n for n in (ADAPTER_CONFIG, ADAPTER_WEIGHTS) if not (folder / n).is_file()]
    if absent:
        raise EcgByteError(
            f"{folder} holds no adapter ({absent[0]} is missing): make one with "
            "training/finetune.py"
        )
    try:
        config = PeftConfig.from_pretrained(str(folder))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise EcgByteError(
            f"{folder / ADAPTER_CONFIG} is damaged: make it again with training/finetune.py"
        ) from error
    beside = folder / BASE_FOLDER
    name = base or (str(beside) if beside.is_dir() else config.base_model_name_or_path)
    if not name:
        raise EcgByteError(f"the adapter in {folder} names no base model: give it with --base")
    model, _ = load_llama(name, gguf_file)
    resize_embeddings(model, tokens)
    try:
        adapted = PeftModel.from_pretrained(model, str(folder))
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise EcgByteError(
            f"{folder / ADAPTER_WEIGHTS} is damaged or belongs to another base: "
            f"{_first_line(error)} (make it again with training/finetune.py)"
        ) from error
    return adapted.merge_and_unload().to(device).eval()
