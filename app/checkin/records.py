"""What check-in is about: the steps an exam asks for, where one student is, what was shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from app.records import CheckInStage

FACE, GAZE, VOICE, DOCUMENT, ROOM = "face", "gaze", "voice", "document", "room"
# What a person may be unable to do; a proctor sees that it was left out.
MAY_BE_LEFT_OUT = frozenset({GAZE, VOICE, DOCUMENT})
# What the object model can point out; COCO has no headphones and no watches.
THINGS = ("phone", "book", "laptop", "screen")


@dataclass(frozen=True, slots=True)
class CheckInPlan:
    """How an exam lets in: `mode` is off, self (it admits by itself) or proctor.

    `keeps_room` says that pictures of the scan with a phone are kept where the student agrees; a
    practice exam keeps none at all.
    """

    mode: str = "off"
    steps: tuple[str, ...] = (FACE, GAZE, VOICE)
    keeps_room: bool = False
    is_practice: bool = False

    @property
    def is_asked(self) -> bool:
        return self.mode != "off"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a student is: `steps` in order, each open, done or skipped."""

    stage: CheckInStage
    steps: tuple[tuple[str, str], ...] = ()
    reason: str = ""

    @property
    def left(self) -> tuple[str, ...]:
        return tuple(step for step, state in self.steps if state == "open")


@dataclass(frozen=True, slots=True)
class ShownPicture:
    """A picture a student consented to: `kind` is document or room, `things` what stood in it.

    `consent` is the version of the text that was agreed to, `consent_text` its words as read.
    """

    picture_id: str
    session_id: str
    user_id: str
    exam_id: str
    kind: str
    file_name: str
    taken_at: datetime
    width: int
    height: int
    size_bytes: int
    sha256: str
    things: tuple[str, ...]
    consent: str
    consent_text: str
    consented_at: datetime


def stem_of(user_id: str, session_id: str) -> str:
    """What the names of a session's pictures begin with where clips are stored."""
    return f"{user_id}/checkin_{session_id}_"
