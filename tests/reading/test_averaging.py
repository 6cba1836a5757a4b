"""Yes or no from several readings of an ECG."""

import json
from dataclasses import replace

import numpy as np
import pytest

from ecg_byte_hf import EcgByteError
from ecg_byte_hf.augmentation import Augmentation
from ecg_byte_hf.corpora import open_corpus, signal_mV
from ecg_byte_hf.reading.averaging import (
    Averages,
    measure_averaged,
    turned_or_cut,
    variant_id,
    with_variants,
)
from ecg_byte_hf.reading.evaluation import evaluate, fitting
from ecg_byte_hf.reading.loading import load_reader
from ecg_byte_hf.reading.responding import YES_NO, Ask, Response
from ecg_byte_hf.reading.tables import apart_lines

PATIENTS = {f"r{i}": f"p{i}" for i in range(24)}
TURNED = turned_or_cut(None)
CUT = turned_or_cut({"window": 1.0, "window_s": 6.0})


def questions(question_type="verify", records=PATIENTS, **more):
    return [
        {
            "question_id": f"{record}:superclass",
            "record_id": record,
            "patient_id": PATIENTS[record],
            "question_type": question_type,
            "attribute": "superclass",
            "question": "Is this ECG normal?",
            "options": [],
            "answer": "yes" if int(record[1:]) % 2 else "no",
            **more,
        }
        for record in records
    ]


def averages(p_of, variants=3, fits=lambda ask: True):
    """`p_of(record, number)` says P(yes) of a variant (0: the ECG itself)."""

    def respond(asks, advance):
        found = {}
        for ask in asks:
            record, _, rest = ask.ecgs[0].partition(" (variant ")
            found[ask] = Response(None, p_of(record, int(rest[:-1] or 0)))
            advance()
        return found

    return Averages(respond, variants, fits)


def validation(corpus, records=3):
    return open_corpus(str(corpus))["validation"].select(range(records))


def signals_of(rows):
    return [signal_mV(row) for row in rows.with_format("numpy")]


def is_turned(signal, stretch):
    """Whether a signal is a stretch with what leaves at its end coming in at its start."""
    places = np.flatnonzero((stretch == signal[:, :1]).all(axis=0))
    return any(np.array_equal(np.roll(stretch, -place, axis=1), signal) for place in places)


def test_variants_are_the_same_samples_turned_or_cut(corpus):
    rows = validation(corpus)
    several = with_variants(rows, 2, TURNED, seed=4)
    records = list(rows["record_id"])
    assert list(several["record_id"]) == [
        variant_id(record, number) for number in (0, 1, 2) for record in records
    ]
    assert list(several["patient_id"]) == 3 * list(rows["patient_id"])
    own, turned = signals_of(rows), signals_of(several)[3:]
    for i, signal in enumerate(turned):
        assert not np.array_equal(signal, own[i % 3])
        assert is_turned(signal, own[i % 3])
    again = signals_of(with_variants(rows, 2, TURNED, seed=4))[3:]
    assert all(map(np.array_equal, turned, again))
    other = signals_of(with_variants(rows, 2, TURNED, seed=5))[3:]
    assert not all(map(np.array_equal, turned, other))
    rate = float(rows["sampling_rate"][0])
    for i, signal in enumerate(signals_of(with_variants(rows, 2, CUT, seed=4))[3:]):
        whole, length = own[i % 3], signal.shape[1]
        assert 6 * rate <= length <= whole.shape[1]
        starts = range(whole.shape[1] - length + 1)
        assert any(is_turned(signal, whole[:, start : start + length]) for start in starts)


def test_what_training_did_not_cut_is_not_cut():
    trained = {"window": 0.5, "window_s": 7.0, "noise": 0.3, "share": 0.1}
    assert turned_or_cut(trained) == replace(TURNED, window=0.5, window_s=7.0)
    assert turned_or_cut("turned and scaled") == TURNED
    assert (TURNED.share, TURNED.window, TURNED.noise, TURNED.gain) == (1.0, 0.0, 0.0, 0.0)


def test_a_stretch_with_nothing_in_it_gives_way_to_the_whole(corpus):
    def come_off(row):
        row["signal"] = np.where(np.arange(row["signal"].shape[1]) < 900, row["signal"], 0)
        return row

    rows = validation(corpus, 1).map(come_off)
    cut = signals_of(with_variants(rows, 12, replace(CUT, window_s=2.0), seed=0))
    assert all(signal.any() for signal in cut)
    whole = cut[0].shape[1]
    assert {whole} < {signal.shape[1] for signal in cut[1:]}


def test_a_short_ecg_is_turned_alone(corpus):
    rows = validation(corpus, 1).map(lambda row: {"samples": int(4 * row["sampling_rate"])})
    for signal in signals_of(with_variants(rows, 3, CUT, seed=1)):
        assert signal.shape[1] == rows["samples"][0]


def test_a_record_named_like_a_variant_is_refused(corpus):
    rows = validation(corpus, 2)
    first = rows["record_id"][0]
    named = rows.map(
        lambda row, i: {"record_id": variant_id(first, 1) if i else first}, with_indices=True
    )
    with pytest.raises(EcgByteError, match=r"rename records that end in ' \(variant 1\)'"):
        with_variants(named, 1, TURNED, seed=0)


def test_noise_that_differs_between_variants_is_averaged_away():
    def p_of(record, number):
        i = int(record[1:])
        # One reading in four is wrong, another one of each ECG.
        return 0.7 if (i % 2 == 1) != (number == i // 2 % 4) else 0.3

    result = measure_averaged(averages(p_of), questions(), PATIENTS)
    assert result["variants"] == 3
    assert result["once"]["accuracy"]["overall"] == pytest.approx(0.75)
    assert result["own"]["accuracy"]["overall"] == 1.0
    assert result["own"]["auroc"]["macro"]["superclass"]["auroc"] == 1.0
    assert result["shuffled"]["accuracy"]["overall"] == pytest.approx(0.5, abs=0.3)
    alone = measure_averaged(averages(p_of), questions(), dict.fromkeys(PATIENTS, "p"))
    assert alone["shuffled"] is None
    assert alone["own"] == result["own"]


def test_a_variant_that_does_not_fit_the_context_is_not_read():
    def p_of(record, number):
        assert number != 2
        return 0.9 if number else 0.2

    fits = averages(p_of, fits=lambda ask: "(variant 2)" not in ask.ecgs[0])
    result = measure_averaged(fits, questions(), PATIENTS)
    # The likelier answer is no once, and yes with two more readings.
    assert result["once"]["accuracy"]["overall"] == 0.5
    assert result["own"]["accuracy"]["overall"] == 0.5
    p_once, p_mean = fits.p_yes("", [Ask(("r1",), "?", YES_NO, greedy=False)], True)
    assert p_once == [pytest.approx(0.2)]
    log_odds = (np.log(0.25) + 2 * np.log(9)) / 3
    assert p_mean == [pytest.approx(1 / (1 + np.exp(-log_odds)))]


def test_very_small_and_certain_probabilities_are_still_ranked():
    def rare(record, number):
        return 1e-11 if int(record[1:]) % 2 else 1e-13

    own = measure_averaged(averages(rare), questions(), PATIENTS)["own"]
    assert own["auroc"]["macro"]["superclass"]["auroc"] == 1.0

    def certain(record, number):
        return float(int(record[1:]) % 2)

    own = measure_averaged(averages(certain), questions(), PATIENTS)["own"]
    assert own["accuracy"]["overall"] == 1.0


def test_comparisons_of_too_few_ecgs_are_left_out_as_in_the_evaluation():
    pair = questions(records=["r1"], record_ids=["r1", "r2"])
    pair[0] |= {"question_type": "comparison-verify", "question_id": "pair"}
    result = measure_averaged(averages(lambda *_: 0.6), [*questions(), *pair], PATIENTS)
    assert result["own"]["accuracy"]["counts"] == {"verify": 24}


def test_an_evaluation_with_variants_changes_nothing_else(adapter, public_base, corpus, tmp_path):
    options = {"base": str(public_base), "max_records": 12, "max_reports": 0, "quiet": True}
    answers = tmp_path / "answers.jsonl"
    plain = evaluate(adapter, corpus, **options)
    several = evaluate(adapter, corpus, variants=2, answers_path=answers, **options)
    assert plain["averaged"] is None
    averaged = several["averaged"]
    assert several | {"averaged": None} == plain
    # What is read out of the ECG as it is, is what the evaluation itself reads out.
    given = [json.loads(line) for line in answers.read_text().splitlines()]
    right = [
        (one["p_yes"] > 0.5) == (one["answer"] == "yes")
        for one in given
        if one["balanced"] and one["question_type"] == "verify"
    ]
    assert averaged["once"]["accuracy"]["n"] == len(right) > 3
    assert averaged["once"]["accuracy"]["overall"] == pytest.approx(np.mean(right), abs=1e-4)
    assert averaged["strengths"]["turn"] == 1.0
    (line,) = [one for one in apart_lines(several) if one.startswith("the likelier of yes and no")]
    assert "from the mean over it and 2 variants" in line
    with pytest.raises(EcgByteError, match="variants -1 must be 0 or more"):
        evaluate(adapter, corpus, variants=-1, **options)
    with pytest.raises(EcgByteError, match="no yes/no question to answer from variants"):
        evaluate(adapter, corpus, variants=1, question_types=["choose"], **options)


def test_an_ask_fits_where_ecg_question_and_answer_do(adapter, public_base):
    reader = load_reader(adapter, base=str(public_base))
    ask = Ask(("one",), "Is this ECG normal?", YES_NO, greedy=False)
    chat, context = reader.chat, reader.settings["context"]
    answer = max(len(chat.answer_ids(text)) for text in YES_NO)
    room = context - len(chat.prefix_ids) - len(chat.question_ids(ask.question)) - answer
    for length, expected in ((room, True), (room + 1, False)):
        assert fitting(reader, {"one": [reader.shift] * length})(ask) is expected


def test_strengths_are_part_of_what_is_cached(corpus):
    rows = validation(corpus, 2)
    lengths = [
        [signal.shape[1] for signal in signals_of(with_variants(rows, 4, strengths, seed=0))]
        for strengths in (CUT, Augmentation(**vars(CUT) | {"window_s": 3.0}))
    ]
    assert lengths[0] != lengths[1]
