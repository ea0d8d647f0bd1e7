"""What check-in is about: the steps an exam asks for, and where one student is."""

from __future__ import annotations

from dataclasses import dataclass

from app.records import CheckInStage

FACE, GAZE, VOICE, DOCUMENT, ROOM = "face", "gaze", "voice", "document", "room"
# What a person may be unable to do; a proctor sees that it was left out.
MAY_BE_LEFT_OUT = frozenset({GAZE, VOICE, DOCUMENT})


@dataclass(frozen=True, slots=True)
class CheckInPlan:
    """How an exam lets in: `mode` is off, self (it admits by itself) or proctor."""

    mode: str = "off"
    steps: tuple[str, ...] = (FACE, GAZE, VOICE)

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
