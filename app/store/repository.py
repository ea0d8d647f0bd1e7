"""Records in, records out. Thread-safe; every call ends within the engine's time limit.

Raises Unavailable when the database does not answer and Conflict for a duplicate.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from app.errors import Conflict, Unavailable
from app.records import (
    ApiKeyRecord,
    ClipRecord,
    ClipStatus,
    ExamRecord,
    IntervalRecord,
    ManifestRecord,
    MediaKeyRecord,
    ReviewState,
    SessionRecord,
    SessionState,
    StaffRecord,
    TraceRecord,
    ViolationRecord,
)
from app.store.actions import StoredActions
from app.store.documents import (
    active_key,
    exam_key,
    from_document,
    key_of,
    session_changes,
    staff_key,
    to_document,
    violation_key,
)
from app.store.engines import Documents, Engine
from app.store.erasure import Erasure
from app.store.members import StoredMembers
from app.store.papers import Papers
from app.store.people import People
from app.store.recording import Notes
from app.store.reviewing import Reviewing
from app.store.trail import Trail

Answer = TypeVar("Answer")

EVERY = 100_000
# The pictures of a clip lie in folders beside it.
_PICTURES = re.compile(r"(.+)_(?:screens|snapshots)/[^/]+")
NEWEST_FIRST = -1
OLDEST_FIRST = 1


@dataclass(frozen=True, slots=True)
class Stats:
    """Counts over everything stored."""

    total_sessions: int
    active_sessions: int
    flagged_intervals: int
    high_risk: int


class Repository:
    """Sessions, violations, intervals, clips, staff and API keys in one database."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.notes = Notes(engine, self._call)
        self._sessions = self.notes.collection("sessions")
        self._violations = self.notes.collection("violations")
        self._intervals = self.notes.collection("intervals")
        self._clips = self.notes.collection("clips")
        self._staff = engine.collection("staff")
        self._keys = engine.collection("api_keys")
        self._manifests = self.notes.collection("manifests")
        self._media_keys = engine.collection("media_keys")
        self._traces = self.notes.collection("traces")
        self._exams = engine.collection("exams")
        self._reviewing = threading.Lock()
        with self._answering():
            fields = ("state", "user_id", "exam_id", "created_at", "seal")
            engine.index("sessions", fields, unique=("active_key",))
            engine.index("violations", ("session_id",))
            engine.index("intervals", ("session_id", "is_flagged"))
            engine.index("clips", ("session_id", "status", "file_name", "flagged_at"))
            engine.index("api_keys", (), unique=("key_sha256",))
            engine.index("manifests", ("session_id",))
            engine.index("traces", ("session_id",))
        call = self._call
        self.people, self.papers = People(engine, call), Papers(engine, call)
        self.actions, self.trail = StoredActions(engine, call), Trail(engine, call)
        self.members, self.reviewing = StoredMembers(engine, call), Reviewing(engine, call)
        self.erasure = Erasure(engine, call)

    @property
    def engine_name(self) -> str:
        """`neosqlite` or `mongodb`."""
        return self._engine.name

    @property
    def place(self) -> str:
        """The file or server, without credentials."""
        return self._engine.place

    def is_answering(self) -> bool:
        """Whether the database answers now."""
        try:
            self._call(lambda: self._staff.find_one({"_id": "none"}))
        except Unavailable:
            return False
        return True

    def close(self) -> None:
        self._engine.close()

    # Sessions

    def add_session(self, record: SessionRecord) -> None:
        """Raises Conflict when the student already has an active session of that exam."""
        self._call(lambda: self._sessions.insert_one(to_document(record)))

    def save_session(self, record: SessionRecord) -> None:
        """Write the whole record. Use `update_session` where others write the same session."""
        self._put(self._sessions, record)

    def update_session(self, session_id: str, **fields: object) -> bool:
        """Set the named fields; False when there is no such session."""
        return self._update({"_id": session_id}, session_id, fields)

    def move_session(
        self, session_id: str, expected: Collection[SessionState], **fields: object
    ) -> bool:
        """Set fields only while the session is in an expected state; whether it was.

        Of several callers that race for the same move, one gets True.
        """
        states = [state.value for state in expected]
        return self._update({"_id": session_id, "state": {"$in": states}}, session_id, fields)

    def _update(self, where: dict[str, Any], session_id: str, fields: dict[str, object]) -> bool:
        changes = session_changes(session_id, fields)
        result = self._call(lambda: self._sessions.update_one(where, {"$set": changes}))
        return bool(result.matched_count)

    def session(self, session_id: str) -> SessionRecord | None:
        found = self._call(lambda: self._sessions.find_one({"_id": session_id}))
        return from_document(SessionRecord, found) if found else None

    def active_session(self, user_id: str, exam_id: str) -> SessionRecord | None:
        """The one session of that student and exam that has not ended."""
        key = active_key(user_id, exam_id)
        found = self._call(lambda: self._sessions.find_one({"active_key": key}))
        return from_document(SessionRecord, found) if found else None

    def sessions(
        self,
        state: SessionState | None = None,
        *,
        states: Collection[SessionState] = (),
        user_id: str | None = None,
        exam_id: str | None = None,
        limit: int = EVERY,
    ) -> tuple[SessionRecord, ...]:
        """Newest first. Without a state, all of them."""
        where: dict[str, Any] = {}
        wanted = [item.value for item in (states or ([state] if state else []))]
        if wanted:
            where["state"] = {"$in": wanted}
        if user_id is not None:
            where["user_id"] = user_id
        if exam_id is not None:
            where["exam_id"] = exam_id
        found = self._find(self._sessions, where, "created_at", NEWEST_FIRST, limit)
        return tuple(from_document(SessionRecord, item) for item in found)

    def unsealed_sessions(self) -> tuple[SessionRecord, ...]:
        """The sessions that ended and whose evidence is not sealed yet."""
        where = {"seal": "", "state": SessionState.ENDED.value}
        found = self._find(self._sessions, where, "created_at", OLDEST_FIRST)
        return tuple(from_document(SessionRecord, item) for item in found)

    def stats(self) -> Stats:
        """`high_risk` counts active sessions with at least one flagged interval."""
        active = {"$in": [SessionState.CREATED.value, SessionState.RUNNING.value]}
        return self._call(
            lambda: Stats(
                total_sessions=self._sessions.estimated_document_count(),
                active_sessions=self._sessions.count_documents({"state": active}),
                flagged_intervals=self._intervals.count_documents({"is_flagged": True}),
                high_risk=self._sessions.count_documents(
                    {"state": active, "flagged_intervals": {"$gte": 1}}
                ),
            )
        )

    # What scoring found

    def save_violation(self, record: ViolationRecord) -> None:
        self._put(self._violations, record)

    def violations(self, session_id: str) -> tuple[ViolationRecord, ...]:
        """In order of their start."""
        found = self._find(self._violations, {"session_id": session_id}, "start_s", OLDEST_FIRST)
        return tuple(from_document(ViolationRecord, item) for item in found)

    def delete_violation(self, session_id: str, violation_id: str) -> bool:
        """Forget a violation that later evidence took back; whether it was there."""
        where = {"_id": violation_key(session_id, violation_id)}
        result = self._call(lambda: self._violations.delete_one(where))
        return bool(result.deleted_count)

    def save_interval(self, record: IntervalRecord) -> None:
        self._put(self._intervals, record)

    def delete_interval(self, session_id: str, index: int) -> bool:
        """Forget an interval that the session's end left no time for; whether it was there."""
        where = {"_id": f"{session_id}:{index}"}
        result = self._call(lambda: self._intervals.delete_one(where))
        return bool(result.deleted_count)

    def intervals(self, session_id: str) -> tuple[IntervalRecord, ...]:
        found = self._find(self._intervals, {"session_id": session_id}, "index", OLDEST_FIRST)
        return tuple(from_document(IntervalRecord, item) for item in found)

    def save_trace(self, record: TraceRecord) -> None:
        self._put(self._traces, record)

    def trace(self, session_id: str) -> tuple[TraceRecord, ...]:
        """What a session observed, block by block in time order."""
        found = self._find(self._traces, {"session_id": session_id}, "index", OLDEST_FIRST)
        return tuple(from_document(TraceRecord, item) for item in found)

    # Exams

    def save_exam(self, record: ExamRecord) -> None:
        self._put(self._exams, record)

    def exam(self, exam_id: str) -> ExamRecord | None:
        found = self._call(lambda: self._exams.find_one({"_id": exam_key(exam_id)}))
        return from_document(ExamRecord, found) if found else None

    def exams(self) -> tuple[ExamRecord, ...]:
        """Every exam that is set up, the newest change first."""
        found = self._find(self._exams, {}, "updated_at", NEWEST_FIRST)
        return tuple(from_document(ExamRecord, item) for item in found)

    # Clips

    def save_clip(self, record: ClipRecord) -> None:
        """Insert or replace. What a person decided about a stored clip stays."""
        with self._reviewing:
            stored = self.clip(record.clip_id)
            self._put(self._clips, replace(record, review=stored.review) if stored else record)

    def delete_clip(self, clip_id: str) -> bool:
        """Forget a clip whose flag later evidence took back; whether it was there."""
        result = self._call(lambda: self._clips.delete_one({"_id": clip_id}))
        return bool(result.deleted_count)

    def review_clip(self, clip_id: str, review: ReviewState) -> bool:
        """Keep what a person decided; False when there is no such clip."""
        change = {"$set": {"review": review.value}}
        with self._reviewing:
            result = self._call(lambda: self._clips.update_one({"_id": clip_id}, change))
        return bool(result.matched_count)

    def amend_clip(self, clip_id: str, score: float) -> None:
        """Keep what the flag of a written clip came to afterwards."""
        with self._reviewing:
            stored = self.clip(clip_id)
            if stored is not None and stored.status is ClipStatus.READY:
                amended = None if score == stored.score else score
                self._put(self._clips, replace(stored, amended_score=amended))

    def clip(self, clip_id: str) -> ClipRecord | None:
        found = self._call(lambda: self._clips.find_one({"_id": clip_id}))
        return from_document(ClipRecord, found) if found else None

    def clip_of_file(self, path: str) -> ClipRecord | None:
        """The clip whose video, or one of whose pictures, is this path within the clips folder."""
        picture = _PICTURES.fullmatch(path)
        file_name = f"{picture[1]}.mp4" if picture else path
        found = self._call(lambda: self._clips.find_one({"file_name": file_name}))
        record = from_document(ClipRecord, found) if found else None
        if record is None or picture is None:
            return record
        pictures = {*record.screens, *(snapshot.file_name for snapshot in record.snapshots)}
        return record if path in pictures else None

    def clips(
        self,
        session_id: str | None = None,
        *,
        statuses: Collection[ClipStatus] = (),
        limit: int = EVERY,
    ) -> tuple[ClipRecord, ...]:
        """Newest flag first."""
        where: dict[str, Any] = {}
        if session_id is not None:
            where["session_id"] = session_id
        if statuses:
            where["status"] = {"$in": [status.value for status in statuses]}
        found = self._find(self._clips, where, "flagged_at", NEWEST_FIRST, limit)
        return tuple(from_document(ClipRecord, item) for item in found)

    # Proof and keys of media

    def save_manifest(self, record: ManifestRecord) -> None:
        self._put(self._manifests, record)

    def manifests(self, session_id: str) -> tuple[ManifestRecord, ...]:
        """The session's chain in its order."""
        found = self._find(self._manifests, {"session_id": session_id}, "number", OLDEST_FIRST)
        return tuple(from_document(ManifestRecord, item) for item in found)

    def add_media_key(self, record: MediaKeyRecord) -> bool:
        """Keep a session's first key; False when it has one already."""
        try:
            self._call(lambda: self._media_keys.insert_one(to_document(record)))
        except Conflict:
            return False
        return True

    def media_key(self, session_id: str) -> MediaKeyRecord | None:
        found = self._call(lambda: self._media_keys.find_one({"_id": session_id}))
        return from_document(MediaKeyRecord, found) if found else None

    def delete_media_key(self, session_id: str) -> bool:
        """Make the session's encrypted media unreadable; whether there was a key."""
        result = self._call(lambda: self._media_keys.delete_one({"_id": session_id}))
        return bool(result.deleted_count)

    # Accounts

    def save_staff(self, record: StaffRecord) -> None:
        self._put(self._staff, record)

    def staff(self, username: str) -> StaffRecord | None:
        found = self._call(lambda: self._staff.find_one({"_id": staff_key(username)}))
        return from_document(StaffRecord, found) if found else None

    def save_api_key(self, record: ApiKeyRecord) -> None:
        self._put(self._keys, record)

    def api_key(self, key_sha256: str) -> ApiKeyRecord | None:
        found = self._call(lambda: self._keys.find_one({"key_sha256": key_sha256}))
        return from_document(ApiKeyRecord, found) if found else None

    def api_keys(self) -> tuple[ApiKeyRecord, ...]:
        found = self._find(self._keys, {}, "created_at", OLDEST_FIRST)
        return tuple(from_document(ApiKeyRecord, item) for item in found)

    # How calls are made

    def _put(self, documents: Documents, record: object) -> None:
        document = to_document(record)
        where = {"_id": key_of(record)}

        def put() -> object:
            return documents.replace_one(where, dict(document), upsert=True)

        try:
            self._call(put)
        except Conflict:
            # Two upserts of a new id may both insert; the second then finds the first's.
            self._call(put)

    def _find(
        self,
        documents: Documents,
        where: dict[str, Any],
        order: str,
        direction: int,
        limit: int = EVERY,
    ) -> list[dict[str, Any]]:
        return self._call(lambda: list(documents.find(where).sort(order, direction).limit(limit)))

    def _call(self, work: Callable[[], Answer]) -> Answer:
        with self._answering():
            return work()

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            with self._engine.lock:
                yield
        except self._engine.failures as error:
            if self._engine.is_duplicate(error):
                raise Conflict("It exists already.") from error
            raise Unavailable(
                f"The database ({self._engine.place}) does not answer: try again in a moment."
            ) from error
