"""Finds and removes every document about a session or a student, whatever collection it is in.

It asks the database for its collections, so that one that is added later is not forgotten.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from app.store.engines import Documents, Engine
from app.store.trail import AUDIT, HEAD

Call = Callable[[Callable[[], Any]], Any]

MOST = 1_000_000
# Under these names a document says which session or student it is about.
OF_SESSION = ("session_id",)
OF_STUDENT = ("user_id", "student_id")
KEPT = frozenset({AUDIT, HEAD})
SESSIONS, EXAMS = "sessions", "exams"
OF_STAFF = frozenset({"staff", "logins", "api_keys", "pseudonyms", "holds"})


class Erasure:
    """Part of the repository. Thread-safe."""

    def __init__(self, engine: Engine, call: Call) -> None:
        self._engine = engine
        self._call = call

    def of_session(self, session_id: str) -> dict[str, list[dict[str, Any]]]:
        """Every document about the session, by collection."""
        return self._about(OF_SESSION, session_id)

    def of_student(self, user_id: str) -> dict[str, list[dict[str, Any]]]:
        """Every document that names the student itself, by collection."""
        return self._about(OF_STUDENT, user_id)

    def forget_session(self, session_id: str) -> dict[str, int]:
        """Remove every document about the session but its own; how many of each collection."""
        return self._forget(OF_SESSION, session_id, but=SESSIONS)

    def forget_record(self, session_id: str) -> None:
        """Remove the session's own document."""
        sessions = self._engine.collection(SESSIONS)
        self._call(partial(sessions.delete_one, {"_id": session_id}))

    def forget_student(self, user_id: str) -> dict[str, int]:
        """Remove every document that names the student, and what exams grant the student."""
        counts = self._forget(OF_STUDENT, user_id)
        for exam_id in self.exams_granting(user_id):
            self.forget_grants(user_id, exam_id)
            counts[EXAMS] = counts.get(EXAMS, 0) + 1
        return counts

    def exams_granting(self, user_id: str) -> dict[str, dict[str, Any]]:
        """What each exam that grants this student something grants."""
        exams = self._engine.collection(EXAMS)
        found: dict[str, dict[str, Any]] = {}
        for exam in self._call(partial(_all, exams, {})):
            overlays = exam.get("overlays") or {}
            if user_id in overlays:
                found[str(exam["exam_id"])] = overlays[user_id]
        return found

    def forget_grants(self, user_id: str, exam_id: str) -> None:
        """Remove what one exam grants the student."""
        exams = self._engine.collection(EXAMS)
        for exam in self._call(partial(_all, exams, {"exam_id": exam_id})):
            overlays = dict(exam.get("overlays") or {})
            if overlays.pop(user_id, None) is not None:
                change = {"$set": {"overlays": overlays}}
                self._call(partial(exams.update_one, {"_id": exam["_id"]}, change))

    def compact(self) -> None:
        """Leave no trace of what was deleted in the database's files, where the engine can."""
        self._call(self._engine.compact)

    def _about(self, fields: Collection[str], value: str) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {}
        for name in self._names():
            documents = self._engine.collection(name)
            matching: dict[str, dict[str, Any]] = {}
            for field in fields:
                for item in self._call(partial(_all, documents, {field: value})):
                    matching[str(item["_id"])] = item
            if matching:
                found[name] = list(matching.values())
        return found

    def _forget(self, fields: Collection[str], value: str, but: str = "") -> dict[str, int]:
        counts: dict[str, int] = {}
        for name, found in self._about(fields, value).items():
            if name == but:
                continue
            documents = self._engine.collection(name)
            for item in found:
                self._call(partial(documents.delete_one, {"_id": item["_id"]}))
            counts[name] = len(found)
        return counts

    def _names(self) -> list[str]:
        names = self._call(self._engine.collection_names)
        return sorted(set(names) - KEPT - OF_STAFF)


def _all(documents: Documents, where: dict[str, Any]) -> list[dict[str, Any]]:
    return list(documents.find(where).limit(MOST))
