"""A two-stage model that answers questions, as `reading.evaluation` asks them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecg_byte_hf.hub_code.errors import EcgByteError
from ecg_byte_hf.progress import quiet_libraries
from ecg_byte_hf.reading.adapter import load_merged
from ecg_byte_hf.reading.loading import DTYPES, Reader, read_settings
from ecg_byte_hf.reading.model import load_llama
from ecg_byte_hf.reading.output_folder import ADAPTER_CONFIG
from ecg_byte_hf.reading.sequences import Chat

from .labelled_ecgs import SignalFormat, read_signals
from .projection import EcgEmbedding, load_projector, put_in
from .resnet import load_resnet
from .two_stage_files import ENCODER_FOLDER

if TYPE_CHECKING:
    from transformers import PreTrainedModel


@dataclass
class TwoStageReader(Reader):
    """A Llama whose ECGs are features of a ResNet; `embedding` is None in the blind one."""

    embedding: EcgEmbedding | None = None

    def ids_of(self, rows: Any) -> dict[str, list[int]]:
        """Record id -> the ids under which its features are looked up.

        The model holds these ECGs from then on, and no others.
        """
        if self.embedding is None:
            raise EcgByteError("this model was trained without any ECG: it has no encoder")
        config = self.embedding.encoder.config
        form = SignalFormat(config.sampling_rate, config.samples, config.cleaned)
        shown = self.embedding.show([read_signals(rows, form, quiet=True)])
        self.chat.vocabulary = self.embedding.end_id
        return shown

    @property
    def unit(self) -> str:
        """Of the ECGs that it was trained on."""
        return str(self.settings["corpus"]["unit"])

    def flat_ids(self) -> list[int]:
        """The ids of an ECG of zeros, among those that `ids_of` read."""
        return [] if self.embedding is None else self.embedding.flat_ids


def load_two_stage(
    model: str | Path,
    *,
    base: str | None = None,
    gguf_file: str | None = None,
    dtype: str = "float32",
) -> TwoStageReader:
    """Load what training/two_stage.py wrote, its blind control included.

    `base` replaces the base model that an adapter names; `dtype` is the Llama's, the ResNet and the
    projector compute in float32.

    Raises:
        EcgByteError: the model, its encoder or its base cannot be loaded, or the dtype is another.
    """
    if dtype not in DTYPES:
        raise EcgByteError(f"dtype {dtype!r} must be {' or '.join(DTYPES)}")
    import torch
    from transformers import AutoTokenizer

    quiet_libraries()
    folder = Path(model)
    settings = read_settings(folder)
    tokenizer = AutoTokenizer.from_pretrained(str(folder))

    def join(llama: PreTrainedModel) -> EcgEmbedding | None:
        if not settings["sees_ecg"]:
            return None
        first_id = max(len(tokenizer), llama.get_input_embeddings().num_embeddings)
        encoder = load_resnet(folder / ENCODER_FOLDER)
        projector = load_projector(folder / ENCODER_FOLDER)
        columns = int(settings["columns"])
        return put_in(llama, encoder, projector, first_id=first_id, columns=columns)

    if (folder / ADAPTER_CONFIG).is_file():
        llama = load_merged(folder, 0, base=base, gguf_file=gguf_file, prepare=join)
    elif base:
        raise EcgByteError(f"{folder} holds a whole model, no adapter: leave --base out")
    else:
        llama, _ = load_llama(str(folder))
        join(llama)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    llama = llama.to(device, getattr(torch, dtype)).eval()
    embedding: Any = llama.get_input_embeddings()
    if settings["sees_ecg"]:
        # Once more: those that were joined have been rounded to the Llama's dtype.
        embedding.encoder = load_resnet(folder / ENCODER_FOLDER).to(device)
        embedding.projector = load_projector(folder / ENCODER_FOLDER).to(device)
    return TwoStageReader(
        llama,
        None,
        Chat(tokenizer),
        settings,
        embedding=embedding if settings["sees_ecg"] else None,
    )
