"""Puts the parts of the desk together."""

from __future__ import annotations

from dataclasses import dataclass

from app.actions.board import Board, Tells
from app.actions.breaks import Breaks, ExamClock, Scoring, Steering
from app.actions.desk import Admission, Desk
from app.actions.talk import Talk
from app.audit.log import AuditLog
from app.clock import Clock
from app.exams.terms import Exams
from app.policies import Overlay
from app.records import SessionRecord
from app.sessions import Sessions
from app.store import Repository


@dataclass(frozen=True, slots=True)
class Actions:
    """The proctor's desk and the student's side of it over one board."""

    board: Board
    desk: Desk
    talk: Talk


def open_actions(
    repository: Repository,
    rooms: Tells,
    scoring: Scoring,
    sessions: Sessions,
    exams: Exams,
    audit: AuditLog,
    clock: Clock,
    exam_clock: ExamClock | None = None,
    admission: Admission | None = None,
) -> Actions:
    """The parts over one store. `exam_clock` and `admission` where exams have them."""

    def grants(session: SessionRecord) -> Overlay:
        return exams.grants(session.exam_id, session.user_id)

    board = Board(repository.actions, rooms, clock)
    steering = Steering(scoring, grants, exam_clock)
    breaks = Breaks(board, steering, clock)
    desk = Desk(board, breaks, steering, sessions, audit, admission)
    return Actions(board, desk, Talk(board, breaks, sessions, clock))
