"""The clips between their flag and their file: those that wait for their post-roll, and those
whose evidence has been taken out of memory and is held until it is written.

Bounded in number and in bytes. Thread-safe.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace

from app.clock import SessionTime
from app.evidence.ring import Evidence, EvidenceRing
from app.records import ClipRecord, ClipStatus, SessionRecord
from detectors.messages import Frame
from scoring.model import IntervalScore, RiskEvent

# The last batch of the post-roll arrives about this long after it happened; after a cut line
# the browser sends what it kept, for which the ring has room.
SETTLE_S = 2.0
LATEST_S = 15.0
# A browser that keeps what its line could not carry is waited for this long.
AWAITED_S = 1800.0
SHORTEST_S = 0.5
# From this many unwritten clips on, new ones are thinned to one picture a second.
BUSY_CLIPS = 12
MOST_CLIPS = 300
MOST_BYTES = 512_000_000


@dataclass(slots=True, eq=False)
class ClipJob:
    """One clip on its way. `record` is what is stored of it; the seconds are the session's;
    `risen` is how the risk rose in the interval. One that `is_resumed` was flagged before this
    server started: its evidence has to come again."""

    record: ClipRecord
    session: SessionRecord
    time: SessionTime
    interval: IntervalScore
    from_s: float
    to_s: float
    trigger_s: float
    risen: tuple[RiskEvent, ...] = ()
    evidence: Evidence = field(default_factory=Evidence)
    size_bytes: int = 0
    attempts: int = 0
    not_before_s: float = 0.0
    is_resumed: bool = False

    @property
    def clip_id(self) -> str:
        return self.record.clip_id

    @property
    def kept_s(self) -> tuple[float, ...]:
        """The instants whose pictures are kept, however crowded it is."""
        return (self.trigger_s, *(event.at_s for event in self.risen))

    def learn(self, interval: IntervalScore, risen: tuple[RiskEvent, ...]) -> None:
        """The interval as it is now: what scored in it, and how the risk rose."""
        self.interval, self.risen = interval, risen
        score = self.record.score if interval.flag_score is None else interval.flag_score
        self.record = replace(self.record, rules=rules_of(interval), score=score)

    def shorten(self, end_s: float) -> None:
        """The clip ends at `end_s` at the latest."""
        self.to_s = max(self.from_s + SHORTEST_S, min(self.to_s, end_s))
        self.record = replace(self.record, to_at=self.time.instant(self.to_s))


class ClipQueue:
    """Clips that wait and clips that are cut; `rings` finds a session's evidence."""

    def __init__(self, rings: Callable[[str], EvidenceRing | None]) -> None:
        self._rings = rings
        self._lock = threading.Condition()
        self._waiting: dict[str, ClipJob] = {}
        self._cut: dict[str, ClipJob] = {}
        self._cut_bytes = 0
        self._in_hand: ClipJob | None = None
        self._known: dict[str, set[str]] = {}
        self._thinned = 0

    def is_new(self, job: ClipJob) -> bool:
        """Whether this clip was never asked for since its session was opened; now it was."""
        with self._lock:
            known = self._known.setdefault(job.record.session_id, set())
            is_new = job.clip_id not in known
            known.add(job.clip_id)
            return is_new

    def add(self, job: ClipJob) -> bool:
        """Let a clip wait for its post-roll; False when there are too many."""
        with self._lock:
            if len(self._waiting) + len(self._cut) >= MOST_CLIPS:
                return False
            self._waiting[job.clip_id] = job
            return True

    def learn(self, clip_id: str, interval: IntervalScore, risen: tuple[RiskEvent, ...]) -> bool:
        """What became of a flagged interval; False when its clip is being or has been written."""
        with self._lock:
            job = self._waiting.get(clip_id) or self._cut.get(clip_id)
            if job is None or job is self._in_hand:
                return False
            job.learn(interval, risen)
            return True

    def withdraw(self, session_id: str, clip_id: str) -> bool:
        """Forget a clip, unless it is being written or is written; whether it was forgotten."""
        with self._lock:
            job = self._waiting.pop(clip_id, None)
            if job is None and not (self._in_hand and self._in_hand.clip_id == clip_id):
                job = self._cut.pop(clip_id, None)
                self._cut_bytes -= job.size_bytes if job else 0
            if job is not None:
                self._known.get(session_id, set()).discard(clip_id)
            return job is not None

    def let_go(self, session_id: str) -> None:
        """Forget the clips of a session that wait; what is cut is still written."""
        with self._lock:
            for job in list(self._waiting.values()):
                if job.record.session_id == session_id:
                    del self._waiting[job.clip_id]
            self._known.pop(session_id, None)

    def forget_session(self, session_id: str) -> None:
        """No more clips of this session will be asked for."""
        with self._lock:
            self._known.pop(session_id, None)

    def waiting(self, session_id: str | None = None) -> list[ClipJob]:
        """The clips that wait for their post-roll, of one session or all."""
        with self._lock:
            jobs = list(self._waiting.values())
        return [job for job in jobs if session_id in {None, job.record.session_id}]

    def needed_from_s(self, session_id: str) -> float:
        """Where the earliest clip begins that is not written; infinite without one."""
        with self._lock:
            jobs = (*self._waiting.values(), *self._cut.values())
            mine = [job.from_s for job in jobs if job.record.session_id == session_id]
            return min(mine, default=float("inf"))

    def due(self) -> list[ClipJob]:
        """The clips whose post-roll has arrived, or should have."""
        return [job for job in self.waiting() if self._has_arrived(job)]

    def cut(self, jobs: Iterable[ClipJob]) -> list[ClipJob]:
        """Take the evidence of clips out of the rings; those for which there is no room."""
        return [job for job in jobs if not self._cut_one(job)]

    def take(self, now_s: float, *, hurry: bool) -> tuple[ClipJob | None, float | None]:
        """The next clip to write, or the seconds until there is one (None: none is known)."""
        with self._lock:
            if not self._cut:
                return None, None
            job = min(self._cut.values(), key=lambda job: job.not_before_s)
            if job.not_before_s > now_s and not hurry:
                return None, job.not_before_s - now_s
            self._in_hand = job
            return job, 0.0

    def put_back(self, job: ClipJob, *, is_done: bool) -> None:
        """The clip that was taken is dealt with, or is to be tried again."""
        with self._lock:
            self._in_hand = None
            if is_done and self._cut.pop(job.clip_id, None) is not None:
                self._cut_bytes -= job.size_bytes
            self._lock.notify_all()

    def wait_idle(self, session_id: str, timeout_s: float) -> bool:
        """Wait until no clip of the session is left; whether that came in time."""
        with self._lock:
            return self._lock.wait_for(lambda: self._is_idle(session_id), timeout_s)

    def drain(self) -> list[ClipJob]:
        """Every clip that is cut and not in hand; they are forgotten."""
        with self._lock:
            jobs = [job for job in self._cut.values() if job is not self._in_hand]
            self._cut.clear()
            self._cut_bytes = 0
            return jobs

    def is_idle(self, session_id: str) -> bool:
        """Whether no clip of the session waits or is unwritten."""
        with self._lock:
            return self._is_idle(session_id)

    def _is_idle(self, session_id: str) -> bool:
        jobs = [*self._waiting.values(), *self._cut.values()]
        return all(job.record.session_id != session_id for job in jobs)

    def counters(self) -> dict[str, int]:
        with self._lock:
            return {
                "clips_waiting": len(self._waiting),
                "clips_unwritten": len(self._cut),
                "clips_thinned": self._thinned,
            }

    def _has_arrived(self, job: ClipJob) -> bool:
        past_s = job.time.now_s() - job.to_s
        if past_s < SETTLE_S:
            return False
        ring = self._rings(job.record.session_id)
        if ring is None or ring.arrived_s >= job.to_s:
            return True
        return past_s >= (AWAITED_S if ring.is_awaited else LATEST_S)

    def _cut_one(self, job: ClipJob) -> bool:
        ring = self._rings(job.record.session_id)
        evidence = ring.cut(job.from_s, job.to_s) if ring is not None else Evidence()
        with self._lock:
            if self._waiting.pop(job.clip_id, None) is None:
                return True
            if job.is_resumed and not evidence.is_some:
                return False
            if len(self._cut) >= BUSY_CLIPS:
                evidence = thin(evidence, job.kept_s)
                self._thinned += 1
            job.evidence, job.size_bytes = evidence, _size(evidence)
            if self._cut_bytes + job.size_bytes > MOST_BYTES:
                return False
            self._cut[job.clip_id] = job
            self._cut_bytes += job.size_bytes
            return True


def nearest(frames: Sequence[Frame], at_s: float) -> Frame | None:
    """The picture nearest to an instant."""
    return min(frames, key=lambda frame: abs(frame.at_s - at_s), default=None)


def rules_of(interval: IntervalScore) -> tuple[str, ...]:
    """The rules that scored in an interval, in the order of their points."""
    return tuple(dict.fromkeys(point.rule.value for point in interval.points))


def thin(evidence: Evidence, kept_s: Iterable[float]) -> Evidence:
    """One picture a second and those nearest to `kept_s`; sound and stills as they are."""
    named = {id(nearest(evidence.frames, at_s)) for at_s in kept_s}
    kept: list[Frame] = []
    for frame in evidence.frames:
        if id(frame) in named or not kept or frame.at_s - kept[-1].at_s >= 1.0:
            kept.append(frame)
    return replace(evidence, frames=tuple(kept))


def _size(evidence: Evidence) -> int:
    pictures = (*evidence.frames, *evidence.screens)
    return sum(len(f.jpeg) for f in pictures) + sum(s.size_bytes for s in evidence.sounds)


def job_of(
    session: SessionRecord,
    time: SessionTime,
    interval: IntervalScore,
    pre_roll_s: float,
    post_roll_s: float,
) -> ClipJob:
    """The clip of a flagged interval, with what comes before and after it."""
    from_s = max(0.0, interval.start_s - pre_roll_s)
    to_s = interval.end_s + post_roll_s
    flagged_s = interval.end_s if interval.flagged_at_s is None else interval.flagged_at_s
    trigger_s = flagged_s if interval.trigger_at_s is None else interval.trigger_at_s
    record = ClipRecord(
        clip_id=clip_id_of(session.session_id, interval.index),
        session_id=session.session_id,
        user_id=session.user_id,
        exam_id=session.exam_id,
        interval_index=interval.index,
        score=interval.score if interval.flag_score is None else interval.flag_score,
        rules=rules_of(interval),
        status=ClipStatus.WAITING,
        from_at=time.instant(from_s),
        to_at=time.instant(to_s),
        trigger_at=time.instant(trigger_s),
        flagged_at=time.instant(flagged_s),
    )
    return ClipJob(record, session, time, interval, from_s, to_s, trigger_s)


def clip_id_of(session_id: str, interval_index: int) -> str:
    return f"{session_id}-{interval_index}"
