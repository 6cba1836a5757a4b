import pytest

from ecg_byte_hf.corpora.questions import questions_from_ptb_xl
from ecg_byte_hf.corpora.report_language import report_language


@pytest.mark.parametrize(
    ("report", "language"),
    [
        ("sinusrhythmus normales ekg", "de"),
        ("vorhofflimmern/-flattern linkstyp 4.46   unbestÄtigter bericht", "de"),
        ("sinus rhythm. no definite pathology.", "en"),
        ("trace only requested.", "en"),
        ("sinusrytm vÄnster el-axel normalt ekg", "sv"),
        ("fÖrmaksflimmer med hÖg kammarfrekvens", "sv"),
        ("pacemaker ekg", "other"),
        ("4.46", "other"),
        ("", "other"),
        ("normales rhythm", "other"),
    ],
)
def test_words_that_one_language_alone_has_say_which_it_is(report, language):
    assert report_language(report) == language


def test_a_report_is_asked_for_in_its_language_as_it_is():
    reports = {
        "a": " sinusrhythmus  normales ekg",
        "b": "sinus rhythm. normal ecg.",
        "c": "sinusrytm normalt ekg",
        "d": "pacemaker ekg",
        "e": "  ",
    }
    rows = [
        {"record_id": name, "patient_id": name, "scp_codes": [], "report": report}
        for name, report in reports.items()
    ]
    asked = {q["record_id"]: q for q in questions_from_ptb_xl(rows)}
    assert {name: q["attribute"] for name, q in asked.items()} == {
        "a": "report_de",
        "b": "report_en",
        "c": "report_sv",
        "d": "report_other",
    }
    assert asked["a"]["answer"] == "sinusrhythmus normales ekg"
    for name, language in {"a": "German", "b": "English", "c": "Swedish"}.items():
        assert f"(in {language})" in asked[name]["question"]
    assert "(in " not in asked["d"]["question"]
    assert {q["question_type"] for q in asked.values()} == {"report"}
