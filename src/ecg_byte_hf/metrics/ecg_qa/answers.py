"""When two answers are the same, and how far two lists of findings overlap."""

import re
import unicodedata

# ECG-QA has "bigeminal pattern (unknown origin, supraventricular, or ventricular)".
_COMMA = re.compile(r",(?![^()]*\))")
_ENDS = " \t.,;:!?\"'`"


def items(answer):
    """The items of a comma-separated answer, list of str, in its order and each once.

    Unicode NFC, case folded, white space runs as one blank, and no white space or `.,;:!?"'` at
    either end of an item. Commas within parentheses part nothing. Punctuation inside stays:
    "0.5 mV" and "st-elevation" are what they are.
    """
    text = unicodedata.normalize("NFC", answer).casefold()
    parts = (" ".join(part.split()).strip(_ENDS) for part in _COMMA.split(text))
    return list(dict.fromkeys(part for part in parts if part))


def normalised(answer):
    """An answer as it is compared: its items joined by ", "."""
    return ", ".join(items(answer))


def exact_match(prediction, reference):
    """1.0 where both have the same items, in whatever order, else 0.0."""
    return float(set(items(prediction)) == set(items(reference)))


def set_f1(prediction, reference):
    """F1 of the items of two answers: 2 x common / (predicted + true), 0.0 for no prediction."""
    predicted, true = set(items(prediction)), set(items(reference))
    return 2 * len(predicted & true) / (len(predicted) + len(true)) if predicted else 0.0


def words(text):
    """Runs of letters and digits, list of str; the same as rouge-score's for plain ASCII.

    Unlike there, an umlaut is a letter: PTB-XL's reports are German.
    """
    return re.findall(r"[^\W_]+", text)
