"""An adapter and its base become one plain checkpoint, which anything that runs Llamas serves."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ecg_byte_hf.extras import require_extra
from ecg_byte_hf.fidelity.report_output import write_json
from ecg_byte_hf.hub.model_card import is_written_card, refresh_model_card
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.progress import bar, quiet_libraries

from .adapter import load_merged
from .checkpoint import save_checkpoint
from .loading import read_settings
from .output_folder import (
    ADAPTER_CONFIG,
    MODEL_CONFIG,
    SETTINGS_FILE,
    STAGES_FOLDER,
    WORDINGS_FILE,
    is_output,
    remove_output,
)
from .repository import is_repository_name, model_folder

if TYPE_CHECKING:
    from transformers import PreTrainedModel

DTYPES = ("float32", "bfloat16")
_CARD = "README.md"
_OF_ADAPTERS = ("lora", "peft", "base_model:adapter:")
_NOTE = (
    "> The adapter is part of the weights here: load this with `AutoModelForCausalLM`, without "
    "PEFT.\n\n"
)


def merge(
    model: str | Path,
    out: str | Path,
    *,
    dtype: str = "float32",
    base: str | None = None,
    gguf_file: str | None = None,
    overwrite: bool = False,
    quiet: bool = False,
) -> PreTrainedModel:
    """Write the checkpoint that a fine-tuned adapter (folder or Hub repository) makes of its base.

    `out` gets weights and `config.json`, the tokenizer with the ECG tokens, processor and
    `ecg_tokenizer/`, generation config, chat template, `reading.json`, and the card and results
    that lie beside the adapter. float32 is what training computed in; bfloat16 takes half the room
    and rounds after merging. `base` replaces the base that the adapter names. Returns the model.

    Raises:
        EcgByteError: there is no adapter, its base cannot be loaded, or `out` holds other files.
    """
    require_extra("train", "merge")
    import torch

    from ecg_byte_hf.hub_code.processing_ecg_byte import EcgByteProcessor

    if dtype not in DTYPES:
        raise EcgByteError(f"--dtype {dtype} must be {' or '.join(DTYPES)}")
    out = Path(out)
    _check_out(out, overwrite=overwrite)
    quiet_libraries()
    folder = model_folder(model)
    # A tokenizer's folder has a config.json too.
    read_settings(folder)
    if (folder / MODEL_CONFIG).is_file() and not (folder / ADAPTER_CONFIG).is_file():
        raise EcgByteError(f"{model} is a plain checkpoint already: there is nothing to merge")
    processor = EcgByteProcessor.from_pretrained(str(folder))
    with bar("merging", 2, quiet) as advance:
        merged = load_merged(folder, len(processor.tokenizer), base=base, gguf_file=gguf_file)
        merged = merged.to(getattr(torch, dtype))
        advance()
        _write(merged, processor, folder, out)
        advance()
    return merged


def _write(merged: PreTrainedModel, processor: Any, folder: Path, out: Path) -> None:
    """Write everything beside `out` first, so that an interruption leaves `out` as it was."""
    from transformers import GenerationConfig

    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as temporary:
            whole = Path(temporary)
            save_checkpoint(merged, GenerationConfig.from_pretrained(str(folder)), whole)
            processor.save_pretrained(str(whole))
            _copy_the_rest(folder, whole)
            if out.is_dir():
                remove_output(out)
            _move_into(whole, out)
    except OSError as error:
        raise EcgByteError(
            f"{out}: the checkpoint could not be written ({error.strerror or error})"
        ) from error


def _check_out(out: Path, *, overwrite: bool) -> None:
    if out.exists() and not out.is_dir():
        raise EcgByteError(f"{out} is a file: give another --out")
    if not out.is_dir() or not any(out.iterdir()):
        return
    trained = any((out / name).exists() for name in (ADAPTER_CONFIG, STAGES_FOLDER))
    if trained or not is_output(out):
        raise EcgByteError(
            f"{out} holds no merged model, so nothing in it is touched: give another --out"
        )
    if not overwrite:
        raise EcgByteError(f"{out} holds a model: give another --out, or --overwrite")


def _copy_the_rest(folder: Path, whole: Path) -> None:
    """Card, results and pictures: everything at the top that is neither ours to write nor code."""
    for path in sorted(folder.iterdir()):
        new = not (whole / path.name).exists() and path.name != ADAPTER_CONFIG
        goes = path.suffix in (".json", ".md", ".png", ".svg") or path.name == WORDINGS_FILE
        if path.is_file() and new and goes:
            shutil.copyfile(path, whole / path.name)
    _forget_local_base(whole / SETTINGS_FILE)
    if (whole / _CARD).is_file() and not is_written_card(whole / _CARD):
        _mend_card(whole / _CARD)
    else:
        refresh_model_card(whole)


def _forget_local_base(path: Path) -> None:
    """A folder of this machine is no name of a base for whoever gets the checkpoint."""
    settings = json.loads(path.read_text(encoding="utf-8"))
    base = str(settings.get("base"))
    if base != "made here" and not is_repository_name(base):
        write_json(settings | {"base": "a local Llama"}, path)


def _mend_card(path: Path) -> None:
    """Make the card of an adapter say that this is a whole model."""
    from huggingface_hub import ModelCard

    card = ModelCard.load(path)
    card.data.library_name = "transformers"
    tags = card.data.tags or []
    card.data.tags = [tag for tag in tags if not tag.startswith(_OF_ADAPTERS)] or None
    if card.data.base_model:
        card.data.base_model_relation = "finetune"
    card.text = _NOTE + card.text.lstrip()
    card.save(path)


def _move_into(source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    for path in source.iterdir():
        if path.is_dir():
            _move_into(path, target / path.name)
        else:
            path.replace(target / path.name)
