"""`python -m tests.benchmarks.text_base BLIND OUT`: a Llama that knows the questions and no ECG.

Cuts the ECG tokens off the blind control of a Llama from scratch (`blind/` of
training/finetune.py): a base as small as the ablations need, for which ECG tokens are as new as for
a pretrained Llama.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ecg_byte_hf.hub_code.ecg_ids import BEGIN
from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.progress import quiet_libraries


def cut_ecg_tokens(blind: Path, out: Path) -> int:
    """Write the checkpoint in `blind` to `out` without its ECG tokens; the tokens that are left.

    Raises:
        EcgByteError: `blind` holds no whole Llama with ECG tokens at the end of its vocabulary.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        model = AutoModelForCausalLM.from_pretrained(blind)
        tokenizer = AutoTokenizer.from_pretrained(blind)
    except (OSError, ValueError) as error:
        raise EcgByteError(f"{blind} holds no whole Llama: give blind/ of a run") from error
    out.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(out)
    path = out / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    text = len(content["model"]["vocab"])
    if BEGIN not in tokenizer.get_vocab() or len(tokenizer) == text:
        raise EcgByteError(f"{blind} has no ECG tokens: give blind/ of a run")
    added = content["added_tokens"]
    content["added_tokens"] = [token for token in added if token["id"] < text]
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    model.resize_token_embeddings(text)
    model.save_pretrained(out)
    return text


def main() -> int:
    """Cut what the command line names."""
    if len(sys.argv) != 3:
        print("python -m tests.benchmarks.text_base BLIND OUT", file=sys.stderr)
        return 2
    quiet_libraries()
    try:
        left = cut_ecg_tokens(Path(sys.argv[1]), Path(sys.argv[2]))
    except EcgByteError as error:
        print(f"text_base: {error}", file=sys.stderr)
        return 1
    print(f"wrote {sys.argv[2]}: {left} tokens, none of an ECG")
    return 0


if __name__ == "__main__":
    sys.exit(main())
