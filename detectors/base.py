"""What detectors have in common: the protocol, the view of one frame, and how one is missing.

A detector is loaded once per worker and holds the model; `open_stream` gives the light state of
one session. Streams are used by one thread at a time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from detectors.arrays import Floats, Pixels
from detectors.entry import WorkerConfig
from detectors.messages import Box, Sound
from detectors.models import ModelFile, find_model
from detectors.picture import Picture
from detectors.quality import Quality
from scoring.model import Detector, Observation


class DetectorUnavailable(Exception):
    """A detector cannot work on this machine; `remedy` is a sentence that says what to do."""

    def __init__(self, remedy: str) -> None:
        super().__init__(remedy)
        self.remedy = remedy


class Costs:
    """CPU milliseconds per named step of one request."""

    def __init__(self) -> None:
        self.ms: dict[str, float] = {}

    def step(self, name: str) -> Step:
        """Add the process's CPU time of a `with` block to `name`: model libraries use threads."""
        return Step(self.ms, name)

    def as_tuple(self) -> tuple[tuple[str, float], ...]:
        return tuple(self.ms.items())


class Step:
    """One `with` block whose CPU time is added up; a generator would cost as much as a step."""

    __slots__ = ("_ms", "_name", "_start")

    def __init__(self, ms: dict[str, float], name: str) -> None:
        self._ms = ms
        self._name = name
        self._start = 0.0

    def __enter__(self) -> None:
        self._start = time.process_time()

    def __exit__(self, *_: object) -> None:
        spent = (time.process_time() - self._start) * 1000
        self._ms[self._name] = self._ms.get(self._name, 0.0) + spent


@dataclass(frozen=True, slots=True)
class Face:
    """A detected face: corners in pixels, score 0 to 1, key points (5 or 6, 2) in pixels.

    Key points: image-left eye, image-right eye, nose tip; then either both mouth corners (YuNet,
    5 points) or the mouth and both ears (BlazeFace, 6 points).
    """

    left: float
    top: float
    right: float
    bottom: float
    score: float
    points: Floats

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top


@dataclass(frozen=True, slots=True)
class Mesh:
    """Landmarks of one face, float32 (478, 3): x, y in pixels, z in the scale of x.

    `box` is what they span: left, top, right, bottom in pixels.
    """

    points: Floats
    box: tuple[float, float, float, float] = field(init=False)

    def __post_init__(self) -> None:
        left, top = self.points[:, :2].min(axis=0).tolist()
        right, bottom = self.points[:, :2].max(axis=0).tolist()
        object.__setattr__(self, "box", (left, top, right, bottom))

    @property
    def center(self) -> tuple[float, float]:
        left, top, right, bottom = self.box
        return (left + right) / 2, (top + bottom) / 2

    @property
    def width(self) -> float:
        return self.box[2] - self.box[0]


@dataclass(slots=True)
class View:
    """One frame being looked at. Each detector adds what it found; later ones read it.

    `rgb` is the full picture, uint8 (H, W, 3), decoded when it is first asked for; `small_rgb` is
    enough of it for whoever can do with half the size. All coordinates are those of the full
    picture. `is_still` marks a single picture without history: nothing may wait for a second look;
    `patience` is how many times longer what is optional waits than on a machine that can do all.
    `faces` is None while nobody has been able to judge it. `own` is the student's face as detected
    in this frame, which may be there without a mesh (a profile); `own_box` is the head: left, top,
    right, bottom in shares of the picture. `person_score` is how much the likeliest person scored,
    when objects were looked at in this frame; `facelike` how much the likeliest face did, believed
    or not, when all faces were looked for.
    """

    at_s: float
    picture: Picture
    costs: Costs
    wanted: frozenset[str] = frozenset()
    is_still: bool = False
    quality: Quality | None = None
    unfit: str = ""
    faces: int | None = None
    detected: tuple[Face, ...] = ()
    facelike: float = 0.0
    own: Face | None = None
    own_box: tuple[float, float, float, float] | None = None
    patience: float = 1.0
    mesh: Mesh | None = None
    persons: int | None = None
    person_score: float | None = None
    direction: str = ""
    yaw_deg: float | None = None
    pitch_deg: float | None = None
    calibration: float | None = None
    advice: str = ""
    boxes: list[Box] = field(default_factory=list)

    @property
    def rgb(self) -> Pixels:
        with self.costs.step("decode"):
            return self.picture.full

    @property
    def small_rgb(self) -> Pixels:
        if self.picture.is_decoded:
            return self.picture.half
        with self.costs.step("decode"):
            return self.picture.half

    @property
    def height(self) -> int:
        return self.picture.size[1]

    @property
    def width(self) -> int:
        return self.picture.size[0]


class ViewStream(Protocol):
    """What one session's frames go through, in time order."""

    def look(self, view: View) -> tuple[Observation, ...]:
        """Judge one frame; raises whatever went wrong (the caller reports a fault)."""
        ...


@dataclass(frozen=True, slots=True)
class Utterance:
    """Speech without a pause: float32 (n,) at 16 kHz, -1 to 1, whose first sample is at `at_s`."""

    at_s: float
    samples: Floats


@dataclass(slots=True)
class Hearing:
    """One piece of sound being listened to; like `View`, filled by one detector for the next.

    `speech` holds the speech that was made sure of during this piece (it may have begun in an
    earlier one); None while nobody has been able to judge it.
    """

    sound: Sound
    costs: Costs
    speech: tuple[Utterance, ...] | None = None


class SoundStream(Protocol):
    """What one session's sound goes through, in time order, without gaps being filled."""

    def hear(self, hearing: Hearing) -> tuple[Observation, ...]:
        """Judge one piece of sound together with what was heard before."""
        ...


class ViewDetector(Protocol):
    """A loaded detector of frames. `model` names what it runs on."""

    detector: Detector
    model: str

    def open_stream(self) -> ViewStream: ...


class SoundDetector(Protocol):
    """A loaded detector of sound."""

    detector: Detector
    model: str

    def open_stream(self) -> SoundStream: ...


# A loader raises DetectorUnavailable when its model cannot be had.
ViewLoader = Callable[[WorkerConfig], ViewDetector]
SoundLoader = Callable[[WorkerConfig], SoundDetector]


def require_model(model: ModelFile, models_dir: Path) -> Path:
    """Where the file lies. Raises DetectorUnavailable with the remedy when it does not."""
    path = find_model(model, models_dir)
    if path is None:
        raise DetectorUnavailable(f"{model.name} is missing. {model.remedy}")
    return path
