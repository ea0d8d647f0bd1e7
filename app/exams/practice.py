"""Practice exams keep nothing: what a practice session left goes some minutes after its end.

What a restart of the server leaves over is removed by the hourly sweep, for which a practice exam
is kept 0 days. Works on the thread of the exams' clock.
"""

from __future__ import annotations

import logging
import threading

from app.audit.log import SYSTEM
from app.clock import Clock
from app.errors import CandorError, Conflict
from app.privacy.removal import Remover
from app.records import EndCause
from app.store import Repository

log = logging.getLogger(__name__)

# Long enough to look at the result.
KEPT_S = 900.0
AGAIN_S = 60.0
MOST = 10_000


class Practice:
    """The practice sessions that have ended. Thread-safe."""

    def __init__(self, clock: Clock, repository: Repository, remover: Remover) -> None:
        self._clock = clock
        self._repository = repository
        self._remover = remover
        self._lock = threading.Lock()
        self._due_s: dict[str, float] = {}

    def ended(self, session_id: str, _cause: EndCause) -> None:
        """A session is over; a practice one is remembered."""
        session = self._repository.session(session_id)
        exam = self._repository.exam(session.exam_id) if session else None
        if exam is None or not exam.plan.is_practice:
            return
        with self._lock:
            if len(self._due_s) < MOST:
                self._due_s[session_id] = self._clock.monotonic_s() + KEPT_S

    def tick(self) -> None:
        """Remove what is due; what is not settled yet, or held, is tried again."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            due = [session_id for session_id, at_s in self._due_s.items() if at_s <= now_s]
        for session_id in due:
            is_gone = self._remove(session_id)
            with self._lock:
                if is_gone:
                    self._due_s.pop(session_id, None)
                else:
                    self._due_s[session_id] = now_s + AGAIN_S

    def _remove(self, session_id: str) -> bool:
        session = self._repository.session(session_id)
        if session is None:
            return True
        try:
            if self._remover.is_held(session, self._remover.held()):
                return False
            self._remover.remove_session(session, SYSTEM, "practice")
        except Conflict:
            return False
        except (CandorError, OSError) as error:
            reason = {"session_id": session_id, "reason": type(error).__name__}
            log.warning("A practice session could not be removed", extra=reason)
            return False
        return True
