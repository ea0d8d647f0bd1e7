"""The documents of pictures students consented to at check-in; the pictures lie with the clips."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import TypeAdapter

from app.checkin.records import ShownPicture
from app.store.documents import plain
from app.store.engines import Engine

Call = Callable[[Callable[[], Any]], Any]

MOST = 1_000
_PICTURE = TypeAdapter(ShownPicture)


class StoredPictures:
    """Part of the repository and reached through it, with its guarantees. Thread-safe."""

    def __init__(self, engine: Engine, call: Call) -> None:
        self._call = call
        self._pictures = engine.collection("checkin_pictures")
        call(lambda: engine.index("checkin_pictures", ("session_id",)))

    def add(self, record: ShownPicture) -> None:
        document = {"_id": record.picture_id, **plain(record)}
        self._call(lambda: self._pictures.insert_one(document))

    def of_session(self, session_id: str) -> tuple[ShownPicture, ...]:
        where = {"session_id": session_id}
        found = self._call(lambda: list(self._pictures.find(where).limit(MOST)))
        return tuple(_PICTURE.validate_python(item) for item in found)

    def delete(self, picture_id: str) -> None:
        self._call(lambda: self._pictures.delete_one({"_id": picture_id}))
