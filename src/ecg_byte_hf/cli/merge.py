"""`ecg-byte merge`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .model_folders import check_model_folder
from .options import Private, Push, Quiet, one_of
from .push import push_result


def merge_command(
    model: Annotated[str, typer.Argument(help="Folder or Hub repository of a fine-tuned adapter.")],
    out: Annotated[Path, typer.Option(help="Folder of the checkpoint to write.")],
    dtype: Annotated[
        str,
        typer.Option(
            callback=one_of("float32", "bfloat16"),
            help="float32 as in training, or bfloat16 at half the size.",
        ),
    ] = "float32",
    base: Annotated[
        str | None, typer.Option(help="Base model instead of the one that the adapter names.")
    ] = None,
    gguf_file: Annotated[
        str | None, typer.Option(help="Name of a GGUF in the folder given with --base.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a merged model in --out.")
    ] = False,
    push: Push = None,
    private: Private = False,
    quiet: Quiet = False,
) -> None:
    """Merge an adapter into its base: a checkpoint for transformers, vLLM and TGI, without PEFT.

    Example: ecg-byte merge models/ptb-xl --out models/ptb-xl-merged --dtype bfloat16
    """
    from ..hub.push import check_push
    from ..reading.merging import merge

    check_model_folder(model)
    if push is not None:
        check_push(push)
    merged = merge(
        model,
        out,
        dtype=dtype,
        base=base,
        gguf_file=gguf_file,
        overwrite=overwrite,
        quiet=quiet,
    )
    size = sum(path.stat().st_size for path in out.glob("model*.safetensors"))
    print(f"{out}: {merged.num_parameters():,} parameters in {dtype}, {size / 1e6:,.1f} MB")
    push_result(out, push, private=private, quiet=quiet)
