"""`EcgByteFeatureExtractor`: from a signal to words and back, configured by JSON."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from transformers.feature_extraction_utils import BatchFeature, FeatureExtractionMixin

from .cleaning import clean, output_samples, paper_clean, resample
from .codec_beat import BeatCodec
from .codec_compact import CompactCodec
from .codec_paper import PaperCodec
from .errors import EcgByteError, one_line
from .leads import to_standard_order
from .presets import BEAT_PRESETS, CODEC_OPTIONS, DEFAULT_PRESET
from .signal_checks import (
    MAX_DURATION_S,
    check_array,
    check_duration,
    check_millivolts,
    check_sampling_rate,
    check_unit,
)
from .spans import Span, Stretch

Float32 = NDArray[np.float32]


class Codec(Protocol):
    """What every preset offers. A codec cleans nothing and knows no tokens."""

    channels: tuple[str, ...]
    alphabet: str
    # Whether `encode(x)` is `encode_components(to_components(x))`, linear up to there.
    codes_components: bool

    @property
    def state(self) -> dict[str, Any]:
        """Everything that decoding needs, as JSON types."""

    def fit(self, signals: Iterable[Float32]) -> Any:
        """Learn from cleaned signals (12, samples) in one streaming pass."""

    def encode(self, signal: Float32) -> list[str]:
        """One word per channel of a cleaned signal float32 (12, samples)."""

    def decode(self, words: Sequence[str], strict: bool = False) -> Float32:
        """float32 (12, samples) of any words."""

    def locate(self, words: Sequence[str]) -> list[list[Span]]:
        """Per word the `Span` of every character."""

    def occurrences(self, words: Sequence[str], spans: Sequence[Span]) -> list[list[Span]]:
        """Where in the record each span of `locate` acts."""

    def length(self, words: Sequence[str]) -> int:
        """How many samples `decode(words)` has."""

    def places(self, channel: str, word: str) -> NDArray[np.int64]:
        """At which place of its channel (coefficient, beat, sample) each character begins."""

    def usual_channel(self, symbols: str) -> str:
        """The channel that symbols are shown in where none is said."""

    def waveform(self, channel: str, symbols: str, place: int = 0) -> Float32:
        """What `symbols` add if they stand at `place` of a channel: float32 (12, samples)."""

    def contributions(
        self, words: Sequence[str], stretches: Iterable[Stretch]
    ) -> Iterator[Float32]:
        """What each stretch of characters adds to `decode(words)`: float32 (12, samples) each."""


CODECS: dict[str, type[Any]] = {
    "paper": PaperCodec,
    "compact": CompactCodec,
    "beat": BeatCodec,
    "beat-placed": BeatCodec,
    "beat-named": BeatCodec,
}
CLEANINGS = ("clean", "paper", "none")

# What transformers adds to a saved configuration.
_KEPT_KEYWORDS = {"auto_map", "processor_class", "transformers_version", "_commit_hash"}


class _Input(NamedTuple):
    signal: Any
    sampling_rate: Any
    lead_names: Any
    source: str


class EcgByteFeatureExtractor(FeatureExtractionMixin):
    """A 12-lead ECG as words, one string per channel, and words as a signal.

    `preset`: `"paper"`, `"compact"`, `"beat"`, `"beat-placed"` or `"beat-named"`; `sampling_rate`:
    Hz of everything after cleaning;
    `unit`: of the signal, `"mV"` (checked by its range) or any other name (not checked);
    `cleaning`: `"clean"`, `"paper"` or `"none"` (default: the paper's for `paper`, else `clean`);
    `codec`: the codec's state, as `save_pretrained` writes it, or options such as `{"step": 0.3}`
    before `fit`.

    Raises `EcgByteError` for a configuration that makes no sense.
    """

    model_input_names = ["words"]  # noqa: RUF012 (transformers reads it as a plain list)
    # Set here and not by `register_for_auto_class`, which would import every Auto class.
    _auto_class = "AutoFeatureExtractor"

    def __init__(
        self,
        preset: str = DEFAULT_PRESET,
        sampling_rate: float = 250.0,
        unit: str = "mV",
        cleaning: str | None = None,
        codec: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if preset not in CODECS:
            raise EcgByteError(f"preset {preset!r} is unknown; use one of {', '.join(CODECS)}")
        cleaning = cleaning or ("paper" if preset == "paper" else "clean")
        if cleaning not in CLEANINGS:
            raise EcgByteError(
                f"cleaning {cleaning!r} is unknown; use one of {', '.join(CLEANINGS)}"
            )
        kwargs.pop("feature_extractor_type", None)
        unknown = sorted(set(kwargs) - _KEPT_KEYWORDS)
        if unknown:
            raise EcgByteError(f"feature extractor: unknown option {unknown[0]!r}")
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]
        self.preset = preset
        self.sampling_rate = check_sampling_rate(sampling_rate, "feature extractor")
        self.unit = str(unit)
        self.cleaning = cleaning
        options = CODEC_OPTIONS.get(preset, {}) | dict(codec or {})
        options.setdefault("nominal_samples", round(MAX_DURATION_S * self.sampling_rate))
        if preset in BEAT_PRESETS:
            # Its beats and intervals are lengths of time.
            options.setdefault("sampling_rate", self.sampling_rate)
        known = set(inspect.signature(CODECS[preset]).parameters)
        strange = sorted(set(options) - known)
        if strange:
            raise EcgByteError(
                f"preset {preset}: no codec option {strange[0]!r}; "
                f"it has {', '.join(sorted(known))}"
            )
        try:
            self._codec: Codec = CODECS[preset](**options)
        except EcgByteError:
            raise
        except (TypeError, ValueError, OverflowError) as error:
            raise EcgByteError(f"preset {preset}: bad codec options ({error})") from None

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args: Any, **kwargs: Any) -> Any:
        """Load from a folder or a Hub repository, as transformers does.

        Raises `EcgByteError` where there is no extractor of ours.
        """
        name = str(pretrained_model_name_or_path)
        try:
            return super().from_pretrained(name, *args, **kwargs)
        except EcgByteError as error:
            # A value from the file may be in the message, and be as long as the file.
            raise EcgByteError(f"{name}: {one_line(error, 300)}") from None
        except Exception as error:
            # The files are anybody's: too deep a JSON is a RecursionError, and so on.
            reason = one_line(error)
            raise EcgByteError(
                f"{name}: no ECG feature extractor could be loaded from here "
                f"({type(error).__name__}: {reason}); make one with `ecg-byte train-tokenizer`"
            ) from error

    @property
    def codec(self) -> Codec:
        """The codec of the preset."""
        return self._codec

    @property
    def channels(self) -> tuple[str, ...]:
        """The name of each word's channel: leads for `paper`, components for `compact`."""
        return self._codec.channels

    @property
    def markers(self) -> tuple[str, ...]:
        """The marker token of each word, `"<|r1|>"` and so on."""
        return tuple(f"<|{channel}|>" for channel in self._codec.channels)

    @property
    def alphabet(self) -> str:
        """Every character that a word may hold."""
        return self._codec.alphabet

    def to_dict(self) -> dict[str, Any]:
        """The configuration as JSON types; `EcgByteFeatureExtractor(**d)` makes the same again."""
        settings = {key: value for key, value in self.__dict__.items() if not key.startswith("_")}
        return settings | {
            "codec": self._codec.state,
            "feature_extractor_type": type(self).__name__,
        }

    def __reduce__(self) -> tuple[Any, ...]:
        # Through the configuration as text, so that equal extractors pickle to the same bytes in
        # every process: `datasets` finds its cache by them.
        return _rebuild, (type(self), json.dumps(self.to_dict(), sort_keys=True))

    def fit(self, signals: Iterable[tuple[Any, float]]) -> EcgByteFeatureExtractor:
        """Learn the codec's state from `(signal, sampling_rate)` pairs in one streaming pass.

        Signals are (12, samples) in the standard lead order; they are cleaned here.
        """

        def cleaned() -> Iterator[Float32]:
            for signal, sampling_rate in signals:
                yield self.clean(signal, sampling_rate)

        self._codec.fit(cleaned())
        return self

    def clean(
        self,
        signal: Any,
        sampling_rate: float,
        lead_names: Sequence[str] | None = None,
        *,
        source: str = "signal",
    ) -> Float32:
        """Check, order and clean one signal (leads, samples).

        Returns float32 (12, n) in the extractor's unit at its sampling rate: what is coded, and
        what fidelity is measured against. Raises `EcgByteError` naming `source`.
        """
        array, rate = self._checked(signal, sampling_rate, lead_names, source)
        return self._cleaned(array, rate)

    def _checked(
        self,
        signal: Any,
        sampling_rate: float,
        lead_names: Sequence[str] | None,
        source: str,
        max_duration_s: float = float("inf"),
    ) -> tuple[Float32, float]:
        array = check_array(signal, source, leads=None if lead_names is not None else 12)
        if lead_names is not None:
            array = to_standard_order(array, tuple(lead_names), source)
        rate = check_sampling_rate(sampling_rate, source)
        check_duration(array.shape[1], rate, source, max_duration_s=max_duration_s)
        if self.unit == "mV":
            check_millivolts(array, source)
        return array, rate

    def _cleaned(self, array: Float32, rate: float) -> Float32:
        if self.cleaning == "clean":
            return clean(array, rate, self.sampling_rate)
        if self.cleaning == "paper":
            return paper_clean(array, rate, self.sampling_rate)
        return resample(array, rate, self.sampling_rate)

    def encode(
        self,
        signal: Any,
        sampling_rate: float,
        lead_names: Sequence[str] | None = None,
        *,
        source: str = "signal",
    ) -> list[str]:
        """The words of one signal (leads, samples): cleaned, then coded, one str per channel.

        In `self.unit`, 2 s to 10 s; longer ones are refused: cut them with `EcgRecord.windows()`.
        """
        array, rate = self._checked(signal, sampling_rate, lead_names, source, MAX_DURATION_S)
        codec: Any = self._codec
        if self.cleaning == "paper" or not codec.codes_components:
            return self._codec.encode(self._cleaned(array, rate))
        # Cleaning and the transform over leads are both linear, so their order does not matter,
        # and eight components are cleaned in less time than twelve leads.
        words: list[str] = codec.encode_components(self._cleaned(codec.to_components(array), rate))
        return words

    def decode(self, words: Sequence[str], strict: bool = False) -> Float32:
        """float32 (12, samples) in the extractor's unit at its sampling rate, of any words.

        Whatever does not fit is left out; `strict` raises an `EcgByteError` that says what. Words
        that are no strings raise one always.
        """
        _check_strings(words)
        return self._codec.decode(words, strict=strict)

    def locate(self, words: Sequence[str]) -> list[list[Span]]:
        """Per word the `Span` of every character, in samples at the output rate."""
        _check_strings(words)
        return self._codec.locate(words)

    def __call__(
        self,
        ecg: Any,
        sampling_rate: Any = None,
        lead_names: Any = None,
        **kwargs: Any,
    ) -> BatchFeature:
        """Words of one ECG or several.

        `ecg`: an array (leads, samples) in `self.unit`, an `EcgRecord`, or a list of either;
        `sampling_rate`: Hz, one for all or one each; `lead_names`: one list for all or one each,
        default the standard order. Returns a `BatchFeature` with `words`: per ECG one str per
        channel. Raises `EcgByteError` for bad signals and a record in another unit; of an array no
        unit is known.
        """
        if kwargs:
            raise EcgByteError(f"unknown arguments: {', '.join(sorted(kwargs))}")
        words = [
            self.encode(x.signal, x.sampling_rate, x.lead_names, source=x.source)
            for x in each_ecg(ecg, sampling_rate, lead_names, unit=self.unit)
        ]
        return BatchFeature({"words": words})

    def expected_samples(self, samples: int, sampling_rate: float) -> int:
        """How many samples a signal of `samples` at `sampling_rate` Hz has after cleaning."""
        return output_samples(samples, sampling_rate, self.sampling_rate)


def _check_strings(words: Sequence[str]) -> None:
    if isinstance(words, str) or not all(isinstance(word, str) for word in words):
        raise EcgByteError("words: give a list with one str per channel")


def is_one_ecg(ecg: Any) -> bool:
    """Whether `ecg` is a single ECG (array (leads, samples) or a record) and not a batch.

    Raises `EcgByteError` where it is neither an array, a record nor a list.
    """
    if hasattr(ecg, "signal"):
        return True
    if hasattr(ecg, "ndim"):
        # Arrays of NumPy and tensors of torch alike.
        return bool(ecg.ndim < 3)
    if not isinstance(ecg, (list, tuple)):
        raise EcgByteError(
            f"ecg: {type(ecg).__name__} is no ECG; give an array (leads, samples), an "
            f"EcgRecord, or a list of either"
        )
    if not ecg or hasattr(ecg[0], "signal"):
        return False
    first = ecg[0]
    if isinstance(first, (list, tuple)):
        return not first or np.ndim(first[0]) == 0
    return bool(getattr(first, "ndim", 0) < 2)


def each_ecg(ecg: Any, sampling_rate: Any, lead_names: Any, *, unit: str) -> Iterator[_Input]:
    """Pair every ECG of a batch with its sampling rate and lead names.

    Raises `EcgByteError` where a list does not have one entry per ECG, the rate is missing, or a
    record says that it is in another unit than `unit`.
    """
    batch = [ecg] if is_one_ecg(ecg) else list(ecg)
    one_name_list = lead_names is None or (len(lead_names) and isinstance(lead_names[0], str))
    names = [lead_names] * len(batch) if one_name_list else list(lead_names)
    rates = [sampling_rate] * len(batch) if np.ndim(sampling_rate) == 0 else list(sampling_rate)
    for what, values in (("sampling rates", rates), ("lists of lead names", names)):
        if len(values) != len(batch):
            raise EcgByteError(f"{len(values)} {what} for {len(batch)} ECGs; give one each")
    for place, (one, rate, leads) in enumerate(zip(batch, rates, names, strict=True)):
        source = f"ecg[{place}]" if len(batch) > 1 else "ecg"
        if hasattr(one, "signal"):
            source = str(getattr(one, "record_id", "") or source)
            rate = one.sampling_rate if rate is None else rate
            leads = one.lead_names if leads is None else leads
            check_unit(getattr(one, "unit", unit), unit, f"record {source} is", "the processor")
            one = one.signal
        if rate is None:
            raise EcgByteError(f"{source}: give its sampling_rate in Hz")
        yield _Input(one, rate, leads, source)


def _rebuild(cls: type[Any], config: str) -> Any:
    return cls(**json.loads(config))
