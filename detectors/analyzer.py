"""All detectors behind one door: requests in, results out.

Models are loaded once; each session has its own streams. Used by one thread of one worker.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TypeVar

import cv2

from detectors.arrays import Floats, Pixels
from detectors.base import (
    Costs,
    DetectorUnavailable,
    Hearing,
    SoundDetector,
    SoundStream,
    View,
    ViewDetector,
    ViewStream,
)
from detectors.camera import load_camera
from detectors.entry import WorkerConfig
from detectors.face import FaceDetector, load_face
from detectors.gaze import GazeStream, load_gaze
from detectors.identity import Checked, IdentityDetector, IdentityStream, load_identity
from detectors.messages import (
    AnalysisRequest,
    AnalysisResult,
    DetectorFault,
    DetectorStatus,
    Frame,
    Heard,
    Mark,
    Overlay,
    Sound,
)
from detectors.objects import load_objects
from detectors.opus import UnreadableSoundError, loudness_db, to_pcm
from detectors.picture import Picture, UndecodableError
from detectors.quality import measure
from detectors.speech import SpeechDetector, load_speech
from detectors.voice import VoiceDetector, VoiceStream, load_voice
from scoring.model import Detector, Observation

log = logging.getLogger(__name__)

THUMBNAIL_WIDTH = 160
_THUMBNAIL_QUALITY = 70

_T = TypeVar("_T")
_Loader = Callable[[WorkerConfig], _T]

# In the order in which they look: each may read what the ones before it found.
VIEW_LOADERS: tuple[tuple[Detector, _Loader[ViewDetector]], ...] = (
    (Detector.CAMERA, load_camera),
    (Detector.OBJECTS, load_objects),
    (Detector.GAZE, load_gaze),
    (Detector.IDENTITY, load_identity),
)
SOUND_LOADERS: tuple[tuple[Detector, _Loader[SoundDetector]], ...] = (
    (Detector.SPEECH, load_speech),
    (Detector.VOICE, load_voice),
)
_ON_A_FACE = frozenset({Detector.GAZE, Detector.IDENTITY})
# A person tells a covered face from an empty chair, so the face verdict wants objects looked at.
_LOOKS_FOR: dict[Detector, frozenset[str]] = {
    Detector.CAMERA: frozenset(Detector),
    Detector.OBJECTS: frozenset({Detector.OBJECTS, Detector.FACE}),
    Detector.GAZE: frozenset({Detector.GAZE}),
    Detector.IDENTITY: frozenset({Detector.IDENTITY}),
}
_LOOKS_FOR_FACES = frozenset({Detector.FACE, Detector.GAZE, Detector.IDENTITY, Detector.OBJECTS})


class Analyzer:
    """Answers analysis requests. A missing model switches one detector off, with a remedy."""

    def __init__(self, config: WorkerConfig) -> None:
        cv2.setNumThreads(config.threads)
        self._statuses: dict[Detector, DetectorStatus] = {}
        self._face: FaceDetector | None = self._load(Detector.FACE, load_face, config)
        self._views: dict[Detector, ViewDetector] = {}
        self._sounds: dict[Detector, SoundDetector] = {}
        for detector, load_view in VIEW_LOADERS:
            if detector in _ON_A_FACE and self._face is None:
                remedy = self._statuses[Detector.FACE].remedy
                self._statuses[detector] = DetectorStatus(str(detector), False, remedy=remedy)
            elif (viewer := self._load(detector, load_view, config)) is not None:
                self._views[detector] = viewer
        for detector, load_sound in SOUND_LOADERS:
            if (listener := self._load(detector, load_sound, config)) is not None:
                self._sounds[detector] = listener
        self._sessions: dict[str, _Streams] = {}

    def statuses(self) -> tuple[DetectorStatus, ...]:
        """One per detector, in the order of `Detector`."""
        return tuple(self._statuses[detector] for detector in Detector)

    def analyze(self, request: AnalysisRequest) -> AnalysisResult:
        """Judge the frames and sounds of one session, each in time order.

        A detector that raises becomes a fault of this request; the others go on.
        """
        work = _Work(request)
        if not request.is_still and request.session_id not in self._sessions:
            self._sessions[request.session_id] = self._open()
        for mark in request.marks:
            self._sessions[request.session_id].prompt(mark)
        for frame in request.frames:
            streams = self._open() if request.is_still else self._sessions[request.session_id]
            work.see(frame, streams)
        for sound in request.sounds:
            streams = self._open() if request.is_still else self._sessions[request.session_id]
            work.hear(sound, streams)
        return work.result()

    def enrol_voice(self, session_id: str, sounds: Iterable[Sound]) -> int:
        """Make what is spoken in these sounds the student's own voice.

        Answers how many windows of speech it gave: 0 when there was too little, or when voices
        cannot be told apart on this machine.
        """
        speech, voice = self._sounds.get(Detector.SPEECH), self._sounds.get(Detector.VOICE)
        if not isinstance(speech, SpeechDetector) or not isinstance(voice, VoiceDetector):
            return 0
        streams = self._sessions.setdefault(session_id, self._open())
        own = next(s for _, s in streams.sounds if isinstance(s, VoiceStream))
        return own.enrol(speech.speech_in(sounds))

    def close(self, session_id: str) -> None:
        """Forget a session's streams; an unknown id is harmless."""
        self._sessions.pop(session_id, None)

    def embed(self, jpeg: bytes) -> Floats | None:
        """The face in a picture as a vector to compare (`encoder.cosine`, `identity.ACCEPT`).

        None when identity is off, or the picture shows no single face good enough to compare.
        """
        checked = self.check_face(jpeg)
        return None if checked.reason else checked.embedding

    def check_face(self, jpeg: bytes) -> Checked:
        """The same with the reason; a turned face can still be found the same as another."""
        identity = self._views.get(Detector.IDENTITY)
        if self._face is None or not isinstance(identity, IdentityDetector):
            return Checked(None, "off")
        picture = Picture(jpeg)
        try:
            rgb = picture.full
        except UndecodableError:
            return Checked(None, "undecodable")
        view = View(0.0, picture, Costs(), is_still=True, quality=measure(rgb))
        self._face.open_tracker().look(view)
        if view.mesh is None or view.faces != 1:
            return Checked(None, "no single face")
        return identity.embed(rgb, view.mesh)

    def _load(self, detector: Detector, load: _Loader[_T], config: WorkerConfig) -> _T | None:
        try:
            loaded = load(config)
        except DetectorUnavailable as error:
            remedy = error.remedy
        except Exception as error:
            log.exception("Detector cannot be loaded", extra={"detector": str(detector)})
            remedy = f"Loading failed ({type(error).__name__}: {error}). Run ./setup.sh again."
        else:
            model = str(getattr(loaded, "model", ""))
            self._statuses[detector] = DetectorStatus(str(detector), True, model=model)
            return loaded
        self._statuses[detector] = DetectorStatus(str(detector), False, remedy=remedy)
        return None

    def _open(self) -> _Streams:
        return _Streams(self._face, self._views, self._sounds)


class _Streams:
    """The streams of one session, in the order in which they work."""

    def __init__(
        self,
        face: FaceDetector | None,
        views: dict[Detector, ViewDetector],
        sounds: dict[Detector, SoundDetector],
    ) -> None:
        self.views: list[tuple[Detector, frozenset[str], ViewStream]] = []
        self._tracker = None if face is None else face.open_tracker()
        for detector, viewer in views.items():
            stream = viewer.open_stream()
            self.views.append((detector, _LOOKS_FOR[detector], stream))
            if self._tracker is not None and detector is Detector.CAMERA:
                self.views.append((Detector.FACE, _LOOKS_FOR_FACES, self._tracker))
        if face is not None:
            wanted = frozenset({Detector.FACE})
            after = 1 + max(i for i, (d, _, _) in enumerate(self.views) if d not in _ON_A_FACE)
            self.views.insert(after, (Detector.FACE, wanted, face.open_stream()))
        self.sounds: list[tuple[Detector, SoundStream]] = [
            (detector, listener.open_stream()) for detector, listener in sounds.items()
        ]

    def prompt(self, mark: Mark) -> None:
        """Tell the streams that learn from it what the student was asked."""
        views = [stream for _, _, stream in self.views]
        for stream in (*views, *(stream for _, stream in self.sounds)):
            if isinstance(stream, (GazeStream, IdentityStream, VoiceStream)):
                stream.prompt(mark)

    @property
    def is_half_enough(self) -> bool:
        """Whether the next frame will probably be judged at half its size."""
        return self._tracker is not None and self._tracker.is_near


class _Work:
    """One request being answered."""

    def __init__(self, request: AnalysisRequest) -> None:
        self._request = request
        self._costs = Costs()
        self._observations: list[Observation] = []
        self._faults: dict[str, str] = {}
        self._heard: list[Heard] = []
        self._view: View | None = None

    def see(self, frame: Frame, streams: _Streams) -> None:
        """Decode the frame once and let every wanted detector look at it."""
        wanted = self._request.detectors
        is_still = self._request.is_still
        view = View(frame.at_s, Picture(frame.jpeg), self._costs, wanted=wanted, is_still=is_still)
        view.patience = self._request.patience
        try:
            rgb = view.small_rgb if streams.is_half_enough and not is_still else view.rgb
        except UndecodableError:
            self._fault(Detector.CAMERA, "A frame is not a picture that can be decoded.")
            return
        with self._costs.step("quality"):
            view.quality = measure(rgb)
        for detector, looks_for, stream in streams.views:
            if not wanted & looks_for:
                continue
            try:
                self._keep(stream.look(view))
            except Exception as error:
                log.exception("Detector failed", extra={"detector": str(detector)})
                self._fault(detector, f"{type(error).__name__}: {error}")
        self._view = view

    def hear(self, sound: Sound, streams: _Streams) -> None:
        """Let every wanted detector listen to one piece of sound."""
        if not self._request.detectors & {Detector.SPEECH, Detector.VOICE}:
            return
        if sound.is_coded:
            try:
                sound = self._decode(sound)
            except UnreadableSoundError as error:
                # Nothing is judged: to its detectors this stretch was never heard.
                for detector, _ in streams.sounds:
                    self._fault(detector, str(error))
                return
        hearing = Hearing(sound, self._costs)
        for detector, stream in streams.sounds:
            try:
                self._keep(stream.hear(hearing))
            except Exception as error:
                log.exception("Detector failed", extra={"detector": str(detector)})
                self._fault(detector, f"{type(error).__name__}: {error}")

    def _decode(self, sound: Sound) -> Sound:
        with self._costs.step("decode sound"):
            plain = to_pcm(sound)
        pcm = plain.pcm if self._request.wants_sound else b""
        self._heard.append(Heard(plain.at_s, plain.span_s, loudness_db(plain.pcm), pcm))
        return plain

    def result(self) -> AnalysisResult:
        """What was found, with overlay and thumbnail of the last frame."""
        thumbnail = b""
        if self._request.wants_thumbnail and self._view is not None:
            rgb = self._view.small_rgb
            with self._costs.step("thumbnail"):
                thumbnail = _thumbnail(rgb)
        return AnalysisResult(
            request_id=self._request.request_id,
            session_id=self._request.session_id,
            observations=tuple(self._observations),
            overlay=None if self._view is None else _overlay(self._view),
            thumbnail=thumbnail,
            faults=tuple(DetectorFault(name, text) for name, text in self._faults.items()),
            cost_ms=self._costs.as_tuple(),
            heard=tuple(self._heard),
        )

    def _keep(self, found: tuple[Observation, ...]) -> None:
        self._observations += [o for o in found if o.detector in self._request.detectors]

    def _fault(self, detector: Detector, message: str) -> None:
        self._faults.setdefault(str(detector), message)


def _thumbnail(rgb: Pixels) -> bytes:
    height = max(1, round(rgb.shape[0] * THUMBNAIL_WIDTH / rgb.shape[1]))
    small = cv2.resize(rgb, (THUMBNAIL_WIDTH, height), interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(
        ".jpg",
        cv2.cvtColor(small, cv2.COLOR_RGB2BGR),
        [cv2.IMWRITE_JPEG_QUALITY, _THUMBNAIL_QUALITY],
    )
    return bytes(jpeg)


def _overlay(view: View) -> Overlay:
    return Overlay(
        at_s=view.at_s,
        boxes=tuple(view.boxes),
        faces=None if view.faces == 0 and view.unfit else view.faces,
        gaze=view.direction,
        yaw_deg=view.yaw_deg,
        pitch_deg=view.pitch_deg,
        calibration=view.calibration,
        advice=view.advice,
        brightness=None if view.quality is None else round(view.quality.brightness, 1),
    )
