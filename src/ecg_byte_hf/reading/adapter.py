"""LoRA and the rows of the ECG tokens as one PEFT adapter: made, saved, loaded."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecg_byte_hf.hub_code.errors import EcgByteError

from .model import first_line, load_llama, norms_sha256
from .output_folder import ADAPTER_CONFIG, ADAPTER_WEIGHTS, setting
from .vocabulary import resize_embeddings

if TYPE_CHECKING:
    import torch
    from peft import PeftConfig, PeftModel
    from transformers import PreTrainedModel


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
    ecg_rows: range,
    *,
    r: int,
    alpha: int,
    dropout: float,
    target_modules: str | list[str],
    base_id: str | None,
    base_revision: str | None = None,
    train_rows: bool = True,
    modules_to_save: Sequence[str] = (),
) -> PeftModel:
    """LoRA on the linear layers, and the rows of the new tokens as rows.

    `ecg_rows` are the ids of the tokens that the base does not know (empty where it knows all).
    They are part of the adapter, PEFT's `trainable_token_indices`, in the input embeddings and,
    where the output layer is not tied to them, in that too. They are so without `train_rows` as
    well: whoever loads the adapter resizes the base and gets other random rows, which the saved
    ones replace. `base_id` is what the adapter names as its base, a public id and never a local
    path, and `base_revision` the commit of it: on another one the adapter may not fit.
    `modules_to_save` are layers of the input embedding that are trained in full and become part of
    the adapter as a whole.
    """
    from peft import LoraConfig, get_peft_model

    tied = model.get_output_embeddings().weight is model.get_input_embeddings().weight
    rows = list(ecg_rows)
    layers = ["embed_tokens"] if tied else ["embed_tokens", "lm_head"]
    config = LoraConfig(
        task_type="CAUSAL_LM",
        revision=base_revision,
        r=r,
        lora_alpha=alpha,
        lora_dropout=dropout,
        target_modules=target_modules,
        trainable_token_indices={layer: rows for layer in layers} if rows else None,
        modules_to_save=list(modules_to_save) or None,
        # They lie in the input embedding, where LoRA has nothing to do.
        exclude_modules=r".*\.embed_tokens\..+" if modules_to_save else None,
    )
    try:
        adapted = get_peft_model(model, config)
    except ValueError as error:
        raise EcgByteError(f"LoRA does not fit the model: {first_line(error)}") from error
    # PEFT has put the path there that the base was loaded from.
    adapted.peft_config["default"].base_model_name_or_path = base_id
    if not train_rows:
        for name, parameter in adapted.named_parameters():
            if "trainable_tokens_delta" in name:
                parameter.requires_grad_(False)
    return adapted


def save_adapter(
    model: PeftModel, folder: Path, gathered: Mapping[str, torch.Tensor] | None = None
) -> None:
    """Write the adapter and its rows, without the whole matrices that the rows are part of.

    `gathered` are the whole weights of a model whose own are spread over processes (FSDP).

    Not with `save_pretrained`: that writes a card with the local path which the base was loaded
    from, and puts that path into the configuration where no base is named.
    """
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    if gathered is None:
        tensors = get_peft_model_state_dict(model, save_embedding_layers=False)
    else:
        # PEFT 0.21 looks for LoRA's weights under the names of FSDP's wrappers and finds none.
        without = ["trainable_tokens_original"]
        if model.config.tie_word_embeddings:
            without.append("lm_head")
        tensors = {
            name.replace(".default", ""): tensor
            for name, tensor in gathered.items()
            if ".default" in name and not any(part in name for part in without)
        }
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(contiguous, folder / ADAPTER_WEIGHTS, metadata={"format": "pt"})
    config = copy.deepcopy(model.peft_config["default"])
    config.inference_mode = True
    # PEFT keeps names in a set, whose order differs from one process to the next.
    config.target_modules = sorted(config.target_modules)
    config.save_pretrained(str(folder))


def read_adapter_config(folder: Path) -> PeftConfig:
    """PEFT's configuration of the adapter in a folder.

    Raises:
        EcgByteError: there is no whole adapter.
    """
    from peft import PeftConfig

    for name in (ADAPTER_CONFIG, ADAPTER_WEIGHTS):
        if not (folder / name).is_file():
            raise EcgByteError(
                f"{folder} holds no adapter ({name} is missing): make one with training/finetune.py"
            )
    try:
        return PeftConfig.from_pretrained(str(folder))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise EcgByteError(
            f"{folder / ADAPTER_CONFIG} is damaged: make it again with training/finetune.py"
        ) from error


def load_merged(
    folder: Path,
    tokens: int,
    *,
    base: str | None = None,
    gguf_file: str | None = None,
    prepare: Callable[[PreTrainedModel], object] = lambda model: None,
) -> PreTrainedModel:
    """The model of an adapter's folder, adapter merged into its float32 weights.

    The base is `base` if given, else the one that the adapter names. `tokens` is the size of the
    vocabulary with the ECG tokens. `prepare` puts layers into the base that the adapter counts on.

    Raises:
        EcgByteError: there is no adapter, or its base cannot be loaded or is another than the one
            that it was trained on.
    """
    from peft import PeftModel
    from safetensors import SafetensorError

    config = read_adapter_config(folder)
    name, revision = config.base_model_name_or_path, config.revision
    if base:
        name, revision = base, None
    if not name:
        raise EcgByteError(f"the adapter in {folder} names no base model: give it with --base")
    model, _ = load_llama(name, gguf_file, revision=revision)
    trained_on = setting(folder, "base_sha256")
    if trained_on and norms_sha256(model) != trained_on:
        raise EcgByteError(
            f"{name} is not the base that the adapter in {folder} was trained on: its norms differ "
            f"(reading.json names {setting(folder, 'base')})"
        )
    resize_embeddings(model, tokens)
    prepare(model)
    try:
        adapted: Any = PeftModel.from_pretrained(model, str(folder))
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise EcgByteError(
            f"{folder / ADAPTER_WEIGHTS} is damaged or belongs to another base: "
            f"{first_line(error)} (make it again with training/finetune.py)"
        ) from error
    return adapted.merge_and_unload()
