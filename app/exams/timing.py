"""When a sitting's time begins and ends. Pure: the instant is an argument.

The time begins when the student is let in, or when the exam opens if that is later. It ends after
the duration, or when the exam closes if that is sooner; what a student is granted comes on top of
either, and so does the time for which the clock stood.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from app.exams.records import ExamPlan, SittingRecord

State = Literal["none", "waiting", "open", "over"]


@dataclass(frozen=True, slots=True)
class Face:
    """What the clock of one sitting shows.

    `ends_at` is None without a limit and while the clock stands; `left_s` None without a limit.
    """

    state: State
    began_at: datetime | None = None
    ends_at: datetime | None = None
    left_s: float | None = None
    is_stopped: bool = False

    def payload(self) -> dict[str, object]:
        """`exam_changed`, as a student's page hears it."""
        return {
            "state": self.state,
            "ends_ms": self.ends_at.timestamp() * 1000 if self.ends_at else None,
            "is_stopped": self.is_stopped,
            "left_ms": None if self.left_s is None else self.left_s * 1000,
        }


def face_of(plan: ExamPlan, sitting: SittingRecord, overlay_min: float, now: datetime) -> Face:
    """The clock at `now`; `overlay_min` is what the student is granted beforehand."""
    began = began_at(plan, sitting)
    if sitting.handed_in_at is not None:
        return Face("over", began)
    if began is None or now < began:
        closed = plan.closes_at is not None and now >= plan.closes_at
        return Face("over" if began is None and closed else "waiting", began)
    limit = _limit_at(plan, sitting, overlay_min, began)
    if limit is None:
        return Face("open", began, is_stopped=sitting.held_since is not None)
    held_since = sitting.held_since
    stands_at = now if held_since is None else max(held_since, began)
    left_s = (limit + timedelta(seconds=sitting.held_s) - stands_at).total_seconds()
    if left_s <= 0:
        return Face("over", began)
    if held_since is not None:
        return Face("open", began, None, left_s, is_stopped=True)
    return Face("open", began, now + timedelta(seconds=left_s), left_s)


def ended_at(plan: ExamPlan, sitting: SittingRecord, overlay_min: float) -> datetime | None:
    """When a running clock ends, or ended; None without a limit or before it began."""
    began = began_at(plan, sitting)
    limit = _limit_at(plan, sitting, overlay_min, began) if began else None
    return limit + timedelta(seconds=sitting.held_s) if limit else None


def began_at(plan: ExamPlan, sitting: SittingRecord) -> datetime | None:
    """When the student's time began or will begin; None while the student is not let in."""
    if sitting.ready_at is None:
        return None
    return max(sitting.ready_at, plan.opens_at) if plan.opens_at else sitting.ready_at


def _limit_at(
    plan: ExamPlan, sitting: SittingRecord, overlay_min: float, began: datetime
) -> datetime | None:
    limits = []
    if plan.duration_min is not None:
        limits.append(began + timedelta(minutes=plan.duration_min))
    if plan.closes_at is not None:
        limits.append(plan.closes_at)
    if not limits:
        return None
    granted = overlay_min + sum(grant.minutes for grant in sitting.grants)
    return min(limits) + timedelta(minutes=granted)
