"""Turns flags into clips: the one thread for slow effects on disk.

`flag`, `learn`, `withdraw`, `end_session`, `seal` and `cut_due` may be called by any thread and
touch memory only; the recorder's own thread is the only one that touches files.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from app.clock import Clock, SessionTime
from app.errors import CandorError
from app.evidence.chain import Chains
from app.evidence.clip_files import SNAPSHOTS, Bundle, ClipFiles
from app.evidence.clip_queue import ClipJob, ClipQueue, clip_id_of, job_of, nearest
from app.evidence.clip_recovery import LOST, settle
from app.evidence.clip_trouble import CROWDED, NAMELESS, sentence_of
from app.evidence.clip_writer import ClipFacts, encode_clip
from app.evidence.contents import clip_content
from app.evidence.decoding import decode_apart
from app.evidence.manifest import Signer
from app.evidence.media import Media
from app.evidence.ring import EvidenceRing
from app.load.priority import giving_way
from app.monitoring.outbox import Outbox, WaitsOnDisk
from app.records import ClipRecord, ClipStatus, EndCause, ManifestRecord, SessionRecord, Snapshot
from app.settings import Settings
from app.store import Repository
from scoring.model import IntervalScore, RiskEvent

log = logging.getLogger(__name__)

# A clip that cannot be written is tried again after each of these pauses.
PAUSES_S = (2.0, 8.0)
STOP_S = 20.0
SEAL_S = 2.0
SEAL_AGAIN_S = 1.0
# A clip that is being written is stored before it is amended.
SETTLED_S = 5.0
# A picture further from the moment at which the risk rose does not show it.
SNAPSHOT_S = 1.5
TICK_S = 0.25
UNWRITTEN = frozenset({ClipStatus.WAITING, ClipStatus.WRITING})

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
        media: Media,
        signer: Signer,
        is_stored: Callable[[str], bool] = bool,
        encode: Callable[..., tuple[bytes, ClipFacts]] = encode_clip,
        waits: WaitsOnDisk | None = None,
    ) -> None:
        """`evidence` finds a session's ring; `release` is told when it is no longer needed;
        `is_stored` tells whether a session's ledger is in the store."""
        self._settings = settings
        self._clock = clock
        self._repository = repository
        self._live = live
        self._release = release
        self._is_stored = is_stored
        self._encode = encode
        self.is_mine: Callable[[str], bool] | None = None
        self._files = ClipFiles(media)
        self._chains = Chains(repository, media, signer, clock)
        self._to_seal: dict[str, float] = {}
        self._sealing = threading.Lock()
        self._outbox = Outbox("recorder-store", clock, waits=waits)
        self._queue = ClipQueue(evidence)
        self._counters: Counter[str] = Counter(clips_written=0, clips_failed=0)
        self._wake = threading.Event()
        self._is_stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Settle what a process that died has left, then begin to write."""
        self.settle(self.is_mine)
        for session in self._repository.unsealed_sessions():
            if self.is_mine is None or self.is_mine(session.session_id):
                self.seal(session.session_id)
        self._outbox.start()
        self._thread = threading.Thread(target=giving_way(self._run), name="recorder", daemon=True)
        self._thread.start()

    def settle(self, is_mine: Callable[[str], bool] | None) -> None:
        """Deal with what a process that died has left of all sessions, or of those."""
        try:
            settle(self._repository, self._files, is_mine)
        except OSError:
            # Clips can be neither written nor played now, but monitoring can go on.
            log.exception("The storage of clips does not answer")

    def let_go(self, session_id: str, timeout_s: float) -> bool:
        """Another server runs the session: what waits is its; whether what is cut was written."""
        self._queue.let_go(session_id)
        self._release(session_id)
        self._wake.set()
        is_idle = self._queue.wait_idle(session_id, timeout_s)
        return is_idle and self._outbox.flush(session_id, timeout_s)

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
        self._keep(job_of(session, time, interval, pre_roll_s, post_roll_s))

    def _keep(self, job: ClipJob) -> None:
        if not self._queue.is_new(job):
            return
        if self._queue.add(job):
            self._tell(job)
        else:
            self._fail(job, CROWDED)

    def resume(
        self,
        session: SessionRecord,
        time: SessionTime,
        flagged: Sequence[IntervalScore],
        pre_roll_s: float,
        post_roll_s: float,
    ) -> None:
        """A session goes on after a restart: its unwritten clips wait again, for the browser
        sends again what they need. Raises Unavailable when the store does not answer."""
        stored = {clip.clip_id: clip for clip in self._repository.clips(session.session_id)}
        for interval in flagged:
            job = job_of(session, time, interval, pre_roll_s, post_roll_s)
            known = stored.pop(job.clip_id, None)
            if known is not None and known.status not in UNWRITTEN:
                self._queue.is_new(job)
                continue
            job.is_resumed = True
            self._keep(job)
        for clip in stored.values():
            if clip.status in UNWRITTEN:
                self._outbox.put(
                    (clip.session_id, "clip", clip.clip_id),
                    lambda clip_id=clip.clip_id: self._repository.delete_clip(clip_id),  # type: ignore[misc]
                )

    def needed_from_s(self, session_id: str) -> float:
        """From which second on a clip that is not taken out of memory needs the session's
        evidence; infinite without one."""
        return self._queue.needed_from_s(session_id)

    def learn(self, session_id: str, interval: IntervalScore, risen: tuple[RiskEvent, ...]) -> None:
        """A flagged interval changed, or the risk rose in it.

        A clip that is not written yet follows; one that is keeps its name and its manifest, and
        its record says what the flag came to.
        """
        clip_id = clip_id_of(session_id, interval.index)
        score = interval.flag_score
        if not self._queue.learn(clip_id, interval, risen) and score is not None:
            key = (session_id, "amend", clip_id)
            self._outbox.put(key, lambda: self._repository.amend_clip(clip_id, score), SETTLED_S)

    def seal(self, session_id: str, _cause: EndCause | None = None) -> None:
        """The session ended and its ledger is stored: seal it once its clips are dealt with."""
        with self._sealing:
            self._to_seal.setdefault(session_id, 0.0)
        self._wake.set()

    def withdraw(self, session_id: str, interval_index: int) -> None:
        """What came late took a flag back: a clip that is not written yet is dropped."""
        clip_id = clip_id_of(session_id, interval_index)
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
            self._fail(job, CROWDED if job.evidence.is_some else LOST)
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
        self._seal_due()
        return wait_s

    def _seal_due(self) -> None:
        now_s = self._clock.monotonic_s()
        with self._sealing:
            due = [each for each, due_s in self._to_seal.items() if due_s <= now_s]
        for session_id in due:
            is_free = self._queue.is_idle(session_id) and not self._outbox.waiting(session_id)
            is_free = is_free and self._is_stored(session_id)
            is_done = is_free and self._chains.try_to_seal(session_id)
            with self._sealing:
                if is_done:
                    del self._to_seal[session_id]
                else:
                    self._to_seal[session_id] = now_s + SEAL_AGAIN_S

    def _run(self) -> None:
        while True:
            wait_s = self.write_next()
            if self._is_stopping.is_set() and wait_s is None:
                self._seal_last()
                return
            self._wake.wait(TICK_S if wait_s is None else min(wait_s, TICK_S))
            self._wake.clear()

    def _seal_last(self) -> None:
        """At the stop: what cannot be sealed now is sealed by the next start."""
        with self._sealing:
            ended = list(self._to_seal)
        for session_id in ended:
            if self._outbox.flush(session_id, SEAL_S) and self._is_stored(session_id):
                self._chains.try_to_seal(session_id)

    def _write(self, job: ClipJob) -> bool:
        """Whether the clip is dealt with: written, or given up."""
        job.attempts += 1
        try:
            self._write_files(job)
        except (OSError, CandorError) as error:
            code = error.errno if isinstance(error, OSError) else error.code
            tried = {"clip_id": job.clip_id, "attempt": job.attempts, "code": code}
            log.warning("Clip not written", extra=tried)
            if job.attempts <= len(PAUSES_S) and not self._is_stopping.is_set():
                job.not_before_s = self._clock.monotonic_s() + PAUSES_S[job.attempts - 1]
                return False
            self._fail(job, sentence_of(error))
        except ValueError:
            self._fail(job, NAMELESS)
        except Exception:
            log.exception("Clip not written", extra={"clip_id": job.clip_id})
            self._fail(job, BROKEN)
        return True

    def _write_files(self, job: ClipJob) -> None:
        evidence, record = job.evidence, job.record
        started_at = job.time.instant(job.interval.start_s)
        end = self._chains.end(record.session_id)
        stem = self._files.stem(record.user_id, started_at, record.score)
        bundle = Bundle(record.session_id, stem)
        job.record = replace(
            record,
            status=ClipStatus.WRITING,
            file_name=bundle.clip_name,
            frames=len(evidence.frames),
            has_sound=bool(evidence.sounds),
        )
        self._save_soon(job.record)
        heard = replace(evidence, sounds=decode_apart(evidence.sounds))
        data, facts = self._encode(heard, job.from_s, job.to_s, self._settings.video_fps)
        self._files.add(bundle, "clip", bundle.clip_name, data)
        written = replace(
            job.record,
            status=ClipStatus.READY,
            screens=self._files.add_stills(bundle, evidence.screens, job.from_s),
            snapshots=self._add_snapshots(bundle, job),
            duration_s=facts.duration_s,
            size_bytes=facts.size_bytes,
            frames=facts.frames,
            has_sound=facts.has_sound,
        )
        content = clip_content(
            written,
            job.interval,
            evidence,
            job.time,
            job.session.policy,
            bundle.parts,
            end.number,
            end.previous,
        )
        manifest = self._chains.signer.sign(content)
        self._files.write(bundle, manifest.body)
        job.record = written
        self._counters["clips_written"] += 1
        size = {"bytes": facts.size_bytes, "frames": facts.frames}
        log.info("Clip written", extra={"clip_id": job.clip_id, **size})
        self._tell(job, self._chains.linked(manifest))

    def _add_snapshots(self, bundle: Bundle, job: ClipJob) -> tuple[Snapshot, ...]:
        """The picture of each moment at which a violation raised the risk in the interval."""
        found: dict[str, Snapshot] = {}
        for event in job.risen:
            frame = nearest(job.evidence.frames, event.at_s)
            if frame is None or abs(frame.at_s - event.at_s) > SNAPSHOT_S:
                continue
            name = f"{bundle.stem}{SNAPSHOTS}/{event.violation_id}.jpg"
            if event.violation_id not in found:
                self._files.add(bundle, "snapshot", name, frame.jpeg)
                found[event.violation_id] = Snapshot(
                    event.violation_id,
                    event.rule.value,
                    job.time.instant(frame.at_s),
                    event.delta,
                    event.total,
                    name,
                )
        return tuple(found.values())

    def _fail(self, job: ClipJob, error: str) -> None:
        job.record = replace(
            job.record,
            status=ClipStatus.FAILED,
            error=error,
            file_name="",
            screens=(),
            snapshots=(),
            frames=0,
            has_sound=False,
        )
        self._counters["clips_failed"] += 1
        log.error("Clip failed", extra={"clip_id": job.clip_id, "reason": error})
        self._tell(job)

    def _tell(self, job: ClipJob, manifest: ManifestRecord | None = None) -> None:
        self._save_soon(job.record, manifest)
        self._live.clip_changed(job.record)

    def _save_soon(self, record: ClipRecord, manifest: ManifestRecord | None = None) -> None:
        def save() -> None:
            if manifest is not None:
                self._repository.save_manifest(manifest)
            self._repository.save_clip(record)

        self._outbox.put((record.session_id, "clip", record.clip_id), save)
