"""`EcgByteProcessor`: signals (and text) to token ids, ids to signals and places in time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers.dynamic_module_utils import custom_object_save
from transformers.feature_extraction_utils import BatchFeature
from transformers.processing_utils import ProcessorMixin

from .chat import render_chat
from .ecg_ids import BEGIN, EcgIds
from .errors import EcgByteError
from .feature_extraction_ecg_byte import EcgByteFeatureExtractor, each_ecg, is_one_ecg
from .repository_files import (
    PROCESSOR_FILE,
    check_ecg_tokenizer_files,
    check_repository_files,
    find_file,
)
from .spans import PlacedSymbols, Span
from .tokenizer_files import save_portable_tokenizer

ECG_TOKENIZER_FOLDER = "ecg_tokenizer"

# Beside this code in the package; what travels to the Hub is this code without it.
_BUNDLED = Path(__file__).resolve().parents[1] / "bundled"

# A value from a file may be in the message, and be as long as the file.
_LONGEST_REASON = 500

_REPOSITORY = re.compile(r"[\w.-]+/[\w.-]+")


class EcgByteProcessor(ProcessorMixin):
    """Extractor and tokenizer as one.

    In a tokenizer repository `tokenizer` is the ECG BPE. In a model repository `tokenizer` is the
    language model's, with the ECG tokens added at a fixed shift, and `ecg_tokenizer` the ECG BPE.
    All ids that go in or come out are ids of `processor.tokenizer`.
    """

    _auto_class = "AutoProcessor"

    def __init__(
        self,
        feature_extractor: EcgByteFeatureExtractor,
        tokenizer: Any,
        ecg_tokenizer: Any = None,
        chat_template: Any = None,
    ) -> None:
        self.feature_extractor: EcgByteFeatureExtractor = feature_extractor
        self.tokenizer = tokenizer
        self.ecg_tokenizer = ecg_tokenizer
        self.chat_template = chat_template or getattr(tokenizer, "chat_template", None)
        self._ecg_ids: EcgIds = EcgIds(feature_extractor, ecg_tokenizer or tokenizer)
        self.ecg_shift = 0
        if ecg_tokenizer is not None:
            self.ecg_shift = self._ecg_ids.shift_in(tokenizer)

    @property
    def ecg_vocabulary_size(self) -> int:
        """How many ids the ECG BPE has, markers counted."""
        return int(self._ecg_ids.vocabulary_size)

    def words_to_ids(self, words: Sequence[str]) -> list[int]:
        """`<|ecg|>`, per channel its marker and the tokens of its word, `<|/ecg|>`, as ids.

        An empty word has neither; that its marker is missing says so.

        Raises `EcgByteError` where the words do not fit the channels or the alphabet.
        """
        self._ecg_ids.check_words(words)
        return self._shifted(self._ecg_ids.from_words(words))

    def ids_to_words(self, ids: Any, strict: bool = False) -> list[str]:
        """The words of the first ECG among `ids`, one str per channel.

        Tokens that belong to no channel are left out; with `strict`, and for ids that the
        tokenizer does not have, an `EcgByteError` says what is wrong.
        """
        return self._ecg_ids.to_words(self._unshifted(ids), strict=strict)

    def ecg_ids(
        self,
        signal: Any,
        sampling_rate: float,
        lead_names: Sequence[str] | None = None,
        *,
        source: str = "signal",
    ) -> list[int]:
        """The ids of one ECG (leads, samples) at `sampling_rate` Hz, markers and all."""
        words = self.feature_extractor.encode(signal, sampling_rate, lead_names, source=source)
        return self._shifted(self._ecg_ids.from_words(words))

    def decode_ecg(self, ids: Any, strict: bool = False) -> NDArray[np.float32]:
        """The signal of the first ECG among `ids`.

        float32 (12, samples) in the extractor's unit (mV) at its sampling rate (250 Hz). Any ids
        of the tokenizer decode to a finite signal; `strict` raises an `EcgByteError` instead.
        """
        return self.feature_extractor.decode(self.ids_to_words(ids, strict), strict=strict)

    def token_spans(self, ids: Any) -> list[Span]:
        """One `Span` per id: half-open, in samples at the extractor's output rate.

        A token reaches from its first symbol's start to its last symbol's stop; a word's silent
        end belongs to its last token, that of an empty word to its marker. Markers and tokens
        outside of an ECG cover no samples.
        """
        return self._ecg_ids.spans(self._unshifted(ids))

    def token_symbols(self, ids: Any) -> list[PlacedSymbols]:
        """One `PlacedSymbols` (channel, place, symbols) per id: what each token says, and where.

        `place` is that of the token's first symbol, as `token_waveform` takes it.
        """
        return self._ecg_ids.symbols(self._unshifted(ids))

    def token_waveform(
        self, token_id: int, channel: str | None = None, place: int = 0
    ) -> NDArray[np.float32]:
        """What a token adds to the leads if its symbols stood at `place` of `channel`.

        float32 (12, samples) in the extractor's unit at its sampling rate, over the nominal length;
        for a representative beat's channel (`t1` ...) over one beat, whose reference point near the
        R peak is at 0.28 s.

        A token has no waveform of its own: its symbols are coefficients, so what they mean depends
        on the channel (a row of the KLT, or a lead) and on the place, counted in coefficients, 16 a
        block (coarse to fine: a4, d4, d3 twice, d2 four times, d1 eight times), in letters for
        `paper`. `token_symbols` says where tokens stand in an ECG. `channel` defaults to the one
        that a marker marks, else to `r1`, the first component of what is left (`paper`: to the
        first lead; `beat` with separate alphabets: to the first channel of the token's kind). RR
        tokens and markers add nothing. Where a value's extension ends one token and the value
        begins the next, each is taken alone; `token_contributions` takes them together.

        Raises `EcgByteError` for an unknown token or channel, a place out of range, and symbols
        that cannot stand in the channel.
        """
        i = int(self._unshifted([token_id])[0])
        symbols = self._ecg_ids.symbols_of(i)
        codec = self.feature_extractor.codec
        channel = channel or self._ecg_ids.marked_channel(i) or codec.usual_channel(symbols)
        return codec.waveform(channel, symbols, place)

    def token_contributions(self, ids: Any) -> Iterator[NDArray[np.float32]]:
        """What each token adds to its own ECG: one float32 (12, samples) per id, one at a time.

        In the extractor's unit at its sampling rate; they sum to `decode_ecg(ids)` but for rounding
        (float32). A token of the representative beat adds in every beat that the RR word places;
        RR tokens, markers and tokens outside of the ECG add zero everywhere; a `paper` token adds
        the levels of its samples. Yields one at a time because `paper` has thousands of tokens.
        """
        return self._ecg_ids.contributions(self._unshifted(ids))

    def __call__(
        self,
        ecg: Any = None,
        text: str | Sequence[str] | None = None,
        sampling_rate: Any = None,
        lead_names: Any = None,
        *,
        padding: bool | str = False,
        padding_side: str | None = None,
        max_length: int | None = None,
        pad_to_multiple_of: int | None = None,
        return_tensors: str | None = None,
        **kwargs: Any,
    ) -> BatchFeature:
        """`input_ids` and `attention_mask` of ECGs, or of texts with ECGs in them.

        `ecg`: an array (leads, samples) in mV, an `EcgRecord`, or a list of either;
        `sampling_rate` (Hz) and `lead_names`: one for all or one each; `text`: one str per sequence
        in which every `<|ecg|>` is replaced by the next ECG. A batch comes back for a list and for
        a single ECG alike: `input_ids[0]` is the first.

        `padding`, `padding_side`, `pad_to_multiple_of` and `return_tensors` are the tokenizer's; no
        sequence is ever cut: one longer than `max_length` is refused.

        Raises `EcgByteError` for bad signals, unknown arguments, sequences that are too long, and
        where the ECGs do not fit the placeholders.
        """
        if kwargs:
            raise EcgByteError(f"processor: unknown arguments {', '.join(sorted(kwargs))}")
        if ecg is None and text is None:
            raise EcgByteError("processor: give ecg=, text= or both")
        ecgs: list[list[int]] = []
        if ecg is not None and (is_one_ecg(ecg) or len(ecg)):
            ecgs = [
                self.ecg_ids(x.signal, x.sampling_rate, x.lead_names, source=x.source)
                for x in each_ecg(ecg, sampling_rate, lead_names)
            ]
        rows = ecgs if text is None else self._fill([text] if isinstance(text, str) else text, ecgs)
        longest = max(map(len, rows), default=0)
        if max_length is not None and longest > max_length:
            raise EcgByteError(
                f"processor: a sequence of {longest} tokens is longer than max_length "
                f"{max_length}; an ECG is never cut, raise it or give a shorter record"
            )
        if padding == "max_length" and max_length is None:
            raise EcgByteError("processor: padding='max_length' needs max_length")
        if not padding and return_tensors is None:
            return BatchFeature({"input_ids": rows, "attention_mask": [[1] * len(r) for r in rows]})
        if padding_side is None and text is not None:
            # What a language model continues must end at the right.
            padding_side = "left"
        try:
            batch = self.tokenizer.pad(
                {"input_ids": rows},
                padding=padding,
                padding_side=padding_side,
                max_length=max_length,
                pad_to_multiple_of=pad_to_multiple_of,
                return_tensors=return_tensors,
            )
        except (ValueError, TypeError) as error:
            reason = " ".join(str(error).split())[:160]
            raise EcgByteError(
                f"processor: no batch could be made ({reason}); sequences of different lengths "
                f"need padding=True"
            ) from error
        return BatchFeature(dict(batch))

    def insert_ecgs(self, text_ids: Sequence[int], ecgs: Sequence[Sequence[int]]) -> list[int]:
        """`text_ids` with each placeholder id replaced by the next of `ecgs`, ids throughout."""
        placeholder = self.ecg_shift + self._ecg_ids.begin
        places = [place for place, i in enumerate(text_ids) if i == placeholder]
        if len(places) != len(ecgs):
            raise EcgByteError(
                f"processor: {len(ecgs)} ECGs for {len(places)} placeholders {BEGIN} in the "
                f"text; write one placeholder per ECG"
            )
        ids: list[int] = []
        done = 0
        for place, ecg in zip(places, ecgs, strict=True):
            ids += [*text_ids[done:place], *ecg]
            done = place + 1
        return [*ids, *text_ids[done:]]

    def apply_chat_template(  # type: ignore[override]
        self, conversation: Any, chat_template: str | None = None, **kwargs: Any
    ) -> Any:
        """The language model's chat template, with `{"type": "ecg"}` parts as placeholders.

        The same prompt as training used, `render_chat`. Returns a str by default
        (`tokenize=False`); with `tokenize=True`, `{"type": "ecg", "ecg": array, "sampling_rate":
        Hz, "lead_names": names}` parts are coded and put in place, and what `__call__` returns
        comes back. `add_generation_prompt=True` ends it where the answer begins.

        Raises `EcgByteError` for parts that are neither ECG nor text, and for bad signals.
        """
        tokenize = kwargs.pop("tokenize", False)
        kwargs.pop("return_dict", None)
        outputs = {
            key: kwargs.pop(key)
            for key in (
                "padding",
                "padding_side",
                "max_length",
                "pad_to_multiple_of",
                "return_tensors",
            )
            if key in kwargs
        }
        batched = bool(conversation) and not isinstance(conversation[0], dict)
        conversations = conversation if batched else [conversation]
        if chat_template is not None:
            kwargs["chat_template"] = chat_template
        texts, ecgs = [], []
        for messages in conversations:
            text, found = render_chat(self.tokenizer, messages, **kwargs)
            texts.append(text)
            ecgs += found
        if not tokenize:
            return texts if batched else texts[0]
        if any("ecg" not in part for part in ecgs):
            raise EcgByteError(
                'processor: an {"type": "ecg"} part lacks its "ecg"; give the signal'
            )
        return self(
            ecg=[part["ecg"] for part in ecgs] or None,
            sampling_rate=[part.get("sampling_rate") for part in ecgs] or None,
            lead_names=[part.get("lead_names") for part in ecgs] or None,
            text=texts,
            **outputs,
        )

    def _fill(self, texts: Sequence[str], ecgs: Sequence[Sequence[int]]) -> list[list[int]]:
        if self.ecg_tokenizer is None:
            raise EcgByteError(
                "processor: this is a tokenizer of ECGs alone and takes no text; load the "
                "processor of a model repository"
            )
        rows, used = [], 0
        wanted = [text.count(BEGIN) for text in texts]
        if sum(wanted) != len(ecgs):
            raise EcgByteError(
                f"processor: {len(ecgs)} ECGs for {sum(wanted)} placeholders {BEGIN} in the "
                f"text; write one placeholder per ECG"
            )
        for text, count in zip(texts, wanted, strict=True):
            # A chat template has written its own special tokens.
            ids = self.tokenizer(text, add_special_tokens=False)["input_ids"]
            rows.append(self.insert_ecgs(ids, ecgs[used : used + count]))
            used += count
        return rows

    def _shifted(self, ids: list[int]) -> list[int]:
        return [i + self.ecg_shift for i in ids] if self.ecg_shift else ids

    def _unshifted(self, ids: Any) -> NDArray[np.int64]:
        try:
            array = np.asarray(ids.tolist() if hasattr(ids, "tolist") else ids)
        except (TypeError, ValueError):
            array = np.empty((0, 0), dtype=object)
        if array.ndim == 1 and array.size == 0:
            array = array.astype(np.int64)
        if array.ndim != 1 or array.dtype.kind not in "iu":
            raise EcgByteError(
                f"processor: ids must be one sequence of integers, not shape {array.shape} of "
                f"{array.dtype}; pass one row of a batch"
            )
        size = len(self.tokenizer)
        outside = (array < 0) | (array >= size)
        if outside.any():
            raise EcgByteError(
                f"processor: token id {array[outside][0]} is out of range (0 ... {size - 1}); "
                f"these ids come from another tokenizer"
            )
        return array.astype(np.int64) - self.ecg_shift

    def __reduce__(self) -> tuple[Any, ...]:
        # Through its parts: `datasets` finds its cache by the pickled bytes.
        parts = (self.feature_extractor, self.tokenizer, self.ecg_tokenizer, self.chat_template)
        return type(self), parts

    @property
    def model_input_names(self) -> list[str]:
        """What a model takes of the output."""
        return ["input_ids", "attention_mask"]

    def to_dict(self) -> dict[str, Any]:
        """The configuration as `processor_config.json` holds it."""
        config = {
            "processor_class": type(self).__name__,
            "feature_extractor": self.feature_extractor.to_dict(),
        }
        auto_map = getattr(self, "auto_map", None)
        return config | ({"auto_map": auto_map} if auto_map else {})

    def save_pretrained(
        self, save_directory: str | Path, push_to_hub: bool = False, **kwargs: Any
    ) -> list[str]:
        """Write tokenizer, extractor, processor config and the code that loads them without us.

        A second tokenizer goes into the subfolder `ecg_tokenizer/`. `push_to_hub=True` uploads the
        folder as `PushToHubMixin.push_to_hub` does.
        """
        if push_to_hub:
            self.push_to_hub(kwargs.pop("repo_id", Path(save_directory).name), **kwargs)
        folder = Path(save_directory)
        folder.mkdir(parents=True, exist_ok=True)
        custom_object_save(self, str(folder), config=self)  # type: ignore[arg-type]
        self.feature_extractor.save_pretrained(str(folder))
        for tokenizer, place in (
            (self.tokenizer, folder),
            (self.ecg_tokenizer, folder / ECG_TOKENIZER_FOLDER),
        ):
            if tokenizer is not None:
                tokenizer._set_processor_class(type(self).__name__)
                save_portable_tokenizer(tokenizer, place)
        path = folder / "processor_config.json"
        path.write_text(
            json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n", encoding="utf-8"
        )
        return [str(path)]

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args: Any, **kwargs: Any) -> Any:
        """Load from a folder or a Hub repository, as transformers does.

        Raises `EcgByteError` where there is no such folder or repository, or no processor in it.
        """
        name = str(pretrained_model_name_or_path)
        if not Path(name).is_dir():
            _check_on_hub(name, kwargs)
        check_repository_files(name, kwargs)
        try:
            return super().from_pretrained(name, *args, **kwargs)
        except EcgByteError as error:
            reason = str(error)[:_LONGEST_REASON]
            raise EcgByteError(reason if reason.startswith(name) else f"{name}: {reason}") from None
        except BaseException as error:
            # The files are anybody's, and there is no end to what libraries raise over them:
            # `tokenizers` plain Exception, or the panic of a Rust thread, which is no Exception.
            if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
                raise
            reason = " ".join(str(error).split())
            raise EcgByteError(
                f"{name}: no ECG processor could be loaded from this folder or Hub repository "
                f"({type(error).__name__}: {reason[:160]}); "
                "make one with `ecg-byte train-tokenizer`"
            ) from error

    @classmethod
    def from_bundled(cls, name: str) -> Any:
        """A processor that comes with the package: no corpus, no network.

        `"ptb-xl"`: the default preset, fitted on PTB-XL's folds 1 to 8 (its card, CC BY 4.0, is
        `bundled/ptb-xl/README.md`). Raises `EcgByteError` for any other name.
        """
        names = sorted(path.parent.name for path in _BUNDLED.glob("*/processor_config.json"))
        if name not in names:
            raise EcgByteError(
                f"{name!r}: no bundled tokenizer of this name; there are: "
                f"{', '.join(names) or 'none, install ecg-byte-hf for them'}"
            )
        return cls.from_pretrained(_BUNDLED / name)

    @classmethod
    def get_attributes(cls) -> list[str]:
        """The parts that every repository has; the second tokenizer is optional."""
        return ["feature_extractor", "tokenizer"]

    @classmethod
    def _get_arguments_from_pretrained(
        cls,
        pretrained_model_name_or_path: Any,
        processor_dict: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> list[Any]:
        # Not through AutoFeatureExtractor: that would ask for trust_remote_code for a class that
        # is at hand.
        from transformers import AutoTokenizer

        kwargs["trust_remote_code"] = False
        name = pretrained_model_name_or_path
        extractor = EcgByteFeatureExtractor.from_pretrained(name, **kwargs)
        tokenizer = AutoTokenizer.from_pretrained(name, **kwargs)
        if tokenizer.bos_token == BEGIN:
            return [extractor, tokenizer]
        kwargs["subfolder"] = str(Path(kwargs.get("subfolder", "")) / ECG_TOKENIZER_FOLDER)
        check_ecg_tokenizer_files(name, kwargs)
        return [extractor, tokenizer, AutoTokenizer.from_pretrained(name, **kwargs)]

    @staticmethod
    def get_possibly_dynamic_module(module_name: str) -> Any:
        """Nothing: transformers asks for the class of an audio tokenizer, of any repository."""
        raise EcgByteError(
            f"processor: an ECG processor has no parts of class {str(module_name)[:60]!r}"
        )


def _check_on_hub(name: str, kwargs: dict[str, Any]) -> None:
    """One look for the processor, where transformers would look for eight files, retrying each."""
    found = None
    reason = "no such folder"
    if _REPOSITORY.fullmatch(name):
        try:
            found = find_file(name, PROCESSOR_FILE, kwargs)
            reason = "no processor_config.json in it"
        except (OSError, ValueError) as error:
            reason = "no such folder, and on the Hub: " + " ".join(str(error).split())[:200]
    if found is None:
        raise EcgByteError(
            f"{name}: no ECG processor here ({reason}); give a folder that `ecg-byte "
            f"train-tokenizer` or finetune.py wrote, or a Hub repository"
        )
