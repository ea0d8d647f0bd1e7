"""The documents of exams: papers, pictures, sittings, answers, marks, releases.

Part of the repository and reached through it, with its guarantees.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter

from app.errors import Conflict
from app.exams.records import (
    AnswerRecord,
    MarkRecord,
    PaperRecord,
    PictureRecord,
    ReleaseRecord,
    SittingRecord,
)
from app.store.documents import plain
from app.store.engines import Engine

Call = Callable[[Callable[[], Any]], Any]

MOST = 100_000
SAVE_TRIES = 3
MOST_READ = 32
_PAPER = TypeAdapter(PaperRecord)
_PICTURE = TypeAdapter(PictureRecord)
_SITTING = TypeAdapter(SittingRecord)
_ANSWER = TypeAdapter(AnswerRecord)
_MARK = TypeAdapter(MarkRecord)
_RELEASE = TypeAdapter(ReleaseRecord)


class Papers:
    """What exams ask and what students answered. Thread-safe."""

    def __init__(self, engine: Engine, call: Call) -> None:
        """`call` makes one call to the database and turns its failures into ours."""
        self._call = call
        # Reading a paper is dear and every answer wants it; only this process writes papers.
        self._read: dict[str, PaperRecord] = {}
        self._papers = engine.collection("papers")
        self._pictures = engine.collection("exam_pictures")
        self._sittings = engine.collection("sittings")
        self._answers = engine.collection("answers")
        self._marks = engine.collection("marks")
        self._releases = engine.collection("releases")
        call(lambda: engine.index("exam_pictures", ("exam_id",)))
        call(lambda: engine.index("sittings", ("exam_id", "user_id")))
        call(lambda: engine.index("answers", ("session_id",)))
        call(lambda: engine.index("marks", ("session_id", "exam_id")))

    # Papers

    def paper(self, exam_id: str) -> PaperRecord | None:
        known = self._read.get(exam_id)
        if known is not None:
            return known
        found = self._one(self._papers, f"paper:{exam_id}")
        if not found:
            return None
        record: PaperRecord = _PAPER.validate_python(found)
        while len(self._read) >= MOST_READ:
            self._read.pop(next(iter(self._read)), None)
        self._read[exam_id] = record
        return record

    def save_paper(self, record: PaperRecord) -> bool:
        """Keep the version that follows the stored one; False when another was quicker."""
        key = f"paper:{record.exam_id}"
        document = {"_id": key, **plain(record)}
        try:
            if record.version == 1:
                return self._insert(self._papers, document)
            where = {"_id": key, "version": record.version - 1}
            change = {"$set": plain(record)}
            return bool(self._call(lambda: self._papers.update_one(where, change)).matched_count)
        finally:
            self._read.pop(record.exam_id, None)

    # Pictures

    def save_picture(self, record: PictureRecord) -> None:
        self._put(self._pictures, record.picture_id, plain(record))

    def picture(self, picture_id: str) -> PictureRecord | None:
        found = self._one(self._pictures, picture_id)
        if not found:
            return None
        return _PICTURE.validate_python({**found, "data": base64.b64decode(found["data"])})

    def pictures(self, exam_id: str) -> tuple[PictureRecord, ...]:
        """Without their data."""
        found = self._all(self._pictures, {"exam_id": exam_id})
        return tuple(
            replace(_PICTURE.validate_python({**item, "data": b""}), data=b"") for item in found
        )

    def delete_picture(self, picture_id: str) -> None:
        self._call(lambda: self._pictures.delete_one({"_id": picture_id}))

    # Sittings

    def save_sitting(self, record: SittingRecord) -> None:
        self._put(self._sittings, f"sitting:{record.session_id}", plain(record))

    def add_sitting(self, record: SittingRecord) -> bool:
        """Keep a session's first sitting; False when there is one."""
        document = {"_id": f"sitting:{record.session_id}", **plain(record)}
        return self._insert(self._sittings, document)

    def sitting(self, session_id: str) -> SittingRecord | None:
        found = self._one(self._sittings, f"sitting:{session_id}")
        return _SITTING.validate_python(found) if found else None

    def sittings(
        self, exam_id: str | None = None, user_id: str | None = None
    ) -> tuple[SittingRecord, ...]:
        names = {"exam_id": exam_id, "user_id": user_id}
        where = {name: value for name, value in names.items() if value is not None}
        return tuple(_SITTING.validate_python(item) for item in self._all(self._sittings, where))

    # Answers

    def keep_answer(self, record: AnswerRecord) -> AnswerRecord:
        """Keep the answer unless one with the same or a newer `seq` is there; what is kept."""
        key = _answer_key(record)
        where = {"_id": key, "seq": {"$lt": record.seq}}
        change = {"$set": plain(record)}
        for _ in range(SAVE_TRIES):
            if self._call(lambda: self._answers.update_one(where, change)).matched_count:
                return record
            found = self._one(self._answers, key)
            if found:
                kept: AnswerRecord = _ANSWER.validate_python(found)
                return kept
            if self._insert(self._answers, {"_id": key, **plain(record)}):
                return record
        raise Conflict("This answer is being saved twice. Try again.")

    def answers(self, session_id: str, *, late: bool = False) -> dict[str, AnswerRecord]:
        """The newest answer per question: those in time, or those that came too late."""
        found = self._all(self._answers, {"session_id": session_id})
        records = [_ANSWER.validate_python(item) for item in found]
        return {each.question_id: each for each in records if each.is_late is late}

    # Marks and releases

    def save_mark(self, record: MarkRecord) -> None:
        self._put(self._marks, f"mark:{record.session_id}:{record.question_id}", plain(record))

    def delete_mark(self, session_id: str, question_id: str) -> None:
        key = f"mark:{session_id}:{question_id}"
        self._call(lambda: self._marks.delete_one({"_id": key}))

    def marks(self, exam_id: str) -> dict[str, dict[str, MarkRecord]]:
        """By session and question."""
        return _by_session(self._all(self._marks, {"exam_id": exam_id}))

    def marks_of(self, session_id: str) -> dict[str, MarkRecord]:
        found = self._all(self._marks, {"session_id": session_id})
        return _by_session(found).get(session_id, {})

    def save_release(self, record: ReleaseRecord) -> None:
        self._put(self._releases, f"release:{record.exam_id}", plain(record))

    def release(self, exam_id: str) -> ReleaseRecord | None:
        found = self._one(self._releases, f"release:{exam_id}")
        return _RELEASE.validate_python(found) if found else None

    def delete_release(self, exam_id: str) -> None:
        key = f"release:{exam_id}"
        self._call(lambda: self._releases.delete_one({"_id": key}))

    # How calls are made

    def _one(self, documents: Any, key: str) -> dict[str, Any] | None:
        found = self._call(lambda: documents.find_one({"_id": key}))
        return _without_id(found) if found else None

    def _all(self, documents: Any, where: Mapping[str, Any]) -> list[dict[str, Any]]:
        found = self._call(lambda: list(documents.find(where).limit(MOST)))
        return [_without_id(item) for item in found]

    def _put(self, documents: Any, key: str, fields: Mapping[str, Any]) -> None:
        document = {"_id": key, **fields}
        self._call(lambda: documents.replace_one({"_id": key}, dict(document), upsert=True))

    def _insert(self, documents: Any, document: dict[str, Any]) -> bool:
        try:
            self._call(lambda: documents.insert_one(document))
        except Conflict:
            return False
        return True


def _answer_key(record: AnswerRecord) -> str:
    late = ":late" if record.is_late else ""
    return f"answer:{record.session_id}:{record.question_id}{late}"


def _by_session(found: list[dict[str, Any]]) -> dict[str, dict[str, MarkRecord]]:
    marks: dict[str, dict[str, MarkRecord]] = {}
    for item in found:
        record = _MARK.validate_python(item)
        marks.setdefault(record.session_id, {})[record.question_id] = record
    return marks


def _without_id(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in ("_id", "schema")}
