"""`EcgByteProcessor`: signals (and text) to token ids, ids to signals and places in time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from transformers.feature_extraction_utils import BatchFeature

from .chat import render_chat
from .ecg_ids import BEGIN, EcgIds
from .errors import EcgByteError, one_line
from .feature_extraction_ecg_byte import EcgByteFeatureExtractor, each_ecg, is_one_ecg
from .processor_files import ProcessorFiles
from .spans import PlacedSymbols, Span


class EcgByteProcessor(ProcessorFiles):
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
        """The ids of one ECG (leads, samples) at `sampling_rate` Hz, markers and all.

        The signal is in the unit of `feature_extractor.unit`; nothing in an array says whether it
        is, but mV are checked by their range.
        """
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

    def token_occurrences(self, ids: Any) -> list[list[Span]]:
        """The spans of the record in which each id acts: one list of `Span` per id.

        That of `token_spans` for most; for a token of a representative beat, whose span lies in the
        beat, its stretch of every beat that the RR word places. Markers and tokens outside of an
        ECG have none.
        """
        return self._ecg_ids.occurrences(self._unshifted(ids))

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
        first lead; `beat` with separate alphabets: to the first channel of the token's kind;
        `beat-placed` and `beat-named`: to the component that it names, whose blocks it names too,
        so that `place` is that of values before the first block). RR tokens and markers add
        nothing. Where a value's extension ends one token and the value begins the next, each is
        taken alone; `token_contributions` takes them together.

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

        `ecg`: an array (leads, samples) in the unit of `feature_extractor.unit` (mV, or SD where
        the tokenizer was fitted on standard deviations), an `EcgRecord`, or a list of either;
        `sampling_rate` (Hz) and `lead_names`: one for all or one each; `text`: one str per sequence
        in which every `<|ecg|>` is replaced by the next ECG. A batch comes back for a list and for
        a single ECG alike: `input_ids[0]` is the first.

        `padding`, `padding_side`, `pad_to_multiple_of` and `return_tensors` are the tokenizer's; no
        sequence is ever cut: one longer than `max_length` is refused.

        Raises `EcgByteError` for bad signals, a record that says it is in another unit (an array
        does not), unknown arguments, sequences that are too long, and where the ECGs do not fit the
        placeholders.
        """
        if kwargs:
            raise EcgByteError(f"processor: unknown arguments {', '.join(sorted(kwargs))}")
        if ecg is None and text is None:
            raise EcgByteError("processor: give ecg=, text= or both")
        ecgs: list[list[int]] = []
        if ecg is not None and (is_one_ecg(ecg) or len(ecg)):
            ecgs = [
                self.ecg_ids(x.signal, x.sampling_rate, x.lead_names, source=x.source)
                for x in each_ecg(ecg, sampling_rate, lead_names, unit=self.feature_extractor.unit)
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
            reason = one_line(error)
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
