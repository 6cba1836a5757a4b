"""One question about one record or several, and its answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecg_byte_hf.extras import require_extra
from ecg_byte_hf.hub_code.errors import EcgByteError

from .loading import Reader, load_reader
from .wordings import unfamiliar

if TYPE_CHECKING:
    from ecg_byte_hf.records import MissingLeads


def ask(
    record: str | Path | Sequence[str | Path],
    question: str,
    model: str | Path | Reader,
    *,
    base: str | None = None,
    gguf_file: str | None = None,
    sampling_rate: float | None = None,
    missing_leads: MissingLeads = "refuse",
    note: Callable[[str], object] = lambda line: None,
) -> str:
    """The answer of a model (folder, Hub repository or `Reader`) to `question` about a record.

    `record` is whatever `read_record` reads, or several of it in the order in which they are shown,
    for a model that was trained to compare ECGs. `sampling_rate` (Hz) is for files that do not say
    it, `missing_leads` "zero" takes records without all 12 leads. A recording longer than 10 s must
    be cut first. For a model that reads standard deviations (`prepare ptb-xl --normalised`) a
    record of 10 s at 500 Hz is normalised as its corpus was. `note` is called with a line where the
    model was not trained on the question (`wordings.unfamiliar`).

    Raises:
        EcgByteError: a record, the question or the model is not fit for it.
    """
    require_extra("train", "ask")
    from ecg_byte_hf.records import read_record

    def read(one: str | Path) -> Any:
        ecg = read_record(one, sampling_rate=sampling_rate, missing_leads=missing_leads)
        if len(list(ecg.windows())) > 1:
            raise EcgByteError(
                f"{ecg.record_id}: lasts {ecg.signal.shape[1] / ecg.sampling_rate:.0f} s; the "
                "model reads 10 s at a time: cut the window to ask about"
            )
        return ecg

    ecgs = [read(one) for one in ([record] if isinstance(record, str | Path) else record)]
    reader = (
        model if isinstance(model, Reader) else load_reader(model, base=base, gguf_file=gguf_file)
    )
    unit = reader.processor.feature_extractor.unit
    if unit == "SD":
        from ecg_byte_hf.corpora.normalising import normalised_record

        ecgs = [normalised_record(ecg) for ecg in ecgs]
    elif unit != "mV":
        raise EcgByteError(f"{model}: reads ECGs in {unit}, and records are in mV")
    if line := unfamiliar(question, reader.wordings):
        note(line)
    ids = [reader.processor.ecg_ids(ecg.signal, ecg.sampling_rate, ecg.lead_names) for ecg in ecgs]
    return reader.answers(reader.chat.shared_ids(ids), [question])[0]
