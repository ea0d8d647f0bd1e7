"""The documents about which servers there are and which of them runs which session.

Part of the repository, with its guarantees. Every change names what it expects to find, so that of
several servers that want the same one gets it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.errors import Conflict
from app.store.engines import Engine

Call = Callable[[Callable[[], Any]], Any]
MOST = 100_000


@dataclass(frozen=True, slots=True)
class Member:
    """A server that said it is there. `beat` grows while it lives."""

    member_id: str
    beat: int


class StoredMembers:
    """Servers, and the owners of sessions. Thread-safe."""

    def __init__(self, engine: Engine, call: Call) -> None:
        """`call` makes one call to the database and turns its failures into ours."""
        self._call = call
        self._members = engine.collection("servers")
        self._owners = engine.collection("owners")

    def join(self, member_id: str) -> None:
        document = {"_id": member_id, "beat": 0}
        self._call(lambda: self._members.insert_one(document))

    def beat(self, member_id: str, beat: int) -> bool:
        """Say that the server lives; False when it was given up."""
        where, change = {"_id": member_id}, {"$set": {"beat": beat}}
        return bool(self._call(lambda: self._members.update_one(where, change)).matched_count)

    def members(self) -> tuple[Member, ...]:
        found = self._call(lambda: list(self._members.find({}).limit(MOST)))
        return tuple(Member(str(each["_id"]), int(each["beat"])) for each in found)

    def give_up(self, member: Member) -> bool:
        """Take a server out unless it has beaten since; whether that was done."""
        where = {"_id": member.member_id, "beat": member.beat}
        return bool(self._call(lambda: self._members.delete_one(where)).deleted_count)

    def leave(self, member_id: str) -> None:
        self._call(lambda: self._members.delete_one({"_id": member_id}))

    def owner(self, session_id: str) -> str | None:
        """Who runs a session; empty when it was given back, None when it never ran."""
        found = self._call(lambda: self._owners.find_one({"_id": session_id}))
        return str(found["owner"]) if found else None

    def owners(self) -> dict[str, str]:
        found = self._call(lambda: list(self._owners.find({}).limit(MOST)))
        return {str(each["_id"]): str(each["owner"]) for each in found}

    def pass_on(self, session_id: str, before: str | None, after: str) -> bool:
        """Make `after` the owner where `before` is; whether that was so."""
        if before is None:
            try:
                self._call(lambda: self._owners.insert_one({"_id": session_id, "owner": after}))
            except Conflict:
                return False
            return True
        where, change = {"_id": session_id, "owner": before}, {"$set": {"owner": after}}
        return bool(self._call(lambda: self._owners.update_one(where, change)).matched_count)

    def forget(self, session_id: str) -> None:
        """The session is over and needs no owner."""
        self._call(lambda: self._owners.delete_one({"_id": session_id}))
