"""`ecg_qa`: answers to questions about ECGs, for `evaluate`.

Stands alone: with the files beside it, it is what a Space on the Hub holds.
"""

from statistics import fmean

import datasets
import nltk
import nltk.translate.meteor_score
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer

import evaluate

from .answers import exact_match, items, normalised, set_f1, words
from .bert_score import bert_score

_DESCRIPTION = """\
Scores answers to questions about electrocardiograms (ECG-QA and the like): exact match, accuracy
per question type, F1 of comma-separated findings, BLEU, ROUGE-L, METEOR and, if an encoder is
named, BERTScore. All are between 0 and 1, over answers normalised alike, and a right answer scores
1 in each of them, one word or many.
"""

_INPUTS = """\
Args:
    predictions (list of str): what was answered.
    references (list of str, or of lists of str): the true answers; a list of findings may be
        written "finding, finding" or given as a list, as ECG-QA's files have it.
    question_types (list of str, optional): one each, for `accuracy_per_type`.
    encoder (str, optional): folder or name of an encoder on this machine, for `bertscore`.
Returns:
    exact_match, accuracy_per_type and n_per_type (with question_types), set_f1, set_f1_lists,
    bleu, sentence_bleu, rouge_l, meteor, meteor_no_synonyms, bertscore (with encoder), n, lists,
    bleu_signature, and `missing`: what could not be computed, and the command that mends it.
"""

_CITATION = """\
@inproceedings{oh2023ecgqa,
  title={{ECG-QA}: A Comprehensive Question Answering Dataset Combined With Electrocardiogram},
  author={Oh, Jungwoo and Lee, Gyubok and Bae, Seongsu and Kwon, Joon-myoung and Choi, Edward},
  booktitle={Advances in Neural Information Processing Systems},
  year={2023}
}
"""


class _NoSynonyms:
    """In the place of WordNet: words match where they, or their stems, are the same."""

    @staticmethod
    def synsets(word):
        return []


class _Words:
    """What rouge-score wants of a tokenizer."""

    @staticmethod
    def tokenize(text):
        return words(text)


def _wordnet():
    """WordNet as nltk finds it on this machine, or None."""
    try:
        nltk.corpus.wordnet.ensure_loaded()
    except (LookupError, OSError):
        return None
    return nltk.corpus.wordnet


def _meteor(prediction, reference, wordnet):
    # nltk fines one chunk of one word as it fines scattered words: 0.5 for the right answer. METEOR
    # itself (1.5, `MeteorScorer.java`, "Case if test = ref") does not fine what is identical.
    if prediction == reference:
        return 1.0
    return nltk.translate.meteor_score.single_meteor_score(
        words(reference), words(prediction), wordnet=wordnet
    )


def _check(predictions, references, question_types):
    if predictions is None or references is None:
        raise ValueError("ecg_qa: give both predictions and references")
    predictions, references = list(predictions), list(references)
    if len(predictions) != len(references):
        raise ValueError(
            f"ecg_qa: {len(predictions)} predictions for {len(references)} references; give one "
            f"each"
        )
    if not predictions:
        raise ValueError("ecg_qa: no predictions; give at least one")
    if question_types is not None and len(question_types) != len(predictions):
        raise ValueError(
            f"ecg_qa: {len(question_types)} question types for {len(predictions)} predictions; "
            f"give one each"
        )
    joined = [one if isinstance(one, str) else _joined(one, i) for i, one in enumerate(references)]
    for name, texts in (("prediction", predictions), ("reference", joined)):
        for i, text in enumerate(texts):
            if not isinstance(text, str):
                raise ValueError(f"ecg_qa: {name} {i} is {type(text).__name__}, not str")
    for i, text in enumerate(joined):
        if not items(text):
            raise ValueError(f"ecg_qa: reference {i} is empty; leave out what has no true answer")
    return predictions, joined


def _joined(reference, place):
    if isinstance(reference, (list, tuple)) and all(isinstance(x, str) for x in reference):
        return ", ".join(reference)
    raise ValueError(f"ecg_qa: reference {place} is {type(reference).__name__}, not str")


class EcgQa(evaluate.Metric):
    """Exact match, per-type accuracy, set F1, BLEU, ROUGE-L, METEOR and BERTScore of answers."""

    def _info(self):
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation=_CITATION,
            inputs_description=_INPUTS,
            features=datasets.Features(
                {"predictions": datasets.Value("string"), "references": datasets.Value("string")}
            ),
            reference_urls=["https://arxiv.org/abs/2306.15681"],
        )

    def compute(self, *, predictions=None, references=None, **options):
        """Score answers; arguments and results are described in `inputs_description`.

        Raises ValueError, before anything is computed, for nothing to score, lists of different
        lengths, what is no text, empty references, and an encoder that is not on this machine.
        """
        if predictions is not None or references is not None:
            predictions, references = _check(predictions, references, options.get("question_types"))
        elif self.writer is None:
            raise ValueError("ecg_qa: no predictions; give at least one")
        return super().compute(predictions=predictions, references=references, **options)

    def _compute(self, predictions, references, question_types=None, encoder=None):
        # Once more, for what came by `add` and `add_batch`.
        predictions, references = _check(predictions, references, question_types)
        matches = [exact_match(*pair) for pair in zip(predictions, references, strict=True)]
        f1s = [set_f1(*pair) for pair in zip(predictions, references, strict=True)]
        lists = [len(items(one)) > 1 for one in references]
        list_f1s = [f1 for f1, many in zip(f1s, lists, strict=True) if many]
        result = {
            "exact_match": fmean(matches),
            "set_f1": fmean(f1s),
            "set_f1_lists": fmean(list_f1s) if list_f1s else None,
            "n": len(predictions),
            "lists": len(list_f1s),
            "missing": {},
        }
        if question_types is not None:
            groups = {}
            for kind, match in zip(question_types, matches, strict=True):
                groups.setdefault(str(kind), []).append(match)
            result["accuracy_per_type"] = {kind: fmean(groups[kind]) for kind in sorted(groups)}
            result["n_per_type"] = {kind: len(groups[kind]) for kind in sorted(groups)}
        given = [normalised(one) for one in predictions]
        # Findings have no order: a right list is the true answer, whichever way it was written.
        given = [
            normalised(true) if match else one
            for one, true, match in zip(given, references, matches, strict=True)
        ]
        true = [normalised(one) for one in references]
        pairs = list(zip(given, true, strict=True))
        result |= _bleu(given, true)
        rouge = RougeScorer(["rougeL"], tokenizer=_Words())
        result["rouge_l"] = fmean(
            1.0 if a == b else rouge.score(b, a)["rougeL"].fmeasure for a, b in pairs
        )
        result["meteor_no_synonyms"] = fmean(_meteor(a, b, _NoSynonyms) for a, b in pairs)
        wordnet = _wordnet()
        result["meteor"] = wordnet and fmean(_meteor(a, b, wordnet) for a, b in pairs)
        if wordnet is None:
            result["missing"]["meteor"] = "needs WordNet: python -m nltk.downloader wordnet"
        if encoder is not None:
            scores, cut = bert_score(given, true, encoder)
            exact = [(1.0,) * 3 if a == b else s for (a, b), s in zip(pairs, scores, strict=True)]
            names = ("precision", "recall", "f1")
            result["bertscore"] = {
                name: fmean(score[place] for score in exact) for place, name in enumerate(names)
            } | {"encoder": str(encoder), "texts_cut": cut}
        return result


def _bleu(given, true):
    """Corpus BLEU, and the mean of sentence BLEU, both with effective order.

    Effective order leaves out n-grams that an answer is too short to have; without it a right
    answer of one word would score 0, or 0.18 with smoothing.
    """
    metric = sacrebleu.BLEU(effective_order=True)
    corpus = metric.corpus_score(given, [true]).score / 100
    sentences = [
        1.0 if a == b else metric.sentence_score(a, [b]).score / 100
        for a, b in zip(given, true, strict=True)
    ]
    return {
        # Rounding takes sacrebleu a little beyond 100.
        "bleu": min(corpus, 1.0),
        "sentence_bleu": min(fmean(sentences), 1.0),
        "bleu_signature": str(metric.get_signature()),
    }
