"""What is stored about exams: the plan, the paper with its keys, sittings, answers and marks.

Instants are aware UTC and end in `_at`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

QuestionKind = Literal["single", "multiple", "numeric", "short", "long"]
TextFormat = Literal["plain", "marked"]
CheckIn = Literal["off", "self", "proctor"]
CheckInStep = Literal["face", "gaze", "voice", "document", "room"]
Paging = Literal["one", "all"]
Release = Literal["by_hand", "when_marked", "at_once"]
Shown = Literal["score", "questions", "trust", "violations"]
HandedInBy = Literal["", "student", "time", "server"]
Value = str | list[str] | None

ALL_SHOWN: tuple[Shown, ...] = ("score", "questions", "trust", "violations")


@dataclass(frozen=True, slots=True)
class ExamPlan:
    """How an exam is held. `walk_in` None is as the settings say.

    A practice exam runs like any other and keeps nothing.
    `result_days` is how long after its release a result can be seen, `contest_days` how long
    its flags can be explained.
    """

    title: str = ""
    intro: str = ""
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    time_zone: str = "UTC"
    duration_min: float | None = None
    pause_stops_clock: bool = True
    attempts: int = 1
    check_in: CheckIn = "off"
    check_in_steps: tuple[CheckInStep, ...] = ("face", "gaze", "voice")
    keeps_room_pictures: bool = False
    is_practice: bool = False
    walk_in: bool | None = None
    paging: Paging = "all"
    shuffle_questions: bool = False
    shuffle_options: bool = False
    shows_focus: bool = False
    full_screen: bool = False
    external_url: str = ""
    external_mode: Literal["frame", "window"] = "frame"
    pass_percent: float | None = None
    release: Release = "by_hand"
    shows: tuple[Shown, ...] = ALL_SHOWN
    result_days: int = 30
    contest_days: int = 14


@dataclass(frozen=True, slots=True)
class Option:
    """One answer to choose from."""

    option_id: str
    text: str
    is_right: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """One question with its key.

    `number` and `tolerance` are the key of a numeric one, `accepted` of a short one; a short
    answer that none of them matches is wrong, or waits for a person when `by_hand`. `partly`
    gives a share of the points for some of the right options.
    """

    question_id: str
    kind: QuestionKind
    text: str
    format: TextFormat = "marked"
    points: float = 1.0
    penalty: float = 0.0
    options: tuple[Option, ...] = ()
    partly: bool = False
    number: float | None = None
    tolerance: float = 0.0
    accepted: tuple[str, ...] = ()
    is_case_kept: bool = False
    by_hand: bool = False
    picture_id: str = ""
    picture_alt: str = ""
    guide: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Questions that belong together."""

    section_id: str
    title: str = ""
    intro: str = ""
    questions: tuple[Question, ...] = ()


@dataclass(frozen=True, slots=True)
class PaperRecord:
    """The questions of an exam. `version` counts the times it was saved."""

    exam_id: str
    version: int
    sections: tuple[Section, ...]
    saved_at: datetime

    @property
    def questions(self) -> tuple[Question, ...]:
        return tuple(each for section in self.sections for each in section.questions)

    def question(self, question_id: str) -> Question | None:
        return next((each for each in self.questions if each.question_id == question_id), None)


@dataclass(frozen=True, slots=True)
class PictureRecord:
    """A picture of a question, drawn anew by us: a PNG or a JPEG."""

    picture_id: str
    exam_id: str
    media: str
    width: int
    height: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Grant:
    """Time given while the exam runs."""

    minutes: float
    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SittingRecord:
    """One student's way through an exam: the clock and the order of the questions.

    `ready_at` is when the student was let in; None before. `held_since` says that the clock
    stands, `held_s` how long it stood before. `blind_id` names the sitting to those who mark.
    `resumed_by` is the session that goes on where this one was abandoned.
    """

    session_id: str
    user_id: str
    exam_id: str
    seed: int
    blind_id: str
    ready_at: datetime | None = None
    grants: tuple[Grant, ...] = ()
    held_since: datetime | None = None
    held_s: float = 0.0
    holds: tuple[str, ...] = ()
    handed_in_at: datetime | None = None
    handed_in_by: HandedInBy = ""
    place: str = ""
    resumed_by: str = ""


@dataclass(frozen=True, slots=True)
class AnswerRecord:
    """The newest answer to one question; one that came too late is kept beside it."""

    session_id: str
    question_id: str
    value: Value
    seq: int
    saved_at: datetime
    is_flagged: bool = False
    is_late: bool = False


@dataclass(frozen=True, slots=True)
class MarkRecord:
    """What a person gave for one answer; it counts instead of the automatic mark."""

    session_id: str
    exam_id: str
    question_id: str
    points: float
    comment: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """When the results of an exam were released, and by whom."""

    exam_id: str
    released_at: datetime
    by: str
