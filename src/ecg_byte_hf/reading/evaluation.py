"""A fine-tuned Llama on a split of a corpus: how well it answers, and what that is worth."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ecg_byte_hf.hub_code.errors import EcgByteError

from .averaging import Averages, is_yes_no, measure_averaged, turned_or_cut, with_variants
from .loading import Reader, load_reader
from .measuring import FLAT, Responder, answer_all, enough_compared, sample_reports, summarise
from .output_folder import BLIND_FOLDER, SETTINGS_FILE
from .responding import YES_NO, Ask, Response, respond, shared_ids
from .scoring import REPORT, VERIFY, Scored, ids_sha256, questions_sha256
from .sequences import build_readings, say_left_out, shown_records
from .usage import UsageError

MAX_REPORTS = 64


def evaluate(
    model: str | Path,
    corpus: str | Path,
    *,
    split: str = "validation",
    base: str | None = None,
    gguf_file: str | None = None,
    max_records: int | None = None,
    max_reports: int = MAX_REPORTS,
    encoder: str | None = None,
    dtype: str = "float32",
    seed: int = 0,
    shuffles: int = 3,
    question_types: Sequence[str] | None = None,
    variants: int = 0,
    quiet: bool = False,
    answers_path: Path | None = None,
    load: Callable[..., Reader] = load_reader,
) -> dict[str, Any]:
    """Ask a fine-tuned model the questions of a split, once for real and once per control.

    `accuracy`: the patient's own ECG. `shuffled`: the same model, another patient's ECG, over
    `shuffles` ways of giving them out, because one way alone moves by points with few patients.
    `blackout`: the same model, an ECG of zeros. `blind`: the model in `blind/`, trained and asked
    without any ECG. `majority`: the most frequent answer to that question in training. What each
    holds is said in `measuring.summarise`. An answer is right as the metric `ecg_qa` compares;
    numbers and reports (at most `max_reports`, drawn; BERTScore with a local `encoder`) are scored
    apart, and questions that balancing did not choose count for AUROC alone. A control that cannot
    be made is None, and `not_made` says why (one patient alone, no blind model). `dtype` float32 or
    bfloat16. `question_types` are asked, by default those that the model was trained on, which need
    not be all that the corpus has. With `variants`, yes/no questions are answered once more, from
    the mean over an ECG and as many variants of it: `averaged` (`averaging.measure_averaged`, and
    the `strengths` of what was varied), else None. `answers_path` gets every answer, one JSON
    object a line. `load` reads the folder of another method (`rival.two_stage_reader`).

    Raises:
        EcgByteError: a folder is missing something, or nothing is left to ask.
    """
    from ecg_byte_hf.corpora import check_corpus_unit, open_corpus, open_questions
    from ecg_byte_hf.writing import check_can_write

    least_of = (
        ("shuffles", shuffles, 1),
        ("max_reports", max_reports, 0),
        ("seed", seed, 0),
        ("variants", variants, 0),
    )
    for name, number, least in least_of:
        if number < least:
            raise UsageError(f"{name} {number} must be {least} or more")
    if max_records is not None and max_records < 1:
        raise UsageError(f"max_records {max_records} must be 1 or more")
    if answers_path is not None:
        check_can_write(answers_path)
    reader = load(model, base=base, gguf_file=gguf_file, dtype=dtype)
    check_corpus_unit(corpus, reader.unit, str(model))
    splits, asked = open_corpus(str(corpus)), open_questions(str(corpus))
    if split not in splits or split not in asked:
        raise EcgByteError(f"corpus {corpus} has no split {split!r}: it has {', '.join(splits)}")
    shown_rows = splits[split]
    if max_records is not None:
        shown_rows = shown_rows.select(range(min(max_records, len(shown_rows))))
    strengths = turned_or_cut(reader.settings.get("augmentation"))
    # All at once: a two-stage reader holds the ECGs that it was shown last.
    ids = reader.ids_of(with_variants(shown_rows, variants, strengths, seed))
    ecgs = {str(record): ids[str(record)] for record in shown_rows["record_id"]}
    questions = [row for row in asked[split].to_list() if row["record_id"] in ecgs]
    known = sorted(set(asked[split]["question_type"]))
    for kind in question_types or ():
        if kind not in known:
            raise EcgByteError(
                f"corpus {corpus}: split {split} has no question of the type {kind}: it has "
                f"{', '.join(known)}"
            )
    types = question_types or reader.settings.get("question_types")
    questions = _of_types(questions, types, f"corpus {corpus}: split {split}")
    rows = sample_reports(questions, max_reports, seed)
    _check_scorable(rows, f"corpus {corpus}: split {split}")
    readings, left_out = build_readings(
        ecgs,
        rows,
        reader.chat,
        context=reader.settings["context"],
        answer_tokens=reader.longest_answer(VERIFY),
    )
    if not quiet:
        say_left_out({split: left_out}, reader.settings["context"])
    asked_rows = [turn.row for reading in readings for turn in reading.turns]
    if variants and not any(map(is_yes_no, asked_rows)):
        raise EcgByteError(
            f"corpus {corpus}: split {split} has no yes/no question to answer from variants of an "
            "ECG: leave variants out, or ask for such types"
        )
    blind_folder = Path(model) / BLIND_FOLDER
    blind = None
    if (blind_folder / SETTINGS_FILE).is_file():
        blind = load(blind_folder, base=base, gguf_file=gguf_file, dtype=dtype)
    patients = dict(zip(splits[split]["record_id"], splits[split]["patient_id"], strict=True))
    own = responder(reader, {**ids, FLAT: reader.flat_ids()})
    runs = answer_all(
        own,
        None if blind is None else responder(blind, {}),
        asked_rows,
        asked["train"].to_list() if "train" in asked else [],
        patients,
        reader.longest_answer,
        seed=seed,
        shuffles=shuffles,
        quiet=quiet,
    )
    if blind is None:
        why = "it was trained without train_blind"
        if reader.settings.get("blind") is not None:
            why = "evaluate the folder it was trained into"
        runs.not_made["blind"] = f"no {BLIND_FOLDER}/ lies beside the model: {why}"
    if answers_path is not None:
        _write_answers(answers_path, runs.scored["accuracy"])
    result: dict[str, Any] = summarise(runs, seed=seed, encoder=encoder)
    result["averaged"] = None
    if variants:
        averages = Averages(own, variants, fitting(reader, ids))
        averaged = measure_averaged(averages, asked_rows, patients, seed=seed, quiet=quiet)
        result["averaged"] = averaged | {"strengths": asdict(strengths)}
    result["unscored"][REPORT] = len(questions) - len(rows)
    result["left_out"] = vars(left_out)
    shown = {record for row in asked_rows for record in shown_records(row)}
    result["settings"] = {
        "split": split,
        "records": len(shown),
        "records_sha256": ids_sha256(shown),
        "patients": len({row["patient_id"] for row in asked_rows}),
        "questions": result["accuracy"]["n"],
        "questions_sha256": questions_sha256(enough_compared(runs.scored["accuracy"])),
        "question_types": sorted({row["question_type"] for row in asked_rows}),
        "ecg_tokens_mean": round(sum(map(len, ecgs.values())) / len(ecgs), 1),
        "seed": seed,
        "shuffles": shuffles,
        "dtype": dtype,
        "training": reader.settings,
    }
    return result


def _check_scorable(rows: Sequence[Mapping[str, Any]], where: str) -> None:
    """See, before anything is answered, that something of it will be scored.

    Raises:
        EcgByteError: there are comparisons alone, of too few ECGs, or reports of which none is
            to be written.
    """
    if not enough_compared([Scored.of(row, "") for row in rows]):
        raise EcgByteError(
            f"{where} has no question that can be scored: comparisons of fewer than 5 sets of ECGs "
            "are not; ask for other types of questions too, or prepare more records"
        )


def _of_types(
    questions: list[dict[str, Any]], types: Sequence[str] | None, where: str
) -> list[dict[str, Any]]:
    """The questions of these types, of all where there are none.

    Raises:
        EcgByteError: there are none of these types.
    """
    kept = [row for row in questions if not types or row["question_type"] in types]
    if questions and not kept:
        raise EcgByteError(
            f"{where} has no question of the types {', '.join(types or ())}: it has "
            f"{', '.join(sorted({row['question_type'] for row in questions}))}"
        )
    return kept


def responder(reader: Reader, ecgs: Mapping[str, Sequence[int]]) -> Responder:
    """A reader and the ids of its ECGs by name as what `measuring.answer_all` asks."""

    def answer(asks: Sequence[Ask], advance: Callable[[], None]) -> Mapping[Ask, Response]:
        return respond(reader.model, reader.chat, ecgs, asks, advance)

    return answer


def fitting(reader: Reader, ecgs: Mapping[str, Sequence[int]]) -> Callable[[Ask], bool]:
    """Whether a reader's context holds an ask about ECGs by name, and an answer of yes or no."""
    chat, context = reader.chat, reader.settings["context"]
    longest = max(len(chat.answer_ids(answer)) for answer in YES_NO)

    def fits(ask: Ask) -> bool:
        before = shared_ids(chat, [ecgs[name] for name in ask.ecgs])
        return len(before) + len(chat.question_ids(ask.question)) + longest <= context

    return fits


def _write_answers(path: Path, scored: Sequence[Scored]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as lines:
        for one in scored:
            lines.write(json.dumps(vars(one), ensure_ascii=False) + "\n")
