import pytest

from ecg_byte_hf.reading.tables import apart_lines, auroc_rows, print_accuracies, with_interval


def scores(overall, auroc=None, **more):
    found = {"auroc": auroc, "interval": [auroc - 0.1, auroc + 0.1]} if auroc else None
    return {
        "overall": overall,
        "interval": [overall - 0.1, overall + 0.1],
        "per_type": {"verify": overall},
        "per_type_interval": {"verify": None},
        "n": 40,
        "counts": {"verify": 40},
        "auroc": found
        and {
            "macro": {"superclass": found | {"values": ["MI", "NORM"]}},
            "findings": {"superclass/MI": found | {"yes": 9, "no": 31}},
        },
        **more,
    }


@pytest.fixture
def result():
    report = {"bleu": 0.2, "rouge_l": 0.4, "meteor": None, "meteor_no_synonyms": 0.3, "n": 7}
    numeric = {"mean_absolute_error": 6.25, "within_5": 0.5, "within_5_interval": [0.3, 0.7]}
    above = {"overall": 0.3, "interval": [0.2, 0.4]}
    own = scores(0.8, 0.9, above_blind=above, reports={"report German": report}, numeric=numeric)
    return {
        "accuracy": own,
        "blind": scores(0.5),
        "shuffled": None,
        "blackout": scores(0.51, 0.6, findings={"f1": 0.25, "interval": None}),
        "majority": scores(0.49),
        "not_made": {"shuffled": "one patient alone"},
        "settings": {"split": "test"},
    }


def test_numbers_are_written_alike():
    assert with_interval(0.8, [0.75, 0.854]) == "80.0 (75.0 to 85.4)"
    assert with_interval(0.912, None, per_cent=False, sd=0.004) == "0.912 ± 0.004"
    assert with_interval(None, [0, 1]) == "-"


def test_auroc_has_a_row_per_finding_and_a_cell_per_run_that_has_any(result):
    macro, finding = auroc_rows(result)
    assert (macro["name"], macro["macro"]) == ("superclass, mean of 2", True)
    assert (finding["name"], finding["count"]) == ("superclass/MI", "9 / 31")
    assert {run: found["auroc"] for run, found in finding["found"].items()} == {
        "accuracy": 0.9,
        "blackout": 0.6,
    }
    assert auroc_rows({"accuracy": scores(0.5)}) == []


def test_everything_measured_is_printed(result, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    print_accuracies(result)
    text = capsys.readouterr().out
    rows = [" ".join(line.split()) for line in text.splitlines()]
    assert "all 40 80.0 70.0-90.0 50.0 - 51.0 49.0" in rows
    assert "superclass/MI 9 / 31 0.900 0.800-1.000 - - 0.600" in rows
    assert "above blind: 30.0 (20.0 to 40.0) points" in text
    assert "shuffled: one patient alone" in text
    assert apart_lines(result) == [
        "F1 of lists of findings: blackout 0.250",
        "numbers: own ECG 6.2 off on average, 50.0 (30.0 to 70.0) % within 5",
        "report German (n 7): own ECG BLEU-4 0.200, ROUGE-L 0.400, METEOR without synonyms 0.300",
    ]
    for line in apart_lines(result):
        assert line in " ".join(rows)
