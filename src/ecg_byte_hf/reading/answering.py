"""One record, one question, one answer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ecg_byte_hf.extras import require_extra
from ecg_byte_hf.hub_code.errors import EcgByteError

from .loading import Reader, load_reader

if TYPE_CHECKING:
    from ecg_byte_hf.records import MissingLeads


def ask(
    record: str | Path,
    question: str,
    model: str | Path | Reader,
    *,
    base: str | None = None,
    gguf_file: str | None = None,
    sampling_rate: float | None = None,
    missing_leads: MissingLeads = "refuse",
) -> str:
    """The answer of a model (folder, Hub repository or `Reader`) to `question` about a record.

    `record` is whatever `read_record` reads; `sampling_rate` (Hz) is for files that do not say it,
    `missing_leads` "zero" takes records without all 12 leads. A recording longer than 10 s must be
    cut first.

    Raises:
        EcgByteError: the record, the question or the model is not fit for it.
    """
    require_extra("train", "ask")
    from ecg_byte_hf.records import read_record

    ecg = read_record(record, sampling_rate=sampling_rate, missing_leads=missing_leads)
    windows = list(ecg.windows())
    if len(windows) > 1:
        raise EcgByteError(
            f"{ecg.record_id}: lasts {ecg.signal.shape[1] / ecg.sampling_rate:.0f} s; the model "
            "reads 10 s at a time: cut the window to ask about"
        )
    reader = (
        model if isinstance(model, Reader) else load_reader(model, base=base, gguf_file=gguf_file)
    )
    ids = reader.processor.ecg_ids(ecg.signal, ecg.sampling_rate, ecg.lead_names)
    return reader.answers(ids, [question])[0]
