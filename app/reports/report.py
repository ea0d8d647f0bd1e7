"""Gathers what a report says of a session: the stored records, and what follows from its trace.

Every number is the one that REST answers for the session; the risk history and the number of
faces, which are not stored, follow from the stored trace under the session's own policy.
"""

from __future__ import annotations

import logging
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from app.errors import CandorError
from app.ledgers import policy_of
from app.records import (
    ClipRecord,
    IntervalRecord,
    SessionRecord,
    TraceRecord,
    ViolationRecord,
)
from app.reports.risk_line import RiskLine
from app.review.case import case_of
from app.review.model import Case, Step
from scoring.model import Detector, Ledger, Point, RiskEvent, Rule, Violation
from scoring.policy import Policy, standard_policy
from scoring.replay import rescore
from scoring.session import SessionScorer
from scoring.stream import DETECTOR_INDEX
from scoring.trace import TraceError, decode

log = logging.getLogger(__name__)

_FACES = {"none": 0, "turned": 0, "one": 1, "several": 2}


class HoldsSteps(Protocol):
    """Where what people did about a session is read."""

    def steps(self, session_id: str) -> tuple[Step, ...]: ...


class HoldsSessions(Protocol):
    """What of the repository a report reads."""

    def violations(self, session_id: str) -> tuple[ViolationRecord, ...]: ...

    def intervals(self, session_id: str) -> tuple[IntervalRecord, ...]: ...

    def clips(self, session_id: str | None = None) -> tuple[ClipRecord, ...]: ...

    def trace(self, session_id: str) -> tuple[TraceRecord, ...]: ...

    @property
    def reviewing(self) -> HoldsSteps: ...


@dataclass(frozen=True, slots=True)
class Moment:
    """One row of the timeline: something was noticed, and the risk rose by `risk_delta`.

    `face_count` None: nobody looked at that instant.
    """

    at: datetime
    at_s: float
    event: str
    violation_id: str
    risk_delta: float
    risk_total: float
    phone_detected: bool
    looking_away: bool
    face_count: int | None


@dataclass(frozen=True, slots=True)
class SessionReport:
    """One session as it is stored. `length_s` is how long it was (or has been) scored."""

    session: SessionRecord
    policy: Policy
    length_s: float
    violations: tuple[ViolationRecord, ...]
    intervals: tuple[IntervalRecord, ...]
    clips: tuple[ClipRecord, ...]
    risk: tuple[RiskEvent, ...]
    moments: tuple[Moment, ...]
    risk_curve: tuple[tuple[float, float], ...]
    is_traced: bool
    case: Case

    def review_at(self, at_s: float) -> str:
        """What people decided about the flag whose interval holds a second; empty without one."""
        index = int(at_s // self.policy.interval_s)
        return next((clip.review.value for clip in self.clips if clip.interval_index == index), "")

    @property
    def started_at(self) -> datetime:
        return self.session.started_at or self.session.created_at

    def instant(self, at_s: float) -> datetime:
        """The instant of a second of the session."""
        return self.started_at + timedelta(seconds=at_s)

    def points(self) -> dict[str, list[Point]]:
        """The points of each violation, in time order."""
        found: dict[str, list[Point]] = {}
        for record in self.intervals:
            for point in record.interval.points:
                found.setdefault(point.violation_id, []).append(point)
        return found

    def unobserved_s(self) -> dict[str, float]:
        """Seconds that each detector of the policy did not observe."""
        return {
            str(detector): self.length_s * (1 - self.session.coverage.get(str(detector), 0.0))
            for detector in Detector
            if detector in self.policy.detectors
        }

    def unobserved_spans(self, below: float = 0.9) -> list[tuple[float, float, float]]:
        """Stretches of intervals whose face coverage is under `below`: start, end, coverage."""
        spans: list[tuple[float, float, float]] = []
        for record in self.intervals:
            interval = record.interval
            share = dict(interval.coverage).get(Detector.FACE.value, 0.0)
            end_s = min(interval.end_s, self.length_s)
            if share >= below or end_s <= interval.start_s:
                continue
            if spans and spans[-1][1] == interval.start_s:
                start_s, middle_s, known = spans[-1]
                seen_s = known * (middle_s - start_s) + share * (end_s - middle_s)
                spans[-1] = (start_s, end_s, seen_s / (end_s - start_s))
            else:
                spans.append((interval.start_s, end_s, share))
        return spans


def report_of(repository: HoldsSessions, session: SessionRecord, now: datetime) -> SessionReport:
    """The report of a session. One that runs is reported as far as it has come at `now`."""
    session_id = session.session_id
    violations = repository.violations(session_id)
    intervals = repository.intervals(session_id)
    length_s = _length_s(session, now)
    policy = _policy(session)
    blocks = [record.data for record in repository.trace(session_id)]
    ledger = Ledger(
        tuple(each.violation for each in violations), tuple(each.interval for each in intervals)
    )
    faces = Faces(())
    is_traced = False
    try:
        risk = rescore(policy, blocks, length_s).risk if blocks else ()
        faces = Faces(blocks)
        is_traced = bool(blocks)
    except TraceError:
        log.exception("A stored trace cannot be read", extra={"session_id": session_id})
    if not is_traced:
        risk = SessionScorer(policy, ledger, length_s).ledger().risk
    started_at = session.started_at or session.created_at
    line = RiskLine(ledger.violations, risk, length_s)
    clips = tuple(sorted(repository.clips(session_id), key=lambda clip: clip.interval_index))
    steps = repository.reviewing.steps(session_id)
    return SessionReport(
        session=session,
        policy=policy,
        length_s=length_s,
        violations=violations,
        intervals=intervals,
        clips=clips,
        risk=risk,
        moments=tuple(_moments(started_at, policy, ledger.violations, risk, faces, line)),
        risk_curve=tuple(line.curve()),
        is_traced=is_traced,
        case=case_of(session_id, steps, [clip.clip_id for clip in clips]),
    )


class Faces:
    """How many faces were seen at each instant, from the blocks of a trace."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        """Raises TraceError."""
        self._times: list[int] = []
        self._counts: list[int | None] = []
        for data in blocks:
            for column in decode(data).columns:
                if column.detector != DETECTOR_INDEX[Detector.FACE]:
                    continue
                for sighting in column.sightings():
                    measured = dict(sighting.measures).get("faces")
                    said = [_FACES[label] for label in sighting.look.labels if label in _FACES]
                    count = measured if measured is not None else max(said, default=0)
                    self._times.append(sighting.at_ms)
                    self._counts.append(count if sighting.look.is_judgeable else None)

    def at(self, at_s: float, hold_s: float) -> int | None:
        """The last count that is not older than `hold_s`."""
        at_ms = round(at_s * 1000)
        index = bisect_right(self._times, at_ms) - 1
        if index < 0 or at_ms - self._times[index] > hold_s * 1000:
            return None
        return self._counts[index]


def _moments(
    started_at: datetime,
    policy: Policy,
    violations: Sequence[Violation],
    risk: Sequence[RiskEvent],
    faces: Faces,
    line: RiskLine,
) -> list[Moment]:
    """Every rise of the risk, and every violation that raised none at its start."""
    raised = {event.violation_id for event in risk}
    rows: list[tuple[float, str, str, float, float | None]] = [
        (event.at_s, event.rule.value, event.violation_id, event.delta, event.total)
        for event in risk
    ]
    rows += [
        (each.start_s, each.rule.value, each.violation_id, 0.0, None)
        for each in violations
        if each.violation_id not in raised
    ]
    hold_s = policy.holds_s.get(Detector.FACE, 1.5)
    moments: list[Moment] = []
    for at_s, rule, violation_id, delta, total in sorted(rows, key=lambda row: (row[0], row[2])):
        moments.append(
            Moment(
                at=started_at + timedelta(seconds=at_s),
                at_s=at_s,
                event=rule,
                violation_id=violation_id,
                risk_delta=delta,
                risk_total=line.at(at_s) if total is None else total,
                phone_detected=_lasts(violations, Rule.PHONE, at_s),
                looking_away=_lasts(violations, Rule.LOOKING_AWAY, at_s),
                face_count=faces.at(at_s, hold_s),
            )
        )
    return moments


def _lasts(violations: Sequence[Violation], rule: Rule, at_s: float) -> bool:
    return any(
        each.rule is rule and each.start_s <= at_s and (each.end_s is None or at_s <= each.end_s)
        for each in violations
    )


def _length_s(session: SessionRecord, now: datetime) -> float:
    if session.started_at is None:
        return 0.0
    if session.scored_s is not None:
        return session.scored_s
    return max(0.0, ((session.ended_at or now) - session.started_at).total_seconds())


def _policy(session: SessionRecord) -> Policy:
    if session.started_at is None:
        return standard_policy()
    try:
        return policy_of(session)
    except CandorError:
        log.exception("A policy cannot be read", extra={"session_id": session.session_id})
        return standard_policy()
