"""What the server and a detector worker say to each other. Standard library only.

The server imports this module and nothing else of `detectors` at import time.
"""

from __future__ import annotations

from dataclasses import dataclass

from scoring.model import Carried, Observation

REST = "pipes and the rest"


@dataclass(frozen=True, slots=True)
class Frame(Carried):
    """One camera picture: a JPEG as the browser sent it, captured at `at_s`."""

    at_s: float
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Sound(Carried):
    """Mono sound that was heard from `at_s` on, as it was sent.

    Either `pcm`, 16-bit little-endian at 16 kHz, or `packets` of Opus (RFC 6716), which span
    `coded_s` without the first `lead` of them: those come before `at_s` and only bring a decoder
    into step. So every sound can be decoded without the others.
    """

    at_s: float
    pcm: bytes = b""
    packets: tuple[bytes, ...] = ()
    lead: int = 0
    coded_s: float = 0.0

    @property
    def is_coded(self) -> bool:
        return bool(self.packets)

    @property
    def data(self) -> bytes:
        """What was captured, in the bytes in which it was sent."""
        return b"".join(self.packets) if self.packets else self.pcm

    @property
    def size_bytes(self) -> int:
        return len(self.pcm) + sum(len(packet) for packet in self.packets)

    @property
    def span_s(self) -> float:
        return self.coded_s if self.packets else len(self.pcm) / 2 / 16_000


@dataclass(frozen=True, slots=True)
class Mark(Carried):
    """What the student was asked at `at_s`: pictures and sound from then on mean something.

    `register`: the face from here on is the student's. `look`: at the point (`x`, `y`) of the
    screen, shares from its left and top; `looked`: that is over. `read`: aloud; `read_end`.
    """

    kind: str
    at_s: float
    x: float = 0.5
    y: float = 0.5


@dataclass(frozen=True, slots=True)
class AnalysisRequest(Carried):
    """Work for one session. Frames and sound are each in time order.

    `wants_thumbnail` asks for a small JPEG of the last frame, `wants_sound` for coded sound as
    PCM. `detectors` are those the
    session's policy has on; `marks` are dealt with before the pictures. `is_still` says that each
    frame is a picture on its own, without a session around it: it is judged by fresh streams, and
    nothing is remembered. `patience` above 1: there is more to do than the machine can; what is
    optional waits so many times longer.
    """

    request_id: int
    session_id: str
    frames: tuple[Frame, ...] = ()
    sounds: tuple[Sound, ...] = ()
    detectors: frozenset[str] = frozenset()
    wants_thumbnail: bool = False
    is_still: bool = False
    marks: tuple[Mark, ...] = ()
    wants_sound: bool = False
    patience: float = 1.0


@dataclass(frozen=True, slots=True)
class CloseSession:
    """The session ended: the worker forgets its streams. It is not answered."""

    session_id: str


@dataclass(frozen=True, slots=True)
class Box(Carried):
    """A rectangle in shares of the picture's width and height (0 to 1), left-top origin."""

    x: float
    y: float
    width: float
    height: float
    label: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Overlay(Carried):
    """What to draw over the live picture captured at `at_s`.

    `brightness` is its mean, 0 to 255; `calibration` how well this student's way of looking at the
    screen is known, 0 (not yet: wider limits hold) to 1, None while there is no face.
    """

    at_s: float
    boxes: tuple[Box, ...] = ()
    faces: int | None = None
    gaze: str = ""
    yaw_deg: float | None = None
    pitch_deg: float | None = None
    advice: str = ""
    brightness: float | None = None
    calibration: float | None = None


@dataclass(frozen=True, slots=True)
class Heard(Carried):
    """What the server cannot tell of coded sound: its loudness in dB of full scale and, where it
    was asked for, its PCM."""

    at_s: float
    span_s: float
    level_db: float
    pcm: bytes = b""


@dataclass(frozen=True, slots=True)
class DetectorFault:
    """A detector failed on this request: nothing was judged, and this is why."""

    detector: str
    message: str


@dataclass(frozen=True, slots=True)
class AnalysisResult(Carried):
    """The answer to one request; `cost_ms` is CPU time per step, the worker's own as REST."""

    request_id: int
    session_id: str
    observations: tuple[Observation, ...] = ()
    overlay: Overlay | None = None
    thumbnail: bytes = b""
    faults: tuple[DetectorFault, ...] = ()
    cost_ms: tuple[tuple[str, float], ...] = ()
    heard: tuple[Heard, ...] = ()


@dataclass(frozen=True, slots=True)
class DetectorStatus:
    """Whether a detector can work on this machine; `remedy` is a sentence when it cannot."""

    detector: str
    is_on: bool
    model: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class WorkerReady:
    """A worker's first message: it has loaded what it could."""

    pid: int
    statuses: tuple[DetectorStatus, ...]


@dataclass(frozen=True, slots=True)
class WorkerFailed:
    """A worker that cannot start says why before it ends."""

    pid: int
    message: str


WorkerMessage = WorkerReady | WorkerFailed | AnalysisResult
ServerMessage = AnalysisRequest | CloseSession
