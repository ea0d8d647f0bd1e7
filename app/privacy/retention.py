"""Deletes sessions whose time is over, unless a legal hold keeps them."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.audit.log import SYSTEM
from app.clock import Clock
from app.errors import CandorError, Conflict
from app.privacy.removal import EXAM, Removed, Remover
from app.records import SessionRecord
from app.store import Repository

log = logging.getLogger(__name__)

FIRST_AFTER_S = 60.0
EVERY_S = 3600.0
JOIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Swept:
    """What one sweep did: sessions that were due, of them held back by a hold, and put off;
    and how many rows of rosters went."""

    due: tuple[SessionRecord, ...]
    held: int
    failed: int
    removed: Removed
    rows: int = 0


class Retention:
    """Knows how long each exam's sessions are kept. `days` is the installation's own."""

    def __init__(self, repository: Repository, remover: Remover, clock: Clock, days: int) -> None:
        self._repository = repository
        self._remover = remover
        self._clock = clock
        self._days = days

    def days_of(self, exam_id: str) -> int:
        """0 for a practice exam, which keeps nothing."""
        exam = self._repository.exam(exam_id)
        if exam is not None and exam.plan.is_practice:
            return 0
        return self._repository.trail.retentions().get(exam_id, self._days)

    def due(self) -> tuple[SessionRecord, ...]:
        """The sessions whose time is over, held ones included, oldest first."""
        own, now = dict(self._repository.trail.retentions()), self._clock.now()
        exams = self._repository.exams()
        own |= {exam.exam_id: 0 for exam in exams if exam.plan.is_practice}

        def is_due(session: SessionRecord) -> bool:
            days = own.get(session.exam_id, self._days)
            return not session.is_running and _since(session) <= now - timedelta(days=days)

        return tuple(s for s in reversed(self._repository.sessions()) if is_due(s))

    def sweep(self, *, dry_run: bool = False, actor: str = SYSTEM) -> Swept:
        """Delete what is due; with `dry_run` only say what would be."""
        due, held = self.due(), self._remover.held()
        kept = [session for session in due if self._remover.is_held(session, held)]
        removed, failed = Removed(), 0
        for session in due:
            if dry_run or session in kept:
                continue
            try:
                removed = removed.plus(self._remover.remove_session(session, actor, "retention"))
                self._remover.forget_leftovers(session)
            except (Conflict, OSError) as error:
                failed += 1
                log.warning(
                    "A session whose time is over could not be deleted",
                    extra={"session_id": session.session_id, "reason": type(error).__name__},
                )
        rows = sum(
            self._sweep_roster(exam_id, held, actor, dry_run=dry_run)
            for exam_id in self._repository.people.rosters()
        )
        if removed.sessions or (rows and not dry_run):
            self._repository.erasure.compact()
        return Swept(due, len(kept), failed, removed, rows)

    def _sweep_roster(
        self, exam_id: str, held: Collection[tuple[str, str]], actor: str, *, dry_run: bool
    ) -> int:
        """Delete the rows of students who never sat, when the exam has been over so long.

        An exam is over with its last session, and not before it closes, opens, or its roster was
        last brought in.
        """
        if (EXAM, exam_id) in held:
            return 0
        people, now = self._repository.people, self._clock.now()
        rows = people.roster(exam_id)
        oldest = now - timedelta(days=self.days_of(exam_id))
        is_old = all(row.listed_at is not None and row.listed_at <= oldest for row in rows)
        exam = self._repository.exam(exam_id)
        planned = (exam.plan.opens_at, exam.plan.closes_at) if exam else ()
        is_old = is_old and all(at is None or at <= oldest for at in planned)
        sessions = self._repository.sessions(exam_id=exam_id)
        if not is_old or any(s.is_active or _since(s) > oldest for s in sessions):
            return 0
        sat = {session.user_id for session in sessions}
        gone = [row.student_id for row in rows if row.student_id not in sat]
        if gone and not dry_run:
            self._remover.remove_rows(exam_id, gone, actor)
        return len(gone)


class Sweeper:
    """Sweeps every hour on a thread of its own."""

    def __init__(self, retention: Retention) -> None:
        self._retention = retention
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="retention", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ends after the session that is being deleted."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(JOIN_S)

    def _run(self) -> None:
        wait_s = FIRST_AFTER_S
        while not self._stopping.wait(wait_s):
            wait_s = EVERY_S
            try:
                swept = self._retention.sweep()
            except (CandorError, OSError) as error:
                log.error("Retention failed", extra={"reason": str(error)})
                continue
            if swept.due or swept.rows:
                log.info(
                    "Retention swept",
                    extra={
                        "deleted": swept.removed.sessions,
                        "held": swept.held,
                        "failed": swept.failed,
                        "rows": swept.rows,
                    },
                )


def _since(session: SessionRecord) -> datetime:
    return session.ended_at or session.created_at
