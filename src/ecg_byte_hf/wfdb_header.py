"""What a WFDB header claims, held against the data files beside it before anything is read.

Format: header(5) and signal(5) of the WFDB Applications Guide. The `wfdb` package reads headers
leniently (a sampling rate of -500 becomes its default of 250, "µV" becomes "V", a count of 10^12
samples is believed), so the fields that decide what is opened and allocated are read here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from .hub_code.errors import EcgByteError
from .hub_code.signal_checks import check_sampling_rate

MAX_HEADER_BYTES = 1 << 20

# Steps per mV of a signal whose header gives none, header(5).
UNCALIBRATED_GAIN = 200.0

# Bytes that hold a number of samples, as (bytes, samples), signal(5). Format 311 packs three
# samples into four bytes as 310 does.
_PACKING = {
    "8": (1, 1),
    "16": (2, 1),
    "24": (3, 1),
    "32": (4, 1),
    "61": (2, 1),
    "80": (1, 1),
    "160": (2, 1),
    "212": (3, 2),
    "310": (4, 3),
    "311": (4, 3),
}
_FLAC = ("508", "516", "524")

# A FLAC frame has at least 11 bytes and at most 65,535 samples (RFC 9639).
_FLAC_FRAME_BYTES = 11
_FLAC_FRAME_SAMPLES = 65535

_CONTROL_CHARACTERS = re.compile(rb"[\0-\x08\x0b\x0c\x0e-\x1f]")

_MILLIVOLTS_PER_UNIT = {"mv": 1.0, "v": 1e3, "uv": 1e-3, "µv": 1e-3, "μv": 1e-3, "nv": 1e-6}

# As narrow as the patterns of the wfdb package, which drops what it does not know (all that is not
# ASCII, the "E3" of "1E3") without a word and would then read another number than was checked.
_NAME_FIELD = re.compile(r"([-\w]+)(/[0-9]+)?", re.ASCII)
_COUNT_FIELD = re.compile(r"[0-9]+")
_RATE_FIELD = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(/-?[0-9]*\.?[0-9]*(\(-?[0-9]*\.?[0-9]*\))?)?")
_FORMAT_FIELD = re.compile(r"([0-9]+)(?:x([0-9]+))?(?::([0-9]+))?(?:\+([0-9]+))?")
_GAIN_FIELD = re.compile(r"(-?[0-9]*\.?[0-9]*(?:e[+-]?[0-9]+)?)(?:\((-?[0-9]+)\))?(?:/(\S+))?")
_BLANKS = re.compile(r"[ \t]+")


@dataclass(frozen=True)
class SignalLine:
    """One signal of a header.

    `mV_per_unit` converts the header's physical unit, NaN where that is no voltage; `gain` is in
    converter steps per physical unit, `None` where the header says that it is not calibrated.
    """

    file_name: str
    format: str
    samples_per_frame: int
    skew: int
    byte_offset: int
    gain: float | None
    mV_per_unit: float
    name: str


@dataclass(frozen=True)
class WfdbHeader:
    """A header whose claims were checked.

    `sampling_rate` is in Hz, `samples` per lead. `signals` of a record of several segments are
    those of each of its segments.
    """

    sampling_rate: float
    samples: int
    signals: tuple[SignalLine, ...] = ()
    segment_count: int = 0
    flags: tuple[str, ...] = ()
    comments: tuple[str, ...] = ()


def read_lines(path: Path, record: str) -> tuple[list[str], list[str]]:
    """The lines of a header file that say something, and its comments without the `#`.

    Raises `EcgByteError` where the file is no text or larger than 1 MiB.
    """
    if path.stat().st_size > MAX_HEADER_BYTES:
        raise EcgByteError(f"{record}: {path.name} is too large for a WFDB header")
    data = path.read_bytes()
    if _CONTROL_CHARACTERS.search(data):
        raise EcgByteError(f"{record}: {path.name} is no text, so no WFDB header")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    lines = [line.strip(" \t") for line in re.split(r"\r\n|\r|\n", text)]
    said = [line for line in lines if line and not line.startswith("#")]
    comments = [line.lstrip("#").strip() for line in lines if line.startswith("#")]
    return said, comments


def first_field(line: str) -> str:
    """What stands before the first blank of a line of `read_lines`: a name of a file or segment."""
    return _BLANKS.split(line, 1)[0]


def check_header(path: Path, record: str, *, within_segments: bool = False) -> WfdbHeader:
    """Read a header file (`.hea`) and hold it against its data files.

    Nothing but file sizes is read of the data. Raises `EcgByteError`, naming `record`, for a header
    that cannot be understood, that says more than its files hold, that points outside its folder,
    or that mixes sampling rates.
    """
    lines, comments = read_lines(path, record)
    if not lines:
        raise EcgByteError(f"{record}: {path.name} is empty; it is no WFDB header")
    fields = _BLANKS.split(lines[0])
    name = _NAME_FIELD.fullmatch(fields[0])
    if name is None or len(fields) < 2 or not _COUNT_FIELD.fullmatch(fields[1]):
        raise EcgByteError(
            f"{record}: {path.name} does not start as a WFDB header does (name, number of signals, "
            f"sampling rate, number of samples); is it one?"
        )
    signal_count = int(fields[1])
    rate, flags = _sampling_rate(fields, path, record)
    samples = _sample_count(fields, path, record, within_segments)
    if name[2]:
        if within_segments:
            raise EcgByteError(f"{record}: {path.name} is a segment that has segments itself")
        signals, total = _check_segments(
            path, lines[1:], int(name[2][1:]), signal_count, rate, record
        )
        if samples not in (None, total):
            raise EcgByteError(
                f"{record}: {path.name} says {samples} samples, its segments have {total} together"
            )
        return WfdbHeader(
            rate, total, signals, len(lines) - 1, flags=tuple(flags), comments=tuple(comments)
        )
    if len(lines) - 1 != signal_count:
        raise EcgByteError(
            f"{record}: {path.name} promises {signal_count} signals and describes "
            f"{len(lines) - 1}; correct its first line"
        )
    if signal_count == 0:
        raise EcgByteError(f"{record}: {path.name} has no signals (annotations only?)")
    signals = tuple(_signal_line(line, path, record) for line in lines[1:])
    per_frame = {signal.samples_per_frame for signal in signals}
    if len(per_frame) > 1:
        rates = ", ".join(f"{rate * count:g}" for count in sorted(per_frame))
        raise EcgByteError(
            f"{record}: its leads have several sampling rates ({rates} Hz); resample them to one"
        )
    samples_per_frame = per_frame.pop()
    rate = check_sampling_rate(rate * samples_per_frame, record)
    flags += [
        f"lead {signal.name} not calibrated: {UNCALIBRATED_GAIN:.0f} steps per mV assumed"
        for signal in signals
        if signal.gain is None
    ]
    # A segment that only lays out a multi-segment record has no samples and no data files.
    if within_segments and samples == 0:
        return WfdbHeader(rate, 0, signals)
    frames = _check_data_files(path, signals, samples, samples_per_frame, record)
    return WfdbHeader(
        rate, frames * samples_per_frame, signals, flags=tuple(flags), comments=tuple(comments)
    )


def _sampling_rate(fields: list[str], path: Path, record: str) -> tuple[float, list[str]]:
    if len(fields) < 3:
        return 250.0, ["no sampling rate in the header: 250 Hz assumed"]
    rate = _RATE_FIELD.fullmatch(fields[2])
    if rate is None:
        raise EcgByteError(
            f"{record}: sampling rate {fields[2]!r} in {path.name} is not a positive number; "
            f"correct the header"
        )
    if float(rate[1]) == 0:
        raise EcgByteError(f"{record}: sampling rate 0 in {path.name}; correct the header")
    return float(rate[1]), []


def _sample_count(fields: list[str], path: Path, record: str, within_segments: bool) -> int | None:
    if len(fields) < 4:
        return None
    if not _COUNT_FIELD.fullmatch(fields[3]):
        raise EcgByteError(
            f"{record}: {fields[3]!r} in {path.name} is no number of samples; correct the header"
        )
    if int(fields[3]) == 0 and not within_segments:
        raise EcgByteError(
            f"{record}: {path.name} says 0 samples; leave the count out or correct it"
        )
    return int(fields[3])


def _signal_line(line: str, path: Path, record: str) -> SignalLine:
    fields = _BLANKS.split(line, 8)
    shape = _FORMAT_FIELD.fullmatch(fields[1]) if len(fields) > 1 else None
    if shape is None:
        raise EcgByteError(
            f"{record}: {path.name} has a signal line that cannot be read: {line[:60]!r}"
        )
    name = fields[8].strip() if len(fields) > 8 else ""
    gain, mV_per_unit = None, 1.0
    if len(fields) > 2:
        calibration = _GAIN_FIELD.fullmatch(fields[2])
        try:
            gain = float(calibration[1]) if calibration else float("nan")
        except ValueError:
            gain = float("nan")
        if calibration is None or not 1e-9 < abs(gain or 1.0) < 1e12:
            raise EcgByteError(f"{record}: lead {name}: gain {fields[2]!r} cannot be read")
        gain = gain or None
        # A pressure beside the leads of a monitor's record is no reason to refuse it.
        unit = (calibration[3] or "mV").lower()
        mV_per_unit = _MILLIVOLTS_PER_UNIT.get(unit, float("nan"))
    return SignalLine(
        file_name=fields[0],
        format=shape[1],
        samples_per_frame=int(shape[2] or 1) or 1,
        skew=int(shape[3] or 0),
        byte_offset=int(shape[4] or 0),
        gain=gain,
        mV_per_unit=mV_per_unit,
        name=name,
    )


def file_beside(header: Path, name: str, record: str) -> Path:
    """The file `name` of the header's folder, resolved.

    Raises `EcgByteError` where the name, or a link behind it, leads out of that folder, or where
    there is no such file.
    """
    folder = header.parent.resolve()
    # WFDB knows file names only, so a separator of any system is one too many.
    if name in ("", ".", "..", "~", "-") or re.search(r"[/\\:\0]", name):
        raise EcgByteError(
            f"{record}: {header.name} names its data file {name!r}; a plain file name in the "
            f"header's own folder is needed"
        )
    path = (folder / name).resolve()
    if path.parent != folder:
        raise EcgByteError(
            f"{record}: {name} is a link out of the header's folder; put the file itself there"
        )
    if not path.is_file():
        raise EcgByteError(f"{record}: its data file {name} is missing beside {header.name}")
    return path


def _check_data_files(
    header: Path,
    signals: tuple[SignalLine, ...],
    samples: int | None,
    samples_per_frame: int,
    record: str,
) -> int:
    """The number of frames, after every data file was found to hold them."""
    files: dict[str, list[SignalLine]] = {}
    for signal in signals:
        files.setdefault(signal.file_name, []).append(signal)
    frames = samples
    for name, group in files.items():
        path = file_beside(header, name, record)
        if len({(signal.format, signal.byte_offset) for signal in group}) > 1:
            raise EcgByteError(f"{record}: {header.name} gives {name} several formats or offsets")
        held = _frames_held(path, group, samples_per_frame, record)
        frames = held if frames is None else frames
        if frames > held:
            raise EcgByteError(
                f"{record}: {header.name} claims {frames} samples a lead and {name} holds {held}; "
                f"the file is cut off or the header is wrong"
            )
        if max(signal.skew for signal in group) >= frames:
            raise EcgByteError(f"{record}: {header.name} shifts a lead by more than the record")
    if not frames:
        raise EcgByteError(f"{record}: {', '.join(files)} holds no samples")
    return frames


def _frames_held(path: Path, group: list[SignalLine], samples_per_frame: int, record: str) -> int:
    size, first = path.stat().st_size, group[0]
    if first.format in _PACKING:
        bytes_, samples = _PACKING[first.format]
        held = max(0, size - first.byte_offset) * samples // bytes_
        return held // (len(group) * samples_per_frame)
    if first.format not in _FLAC:
        raise EcgByteError(f"{record}: unknown WFDB format {first.format} of {path.name}")
    try:
        import soundfile
    except (ImportError, OSError):
        raise EcgByteError(
            f"{record}: format {first.format} (FLAC) needs soundfile: pip install ecg-byte-hf[flac]"
        ) from None
    try:
        info = soundfile.info(str(path))
    except Exception as error:
        raise EcgByteError(f"{record}: {path.name} is no FLAC file ({error})") from None
    possible = (size // _FLAC_FRAME_BYTES + 1) * _FLAC_FRAME_SAMPLES
    if info.channels != len(group) or info.frames > possible:
        raise EcgByteError(
            f"{record}: {path.name} has {info.channels} channels of {info.frames} samples for "
            f"{len(group)} leads; the file or the header is wrong"
        )
    return max(0, info.frames - first.byte_offset) // samples_per_frame


def _check_segments(
    header: Path,
    lines: list[str],
    segment_count: int,
    signal_count: int,
    rate: float,
    record: str,
) -> tuple[tuple[SignalLine, ...], int]:
    """The signals of every segment and the samples of all, after each was found to hold its own."""
    if segment_count != len(lines):
        raise EcgByteError(
            f"{record}: {header.name} promises {segment_count} segments and lists "
            f"{len(lines)}; correct its first line"
        )
    total = 0
    seen: set[Path] = set()
    signals: tuple[SignalLine, ...] = ()
    for line in lines:
        fields = _BLANKS.split(line)
        if len(fields) < 2 or not _COUNT_FIELD.fullmatch(fields[1]):
            raise EcgByteError(f"{record}: {header.name} has a segment line {line[:60]!r}")
        name, length = fields[0], int(fields[1])
        if name == "~":
            raise EcgByteError(
                f"{record}: there is a gap of {length} samples in it; read its segments one by one"
            )
        path = file_beside(header, f"{name}.hea", record)
        # Else a header of a few lines could ask for any number of samples from one small file.
        if path in seen:
            raise EcgByteError(
                f"{record}: {header.name} names segment {name} twice; correct the header"
            )
        seen.add(path)
        segment = check_header(path, record, within_segments=True)
        if segment.samples < length or segment.sampling_rate != rate:
            raise EcgByteError(
                f"{record}: segment {name} holds {segment.samples} samples at "
                f"{segment.sampling_rate:g} Hz, the header says {length} at {rate:g} Hz"
            )
        signals = signals or segment.signals
        if len(segment.signals) != signal_count or any(
            (one.name, str(one.mV_per_unit)) != (other.name, str(other.mV_per_unit))
            for one, other in zip(segment.signals, signals, strict=True)
        ):
            raise EcgByteError(
                f"{record}: the leads of segment {name} are not those of the whole record; read "
                f"its segments one by one"
            )
        total += length
    if total == 0:
        raise EcgByteError(f"{record}: {header.name} has no samples")
    return signals, total
