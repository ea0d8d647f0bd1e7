"""The documents about what was done in sessions. Part of the repository, with its guarantees."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter

from app.actions.records import ActionRecord
from app.store.documents import iso, plain
from app.store.engines import Engine

Call = Callable[[Callable[[], Any]], Any]

MOST = 10_000
_ACTION = TypeAdapter(ActionRecord)


class StoredActions:
    """Actions, by session. Thread-safe."""

    def __init__(self, engine: Engine, call: Call) -> None:
        """`call` makes one call to the database and turns its failures into ours."""
        self._call = call
        self._actions = engine.collection("actions")
        call(lambda: engine.index("actions", ("session_id", "exam_id")))

    def add(self, record: ActionRecord) -> None:
        document = {"_id": record.action_id, **plain(record)}
        self._call(lambda: self._actions.insert_one(document))

    def of_session(self, session_id: str) -> tuple[ActionRecord, ...]:
        """Oldest first."""
        return self._find({"session_id": session_id})

    def of_exam(self, exam_id: str) -> tuple[ActionRecord, ...]:
        """Oldest first."""
        return self._find({"exam_id": exam_id})

    def seen(self, action_id: str, at: datetime) -> None:
        where, change = {"_id": action_id}, {"$set": {"seen_at": iso(at)}}
        self._call(lambda: self._actions.update_one(where, change))

    def _find(self, where: dict[str, Any]) -> tuple[ActionRecord, ...]:
        found = self._call(lambda: list(self._actions.find(where).sort("at", 1).limit(MOST)))
        return tuple(_ACTION.validate_python(_record(item)) for item in found)


def _record(document: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in ("_id", "schema")}
