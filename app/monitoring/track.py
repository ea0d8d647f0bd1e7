"""One session while it is being scored: its scorer, and what becomes of each change.

Belongs to the monitor's thread alone.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from functools import partial

from app.clock import SessionTime
from app.intake.state import StreamState
from app.ledgers import ledger_sha256, numbers_of
from app.monitoring.amending import Amendments, over_whole_length
from app.monitoring.gaps import Gaps
from app.monitoring.moment import Moment, marks_of, points_of
from app.monitoring.pausing import Pausing
from app.monitoring.settling import Settling
from app.monitoring.surroundings import Stored, Surroundings
from app.monitoring.views import Mark, SessionView
from app.monitoring.warning_log import WarningLog
from app.records import IntervalRecord, SessionRecord, TraceRecord, ViolationRecord
from detectors.messages import AnalysisResult, DetectorFault, Overlay
from scoring.model import (
    AlertRaised,
    Change,
    IntervalChanged,
    IntervalScore,
    Item,
    Ledger,
    Scores,
    ScreenEvent,
    Violation,
    ViolationChanged,
    ViolationWithdrawn,
)
from scoring.policy import policy_from_dict

log = logging.getLogger(__name__)

# Changes that nobody waits for are stored this much later, many as one.
SOON_S = 2.0
LATER_S = 5.0
# What drifts all the time (focus, coverage) is stored this often.
DRIFT_S = 10.0
CONTACT_STORED_S = 15.0
TRACE_S = 5.0
VIEW_S = 1.0
# What of a session's numbers is news, and does not wait for what drifts.
_NEWS = ("interval_score", "total_score", "flagged_intervals")


class Track:
    """Scores one session and passes on what changed. Reads what is stored when it is made."""

    def __init__(self, session: SessionRecord, around: Surroundings) -> None:
        """Raises Unavailable when the store does not answer."""
        self.session = session
        self.session_id = session.session_id
        self.contact_due_s = 0.0
        self.abandon_due_s = 0.0
        self._around = around
        self._policy = policy_from_dict(session.policy)
        self.started_at = session.started_at or around.clock.now()
        self._time = SessionTime(self.started_at, around.clock)
        self._opened_s = self._time.now_s()
        self._stream: StreamState | None = None
        self._settling = Settling(self.session_id, self._policy, around)
        self._gaps = Gaps(session, self._time, around)
        violations = tuple(r.violation for r in around.store.violations(self.session_id))
        records = around.store.intervals(self.session_id)
        intervals = tuple(r.interval for r in records)
        self._amendments = Amendments(records)
        self._stored_to = max((i.index for i in intervals), default=-1)
        trace = tuple(r.data for r in around.store.trace(self.session_id))
        stored = Stored(Ledger(violations=violations, intervals=intervals), trace)
        self._scorer = around.new_scorer(self._policy, stored, self._opened_s)
        restored = self._scorer.ledger() if stored.is_replayable else stored.ledger
        if stored.is_replayable:
            violations, intervals = self._reconcile(stored.ledger, restored)
        self._violations = {v.violation_id: v for v in violations}
        self._last = max(violations, key=lambda v: v.start_s, default=None)
        self._stored_scores = {i.index: i.score for i in intervals}
        flagged = [interval for interval in intervals if interval.is_flagged]
        self._flagged = {interval.index for interval in flagged}
        rolls_s = (self._policy.pre_roll_s, self._policy.post_roll_s)
        around.recorder.resume(session, self._time, flagged, *rolls_s)
        self._stored_fields: dict[str, object] = {}
        self._moment = Moment(self._scorer)
        self._advanced_s = -math.inf
        self._final: dict[str, object] = {}
        self._overlay: Overlay | None = None
        self._faults: dict[str, DetectorFault] = {}
        self._warnings = WarningLog(self._time, restored.alerts)
        self.pausing = Pausing(session, self._time, around, self._policy.warning_action)
        self._risk = 0.0
        self._viewed_s = -VIEW_S
        self._interval_due_s = self._opened_s + LATER_S
        self._trace_due_s = self._opened_s + TRACE_S

    # Time and contact

    def heard(self, stream: StreamState | None) -> None:
        """How the student's line is now; None while nothing is taken in."""
        self._stream = stream
        self._settling.heard(stream)
        self._gaps.hear(stream)

    def silent_s(self) -> float:
        """Seconds without contact while this server was there to hear it."""
        heard_s = self._stream.last_contact_at_s if self._stream is not None else self._opened_s
        return self._time.now_s() - max(self._opened_s, heard_s)

    # Scoring

    def unscored_s(self) -> float:
        """Seconds that have passed since they were last scored."""
        return self._time.now_s() - self._advanced_s

    def advance(self, posted: Sequence[AnalysisResult | ScreenEvent]) -> bool:
        """Score what was posted and the time that passed; whether there is something to show."""
        items: list[Item] = [*self.pausing.take_breaks()]
        for item in posted:
            if isinstance(item, ScreenEvent):
                items.append(item)
            else:
                items.extend(item.observations)
                self._take_rest(item)
        now_s = self._time.now_s()
        changes = self._scorer.update(items, now_s)
        self._moment = Moment(self._scorer)
        self._advanced_s = now_s
        # The trace goes ahead of what follows from it, so that no crash leaves a flag behind
        # whose reason is not stored.
        if now_s >= self._trace_due_s or any(self._is_news(change) for change in changes):
            self._trace_due_s = now_s + TRACE_S
            self._store_trace()
            self._settling.trace_put(now_s)
        for change in changes:
            self._apply(change)
        self._tell_recorder(changes)
        self._store_scores(SOON_S)
        if now_s >= self._interval_due_s:
            self._interval_due_s = now_s + LATER_S
            self._store_interval(self._moment.interval, 0.0)
        is_news = bool(items or changes) or now_s - self._viewed_s >= VIEW_S
        if is_news:
            self._viewed_s = now_s
        return is_news

    def finish(self) -> Scores:
        """The session ends now: the final numbers, on their way to the store."""
        now_s = round(self._time.now_s(), 3)
        changes = self._scorer.end(now_s)
        self._moment = Moment(self._scorer)
        self._store_trace()
        for change in changes:
            self._apply(change)
        self._tell_recorder(changes)
        ledger = self._scorer.ledger()
        self._forget_from(math.ceil(now_s / self._policy.interval_s))
        self._final = {"scored_s": now_s, "ledger_sha256": ledger_sha256(ledger)}
        self.store_now()
        self._around.recorder.end_session(self.session_id, now_s)
        return self._moment.scores

    def store_now(self) -> None:
        """Store what was observed and the running numbers without waiting for more."""
        self._moment = Moment(self._scorer)
        self._store_trace()
        self._store_scores(0.0)
        self._gaps.store(0.0)

    def _take_rest(self, result: AnalysisResult) -> None:
        if result.overlay is not None and (
            self._overlay is None or result.overlay.at_s >= self._overlay.at_s
        ):
            self._overlay = result.overlay
        if result.thumbnail:
            at_s = result.overlay.at_s if result.overlay else self._time.now_s()
            at = self._time.instant(at_s)
            self._around.live.thumbnail(self.session_id, result.thumbnail, at)
        faults = {fault.detector: fault for fault in result.faults}
        for detector, fault in faults.items():
            if self._faults.get(detector) != fault:
                log.warning(
                    "A detector failed",
                    extra={
                        "session_id": self.session_id,
                        "detector": detector,
                        "reason": fault.message,
                    },
                )
        self._faults = faults

    # What becomes of a change

    def _apply(self, change: Change) -> None:
        if isinstance(change, ViolationChanged):
            self._change_violation(change.violation)
        elif isinstance(change, ViolationWithdrawn):
            self._withdraw(change.violation)
        elif isinstance(change, IntervalChanged):
            self._change_interval(change.interval, change.newly_flagged)
        elif isinstance(change, AlertRaised):
            self._warnings.add(change.alert)
            if change.limit_reached:
                self.pausing.limit_reached(change)

    def _tell_recorder(self, changes: Sequence[Change]) -> None:
        """What a flagged interval is now, when it changed or the risk rose."""
        scores = self._moment.scores
        risk = scores.risk_temporary + scores.risk_permanent
        has_risen, self._risk = risk > self._risk, risk
        changed = {
            change.interval.index: change.interval
            for change in changes
            if isinstance(change, IntervalChanged) and change.interval.index in self._flagged
        }
        if has_risen and self._moment.interval.index in self._flagged:
            changed[self._moment.interval.index] = self._moment.interval
        if changed:
            risen = self._scorer.risk_events
            for interval in changed.values():
                inside = tuple(e for e in risen if interval.start_s <= e.at_s < interval.end_s)
                self._around.recorder.learn(self.session_id, interval, inside)

    def _change_violation(self, violation: Violation) -> None:
        known = self._violations.get(violation.violation_id)
        self._violations[violation.violation_id] = violation
        if self._last is None or violation.start_s >= self._last.start_s:
            self._last = violation
        is_news = known is None or (known.end_s is None) != (violation.end_s is None)
        self._store_violation(violation, 0.0 if is_news else SOON_S)
        if is_news:
            points = points_of(self._moment.interval).get(violation.violation_id, 0.0)
            self._around.live.violation(self.session_id, self._mark(violation, points))

    def _store_violation(self, violation: Violation, within_s: float) -> None:
        started_at = self._time.instant(violation.start_s)
        ended_at = None if violation.end_s is None else self._time.instant(violation.end_s)
        record = ViolationRecord(self.session_id, violation, started_at, ended_at)
        key = (self.session_id, "violation", violation.violation_id)
        around = self._around
        around.outbox.put(key, lambda: around.store.save_violation(record), within_s=within_s)

    def _withdraw(self, violation: Violation) -> None:
        violation_id = violation.violation_id
        self._violations.pop(violation_id, None)
        if self._last is not None and self._last.violation_id == violation_id:
            self._last = max(self._violations.values(), key=lambda v: v.start_s, default=None)
        self._delete_violation(violation_id)

    def _delete_violation(self, violation_id: str) -> None:
        forget = partial(self._around.store.delete_violation, self.session_id, violation_id)
        self._around.outbox.put((self.session_id, "violation", violation_id), forget)

    def _change_interval(self, interval: IntervalScore, is_newly_flagged: bool) -> None:
        is_news = (
            is_newly_flagged
            or interval.is_closed
            or interval.is_flagged != (interval.index in self._flagged)
            or interval.score != self._stored_scores.get(interval.index)
        )
        self._stored_scores[interval.index] = interval.score
        self._store_interval(interval, 0.0 if is_news else LATER_S)
        if is_newly_flagged:
            self._flagged.add(interval.index)
            self._flag(interval)
        elif interval.index in self._flagged and not interval.is_flagged:
            self._flagged.discard(interval.index)
            self._around.recorder.withdraw(self.session_id, interval.index)
        if interval.is_closed:
            self._forget_before(interval.start_s)

    def _is_news(self, change: Change) -> bool:
        """Whether a change will be stored at once."""
        if isinstance(change, ViolationChanged):
            known = self._violations.get(change.violation.violation_id)
            return known is None or (known.end_s is None) != (change.violation.end_s is None)
        if isinstance(change, IntervalChanged):
            interval = change.interval
            is_other = interval.score != self._stored_scores.get(interval.index, 0.0)
            return change.newly_flagged or interval.is_closed or is_other
        return isinstance(change, ViolationWithdrawn)

    def _store_trace(self) -> None:
        for block in self._scorer.take_trace():
            record = TraceRecord(self.session_id, block.index, block.data)
            store = partial(self._around.store.save_trace, record)
            self._around.outbox.put((self.session_id, "trace", str(block.index)), store)

    def _reconcile(
        self, stored: Ledger, found: Ledger
    ) -> tuple[tuple[Violation, ...], tuple[IntervalScore, ...]]:
        """Store what follows from the trace where the store says otherwise or nothing."""
        known = {violation.violation_id: violation for violation in stored.violations}
        for violation in found.violations:
            if known.pop(violation.violation_id, None) != violation:
                self._store_violation(violation, 0.0)
        for violation_id in known:
            self._delete_violation(violation_id)
        for interval in found.intervals:
            if interval.is_closed and interval not in stored.intervals:
                self._store_interval(interval, 0.0)
        return found.violations, found.intervals

    def _store_interval(self, interval: IntervalScore, within_s: float) -> None:
        stored = over_whole_length(interval, self._time.now_s())
        started_at = self._time.instant(interval.start_s)
        now = self._time.instant(self._time.now_s())
        amendments = self._amendments.note(interval, now)
        record = IntervalRecord(self.session_id, stored, started_at, amendments)
        self._stored_to = max(self._stored_to, interval.index)
        key = (self.session_id, "interval", str(interval.index))
        around = self._around
        around.outbox.put(key, lambda: around.store.save_interval(record), within_s=within_s)

    def _forget_from(self, first: int) -> None:
        """Delete what was stored of intervals that had begun when the end left no time for them."""
        for index in range(first, self._stored_to + 1):
            forget = partial(self._around.store.delete_interval, self.session_id, index)
            self._around.outbox.put((self.session_id, "interval", str(index)), forget)

    def _forget_before(self, start_s: float) -> None:
        """Let go of what ended before the interval that closed; the store has it."""
        over = [v for v in self._violations.values() if v.end_s is not None and v.end_s < start_s]
        for violation in over:
            del self._violations[violation.violation_id]

    def _flag(self, interval: IntervalScore) -> None:
        log.info(
            "Interval flagged",
            extra={
                "session_id": self.session_id,
                "interval": interval.index,
                "score": interval.flag_score,
            },
        )
        flagged_s = interval.end_s if interval.flagged_at_s is None else interval.flagged_at_s
        at = self._time.instant(flagged_s)
        self._around.live.flagged(self.session_id, interval, at)
        policy = self._policy
        self._around.recorder.flag(
            self.session, self._time, interval, policy.pre_roll_s, policy.post_roll_s
        )

    def _store_scores(self, within_s: float) -> None:
        fields = {**numbers_of(self._moment.scores), **self._final}
        if self._stream is not None:
            contact_s = self._stream.last_contact_at_s // CONTACT_STORED_S * CONTACT_STORED_S
            fields["last_contact_at"] = self._time.instant(contact_s)
        if fields == self._stored_fields and within_s > 0:
            return
        if within_s > 0 and all(fields[n] == self._stored_fields.get(n) for n in _NEWS):
            within_s = DRIFT_S
        self._stored_fields = fields
        self._around.outbox.put(
            (self.session_id, "session"),
            lambda: self._around.store.update_session(self.session_id, **fields),
            within_s=within_s,
        )

    # What is shown

    def view(self) -> SessionView:
        """The session as it is now."""
        now_s = self._time.now_s()
        now = self._time.instant(now_s)
        interval = self._moment.interval
        return SessionView(
            session_id=self.session_id,
            user_id=self.session.user_id,
            exam_id=self.session.exam_id,
            state=self.session.state,
            started_at=self.started_at,
            at=now,
            at_s=now_s,
            scores=self._moment.scores,
            interval=interval,
            marks=marks_of(self._violations.values(), interval, self._mark),
            last=self._mark(self._last, 0.0) if self._last is not None else None,
            overlay=self._overlay,
            faults=tuple(self._faults.values()),
            warned=self._warnings.recent(now),
            line=self._stream.line.value if self._stream is not None else "down",
            is_paused=self.pausing.is_paused,
            pauses=self.pausing.causes,
            shows_focus=self.session.shows_focus,
            noted=self._warnings.counted(),
            warning_limit=self._policy.warning_limit,
            warning_action=self._policy.warning_action.value,
        )

    def _mark(self, violation: Violation, points: float) -> Mark:
        return Mark(violation, self._time.instant(violation.start_s), points)
