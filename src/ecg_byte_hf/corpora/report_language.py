"""In which language an ECG report is written: German, English or Swedish, as PTB-XL's are.

PTB-XL's reports come from several devices and readers and are passed on in their own languages.
Here they are neither translated nor left out: a report is asked for in its language, which the
question names, and scores are given per language. The rule is a count of words that only one of the
languages has; with none of them, or as many of two, the language is not said.
"""

from __future__ import annotations

import re

LANGUAGES = {"de": "German", "en": "English", "sv": "Swedish"}
OTHER = "other"

_WORDS = {
    "de": """abnorm abnormal abnormales abnormes ableitungen alter auf bericht ekg für grenzbefund
        hemiblock infarkt ischämie kein keine lagetyp linkshypertrophie linksschenkelblock linkstyp
        mit mittel möglich moeglich nicht niederspannung normales oder ohne periphere
        rechtsschenkelblock rechtstyp sinusbradykardie sinusrhythmus sinustachykardie sonst steiltyp
        ueberdrehter unbestätigter und unspezifische unspezifisches verdacht vorhofflimmern
        wahrscheinlich über extrasystolen extrasystole arrhythmie""",
    "en": """and are atrial axis branch bundle changes consistent contraction definite deviation due
        ecg fibrillation flat flattening infarction inferior inverted is leads left limb no non
        of or otherwise pathology possible premature requested rhythm right segments sinus
        suggesting tachycardia the this to trace tracing ventricular voltage voltages wave waves
        with""",
    "sv": """avvikande axel bör ej el eller eljest ekg ekgt förhöjd förlopp förmaksflimmer
        förändring förändringar hög höger högersidigt inget inga kammarhypertrofi låga med möjligen
        myokardskada normalt ospecifik ospecifika ospecifikt och sannolikt sinusbradykardi sinusrytm
        sinustakykardi sinustachykardi skänkelblock sänkning såsom vid vänster vänstersidigt åldern
        ålder övervägas äldre rytm""",
}
_SETS = {language: frozenset(words.split()) for language, words in _WORDS.items()}
# A word of two languages tells neither.
_ONLY = {
    language: words - frozenset().union(*(of for other, of in _SETS.items() if other != language))
    for language, words in _SETS.items()
}


def report_language(report: str) -> str:
    """ "de", "en", "sv", or "other" where the words do not say which."""
    words = set(re.findall(r"[^\W\d_]+", report.lower()))
    counts = {language: len(words & only) for language, only in _ONLY.items()}
    first, second = sorted(counts.values(), reverse=True)[:2]
    return OTHER if first == second else max(counts, key=lambda language: counts[language])
