"""Puts check-in together with the parts it steers."""

from __future__ import annotations

from app.checkin.checkins import CheckIns, Doors
from app.checkin.records import CheckInPlan
from app.clock import Clock
from app.exams.sittings import Sittings
from app.intake.ingest import Ingest
from app.monitoring.live import LiveRooms
from app.monitoring.monitor import Monitor
from app.pool import InferencePool
from app.store import Repository


def open_checkins(
    clock: Clock,
    repository: Repository,
    monitor: Monitor,
    ingest: Ingest,
    pool: InferencePool,
    live: LiveRooms,
    sittings: Sittings,
) -> CheckIns:
    """Check-in over the parts of the server."""

    def plan_of(exam_id: str) -> CheckInPlan:
        exam = repository.exam(exam_id)
        if exam is None:
            return CheckInPlan()
        return CheckInPlan(exam.plan.check_in, exam.plan.check_in_steps)

    def works() -> frozenset[str]:
        return frozenset(status.detector for status in pool.statuses() if status.is_on)

    return CheckIns(
        clock,
        repository,
        Doors(
            plan_of=plan_of,
            works=works,
            pause=lambda session_id, cause: monitor.pause(session_id, cause),
            resume=lambda session_id, cause: monitor.resume(session_id, cause),
            mark=lambda session_id, mark: ingest.mark(session_id, mark),
            tell=lambda session_id, event, payload: live.to_student(session_id, event, payload),
            asks=lambda session_id, is_waiting: live.asks(
                session_id, ("admission",) if is_waiting else (), "check_in"
            ),
            admitted=sittings.admit,
        ),
    )
