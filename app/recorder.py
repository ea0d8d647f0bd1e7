"""Turns flags into clips: the one thread for slow effects on disk.

A flag is kept as a clip that waits; once its post-roll is over the evidence is cut out of memory
and held until it is written. `flag`, `end_session` and `cut_due` may be called by any thread; the
recorder's own thread is the only one that touches files.
"""

from __future__ import annotations

import errno
import logging
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

from app.clip_files import ClipFiles
from app.clip_recovery import LOST, settle
from app.clip_writer import ClipFacts, write_clip
from app.clock import Clock, SessionTime
from app.evidence import Evidence, EvidenceRing
from app.outbox import Outbox
from app.records import ClipRecord, ClipStatus, SessionRecord
from app.settings import Settings
from app.store.repository import Repository
from detectors.messages import Frame
from scoring.model import IntervalScore

log = logging.getLogger(__name__)

# The last batch of the post-roll arrives about this long after it happened; after a cut line
# the browser sends what it kept, for which the ring has room.
SETTLE_S = 2.0
LATEST_S = 15.0
SHORTEST_S = 0.5
# From this many unwritten clips on, new ones are thinned to one picture a second.
BUSY_CLIPS = 12
MOST_CLIPS = 300
MOST_BYTES = 512_000_000
PAUSES_S = (2.0, 8.0)
STOP_S = 20.0
TICK_S = 0.25

DISK_FULL = "The disk is full: make room in the clips folder."
CROWDED = "Too many clips waited to be written at this moment."
UNWRITABLE = "The clip could not be written: {reason}."
NAMELESS = "The clip could not be written: the student's id cannot name a folder."
BROKEN = "The clip could not be written because of a fault in the server; its log says more."


class ClipNews(Protocol):
    """Who is told that a clip's state changed."""

    def clip_changed(self, record: ClipRecord) -> None: ...


@dataclass(slots=True)
class _Job:
    record: ClipRecord
    time: SessionTime
    interval: IntervalScore
    from_s: float
    to_s: float
    trigger_s: float
    evidence: Evidence | None = None
    size_bytes: int = 0
    attempts: int = 0
    not_before_s: float = 0.0


class Recorder:
    """Owns the clips between their flag and their file. `start` before the first flag."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        repository: Repository,
        evidence: Callable[[str], EvidenceRing | None],
        live: ClipNews,
        release: Callable[[str], object],
        write: Callable[..., ClipFacts] = write_clip,
    ) -> None:
        """`evidence` finds a session's ring; `release` is told when it is no longer needed."""
        self._settings = settings
        self._clock = clock
        self._repository = repository
        self._evidence = evidence
        self._live = live
        self._release = release
        self._write_clip = write
        self._files = ClipFiles(settings.clips_path)
        self._outbox = Outbox("recorder-store", clock)
        self._lock = threading.Lock()
        self._waiting: dict[str, _Job] = {}
        self._cut: dict[str, _Job] = {}
        self._cut_bytes = 0
        self._writing: _Job | None = None
        self._counters: Counter[str] = Counter()
        self._wake = threading.Event()
        self._is_stopping = threading.Event()
        self._thread: threading.Thread | None = None

    # Any thread

    def start(self) -> None:
        """Settle what a process that died has left, then begin to write."""
        settle(self._repository, self._files)
        self._outbox.start()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = STOP_S) -> None:
        """Cut short what waits and write it; what is not written in time is marked as failed."""
        with self._lock:
            waiting = list(self._waiting.values())
        for job in waiting:
            self._shorten(job, job.time.now_s())
        self._cut_jobs(waiting)
        self._is_stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
        with self._lock:
            # One that is still being written is settled by the next start.
            unwritten = [job for job in self._cut.values() if job is not self._writing]
            self._cut = {}
        for job in unwritten:
            self._fail(job, LOST)
        self._outbox.stop()

    def flag(
        self,
        session: SessionRecord,
        time: SessionTime,
        interval: IntervalScore,
        pre_roll_s: float,
        post_roll_s: float,
    ) -> ClipRecord:
        """Keep the evidence around a flagged interval; the clip's record as it waits."""
        from_s = max(0.0, interval.start_s - pre_roll_s)
        to_s = interval.end_s + post_roll_s
        flagged_s = interval.end_s if interval.flagged_at_s is None else interval.flagged_at_s
        trigger_s = flagged_s if interval.trigger_at_s is None else interval.trigger_at_s
        score = interval.score if interval.flag_score is None else interval.flag_score
        record = ClipRecord(
            clip_id=f"{session.session_id}-{interval.index}",
            session_id=session.session_id,
            user_id=session.user_id,
            exam_id=session.exam_id,
            interval_index=interval.index,
            score=score,
            rules=tuple(dict.fromkeys(point.rule.value for point in interval.points)),
            status=ClipStatus.WAITING,
            from_at=time.instant(from_s),
            to_at=time.instant(to_s),
            trigger_at=time.instant(trigger_s),
            flagged_at=time.instant(flagged_s),
        )
        job = _Job(record, time, interval, from_s, to_s, trigger_s)
        with self._lock:
            known = self._waiting.get(record.clip_id) or self._cut.get(record.clip_id)
            if known is not None:
                return known.record
            is_crowded = len(self._waiting) + len(self._cut) >= MOST_CLIPS
            if not is_crowded:
                self._waiting[record.clip_id] = job
        if is_crowded:
            self._fail(job, CROWDED)
        else:
            self._tell(job)
        return job.record

    def end_session(self, session_id: str, at_s: float) -> None:
        """The session ended at `at_s`: its clips end there and its memory is released."""
        with self._lock:
            jobs = [j for j in self._waiting.values() if j.record.session_id == session_id]
        for job in jobs:
            self._shorten(job, at_s)
        self._cut_jobs(jobs)
        self._release(session_id)
        self._wake.set()

    def cut_due(self) -> None:
        """Take the evidence of every clip whose post-roll has arrived out of the rings."""
        with self._lock:
            over = [j for j in self._waiting.values() if j.time.now_s() >= j.to_s + SETTLE_S]
        jobs = [job for job in over if self._has_arrived(job)]
        if jobs:
            self._cut_jobs(jobs)
            self._wake.set()

    def counters(self) -> dict[str, int]:
        """Clips waiting and cut now; written, failed and thinned since the start."""
        with self._lock:
            return {
                "clips_waiting": len(self._waiting),
                "clips_unwritten": len(self._cut),
                "clips_written": self._counters["written"],
                "clips_failed": self._counters["failed"],
                "clips_thinned": self._counters["thinned"],
            }

    # Evidence

    def _has_arrived(self, job: _Job) -> bool:
        ring = self._evidence(job.record.session_id)
        newest = ring.latest_frame() if ring is not None else None
        is_late = job.time.now_s() >= job.to_s + LATEST_S
        return ring is None or is_late or (newest is not None and newest.at_s >= job.to_s)

    def _shorten(self, job: _Job, end_s: float) -> None:
        job.to_s = max(job.from_s + SHORTEST_S, min(job.to_s, end_s))
        job.record = replace(job.record, to_at=job.time.instant(job.to_s))

    def _cut_jobs(self, jobs: list[_Job]) -> None:
        for job in jobs:
            clip_id = job.record.clip_id
            ring = self._evidence(job.record.session_id)
            evidence = ring.cut(job.from_s, job.to_s) if ring is not None else Evidence()
            with self._lock:
                if self._waiting.pop(clip_id, None) is None:
                    continue
                if len(self._cut) >= BUSY_CLIPS:
                    evidence = thin(evidence, job.trigger_s)
                    self._counters["thinned"] += 1
                job.evidence, job.size_bytes = evidence, _size(evidence)
                is_crowded = self._cut_bytes + job.size_bytes > MOST_BYTES
                if not is_crowded:
                    self._cut[clip_id] = job
                    self._cut_bytes += job.size_bytes
            if is_crowded:
                self._fail(job, CROWDED)

    # The recorder's thread

    def write_next(self) -> float | None:
        """Write one clip that is cut; seconds until the next may be, None when there is none."""
        self.cut_due()
        now_s = self._clock.monotonic_s()
        with self._lock:
            if not self._cut:
                return None
            job = min(self._cut.values(), key=lambda job: job.not_before_s)
            if job.not_before_s > now_s and not self._is_stopping.is_set():
                return job.not_before_s - now_s
            self._writing = job
        is_done = self._write(job)
        with self._lock:
            self._writing = None
            if is_done:
                self._cut.pop(job.record.clip_id, None)
                self._cut_bytes -= job.size_bytes
        return 0.0

    def _run(self) -> None:
        while True:
            wait_s = self.write_next()
            if self._is_stopping.is_set() and wait_s is None:
                return
            self._wake.wait(TICK_S if wait_s is None else min(wait_s, TICK_S))
            self._wake.clear()

    def _write(self, job: _Job) -> bool:
        """Whether the clip is dealt with: written, or given up."""
        job.attempts += 1
        try:
            self._write_files(job)
        except OSError as error:
            log.warning(
                "Clip not written",
                extra={
                    "clip_id": job.record.clip_id,
                    "attempt": job.attempts,
                    "errno": error.errno,
                },
            )
            if job.attempts > len(PAUSES_S) or self._is_stopping.is_set():
                self._fail(job, _sentence(error))
                return True
            job.not_before_s = self._clock.monotonic_s() + PAUSES_S[job.attempts - 1]
            return False
        except ValueError:
            self._fail(job, NAMELESS)
        except Exception:
            log.exception("Clip not written", extra={"clip_id": job.record.clip_id})
            self._fail(job, BROKEN)
        return True

    def _write_files(self, job: _Job) -> None:
        evidence = job.evidence or Evidence()
        started_at = job.time.instant(job.interval.start_s)
        path = self._files.place(job.record.user_id, started_at, job.record.score)
        try:
            screens = self._files.write_stills(path, evidence.screens, job.from_s)
            job.record = replace(
                job.record,
                status=ClipStatus.WRITING,
                file_name=self._files.name(path),
                screens=screens,
                frames=len(evidence.frames),
                has_sound=bool(evidence.sounds),
            )
            self._save_soon(job.record)
            fps = self._settings.video_fps
            facts = self._write_clip(path, evidence, job.from_s, job.to_s, fps)
        except BaseException:
            self._files.discard(path)
            raise
        job.record = replace(
            job.record,
            status=ClipStatus.READY,
            duration_s=facts.duration_s,
            size_bytes=facts.size_bytes,
            frames=facts.frames,
            has_sound=facts.has_sound,
        )
        with self._lock:
            self._counters["written"] += 1
        log.info(
            "Clip written",
            extra={
                "clip_id": job.record.clip_id,
                "bytes": facts.size_bytes,
                "frames": facts.frames,
            },
        )
        self._tell(job)

    def _fail(self, job: _Job, error: str) -> None:
        job.record = replace(
            job.record,
            status=ClipStatus.FAILED,
            error=error,
            file_name="",
            screens=(),
            frames=0,
            has_sound=False,
        )
        with self._lock:
            self._counters["failed"] += 1
        log.error("Clip failed", extra={"clip_id": job.record.clip_id, "reason": error})
        self._tell(job)

    def _tell(self, job: _Job) -> None:
        self._save_soon(job.record)
        self._live.clip_changed(job.record)

    def _save_soon(self, record: ClipRecord) -> None:
        self._outbox.put((record.session_id, "clip", record.clip_id), lambda: self._save(record))

    def _save(self, record: ClipRecord) -> None:
        self._repository.save_clip(record)


def thin(evidence: Evidence, trigger_s: float) -> Evidence:
    """One picture a second and the one nearest to `trigger_s`; sound and stills as they are."""
    if not evidence.frames:
        return evidence
    trigger = min(evidence.frames, key=lambda frame: abs(frame.at_s - trigger_s))
    kept: list[Frame] = []
    for frame in evidence.frames:
        if frame is trigger or not kept or frame.at_s - kept[-1].at_s >= 1.0:
            kept.append(frame)
    return replace(evidence, frames=tuple(kept))


def _size(evidence: Evidence) -> int:
    pictures = (*evidence.frames, *evidence.screens)
    return sum(len(f.jpeg) for f in pictures) + sum(len(s.pcm) for s in evidence.sounds)


def _sentence(error: OSError) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DISK_FULL
    return UNWRITABLE.format(reason=(error.strerror or "the file could not be stored").rstrip("."))
