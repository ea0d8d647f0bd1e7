"""Records to documents and back: the only module that knows how a record is stored.

A document holds JSON types only, so that every engine stores the same thing. Instants are
ISO 8601 in UTC with microseconds: they sort as text and lose nothing.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Mapping
from datetime import datetime, timezone
from enum import Enum
from typing import Any, TypeVar

from pydantic import TypeAdapter

from app.errors import CandorError
from app.records import (
    ApiKeyRecord,
    ClipRecord,
    ExamRecord,
    IntervalRecord,
    ManifestRecord,
    MediaKeyRecord,
    SessionRecord,
    SessionState,
    StaffRecord,
    TraceRecord,
    ViolationRecord,
)

SCHEMA = 1

_ADAPTERS: dict[type[Any], TypeAdapter[Any]] = {
    kind: TypeAdapter(kind)
    for kind in (
        SessionRecord,
        ViolationRecord,
        IntervalRecord,
        ClipRecord,
        StaffRecord,
        ApiKeyRecord,
        ManifestRecord,
        MediaKeyRecord,
        TraceRecord,
        ExamRecord,
    )
}

Record = TypeVar(
    "Record",
    SessionRecord,
    ViolationRecord,
    IntervalRecord,
    ClipRecord,
    StaffRecord,
    ApiKeyRecord,
    ManifestRecord,
    MediaKeyRecord,
    TraceRecord,
    ExamRecord,
)


def iso(instant: datetime) -> str:
    """ISO 8601, UTC, always with six digits of a second: sorts as text."""
    return instant.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def plain(value: Any) -> Any:
    """Reduce a value of a record to JSON types."""
    if isinstance(value, datetime):
        return iso(value)
    if isinstance(value, Enum):
        return value.value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item) for item in value]
    return value


def active_key(user_id: str, exam_id: str) -> str:
    """Unique over all active sessions. Ids hold no line break, so pairs cannot collide."""
    return f"{user_id}\n{exam_id}"


def key_of(record: object) -> str:
    """The document's own id. Prefixed where a person chose the text."""
    if isinstance(record, SessionRecord):
        return record.session_id
    if isinstance(record, ViolationRecord):
        return violation_key(record.session_id, record.violation.violation_id)
    if isinstance(record, IntervalRecord):
        return f"{record.session_id}:{record.interval.index}"
    if isinstance(record, ClipRecord):
        return record.clip_id
    if isinstance(record, StaffRecord):
        return staff_key(record.username)
    if isinstance(record, ApiKeyRecord):
        return f"key:{record.key_id}"
    if isinstance(record, ManifestRecord):
        return record.manifest_id
    if isinstance(record, MediaKeyRecord):
        return record.session_id
    if isinstance(record, TraceRecord):
        return f"{record.session_id}:{record.index}"
    if isinstance(record, ExamRecord):
        return exam_key(record.exam_id)
    raise TypeError(f"{type(record).__name__} is not a record that is stored")


def violation_key(session_id: str, violation_id: str) -> str:
    return f"{session_id}:{violation_id}"


def exam_key(exam_id: str) -> str:
    return f"exam:{exam_id}"


def staff_key(username: str) -> str:
    return f"staff:{username}"


def to_document(record: object) -> dict[str, Any]:
    """The document of a record, with its id, schema version and the fields only queries use."""
    document: dict[str, Any] = {"_id": key_of(record), "schema": SCHEMA, **plain(record)}
    if isinstance(record, SessionRecord):
        document["active_key"] = (
            active_key(record.user_id, record.exam_id) if record.is_active else record.session_id
        )
    elif isinstance(record, IntervalRecord):
        document["is_flagged"] = record.interval.is_flagged
        document["index"] = record.interval.index
    elif isinstance(record, ViolationRecord):
        document["start_s"] = record.violation.start_s
    return document


def session_changes(session_id: str, fields: Mapping[str, object]) -> dict[str, Any]:
    """The `$set` of a session update. Raises TypeError for a field that does not exist."""
    unknown = fields.keys() - {f.name for f in dataclasses.fields(SessionRecord)}
    if unknown or "session_id" in fields:
        raise TypeError(f"not a changeable field of a session: {sorted(unknown or {'session_id'})}")
    changes: dict[str, Any] = plain(dict(fields))
    if fields.get("state") is SessionState.ENDED:
        changes["active_key"] = session_id
    return changes


def from_document(kind: type[Record], document: Mapping[str, Any]) -> Record:
    """The record of a document. Raises CandorError for one from a newer version."""
    if document.get("schema", SCHEMA) > SCHEMA:
        raise CandorError(
            "The database was written by a newer version of Candor. Update this installation."
        )
    given = dict(document)
    if kind is TraceRecord:
        given["data"] = base64.b64decode(given["data"])
    record: Record = _ADAPTERS[kind].validate_python(given)
    return record
