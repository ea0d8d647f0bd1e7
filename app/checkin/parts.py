"""Puts check-in together with the parts it steers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from app.checkin.checkins import CheckIns, Doors
from app.checkin.pictures import ShownPictures
from app.checkin.records import CheckInPlan
from app.checkin.second_camera import SecondCameras
from app.checkin.showing import Showing
from app.clock import Clock
from app.evidence.media import Media
from app.exams.sittings import Sittings
from app.intake.ingest import Ingest
from app.monitoring.live import LiveRooms
from app.monitoring.monitor import Monitor
from app.pool import InferencePool
from app.store import Repository
from scoring.model import Detector


@dataclass(frozen=True, slots=True)
class ExamRules:
    """What exams say about check-in."""

    repository: Repository
    days_of: Callable[[str], int]

    def plan_of(self, exam_id: str) -> CheckInPlan:
        exam = self.repository.exam(exam_id)
        if exam is None:
            return CheckInPlan()
        plan = exam.plan
        return CheckInPlan(
            plan.check_in, plan.check_in_steps, plan.keeps_room_pictures, plan.is_practice
        )


class Working:
    """Which detectors work, as was last known: a step is not left out because every worker is
    being started again while a student is at it."""

    def __init__(self, pool: InferencePool) -> None:
        self._pool = pool
        self._known = frozenset(str(detector) for detector in Detector)

    def __call__(self) -> frozenset[str]:
        found = frozenset(status.detector for status in self._pool.statuses() if status.is_on)
        if found or self._pool.counters().get("workers_ready"):
            self._known = found
        return self._known


@dataclass(frozen=True, slots=True)
class CheckInParts:
    """What the routes and the wiring use."""

    checkins: CheckIns
    showing: Showing


def open_checkins(
    clock: Clock,
    repository: Repository,
    media: Media,
    monitor: Monitor,
    ingest: Ingest,
    pool: InferencePool,
    live: LiveRooms,
    sittings: Sittings,
    days_of: Callable[[str], int],
) -> CheckInParts:
    """Check-in over the parts of the server."""
    rules = ExamRules(repository, days_of)
    # Check-in and its second cameras know each other; both are named before they are made.
    checkins: CheckIns

    cameras = SecondCameras(
        clock, pool, lambda session_id, things: checkins.phone_saw(session_id, things)
    )
    checkins = CheckIns(
        clock,
        repository,
        Doors(
            plan_of=rules.plan_of,
            works=Working(pool),
            pause=lambda session_id, cause: monitor.pause(session_id, cause),
            resume=lambda session_id, cause: monitor.resume(session_id, cause),
            mark=lambda session_id, mark: ingest.mark(session_id, mark),
            tell=lambda session_id, event, payload: live.to_student(session_id, event, payload),
            asks=lambda session_id, is_waiting: live.asks(
                session_id, ("admission",) if is_waiting else (), "check_in"
            ),
            admitted=sittings.admit,
            news=lambda session_id, stage: live.check_in(session_id, stage),
            phone=cameras.shown,
            is_by_phone=cameras.is_joined,
            phone_over=cameras.over,
        ),
    )
    pictures = ShownPictures(clock, repository.trail.shown, media)
    return CheckInParts(checkins, Showing(clock, rules, checkins, pictures, cameras))
