"""The documents about people: staff, logins, rosters.

Part of the repository and reached through it, with its guarantees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime
from typing import Any

from pydantic import TypeAdapter

from app.access.people_records import LoginRecord, RosterRow
from app.records import ApiKeyRecord, StaffRecord
from app.store.documents import from_document, iso, plain
from app.store.engines import Engine

Call = Callable[[Callable[[], Any]], Any]

MOST = 100_000
_LOGIN = TypeAdapter(LoginRecord)
_ROW = TypeAdapter(RosterRow)


class People:
    """Staff, logins, keys by id, and the rosters of exams. Thread-safe."""

    def __init__(self, engine: Engine, call: Call) -> None:
        """`call` makes one call to the database and turns its failures into ours."""
        self._call = call
        self._staff = engine.collection("staff")
        self._keys = engine.collection("api_keys")
        self._logins = engine.collection("logins")
        self._rows = engine.collection("roster_rows")
        call(lambda: engine.index("logins", ("username", "created_at")))
        call(lambda: engine.index("roster_rows", ("exam_id",)))

    # Staff and keys

    def all_staff(self) -> tuple[StaffRecord, ...]:
        """In the order they were added."""
        found = self._call(lambda: list(self._staff.find({}).sort("created_at", 1).limit(MOST)))
        return tuple(from_document(StaffRecord, item) for item in found)

    def key_named(self, key_id: str) -> ApiKeyRecord | None:
        found = self._call(lambda: self._keys.find_one({"_id": f"key:{key_id}"}))
        return from_document(ApiKeyRecord, found) if found else None

    # Logins

    def save_login(self, record: LoginRecord) -> None:
        self._put(self._logins, f"login:{record.login_id}", plain(record))

    def login(self, login_id: str) -> LoginRecord | None:
        found = self._call(lambda: self._logins.find_one({"_id": f"login:{login_id}"}))
        return _LOGIN.validate_python(_without_id(found)) if found else None

    def use_login(self, login_id: str, now: datetime) -> None:
        where, change = {"_id": f"login:{login_id}"}, {"$set": {"used_at": iso(now)}}
        self._call(lambda: self._logins.update_one(where, change))

    def delete_login(self, login_id: str) -> None:
        self._call(lambda: self._logins.delete_one({"_id": f"login:{login_id}"}))

    def delete_logins_of(self, username: str) -> None:
        self._delete(self._logins, {"username": username})

    def delete_logins_before(self, instant: datetime) -> None:
        self._delete(self._logins, {"created_at": {"$lt": iso(instant)}})

    # Rosters

    def roster(self, exam_id: str) -> tuple[RosterRow, ...]:
        """By student id."""
        where = {"exam_id": exam_id}
        found = self._call(lambda: list(self._rows.find(where).sort("student_id", 1).limit(MOST)))
        return tuple(_ROW.validate_python(_without_id(item)) for item in found)

    def roster_row(self, exam_id: str, student_id: str) -> RosterRow | None:
        key = row_key(exam_id, student_id)
        found = self._call(lambda: self._rows.find_one({"_id": key}))
        return _ROW.validate_python(_without_id(found)) if found else None

    def group_of(self, exam_id: str, student_id: str) -> str:
        """The student's course on the exam's roster; empty for one who is not on it."""
        row = self.roster_row(exam_id, student_id)
        return row.course if row is not None else ""

    def has_roster(self, exam_id: str) -> bool:
        return self._call(lambda: self._rows.find_one({"exam_id": exam_id})) is not None

    def has_any_roster(self) -> bool:
        return self._call(lambda: self._rows.find_one({})) is not None

    def rosters(self) -> tuple[str, ...]:
        """The exams that have a roster."""
        return tuple(self._call(lambda: list(self._rows.distinct("exam_id"))))

    def save_rows(self, rows: Iterable[RosterRow]) -> None:
        for row in rows:
            self._put(self._rows, row_key(row.exam_id, row.student_id), _row_document(row))

    def delete_rows(self, exam_id: str, student_ids: Iterable[str]) -> None:
        for student_id in student_ids:
            key = row_key(exam_id, student_id)
            self._delete_one(self._rows, key)

    def _put(self, documents: Any, key: str, fields: Mapping[str, Any]) -> None:
        document = {"_id": key, **fields}
        self._call(lambda: documents.replace_one({"_id": key}, document, upsert=True))

    def _delete(self, documents: Any, where: Mapping[str, Any]) -> None:
        for found in self._call(lambda: list(documents.find(where).limit(MOST))):
            self._delete_one(documents, found["_id"])

    def _delete_one(self, documents: Any, key: str) -> None:
        self._call(lambda: documents.delete_one({"_id": key}))


def row_key(exam_id: str, student_id: str) -> str:
    """Ids hold no line break, so pairs cannot collide."""
    return f"{exam_id}\n{student_id}"


def _row_document(row: RosterRow) -> dict[str, Any]:
    document: dict[str, Any] = plain(row)
    born: date = row.date_of_birth
    document["date_of_birth"] = born.isoformat()
    return document


def _without_id(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in ("_id", "schema")}
