"""The two-stage method: an ECG encoder first, then its features joined to a Llama.

After LLaVA (Liu et al., arXiv 2304.08485), as ECG-Byte's authors compare with: the encoder of the
first stage, a projection into the Llama's embeddings, LoRA. All else is `reading`'s: questions,
chat, packing, Trainer, evaluation.
"""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ecg_byte_hf.corpora import corpus_facts, open_questions
from ecg_byte_hf.extras import require_extra
from ecg_byte_hf.fidelity.report_output import write_json
from ecg_byte_hf.hub_code.ecg_ids import BEGIN, END
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.progress import quiet_libraries
from ecg_byte_hf.reading.argument_checks import (
    check_arguments,
    say_without_effect,
    settle_processes,
)
from ecg_byte_hf.reading.kept_stage import train_or_take
from ecg_byte_hf.reading.output_folder import (
    BLIND_FOLDER,
    CURVE_FILE,
    KEPT_FILE,
    SETTINGS_FILE,
    STAGES_FOLDER,
    TWO_STAGE,
    begin_training,
    check_begun,
    claim_output,
    config_digest,
    read_finished,
    remove_output,
    write_finished,
    write_ignore_file,
)
from ecg_byte_hf.reading.precision import bf16_base, sharded
from ecg_byte_hf.reading.repository import commit_of
from ecg_byte_hf.reading.sequences import Chat, build_readings, say_left_out, shown_records
from ecg_byte_hf.reading.stages import run_stage, stage_arguments
from ecg_byte_hf.reading.tokenised import is_asked, say_missing_types
from ecg_byte_hf.reading.training import what_is_trained
from ecg_byte_hf.reading.usage import UsageError

from .labelled_ecgs import LabelledEcgs, SignalFormat, corpus_format, read_ecgs
from .projection import EcgEmbedding, Projector, put_in
from .resnet import EcgResNet, load_resnet
from .resnet_output import read_cost, read_trained
from .two_stage_arguments import TwoStageArguments, say_without_tokens
from .two_stage_files import remove_encoder
from .two_stage_output import save_two_stage

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase, TrainingArguments


# As many training ECGs say how large features are.
_FITTED_ON = 256


def train_two_stage(arguments: TwoStageArguments, training: TrainingArguments) -> dict[str, Any]:
    """Train a Llama to answer a corpus's questions from the features of a ResNet; write it.

    `training.output_dir` gets what `reading.training.finetune` writes, but for the ECG tokenizer:
    in its place stands `encoder/` with the ResNet and the projector. `blind/` is the control that
    sees no ECG. A small new Llama is trained in full first, on the same questions. With
    `curve_every_steps`, `curve.json` begins with the cost of the ResNet. `resume_from_checkpoint`
    goes on where the same arguments were interrupted.

    Returns:
        What was used and left out, and the losses reached: the content of `reading.json`.

    Raises:
        EcgByteError: naming what is missing or does not fit.
    """
    require_extra("train", "training/two_stage.py")
    from transformers import set_seed

    check_arguments(arguments, training)
    if sharded():
        raise EcgByteError("training/two_stage.py does not shard its model (FSDP): use DDP")
    settle_processes(arguments, training)
    if arguments.push or training.push_to_hub:
        raise UsageError("training/two_stage.py does not push: leave --push out")
    # The signals of all ECGs are a buffer: every process has them, and they never change.
    training.ddp_broadcast_buffers = False
    out = Path(training.output_dir)
    main = training.process_index == 0
    if main and not arguments.quiet:
        say_without_effect(arguments)
        say_without_tokens(arguments)
    quiet_libraries()
    encoder = load_resnet(arguments.encoder)
    with training.main_process_first(desc="claim the folder"):
        stale = main and claim_output(
            out,
            resume=bool(training.resume_from_checkpoint),
            overwrite=arguments.overwrite,
            two_stage=True,
        )
    ecgs, questions = _read(arguments, encoder)
    if main and not arguments.quiet:
        say_missing_types(arguments.corpus, arguments.question_types)
    set_seed(training.seed)
    settings = _train_one(arguments, training, ecgs, questions, out, encoder, stale=stale)
    settings["blind"] = None
    if arguments.train_blind:
        set_seed(training.seed)
        blind = _train_one(arguments, training, ecgs, questions, out / BLIND_FOLDER, None)
        settings["blind"] = blind
        if main:
            write_json(blind, out / BLIND_FOLDER / SETTINGS_FILE)
    if main:
        write_ignore_file(out)
        write_json(settings, out / SETTINGS_FILE)
    return settings


def _read(
    arguments: TwoStageArguments, encoder: EcgResNet
) -> tuple[dict[str, LabelledEcgs], dict[str, list[dict[str, Any]]]]:
    """ECGs and questions of train and validation, as many as `reading` takes."""
    config = encoder.config
    form = SignalFormat(config.sampling_rate, config.samples, config.cleaned)
    if corpus_format(arguments.corpus).cleaned != config.cleaned:
        raise EcgByteError(
            f"--encoder {arguments.encoder} was trained on ECGs in another unit than those of "
            f"corpus {arguments.corpus}: train one on this corpus with training/resnet.py"
        )
    limits = {"train": arguments.max_train_records, "validation": arguments.max_validation_records}
    asked = open_questions(arguments.corpus)
    ecgs, questions = {}, {}
    for split, limit in limits.items():
        if split not in asked:
            raise EcgByteError(
                f"corpus {arguments.corpus}: no {split} split with questions: prepare it again"
            )
        ecgs[split] = read_ecgs(arguments.corpus, split, form, limit=limit, quiet=arguments.quiet)
        known = set(ecgs[split].record_ids)
        questions[split] = [
            row
            for row in asked[split].to_list()
            if known.issuperset(shown_records(row)) and is_asked(row, arguments)
        ]
    return ecgs, questions


def _say_unequal(arguments: TwoStageArguments, records: int, encoder: EcgResNet | None) -> None:
    """Say on stderr where the encoder has seen more ECGs than the Llama will."""
    seen = read_trained(arguments.encoder).get("records")
    if encoder is not None and seen is not None and seen > records:
        print(
            f"encoder {arguments.encoder} was trained on {seen} ECGs, the Llama will be on "
            f"{records}: to compare methods on as many, train one with training/resnet.py "
            f"--max_train_records {records}",
            file=sys.stderr,
        )


def add_placeholders(tokenizer: PreTrainedTokenizerBase) -> None:
    """Add the tokens that mark an ECG in a chat; the Llama never sees them."""
    from tokenizers import AddedToken

    marks = [AddedToken(name, special=True, normalized=False) for name in (BEGIN, END)]
    tokenizer.add_tokens(marks, special_tokens=True)


def _train_one(
    arguments: TwoStageArguments,
    training: TrainingArguments,
    ecgs: dict[str, LabelledEcgs],
    questions: dict[str, list[dict[str, Any]]],
    out: Path,
    encoder: EcgResNet | None,
    *,
    stale: bool = False,
) -> dict[str, Any]:
    """One of the two models; without an encoder the blind one.

    `stale`: what an earlier run left in `out` goes before training.
    """
    from ecg_byte_hf.reading.adapter import add_adapter, check_lora_targets
    from ecg_byte_hf.reading.learning_curve import LearningCurve, check_curve_goes_on
    from ecg_byte_hf.reading.model import load_llama, new_llama, train_text_tokenizer

    # Of the ResNet what it was trained on counts: of several seeds each has its own.
    what = what_is_trained(replace(arguments, encoder=""), training)
    # Once a field of this method alone, and part of what its runs are known by.
    what["evaluate"] = True
    what["encoder"] = read_trained(arguments.encoder)
    resume = bool(training.resume_from_checkpoint)
    if resume:
        if (finished := read_finished(out, what)) is not None:
            return finished
        check_begun(out, what)
    new = arguments.base is None
    if new:
        texts = [row[part] for row in questions["train"] for part in ("question", "answer")]
        tokenizer = train_text_tokenizer(texts, arguments.text_vocab_size)
        add_placeholders(tokenizer)
        model = new_llama(tokenizer, arguments.small_llama, arguments.context)
    else:
        model, tokenizer = load_llama(
            str(arguments.base), arguments.gguf_file, bf16=bf16_base(training)
        )
        add_placeholders(tokenizer)
    modules = arguments.lora_target_modules
    targets = modules if modules == "all-linear" else modules.split(",")
    check_lora_targets(model, targets)
    chat = Chat(tokenizer)
    first_id = max(len(tokenizer), model.get_input_embeddings().num_embeddings)
    ids = {split: dict.fromkeys(one.record_ids, ()) for split, one in ecgs.items()}
    embedding = None
    if encoder is not None:
        embedding = _join(model, encoder, arguments, first_id, training.seed)
        shown = embedding.show(list(ecgs.values()))
        chat.vocabulary = embedding.end_id
        ids = {split: {r: shown[r] for r in one.record_ids} for split, one in ecgs.items()}
        _fit(embedding, ecgs["train"])
    context = min(arguments.context, model.config.max_position_embeddings)
    readings, left_out = {}, {}
    for split, asked in questions.items():
        readings[split], left_out[split] = build_readings(
            ids[split], asked, chat, context=context, blind=encoder is None
        )
    if training.process_index == 0 and not arguments.quiet:
        say_left_out(left_out, context)
        _say_unequal(arguments, len(ecgs["train"].record_ids), encoder)
    before = read_cost(arguments.encoder)
    curve = None
    if arguments.curve_every_steps and encoder is not None:
        if resume and (out / STAGES_FOLDER / "base" / KEPT_FILE).is_file():
            check_curve_goes_on(out)
        every, asked = arguments.curve_every_steps, readings["validation"]
        curve = LearningCurve(out / CURVE_FILE, asked, chat, every, before, resume=resume)
    generators = () if embedding is None else (embedding.generator,)
    train = partial(
        run_stage,
        generators=generators,
        readings=readings,
        chat=chat,
        context=context,
        shift=first_id,
        arguments=arguments,
        pad_id=int(tokenizer.pad_token_id),
        ecg_loss_weight=0.0,
        curve=curve,
    )
    with training.main_process_first(desc="begin"):
        # Not before: what is wrong with the arguments has been said by now.
        if stale:
            remove_encoder(out)
            remove_output(out)
        if training.process_index == 0:
            begin_training(out, what)
    losses: dict[str, Any] = {}
    if new:
        folder = out / STAGES_FOLDER / "base"
        stage = stage_arguments(training, folder)
        stage.num_train_epochs = arguments.base_epochs
        stage.learning_rate = arguments.base_learning_rate
        losses["base"] = train_or_take(
            model,
            folder,
            what,
            partial(train, model, stage, title="small Llama"),
            resume=resume,
            process=training.process_index,
            generators=generators,
        )
    own = ["projector", "encoder"] if arguments.train_encoder else ["projector"]
    adapted = add_adapter(
        model,
        range(0),
        r=arguments.lora_r,
        alpha=arguments.lora_alpha,
        dropout=arguments.lora_dropout,
        target_modules=targets,
        base_id=arguments.base_id or arguments.base,
        base_revision=None if new or arguments.base_id else commit_of(str(arguments.base)),
        modules_to_save=own if embedding is not None else (),
    )
    stage = stage_arguments(training, out / STAGES_FOLDER / "adapter")
    losses["adapter"] = train(adapted, stage, title="adapter")
    longest: dict[str, int] = {}
    for turn in (turn for reading in readings["train"] for turn in reading.turns):
        kind = turn.row["question_type"]
        longest[kind] = max(longest.get(kind, 0), len(turn.answer_ids))
    settings = {
        "augmentation": "turned and scaled" if arguments.augment and encoder is not None else None,
        "base": "made here" if new else arguments.base_id or arguments.base,
        "columns": arguments.columns,
        "config": config_digest(what),
        "context": context,
        "corpus": corpus_facts(arguments.corpus),
        "ecg_tokens_mean": 0 if encoder is None else arguments.columns,
        "encoder": {
            "cost": asdict(before),
            "settings": what["encoder"],
            "trained": arguments.train_encoder,
        },
        "left_out": {split: vars(counts) for split, counts in left_out.items()},
        "longest_answers": longest,
        "losses": losses,
        "max_steps": training.max_steps,
        "parameters": sum(p.numel() for p in model.parameters()),
        "preset": TWO_STAGE,
        "questions": {split: sum(len(r.turns) for r in rs) for split, rs in readings.items()},
        "questions_per_sequence": arguments.questions_per_sequence,
        "records": {split: len(one.record_ids) for split, one in ecgs.items()},
        "seed": training.seed,
        "sees_ecg": encoder is not None,
        "question_types": arguments.question_types,
        "train_questions": arguments.train_questions,
    }
    if training.process_index == 0:
        save_two_stage(adapted, chat, max(longest.values()), out, whole=new)
        write_finished(out, what, settings)
    return settings


def _join(
    model: PreTrainedModel,
    encoder: EcgResNet,
    arguments: TwoStageArguments,
    first_id: int,
    seed: int,
) -> EcgEmbedding:
    """Put encoder and a new projector into the Llama; what stays as it is asks for no gradient."""
    torch.manual_seed(seed)
    projector = Projector(encoder.config.widths[-1], model.config.hidden_size)
    encoder.requires_grad_(arguments.train_encoder)
    encoder.head.requires_grad_(False)
    return put_in(
        model,
        encoder,
        projector,
        first_id=first_id,
        columns=arguments.columns,
        train_encoder=arguments.train_encoder,
        vary=arguments.augment,
        seed=seed,
    )


def _fit(embedding: EcgEmbedding, ecgs: LabelledEcgs) -> None:
    signals = torch.from_numpy(ecgs.signals[:_FITTED_ON]).float()
    with torch.no_grad():
        features = embedding.feature_map(signals.to(embedding.weight.device))
    embedding.projector.fit(features, embedding.weight)
