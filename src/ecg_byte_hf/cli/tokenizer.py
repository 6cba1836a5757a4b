"""`ecg-byte train-tokenizer`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from ..hub_code.presets import BEAT_PRESETS, DEFAULT_PRESET
from ..wording import counted
from .options import Private, Push, Quiet, one_of
from .push import push_result

VOCAB_SIZE = 4096


def _sizes(text: str) -> dict[str, int]:
    """`rr=400,t=1200,r=2400` as a dict."""
    try:
        pairs = [part.split("=") for part in text.split(",")]
        sizes = {kind.strip(): int(size) for kind, size in pairs}
    except ValueError:
        sizes = {}
    if set(sizes) != {"rr", "t", "r"} or min(sizes.values()) < 1:
        raise typer.BadParameter(f"--vocab-sizes {text!r} is not like rr=400,t=1200,r=2400")
    return sizes


def _above_zero(value: float | None) -> float | None:
    if value is not None and not 0 < value < float("inf"):
        raise typer.BadParameter(f"step {value:g} must be a number greater than 0")
    return value


# Which presets an option is for.
_PRESETS_OF = {
    "step": ("compact", *BEAT_PRESETS),
    "dead_zone": ("compact", *BEAT_PRESETS),
    "template_step": BEAT_PRESETS,
    "lead_order": ("paper",),
    "one_word": ("paper",),
}


def _check_preset(preset: str, options: Iterable[str]) -> None:
    """A usage error for the first of these options that is not for the preset."""
    for name in options:
        if preset not in _PRESETS_OF[name]:
            raise typer.BadParameter(
                f"--{name.replace('_', '-')} is for --preset {', '.join(_PRESETS_OF[name])}, not "
                f"{preset}"
            )


def train_tokenizer_command(
    corpus: Annotated[Path, typer.Argument(help="Corpus folder, made by 'prepare'.")],
    out: Annotated[Path, typer.Option(help="Folder of the tokenizer to write.")],
    preset: Annotated[
        str,
        typer.Option(
            callback=one_of("paper", "compact", *BEAT_PRESETS),
            help="paper, compact, beat, beat-placed or beat-named.",
        ),
    ] = DEFAULT_PRESET,
    vocab_size: Annotated[
        int | None,
        typer.Option(min=1, help="Tokens in all, markers included.", show_default=str(VOCAB_SIZE)),
    ] = None,
    vocab_sizes: Annotated[
        str | None,
        typer.Option(
            metavar="rr=N,t=N,r=N",
            help="Instead: tokens per kind of word, no merge shared (beat presets).",
        ),
    ] = None,
    augment: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Shifted and scaled copies of each ECG that the BPE also sees.",
            show_default="2 for the beat presets, else 0",
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="Split to train on.")] = "train",
    max_records: Annotated[
        int | None, typer.Option(min=1, help="Only the first so many rows of the split.")
    ] = None,
    cleaning: Annotated[
        str | None,
        typer.Option(
            callback=one_of("clean", "paper", "none"),
            help="clean, paper or none; default: the preset's own.",
        ),
    ] = None,
    step: Annotated[
        float | None,
        typer.Option(
            callback=_above_zero,
            help="Quantiser step in the corpus's unit (default in mV: compact 0.33, beat presets "
            "0.5).",
        ),
    ] = None,
    dead_zone: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=1,
            help="Share of a step that becomes 0 (compact, beat presets; default 0.6).",
        ),
    ] = None,
    template_step: Annotated[
        float | None,
        typer.Option(callback=_above_zero, help="Step of the representative beat (beat presets)."),
    ] = None,
    one_word: Annotated[
        bool, typer.Option("--one-word", help="One word per ECG, as in the paper (paper).")
    ] = False,
    lead_order: Annotated[
        str | None,
        typer.Option(
            callback=one_of("standard", "paper"), help="standard, or paper: aVL before aVR (paper)."
        ),
    ] = None,
    num_proc: Annotated[int | None, typer.Option(min=1, help="Processes of the map step.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a tokenizer in --out.")
    ] = False,
    push: Push = None,
    private: Private = False,
    quiet: Quiet = False,
) -> None:
    """Fit an extractor on a corpus and train its BPE: writes a folder for AutoTokenizer.

    Example: ecg-byte train-tokenizer corpora/ptb-xl --preset beat --out tokenizers/beat
    """
    from ..corpus_tokenizer import claim_tokenizer_folder, processor_from_corpus, save_processor
    from ..hub.push import check_push

    sizes = None if vocab_sizes is None else _sizes(vocab_sizes)
    if sizes is not None and vocab_size is not None:
        raise typer.BadParameter("give --vocab-size or --vocab-sizes, not both")
    options = {
        "step": step,
        "dead_zone": dead_zone,
        "template_step": template_step,
        "lead_order": lead_order,
        "one_word": one_word or None,
    }
    codec = {name: value for name, value in options.items() if value is not None}
    _check_preset(preset, codec)
    if sizes is not None and preset not in BEAT_PRESETS:
        raise typer.BadParameter(f"--vocab-sizes is for the beat presets, not {preset}")
    if push is not None:
        check_push(push)
    claim_tokenizer_folder(out, overwrite=overwrite)
    processor = processor_from_corpus(
        corpus,
        preset=preset,
        vocabulary_size=vocab_size or VOCAB_SIZE,
        vocabulary_sizes=sizes,
        augment=augment,
        split=split,
        max_records=max_records,
        cleaning=cleaning,
        codec=codec,
        num_proc=num_proc,
        quiet=quiet,
    )
    save_processor(processor, out, draw=True, quiet=quiet)
    print(f"{out}: preset {preset}, {counted(processor.ecg_vocabulary_size, 'token')}")
    push_result(out, push, private=private, quiet=quiet)
