"""BERTScore (Zhang et al., ICLR 2020) with any local encoder."""

import sys

_BATCH = 32


def _load(encoder):
    try:
        import torch
        from transformers import AutoModel, AutoTokenizer
        from transformers.utils import logging
    except ImportError as error:
        raise ValueError(
            f"ecg_qa: BERTScore needs {error.name}: pip install torch transformers"
        ) from None
    bars = logging.is_progress_bar_enabled()
    if not sys.stderr.isatty():
        logging.disable_progress_bar()
    try:
        # From the disk alone, and never a pickled checkpoint.
        tokenizer = AutoTokenizer.from_pretrained(encoder, local_files_only=True)
        model = AutoModel.from_pretrained(encoder, local_files_only=True, use_safetensors=True)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:90]
        raise ValueError(
            f"ecg_qa: encoder {encoder} is neither a folder nor downloaded ({reason}); run "
            f"`hf download {encoder}` first, or give a folder with config.json, tokenizer and "
            f"model.safetensors"
        ) from None
    finally:
        if bars:
            logging.enable_progress_bar()
    return torch, tokenizer, model.eval()


def _greedy(torch, left, right):
    """Mean over the tokens of `left` of the best cosine similarity among those of `right`."""
    return (left @ right.T).max(dim=1).values.mean().item()


def bert_score(predictions, references, encoder):
    """Precision, recall and F1 per pair, from the last layer of `encoder` (name or folder).

    Every token is matched to the most similar one of the other text; special tokens take no part,
    all others weigh the same (no inverse document frequency), nothing is rescaled. Returns a list
    of (precision, recall, f1) and how many texts were cut to the encoder's length. A pair without
    tokens on either side scores 0.

    Raises ValueError where torch or transformers is missing or the encoder is not on this machine.
    """
    torch, tokenizer, model = _load(encoder)
    longest = min(tokenizer.model_max_length, getattr(model.config, "max_position_embeddings", 512))
    embedded, cut = {}, 0
    texts = sorted({*predictions, *references}, key=len)
    for first in range(0, len(texts), _BATCH):
        batch = texts[first : first + _BATCH]
        inputs = tokenizer(batch, padding=True, truncation=True, max_length=longest)
        cut += sum(len(ids) > longest for ids in tokenizer(batch, verbose=False)["input_ids"])
        tensors = {name: torch.tensor(inputs[name]) for name in tokenizer.model_input_names}
        with torch.no_grad():
            hidden = model(**tensors).last_hidden_state
        hidden = torch.nn.functional.normalize(hidden, dim=-1)
        for row, text in enumerate(batch):
            special = tokenizer.get_special_tokens_mask(
                inputs["input_ids"][row], already_has_special_tokens=True
            )
            kept = torch.tensor(inputs["attention_mask"][row]) * (1 - torch.tensor(special))
            embedded[text] = hidden[row][kept.bool()]
    scores = []
    for prediction, reference in zip(predictions, references, strict=True):
        left, right = embedded[prediction], embedded[reference]
        if not len(left) or not len(right):
            scores.append((0.0, 0.0, 0.0))
            continue
        precision, recall = _greedy(torch, left, right), _greedy(torch, right, left)
        total = precision + recall
        scores.append((precision, recall, 2 * precision * recall / total if total > 0 else 0.0))
    return scores, cut
