"""Turns flags into clips: the one thread for slow effects on disk.

`flag`, `withdraw`, `end_session` and `cut_due` may be called by any thread and touch memory
only; the recorder's own thread is the only one that touches files.
"""

from __future__ import annotations

import errno
import logging
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from app.clock import Clock, SessionTime
from app.evidence.clip_files import ClipFiles
from app.evidence.clip_queue import ClipJob, ClipQueue
from app.evidence.clip_recovery import LOST, settle
from app.evidence.clip_writer import ClipFacts, write_clip
from app.evidence.ring import EvidenceRing
from app.monitoring.outbox import Outbox
from app.records import ClipRecord, ClipStatus, SessionRecord
from app.settings import Settings
from app.store import Repository
from scoring.model import IntervalScore

log = logging.getLogger(__name__)

# A clip that cannot be written is tried again after each of these pauses.
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
        self._live = live
        self._release = release
        self._write_clip = write
        self._files = ClipFiles(settings.clips_path)
        self._outbox = Outbox("recorder-store", clock)
        self._queue = ClipQueue(evidence)
        self._counters: Counter[str] = Counter(clips_written=0, clips_failed=0)
        self._wake = threading.Event()
        self._is_stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Settle what a process that died has left, then begin to write."""
        settle(self._repository, self._files)
        self._outbox.start()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        self._thread.start()

    def stop(self, timeout_s: float = STOP_S) -> None:
        """Cut short what waits and write it; what is not written in time is marked as failed.

        A clip that is being written then is settled by the next start.
        """
        waiting = self._queue.waiting()
        for job in waiting:
            job.shorten(job.time.now_s())
        self._cut(waiting)
        self._is_stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout_s)
        for job in self._queue.drain():
            self._fail(job, LOST)
        self._outbox.stop()

    def counters(self) -> dict[str, int]:
        """Clips waiting and cut now; written, failed and thinned since the start."""
        return {**self._queue.counters(), **self._counters}

    # Any thread

    def flag(
        self,
        session: SessionRecord,
        time: SessionTime,
        interval: IntervalScore,
        pre_roll_s: float,
        post_roll_s: float,
    ) -> None:
        """Keep the evidence around a flagged interval, once."""
        job = _job_of(session, time, interval, pre_roll_s, post_roll_s)
        if not self._queue.is_new(job):
            return
        if self._queue.add(job):
            self._tell(job)
        else:
            self._fail(job, CROWDED)

    def withdraw(self, session_id: str, interval_index: int) -> None:
        """What came late took a flag back: a clip that is not written yet is dropped."""
        clip_id = _clip_id(session_id, interval_index)
        if self._queue.withdraw(session_id, clip_id):
            log.info("Flag withdrawn", extra={"clip_id": clip_id})
            key = (session_id, "clip", clip_id)
            self._outbox.put(key, lambda: self._repository.delete_clip(clip_id))

    def end_session(self, session_id: str, at_s: float) -> None:
        """The session ended at `at_s`: its clips end there and its memory is released."""
        jobs = self._queue.waiting(session_id)
        for job in jobs:
            job.shorten(at_s)
        self._cut(jobs)
        self._queue.forget_session(session_id)
        self._release(session_id)

    def cut_due(self) -> None:
        """Take the evidence of every clip whose post-roll has arrived out of the rings."""
        self._cut(self._queue.due())

    def _cut(self, jobs: list[ClipJob]) -> None:
        for job in self._queue.cut(jobs):
            self._fail(job, CROWDED)
        if jobs:
            self._wake.set()

    # The recorder's thread

    def write_next(self) -> float | None:
        """Write one clip that is cut; seconds until the next may be, None when there is none."""
        self.cut_due()
        hurry = self._is_stopping.is_set()
        job, wait_s = self._queue.take(self._clock.monotonic_s(), hurry=hurry)
        if job is not None:
            self._queue.put_back(job, is_done=self._write(job))
        return wait_s

    def _run(self) -> None:
        while True:
            wait_s = self.write_next()
            if self._is_stopping.is_set() and wait_s is None:
                return
            self._wake.wait(TICK_S if wait_s is None else min(wait_s, TICK_S))
            self._wake.clear()

    def _write(self, job: ClipJob) -> bool:
        """Whether the clip is dealt with: written, or given up."""
        job.attempts += 1
        try:
            self._write_files(job)
        except OSError as error:
            tried = {"clip_id": job.clip_id, "attempt": job.attempts, "errno": error.errno}
            log.warning("Clip not written", extra=tried)
            if job.attempts > len(PAUSES_S) or self._is_stopping.is_set():
                self._fail(job, _sentence(error))
                return True
            job.not_before_s = self._clock.monotonic_s() + PAUSES_S[job.attempts - 1]
            return False
        except ValueError:
            self._fail(job, NAMELESS)
        except Exception:
            log.exception("Clip not written", extra={"clip_id": job.clip_id})
            self._fail(job, BROKEN)
        return True

    def _write_files(self, job: ClipJob) -> None:
        evidence = job.evidence
        started_at = job.time.instant(job.interval.start_s)
        path = self._files.place(job.record.user_id, started_at, job.record.score)
        try:
            job.record = replace(
                job.record,
                status=ClipStatus.WRITING,
                file_name=self._files.name(path),
                screens=self._files.write_stills(path, evidence.screens, job.from_s),
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
        self._counters["clips_written"] += 1
        size = {"bytes": facts.size_bytes, "frames": facts.frames}
        log.info("Clip written", extra={"clip_id": job.clip_id, **size})
        self._tell(job)

    def _fail(self, job: ClipJob, error: str) -> None:
        job.record = replace(
            job.record,
            status=ClipStatus.FAILED,
            error=error,
            file_name="",
            screens=(),
            frames=0,
            has_sound=False,
        )
        self._counters["clips_failed"] += 1
        log.error("Clip failed", extra={"clip_id": job.clip_id, "reason": error})
        self._tell(job)

    def _tell(self, job: ClipJob) -> None:
        self._save_soon(job.record)
        self._live.clip_changed(job.record)

    def _save_soon(self, record: ClipRecord) -> None:
        key = (record.session_id, "clip", record.clip_id)
        self._outbox.put(key, lambda: self._repository.save_clip(record))


def _job_of(
    session: SessionRecord,
    time: SessionTime,
    interval: IntervalScore,
    pre_roll_s: float,
    post_roll_s: float,
) -> ClipJob:
    from_s = max(0.0, interval.start_s - pre_roll_s)
    to_s = interval.end_s + post_roll_s
    flagged_s = interval.end_s if interval.flagged_at_s is None else interval.flagged_at_s
    trigger_s = flagged_s if interval.trigger_at_s is None else interval.trigger_at_s
    record = ClipRecord(
        clip_id=_clip_id(session.session_id, interval.index),
        session_id=session.session_id,
        user_id=session.user_id,
        exam_id=session.exam_id,
        interval_index=interval.index,
        score=interval.score if interval.flag_score is None else interval.flag_score,
        rules=tuple(dict.fromkeys(point.rule.value for point in interval.points)),
        status=ClipStatus.WAITING,
        from_at=time.instant(from_s),
        to_at=time.instant(to_s),
        trigger_at=time.instant(trigger_s),
        flagged_at=time.instant(flagged_s),
    )
    return ClipJob(record, time, interval, from_s, to_s, trigger_s)


def _clip_id(session_id: str, interval_index: int) -> str:
    return f"{session_id}-{interval_index}"


def _sentence(error: OSError) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DISK_FULL
    return UNWRITABLE.format(reason=(error.strerror or "the file could not be stored").rstrip("."))
