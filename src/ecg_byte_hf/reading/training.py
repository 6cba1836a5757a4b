"""Fine-tuning: corpus, ECG tokenizer and Llama in; a folder that answers questions out."""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecg_byte_hf.corpora import corpus_facts
from ecg_byte_hf.extras import require_extra
from ecg_byte_hf.fidelity.report_output import write_json
from ecg_byte_hf.hub.model_card import refresh_model_card
from ecg_byte_hf.hub_code.fingerprint import processor_sha256
from ecg_byte_hf.progress import quiet_libraries

from .argument_checks import check_arguments, say_without_effect, settle_processes
from .output_folder import (
    ADAPTER_CONFIG,
    ADAPTER_WEIGHTS,
    BLIND_FOLDER,
    CURVE_FILE,
    GATHERED,
    PRETRAINING,
    SETTINGS_FILE,
    STAGES_FOLDER,
    base_folder,
    begin_training,
    check_begun,
    claim_output,
    config_digest,
    read_base_trained,
    read_finished,
    remove_output,
    write_base_trained,
    write_finished,
    write_ignore_file,
)
from .precision import bf16_base
from .reading_arguments import ReadingArguments
from .repository import commit_of
from .row_starts import token_vectors
from .sequences import Chat, say_left_out
from .stages import run_stage, stage_arguments
from .tokenised import TokenisedCorpus, say_missing_types
from .wordings import write_wordings

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerFast, TrainingArguments


def finetune(arguments: ReadingArguments, training: TrainingArguments) -> dict[str, Any]:
    """Train a Llama to answer a corpus's questions from ECG tokens; write everything it needs.

    Written to `training.output_dir`: the adapter (with the rows of the new tokens), the Llama's
    tokenizer, the processor with the ECG BPE in `ecg_tokenizer/`, `generation_config.json`;
    `blind/` with the control that never sees an ECG; last of all `reading.json`.
    `resume_from_checkpoint` goes on where the same arguments were interrupted; `overwrite` removes
    the model that is there and no other file. A small new Llama is trained in full first, on the
    same questions and on the next ECG token: low-rank changes of random weights that stay frozen
    learn nothing. It is written whole, adapter merged: nobody else has its base. `max_steps` 0
    builds and writes all of it without a step.

    Returns:
        What was used and left out, and the losses reached: the content of `reading.json`.

    Raises:
        EcgByteError: naming what is missing or does not fit.
    """
    require_extra("train", "fine-tuning")
    from transformers import set_seed

    check_arguments(arguments, training)
    settle_processes(arguments, training)
    out = Path(training.output_dir)
    main = training.process_index == 0
    if main and not arguments.quiet:
        say_without_effect(arguments)
    with training.main_process_first(desc="claim the folder"):
        resume = bool(training.resume_from_checkpoint)
        stale = main and claim_output(out, resume=resume, overwrite=arguments.overwrite)
    set_seed(training.seed)
    quiet_libraries()
    with training.main_process_first(desc="tokenise"):
        corpus = TokenisedCorpus.open(arguments)
    if main and not arguments.quiet:
        say_missing_types(arguments.corpus, arguments.question_types)
    settings = _train_one(arguments, training, corpus, out, blind=False, stale=stale)
    settings["blind"] = None
    if arguments.train_blind:
        set_seed(training.seed)
        blind = _train_one(arguments, training, corpus, out / BLIND_FOLDER, blind=True)
        settings["blind"] = blind
        if main:
            write_json(blind, out / BLIND_FOLDER / SETTINGS_FILE)
    if main:
        write_ignore_file(out)
        write_json(settings, out / SETTINGS_FILE)
        refresh_model_card(out)
    return settings


def _train_one(
    arguments: ReadingArguments,
    training: TrainingArguments,
    corpus: TokenisedCorpus,
    out: Path,
    *,
    blind: bool,
    stale: bool = False,
) -> dict[str, Any]:
    """One of the two models; `stale`: what an earlier run left in `out` goes before training."""
    from transformers import set_seed

    from .adapter import add_adapter, check_lora_targets, save_adapter
    from .checkpoint import generation_config, save_checkpoint
    from .ecg_pretraining import ecgs_alone
    from .kept_stage import train_or_take
    from .material import Material
    from .model import load_llama, norms_sha256
    from .vocabulary import draw_rows, resize_embeddings

    resume = bool(training.resume_from_checkpoint)
    what = what_is_trained(arguments, training, corpus.ecg_processor)
    if resume and (finished := read_finished(out, what)) is not None:
        return finished
    main = training.process_index == 0
    if resume:
        check_begun(out, what)
    ecg_tokenizer = corpus.ecg_processor.tokenizer
    base_losses = read_base_trained(out, what) if resume else None
    base_done = base_losses is not None
    new = arguments.base is None
    if new and not base_done:
        model, tokenizer, shift = _new_llama(arguments, corpus)
        ecg_rows, base_sha256 = range(0), None
    else:
        source = str(base_folder(out)) if new else str(arguments.base)
        model, tokenizer = load_llama(
            source, arguments.gguf_file, bf16=not new and bf16_base(training)
        )
        base_sha256 = None if new else norms_sha256(model)
        known = len(tokenizer)
        shift = _add_ecg_tokens(tokenizer, corpus)
        ecg_rows = range(known, len(tokenizer))
    modules = arguments.lora_target_modules
    targets = modules if modules == "all-linear" else modules.split(",")
    check_lora_targets(model, targets)
    chat = Chat(tokenizer)
    context = min(arguments.context, model.config.max_position_embeddings)
    material = Material.of(
        corpus, chat, arguments, shift=shift, context=context, seed=training.seed, blind=blind
    )
    if main and not arguments.quiet:
        say_left_out(material.left_out, context)
    variants = material.variants
    curve = None
    if arguments.curve_every_steps and not blind:
        from .learning_curve import LearningCurve, check_curve_goes_on

        if base_done:
            check_curve_goes_on(out)
        curve = LearningCurve(
            out / CURVE_FILE,
            material.readings["validation"],
            chat,
            arguments.curve_every_steps,
            resume=resume,
        )
    with training.main_process_first(desc="begin"):
        # Not before: what is wrong with the arguments has been said by now.
        if stale:
            remove_output(out)
        if main:
            begin_training(out, what)
    run = partial(
        run_stage,
        curve=curve,
        chat=chat,
        context=context,
        shift=shift,
        arguments=arguments,
        pad_id=int(tokenizer.pad_token_id),
    )

    def train(trained: Any, name: str, stage: TrainingArguments, **more: Any) -> dict[str, float]:
        # Every stage draws its own variants.
        drawn = variants and replace(variants, seed=(training.seed, *name.encode()))
        return run(trained, stage, variants=drawn, **({"readings": material.readings} | more))

    def pretrain_on_ecgs(trained: Any) -> dict[str, float]:
        folder = out / STAGES_FOLDER / PRETRAINING
        stage = stage_arguments(training, folder)
        stage.num_train_epochs = arguments.ecg_pretraining_epochs
        stage.learning_rate = arguments.ecg_pretraining_learning_rate
        alone = {split: ecgs_alone(ecgs) for split, ecgs in material.ecgs.items()}
        once = partial(
            train,
            *(trained, PRETRAINING, stage),
            readings=alone,
            ecg_loss_weight=1.0,
            title="ECG tokens",
        )
        process = training.process_index
        return train_or_take(trained, folder, what, once, resume=resume, process=process)

    pretraining = bool(arguments.ecg_pretraining_epochs) and not blind
    vectors = None
    if arguments.ecg_rows_start == "waveform" and not base_done:
        vectors = token_vectors(corpus.ecg_processor)
    spread = 0.0 if arguments.ecg_rows_start == "mean" else arguments.ecg_rows_spread
    losses: dict[str, Any] = base_losses or {}
    if new and not base_done:
        if arguments.ecg_rows_start != "random":
            ecg_ids = range(shift, shift + len(ecg_tokenizer))
            draw_rows(model, ecg_ids, training.seed, spread, vectors)
        if pretraining:
            losses[PRETRAINING] = pretrain_on_ecgs(model)
        stage = stage_arguments(training, out / STAGES_FOLDER / "base")
        stage.num_train_epochs = arguments.base_epochs
        stage.learning_rate = arguments.base_learning_rate
        weight = 0.0 if blind else arguments.ecg_loss_weight
        title = "blind base" if blind else "small Llama"
        losses["base"] = train(model, "base", stage, ecg_loss_weight=weight, title=title)
        if main:
            _save_base(model, tokenizer, base_folder(out))
            write_base_trained(out, what, losses)
    resize_embeddings(model, len(tokenizer))
    draw_rows(model, ecg_rows, training.seed, spread, vectors)
    # Whatever was drawn before: a base that is there already draws the same adapter.
    set_seed(training.seed)
    adapted = add_adapter(
        model,
        ecg_rows,
        r=arguments.lora_r,
        alpha=arguments.lora_alpha,
        dropout=arguments.lora_dropout,
        target_modules=targets,
        base_id=arguments.base_id or arguments.base,
        base_revision=None if new or arguments.base_id else commit_of(str(arguments.base)),
        train_rows=arguments.train_ecg_rows,
    )
    if pretraining and not new:
        losses[PRETRAINING] = pretrain_on_ecgs(adapted)
    stage = stage_arguments(training, out / STAGES_FOLDER / "adapter")
    title = "blind adapter" if blind else "adapter"
    losses["adapter"] = train(adapted, "adapter", stage, ecg_loss_weight=0.0, title=title)
    settings = material.facts | {
        "augmentation": asdict(variants.augmentation) if variants else None,
        "base": "made here" if new else arguments.base_id or arguments.base,
        "base_sha256": base_sha256,
        "config": config_digest(what),
        "corpus": corpus_facts(arguments.corpus),
        "ecg_loss_weight": arguments.ecg_loss_weight if new and not blind else 0.0,
        "ecg_pretraining_epochs": arguments.ecg_pretraining_epochs if pretraining else 0,
        "ecg_rows": {
            # A small new Llama draws all its rows alike.
            "spread": None if new and arguments.ecg_rows_start == "random" else spread,
            "start": arguments.ecg_rows_start,
            "trained": arguments.train_ecg_rows or new,
        },
        "losses": losses,
        "max_steps": training.max_steps,
        "parameters": sum(p.numel() for p in model.parameters()),
        "preset": corpus.ecg_processor.feature_extractor.preset,
        "question_types": arguments.question_types,
        "questions_per_sequence": arguments.questions_per_sequence,
        "seed": training.seed,
        "sees_ecg": not blind,
        "ecg_vocabulary": len(ecg_tokenizer),
        "train_questions": arguments.train_questions,
    }
    if main:
        generation = generation_config(chat, max(material.longest_answers.values()))
        if new:
            save_checkpoint(adapted.merge_and_unload(), generation, out)
        else:
            gathered = out / STAGES_FOLDER / "adapter" / GATHERED
            if gathered.is_dir():
                for name in (ADAPTER_CONFIG, ADAPTER_WEIGHTS):
                    shutil.copy(gathered / name, out / name)
            else:
                save_adapter(adapted, out)
            generation.save_pretrained(str(out))
        _save_processor(corpus.ecg_processor, tokenizer, out)
        write_wordings((row["question"] for row in corpus.questions["train"]), out)
        write_finished(out, what, settings)
    return settings


def _new_llama(
    arguments: ReadingArguments, corpus: TokenisedCorpus
) -> tuple[PreTrainedModel, PreTrainedTokenizerFast, int]:
    """A small Llama with random weights, its tokenizer with the ECG tokens, and their shift."""
    from .model import new_llama, train_text_tokenizer

    texts = [row[part] for row in corpus.questions["train"] for part in ("question", "answer")]
    tokenizer = train_text_tokenizer(texts, arguments.text_vocab_size)
    shift = _add_ecg_tokens(tokenizer, corpus)
    return new_llama(tokenizer, arguments.small_llama, arguments.context), tokenizer, shift


def _add_ecg_tokens(tokenizer: PreTrainedTokenizerFast, corpus: TokenisedCorpus) -> int:
    from .vocabulary import add_ecg_tokens

    processor = corpus.ecg_processor
    return add_ecg_tokens(tokenizer, processor.tokenizer, processor.feature_extractor.markers)


def what_is_trained(
    arguments: ReadingArguments, training: TrainingArguments, ecg_processor: Any = None
) -> dict[str, Any]:
    """The arguments that another run must share to find its work done.

    `ecg_processor` is what the ECGs are tokenised with, None for a method without ECG tokens.
    """
    settled = ("overwrite", "push", "quiet", "num_proc")
    without = (*settled, "curve_every_steps", "evaluate", "train_blind")
    fields = {name: value for name, value in asdict(arguments).items() if name not in without}
    names = [
        "max_steps",
        "num_train_epochs",
        "learning_rate",
        "lr_scheduler_type",
        "lr_scheduler_kwargs",
        "warmup_steps",
        "warmup_ratio",
        "optim",
        "optim_args",
        "optim_target_modules",
        "weight_decay",
        "per_device_train_batch_size",
        "gradient_accumulation_steps",
        "average_tokens_across_devices",
        "world_size",
        "adam_beta1",
        "adam_beta2",
        "adam_epsilon",
        "max_grad_norm",
        "label_smoothing_factor",
        "neftune_noise_alpha",
        "train_sampling_strategy",
        "dataloader_drop_last",
        "eval_strategy",
        "eval_steps",
        "load_best_model_at_end",
        "metric_for_best_model",
        "greater_is_better",
        "bf16",
        "fp16",
        "seed",
        "data_seed",
    ]
    if training.load_best_model_at_end:
        # The best is chosen among the checkpoints that were saved.
        names += ["save_strategy", "save_steps"]
    # Of corpus and tokenizer what is in them counts too, not where they lie alone; a tokenizer of
    # the Hub has no files here.
    described = Path(arguments.corpus) / "corpus.json"
    contents = {
        "corpus.json": described.read_text(encoding="utf-8") if described.is_file() else None,
        "ecg_tokenizer": None if ecg_processor is None else processor_sha256(ecg_processor),
    }
    return fields | {name: str(getattr(training, name, None)) for name in names} | contents


def _save_base(model: PreTrainedModel, tokenizer: PreTrainedTokenizerFast, folder: Path) -> None:
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def _save_processor(ecg_processor: Any, tokenizer: PreTrainedTokenizerFast, out: Path) -> None:
    from ecg_byte_hf.hub_code.processing_ecg_byte import EcgByteProcessor

    processor = EcgByteProcessor(
        ecg_processor.feature_extractor, tokenizer, ecg_tokenizer=ecg_processor.tokenizer
    )
    processor.save_pretrained(str(out))
