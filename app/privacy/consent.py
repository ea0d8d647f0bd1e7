"""The receipt of consent: what a student was told, kept before the first frame is taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from app.clock import Clock
from app.errors import NotAllowed
from app.privacy.consent_text import CAMERA, MICROPHONE, PAGE, SCREEN, find_text
from app.privacy.records import ConsentRecord
from app.records import SessionRecord
from app.settings import Settings
from app.store.trail import Trail
from scoring.model import Detector

LONGEST_VERSION = 100
NONE_STATED = "none stated"

CAMERA_DETECTORS = frozenset(
    {Detector.FACE, Detector.GAZE, Detector.IDENTITY, Detector.OBJECTS, Detector.CAMERA}
)
AUDIO_DETECTORS = frozenset({Detector.SPEECH, Detector.VOICE})


def uses_camera(policy: Mapping[str, object]) -> bool:
    """Whether any detector of the camera is on; without one no picture is taken."""
    return not {each.value for each in CAMERA_DETECTORS} <= _off(policy)


def uses_audio(policy: Mapping[str, object]) -> bool:
    """Whether any detector of sound is on; without one no sound is taken."""
    return not {each.value for each in AUDIO_DETECTORS} <= _off(policy)


def collected(
    policy: Mapping[str, object], capture_screen: bool | None, settings: Settings
) -> tuple[str, ...]:
    """What is taken in of a session under this policy."""
    uses_screen = settings.capture_screen if capture_screen is None else capture_screen
    parts = (
        (CAMERA, uses_camera(policy)),
        (MICROPHONE, uses_audio(policy)),
        (SCREEN, uses_screen),
        (PAGE, True),
    )
    return tuple(name for name, is_taken in parts if is_taken)


def _off(policy: Mapping[str, object]) -> set[str]:
    off = policy.get("detectors_off")
    return {str(each) for each in off} if isinstance(off, (list, tuple)) else set()


class Consents:
    """The receipts. `legal_basis` is what the installation's settings say, `days_of` how long
    an exam's sessions are kept. Thread-safe."""

    def __init__(
        self, trail: Trail, clock: Clock, legal_basis: str, days_of: Callable[[str], int]
    ) -> None:
        self._trail = trail
        self._clock = clock
        self._legal_basis = legal_basis
        self._days_of = days_of

    def receipt(self, session_id: str) -> ConsentRecord | None:
        return self._trail.consent(session_id)

    def give(
        self, session: SessionRecord, version: str, given_by: str, collected: tuple[str, ...]
    ) -> None:
        """Keep a receipt unless there is one. A student's is about our text; others bring theirs.

        Raises NotAllowed when the student saw another version of the text.
        """
        if self._trail.consent(session.session_id) is not None:
            return
        shown = find_text(version, collected, self._days_of(session.exam_id))
        if given_by == "student" and shown is None:
            raise NotAllowed(
                "What is recorded in an exam has to be agreed to first. Reload the page and start"
                " again."
            )
        self._trail.add_consent(
            ConsentRecord(
                session.session_id,
                version[:LONGEST_VERSION],
                "" if shown is None else shown.plain,
                self._legal_basis,
                collected,
                given_by,
                self._clock.now(),
            )
        )
