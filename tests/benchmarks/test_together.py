import json

import numpy as np
import pytest

from ecg_byte_hf.hub_code.errors import EcgByteError

from .together import averaged, macro_auroc, read_answers


def write(path, noise, questions=200):
    """Answers about one superclass whose log-odds are the truth and noise of a model's own."""
    rng = np.random.default_rng(noise)
    lines = []
    for number in range(questions):
        odds = (1.0 if number % 2 else -1.0) + 2 * rng.normal()
        lines.append(
            {
                "question_id": f"q{number}",
                "record_id": f"r{number}",
                "patient_id": f"p{number}",
                "question_type": "verify",
                "attribute": "superclass",
                "question": "Is the ECG normal?",
                "answer": "yes" if number % 2 else "no",
                "given": None,
                "p_yes": 1 / (1 + np.exp(-odds)),
            }
        )
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_several_models_know_more_than_each(tmp_path):
    runs = [read_answers(write(tmp_path / f"{noise}.jsonl", noise)) for noise in range(5)]
    alone = [macro_auroc(list(run.values()))["auroc"] for run in runs]
    assert macro_auroc(averaged(runs))["auroc"] > max(alone) + 0.03
    assert macro_auroc(averaged(runs[:1]))["auroc"] == alone[0]
    with pytest.raises(EcgByteError, match="the same questions"):
        averaged([runs[0], read_answers(write(tmp_path / "few.jsonl", 0, questions=9))])
