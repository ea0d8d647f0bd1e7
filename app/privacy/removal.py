"""Removes one session or one student: media, keys and documents, and says so in the audit.

Interrupted at any point, it can be done again: the session's own document goes last. The
certificate in the audit holds a pseudonym, whose key goes when nothing of the student is left.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from app.audit.log import AuditLog
from app.audit.pseudonyms import STUDENT
from app.checkin.records import stem_of
from app.clock import Clock
from app.errors import Conflict, NotFound
from app.evidence.clip_files import CLIP_SUFFIX
from app.evidence.media import Media
from app.ids import check_chosen_id
from app.records import ClipStatus, EndCause, SessionRecord, SessionState
from app.store import Repository

log = logging.getLogger(__name__)

SEALING = timedelta(seconds=60)
UNSETTLED = frozenset({ClipStatus.WAITING, ClipStatus.WRITING})
EXAM, SESSION = "exam", "session"


@dataclass(frozen=True, slots=True)
class Removed:
    """How much went."""

    sessions: int = 0
    files: int = 0
    documents: int = 0
    keys: int = 0

    def plus(self, other: Removed) -> Removed:
        return Removed(
            self.sessions + other.sessions,
            self.files + other.files,
            self.documents + other.documents,
            self.keys + other.keys,
        )


class Remover:
    """Deletes for good. Refuses what still runs and what a legal hold keeps."""

    def __init__(self, repository: Repository, media: Media, audit: AuditLog, clock: Clock) -> None:
        self._repository = repository
        self._media = media
        self._audit = audit
        self._clock = clock

    def held(self) -> frozenset[tuple[str, str]]:
        """(kind, id) of every hold."""
        return frozenset((hold.kind, hold.subject_id) for hold in self._repository.trail.holds())

    def is_held(self, session: SessionRecord, held: Collection[tuple[str, str]]) -> bool:
        return (SESSION, session.session_id) in held or (EXAM, session.exam_id) in held

    def remove_session(self, session: SessionRecord, actor: str, reason: str) -> Removed:
        """Delete one ended session. Raises Conflict when it is not settled, OSError when the
        media cannot be deleted."""
        self._require_settled(session)
        erasure = self._repository.erasure
        student = self._audit.people.of(STUDENT, session.user_id)
        files = self._remove_media(session)
        has_key = self._media.keys.forget_key(session.session_id)
        documents = sum(erasure.forget_session(session.session_id).values())
        removed = Removed(1, files, documents + 1, int(has_key))
        self._audit.write(
            actor,
            "session_deleted",
            student,
            {
                "session": session.session_id,
                "exam": session.exam_id,
                "reason": reason,
                "files": files,
                "documents": removed.documents,
                "keys": removed.keys,
            },
        )
        erasure.forget_record(session.session_id)
        log.info("Session deleted", extra={"session_id": session.session_id, "reason": reason})
        return removed

    def forget_leftovers(self, session: SessionRecord) -> None:
        """After a session went by its age: what its exam still knew of the student goes too,
        and the key of the pseudonym once nothing of the student is left."""
        user_id, exam_id = session.user_id, session.exam_id
        if not self._repository.sessions(user_id=user_id, exam_id=exam_id, limit=1):
            self._repository.people.delete_rows(exam_id, [user_id])
            self._repository.erasure.forget_grants(user_id, exam_id)
        self._forget_pseudonym(user_id)

    def remove_rows(self, exam_id: str, user_ids: Collection[str], actor: str) -> None:
        """Delete the rows of students who never sat, what the exam grants them, and the keys of
        their pseudonyms once nothing of them is left."""
        self._repository.people.delete_rows(exam_id, user_ids)
        self._audit.write(actor, "roster_rows_deleted", f"exam:{exam_id}", {"rows": len(user_ids)})
        for user_id in user_ids:
            self._repository.erasure.forget_grants(user_id, exam_id)
            self._forget_pseudonym(user_id)

    def _forget_pseudonym(self, user_id: str) -> None:
        if not self._repository.erasure.of_student(user_id) and not self._grants(user_id):
            self._audit.people.forget(STUDENT, user_id)

    def erase(self, user_id: object, actor: str) -> Removed:
        """Delete everything about one student.

        Raises NotFound, or Conflict while a session runs or a legal hold stands; then nothing
        was deleted.
        """
        user = check_chosen_id(user_id, "The student's id")
        repository = self._repository
        sessions = repository.sessions(user_id=user)
        held = self.held()
        if any(self.is_held(session, held) for session in sessions):
            raise Conflict("A legal hold keeps data of this student. Release it first.")
        for session in sessions:
            if session.is_running:
                raise Conflict("A session of this student is running. End it first.")
        sessions = tuple(self._closed(session) for session in sessions)
        for session in sessions:
            self._require_settled(session)
        if not sessions and not self._is_known(user):
            raise NotFound("Nothing is known about such a student.")
        removed = Removed()
        for session in sessions:
            removed = removed.plus(self.remove_session(session, actor, "erasure"))
        for name in self._media.storage.names(f"{user}/"):
            self._media.storage.delete(name)
            removed = removed.plus(Removed(files=1))
        counts = repository.erasure.forget_student(user)
        removed = removed.plus(Removed(documents=sum(counts.values())))
        self._audit.write(
            actor,
            "student_erased",
            self._audit.people.of(STUDENT, user),
            {"sessions": removed.sessions, "files": removed.files, "documents": removed.documents},
        )
        self._audit.people.forget(STUDENT, user)
        repository.erasure.compact()
        return removed

    def _closed(self, session: SessionRecord) -> SessionRecord:
        """A session nobody joined is closed, so that nobody joins it while it is deleted."""
        if session.state is SessionState.CREATED and not self._repository.move_session(
            session.session_id,
            (SessionState.CREATED,),
            state=SessionState.ENDED,
            end_cause=EndCause.PROCTOR,
            ended_at=self._clock.now(),
        ):
            raise Conflict("A session of this student has just begun. End it first.")
        return session

    def _require_settled(self, session: SessionRecord) -> None:
        if session.is_running:
            raise Conflict("This session is running. End it first.")
        clips = self._repository.clips(session.session_id, statuses=UNSETTLED)
        ended_at = session.ended_at
        is_fresh = ended_at is not None and self._clock.now() - ended_at < SEALING
        if clips or (session.started_at is not None and not session.seal and is_fresh):
            raise Conflict("The evidence of a session is still being written. Try again soon.")

    def _remove_media(self, session: SessionRecord) -> int:
        storage = self._media.storage
        shown = storage.names(stem_of(session.user_id, session.session_id))
        for name in shown:
            storage.delete(name)
        count = len(shown)
        for clip in self._repository.clips(session.session_id):
            if not clip.file_name:
                continue
            stem = clip.file_name.removesuffix(CLIP_SUFFIX)
            ours = (f"{stem}.", f"{stem}_screens/", f"{stem}_snapshots/")
            for name in [n for n in storage.names(stem) if n.startswith(ours)]:
                storage.delete(name)
                count += 1
        return count

    def _grants(self, user_id: str) -> bool:
        return bool(self._repository.erasure.exams_granting(user_id))

    def _is_known(self, user_id: str) -> bool:
        return bool(
            self._repository.erasure.of_student(user_id)
            or self._grants(user_id)
            or self._audit.people.known(STUDENT, user_id)
            or self._media.storage.names(f"{user_id}/")
        )
