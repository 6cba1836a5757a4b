"""ECGs varied each epoch: what is drawn hangs on seed, epoch and record, and on nothing else."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader
from transformers import TrainingArguments
from transformers.trainer_pt_utils import LengthGroupedSampler

from ecg_byte_hf.augmentation import Augmentation
from ecg_byte_hf.corpora import open_corpus
from ecg_byte_hf.reading.model import train_text_tokenizer
from ecg_byte_hf.reading.packing import packer
from ecg_byte_hf.reading.reading_arguments import ReadingArguments
from ecg_byte_hf.reading.sequences import Chat, build_readings
from ecg_byte_hf.reading.stages import run_stage
from ecg_byte_hf.reading.tokenised import load_ecg_processor, tokenise
from ecg_byte_hf.reading.varied import EcgVariants, VariedReadings
from ecg_byte_hf.reading.vocabulary import add_ecg_tokens

from . import tiny

RECORDS = 6


class Setting:
    """Readings of a few records of a corpus, and what their variants are made of."""

    def __init__(self, corpus, tokenizer):
        processor = load_ecg_processor(tokenizer)
        self.tokenizer = train_text_tokenizer(tiny.TEXTS, 300)
        markers = processor.feature_extractor.markers
        self.shift = add_ecg_tokens(self.tokenizer, processor.tokenizer, markers)
        rows = open_corpus(corpus)["train"]
        plain = {
            record: [self.shift + i for i in ids]
            for record, ids in tokenise(rows, processor, RECORDS).items()
        }
        self.records = list(plain)
        asked = [
            tiny.question(record, f"{text} {number}", "yes")
            for record in plain
            for number, text in enumerate(tiny.TEXTS[:2] * 2)
        ]
        pair = tiny.question(self.records[0], "Which is faster?", "slow")
        asked.append(pair | {"record_ids": self.records[:2]})
        self.chat = Chat(self.tokenizer)
        self.readings, _ = build_readings(plain, asked, self.chat, context=1024)
        strong = Augmentation(share=0.7)
        self.variants = EcgVariants(rows, plain, processor, self.shift, strong, (3,))

    def dataset(self, context=1024, per_sequence=2, **changes):
        pack = packer(
            self.chat, context=context, ecg_labels=False, questions_per_sequence=per_sequence
        )
        variants = replace(self.variants, **changes)
        return VariedReadings(self.readings, pack, variants, self.chat, context)


@pytest.fixture(scope="module")
def setting(corpus, tokenizer):
    return Setting(corpus, tokenizer)


def ids_of(dataset):
    return [tuple(dataset[place]["input_ids"].tolist()) for place in range(len(dataset))]


def test_the_same_seed_and_epoch_draw_the_same_and_others_do_not(setting):
    dataset = setting.dataset()
    plain = ids_of(dataset)
    drawn = {}
    for epoch in (0, 1, 0):
        dataset.set_epoch(epoch)
        drawn.setdefault(epoch, []).append(ids_of(dataset))
    assert drawn[0][0] == drawn[0][1] != drawn[1][0]
    other = setting.dataset(seed=(4,))
    other.set_epoch(0)
    assert ids_of(other) != drawn[0][0]
    kept = np.mean([one == as_it_is for one, as_it_is in zip(drawn[0][0], plain, strict=True)])
    assert 0.1 < kept < 0.6


def test_every_variant_is_an_ecg_and_the_questions_stay(setting):
    dataset = setting.dataset(augmentation=Augmentation(share=1.0))
    features = [dataset[place] for place in range(len(dataset))]
    dataset.set_epoch(5)
    processor = setting.variants.processor
    lengths = set()
    for place, plain in enumerate(features):
        varied = dataset[place]
        ecg = np.asarray(varied["input_ids"])[varied["segments"] == 0]
        one = [int(i) - setting.shift for i in ecg if i >= setting.shift]
        ends = [k for k, i in enumerate(one) if i == processor.tokenizer.eos_token_id]
        for start, stop in zip([0, *(end + 1 for end in ends)], ends, strict=False):
            lengths.add(processor.decode_ecg(one[start : stop + 1], strict=True).shape[1])
        for name in ("input_ids", "labels"):
            same = [row[name][row["segments"] > 0].tolist() for row in (plain, varied)]
            assert same[0] == same[1]
        assert varied["position_ids"][varied["segments"] == 1][0] == len(ecg)
    assert len(lengths) > 3
    assert min(lengths) >= 1500
    # The comparison, which is last, shows two.
    assert len(ends) == 2


def test_tokens_are_left_out_of_plain_and_of_varied_ecgs_others_each_epoch(setting):
    record = setting.records[0]
    for share in (0.0, 1.0):
        dense = replace(setting.variants, augmentation=Augmentation(share=share))
        sparse = replace(
            setting.variants, augmentation=Augmentation(share=share, token_dropout=0.25)
        )
        drawn = []
        for epoch in (0, 1):
            whole, kept = (list(one.ids(record, epoch, 0)) for one in (dense, sparse))
            assert (kept[0], kept[-1]) == (whole[0], whole[-1])
            assert 0.5 < len(kept) / len(whole) < 0.95
            rest = iter(whole)
            assert all(i in rest for i in kept)
            drawn.append(kept)
        assert drawn[0] != drawn[1]
        assert list(sparse.ids(record, 1, 0)) == drawn[1]


def test_a_variant_that_would_not_fit_gives_way_to_the_plain_ecg(setting):
    longest = max(len(one) for one in ids_of(setting.dataset(per_sequence=1)))
    dataset = setting.dataset(
        context=longest, per_sequence=1, augmentation=Augmentation(share=1.0, window=0.0, noise=0.3)
    )
    dataset.set_epoch(0)
    drawn = ids_of(dataset)
    assert max(map(len, drawn)) <= longest
    free = setting.dataset(per_sequence=1, augmentation=dataset._variants.augmentation)
    free.set_epoch(0)
    assert max(map(len, ids_of(free))) > longest


def test_workers_draw_what_one_process_draws(setting):
    dataset = setting.dataset()
    for epoch in (0, 1):
        dataset.set_epoch(epoch)
        loader = DataLoader(dataset, batch_size=None, num_workers=2)
        assert [tuple(one["input_ids"].tolist()) for one in loader] == ids_of(dataset)


def run(setting, out, *, steps, resume=None, at=None, **options):
    """The batches that a stage of two epochs trained on, in order; interrupted at a step."""
    from ecg_byte_hf.reading.trainer import ReadingTrainer

    seen = []
    whole = ReadingTrainer.compute_loss

    def watched(self, model, inputs, *args, **kwargs):
        if model.training:
            if len(seen) == at:
                raise KeyboardInterrupt
            seen.append(inputs["input_ids"].clone())
        return whole(self, model, inputs, *args, **kwargs)

    stage = TrainingArguments(
        output_dir=str(out),
        num_train_epochs=3,
        max_steps=steps,
        per_device_train_batch_size=2,
        save_strategy="steps",
        save_steps=1,
        report_to="none",
        use_cpu=True,
        seed=7,
        resume_from_checkpoint=resume,
        **options,
    )
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ReadingTrainer, "compute_loss", watched)
        try:
            run_stage(
                tiny.llama(setting.tokenizer),
                stage,
                readings={"train": setting.readings, "validation": setting.readings[:1]},
                chat=setting.chat,
                context=1024,
                shift=setting.shift,
                arguments=ReadingArguments(quiet=True, questions_per_sequence=2),
                pad_id=0,
                ecg_loss_weight=0.0,
                title="",
                variants=setting.variants,
            )
        except KeyboardInterrupt:
            assert at is not None
    return seen


def test_a_resumed_run_is_shown_what_an_uninterrupted_one_is(setting, tmp_path):
    per_epoch = -(-len(setting.dataset()) // 2)
    whole = run(setting, tmp_path / "whole", steps=per_epoch + 4)
    cut = per_epoch + 2
    first = run(setting, tmp_path / "cut", at=cut, steps=per_epoch + 4)
    rest = run(setting, tmp_path / "cut", resume="true", steps=per_epoch + 4)
    assert len(first) == cut
    for one, other in zip(whole, first + rest, strict=True):
        assert torch.equal(one, other)
    shown = {tuple(row.tolist()) for batch in whole[:per_epoch] for row in batch}
    again = {tuple(row.tolist()) for batch in whole[per_epoch:] for row in batch}
    assert len(again - shown) > len(again) / 4


def test_sequences_are_grouped_by_the_length_of_the_plain_ecgs(setting, tmp_path):
    """Before the first epoch nothing is tokenised anew, which the sampler would do to all."""
    dataset = setting.dataset(processor=None)
    lengths = LengthGroupedSampler(2, dataset=dataset).lengths
    assert lengths == [len(one) for one in ids_of(setting.dataset())]
    steps = -(-len(dataset) // 2)
    shown = run(setting, tmp_path, steps=steps, train_sampling_strategy="group_by_length")
    assert sum(len(batch) for batch in shown) == len(dataset)
