"""Writes the evidence of one flagged interval as an MP4 that browsers play.

H.264 and AAC with true timestamps: every picture stands at the moment it was captured. Holds no
state and touches no disk: the file is made in memory, so that nothing readable lies anywhere
before it is encrypted or whole.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, BinaryIO

import av
from av.codec.context import Flags
from av.error import FFmpegError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from av.audio.stream import AudioStream
    from av.container.output import OutputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from app.evidence.ring import Evidence
    from detectors.messages import Frame, Sound

SAMPLE_RATE = 16_000
LONGEST_SIDE = 1280
GREY = 96
# A picture is repeated after this long, so that players can seek inside a long hold.
REPEAT_MS = 1000
# Until this long after the clip's start the first picture is shown early; later it is grey.
LEAD_MS = 1000
# Sound that starts this close to the end of the sound before it continues it without a click.
JITTER_SAMPLES = SAMPLE_RATE // 10

_MS = Fraction(1, 1000)
_SAMPLE = Fraction(1, SAMPLE_RATE)


@dataclass(frozen=True, slots=True)
class ClipFacts:
    """What was written. `frames` counts captured pictures, not the repeats between them."""

    duration_s: float
    frames: int
    size_bytes: int
    has_sound: bool


@dataclass(frozen=True, slots=True)
class Shot:
    """One picture of the clip: shown from `start_ms` for `span_ms`; grey without a JPEG."""

    start_ms: int
    span_ms: int
    jpeg: bytes | None
    is_repeat: bool = False


def encode_clip(
    evidence: Evidence, from_s: float, to_s: float, fps: float = 5.0
) -> tuple[bytes, ClipFacts]:
    """The MP4 of what `evidence` holds of [from_s, to_s), and what is in it.

    Pictures keep their own time, gaps hold the picture before them, and with no picture at all the
    clip is grey. `fps` is the expected rate, a hint for the encoder only. Raises OSError when the
    encoder fails and ValueError for an empty span.
    """
    total_ms = round((to_s - from_s) * 1000)
    if total_ms <= 0:
        raise ValueError("A clip needs a span of time")
    try:
        return _encode(evidence, from_s, total_ms, fps)
    except FFmpegError as error:
        raise OSError(error.errno, f"The clip could not be encoded: {error.strerror}") from error


def plan_shots(frames: Sequence[Frame], from_s: float, total_ms: int) -> list[Shot]:
    """The pictures of a clip in order, without holes from 0 to `total_ms`."""
    timed: list[tuple[int, bytes]] = []
    for frame in sorted(frames, key=lambda frame: frame.at_s):
        at_ms = round((frame.at_s - from_s) * 1000)
        if timed:
            at_ms = max(at_ms, timed[-1][0] + 1)
        if 0 <= at_ms < total_ms:
            timed.append((at_ms, frame.jpeg))
    shots: list[Shot] = []
    first_ms = timed[0][0] if timed else total_ms
    if first_ms > 0:
        early = timed[0][1] if timed and first_ms <= LEAD_MS else None
        shots.extend(_held(0, first_ms, early, starts_as_repeat=True))
    for (start_ms, jpeg), (end_ms, _) in zip(timed, [*timed, (total_ms, b"")][1:], strict=True):
        shots.extend(_held(start_ms, end_ms, jpeg))
    return shots


def _held(
    start_ms: int, end_ms: int, jpeg: bytes | None, starts_as_repeat: bool = False
) -> Iterator[Shot]:
    is_repeat = starts_as_repeat
    for at_ms in range(start_ms, end_ms, REPEAT_MS):
        yield Shot(at_ms, min(REPEAT_MS, end_ms - at_ms), jpeg, is_repeat)
        is_repeat = True


def lay_sound(sounds: Sequence[Sound], from_s: float, total_ms: int) -> bytes:
    """16-bit little-endian mono PCM of the whole span, silent where nothing was heard."""
    samples = total_ms * SAMPLE_RATE // 1000
    laid = bytearray(samples * 2)
    end = 0
    for sound in sorted(sounds, key=lambda sound: sound.at_s):
        start = round((sound.at_s - from_s) * SAMPLE_RATE)
        if end and abs(start - end) <= JITTER_SAMPLES:
            start = end
        pcm = memoryview(sound.pcm)[: len(sound.pcm) // 2 * 2]
        if start < 0:
            pcm = pcm[-start * 2 :]
            start = 0
        pcm = pcm[: max(0, samples - start) * 2]
        laid[start * 2 : start * 2 + len(pcm)] = pcm
        end = max(end, start + len(pcm) // 2)
    return bytes(laid)


def _encode(
    evidence: Evidence, from_s: float, total_ms: int, fps: float
) -> tuple[bytes, ClipFacts]:
    shots = plan_shots(evidence.frames, from_s, total_ms)
    heard = [s for s in evidence.sounds if s.at_s + s.span_s > from_s and s.pcm]
    heard = [s for s in heard if s.at_s < from_s + total_ms / 1000]
    pictures = _Pictures()
    width, height = pictures.size_for(shots)
    file = _Kept()
    with av.open(
        file,
        "w",
        format="mp4",
        options={"movflags": "+faststart"},
        # To put the index first the muxer reads back what it has written.
        io_open=lambda *_: io.BytesIO(file.getvalue()),
    ) as container:
        video = _add_video(container, width, height, fps)
        audio = _add_audio(container) if heard else None
        pcm = lay_sound(heard, from_s, total_ms) if heard else b""
        sent = 0
        for shot in shots:
            frame = pictures.show(shot, width, height)
            frame.pts, frame.time_base, frame.duration = shot.start_ms, _MS, shot.span_ms
            container.mux(video.encode(frame))
            if audio is not None:
                end = (shot.start_ms + shot.span_ms) * SAMPLE_RATE // 1000
                _encode_sound(container, audio, pcm, sent, end)
                sent = end
        container.mux(video.encode(None))
        if audio is not None:
            container.mux(audio.encode(None))
    data = file.getvalue()
    duration_s = _check(io.BytesIO(data), total_ms)
    facts = ClipFacts(
        duration_s=duration_s,
        frames=pictures.decoded,
        size_bytes=len(data),
        has_sound=bool(heard),
    )
    return data, facts


class _Kept(io.BytesIO):
    """A file in memory that outlives the container that closes it."""

    def close(self) -> None:
        """Stays readable."""


def _add_video(container: OutputContainer, width: int, height: int, fps: float) -> VideoStream:
    stream = container.add_stream(
        "libx264",
        rate=Fraction(fps).limit_denominator(1000),
        # Without B-frames the container's times are exactly the captured ones.
        options={"preset": "veryfast", "crf": "26", "bf": "0"},
    )
    context = stream.codec_context
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.time_base = context.time_base = _MS
    context.thread_count = 1
    context.flags |= Flags.frame_duration
    context.gop_size = max(1, round(fps * 5))
    context.color_range = 1
    return stream


def _add_audio(container: OutputContainer) -> AudioStream:
    stream = container.add_stream("aac", rate=SAMPLE_RATE)
    stream.codec_context.layout = "mono"
    stream.codec_context.bit_rate = 48_000
    return stream


def _encode_sound(
    container: OutputContainer, stream: AudioStream, pcm: bytes, start: int, end: int
) -> None:
    if end <= start:
        return
    frame = av.AudioFrame("s16", "mono", end - start)
    frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE, start, _SAMPLE
    frame.planes[0].update(pcm[start * 2 : end * 2])
    container.mux(stream.encode(frame))


class _Pictures:
    """Decodes JPEGs one at a time and remembers the picture on show."""

    def __init__(self) -> None:
        self.decoded = 0
        self._jpeg: bytes | None = None
        self._shown: VideoFrame | None = None

    def size_for(self, shots: Sequence[Shot]) -> tuple[int, int]:
        """Even width and height of the first picture that decodes, at most LONGEST_SIDE."""
        for shot in shots:
            picture = _decode(shot.jpeg) if shot.jpeg else None
            if picture is not None:
                scale = min(1.0, LONGEST_SIDE / max(picture.width, picture.height))
                return _even(picture.width * scale), _even(picture.height * scale)
        return 640, 480

    def show(self, shot: Shot, width: int, height: int) -> VideoFrame:
        """The picture of `shot`; one that does not decode leaves the one before it on show."""
        if shot.jpeg is not None and (shot.jpeg is not self._jpeg or not shot.is_repeat):
            picture = _decode(shot.jpeg)
            if picture is not None:
                self._shown = picture.reformat(
                    width,
                    height,
                    "yuv420p",
                    src_color_range="JPEG",
                    dst_color_range="MPEG",
                )
                self._jpeg = shot.jpeg
                self.decoded += not shot.is_repeat
        if self._shown is None:
            self._shown = _grey(width, height)
        return self._shown


def _decode(jpeg: bytes) -> VideoFrame | None:
    decoder = av.CodecContext.create("mjpeg", "r")
    decoder.thread_count = 1
    try:
        pictures = decoder.decode(av.Packet(jpeg))
    except FFmpegError:
        return None
    return pictures[0] if pictures else None


def _grey(width: int, height: int) -> VideoFrame:
    frame = av.VideoFrame(width, height, "yuv420p")
    for index, plane in enumerate(frame.planes):
        plane.update(bytes([128 if index else GREY]) * plane.buffer_size)
    return frame


def _even(length: float) -> int:
    return max(16, round(length) // 2 * 2)


def _check(file: BinaryIO, total_ms: int) -> float:
    """Read the file back: its duration in seconds. Raises OSError when it is not whole."""
    with av.open(file) as container:
        duration_s = (container.duration or 0) / 1_000_000
    if abs(duration_s - total_ms / 1000) > 0.05 * total_ms / 1000 + 0.1:
        raise OSError("The clip came out shorter than the time it covers")
    return duration_s
