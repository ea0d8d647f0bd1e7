"""The documents of the audit and of privacy: entries, pseudonyms, consents, holds, retention.

`shown` are the pictures students consented to.

Part of the repository and reached through it, with its guarantees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from pydantic import TypeAdapter

from app.audit.entries import Entry, Head
from app.audit.pseudonyms import PseudonymRecord
from app.errors import Conflict
from app.privacy.records import ConsentRecord, HoldRecord, RetentionRecord
from app.store.documents import iso, plain
from app.store.engines import Engine
from app.store.shown import StoredPictures

Call = Callable[[Callable[[], Any]], Any]

AUDIT, HEAD, PSEUDONYMS = "audit", "audit_head", "pseudonyms"
MOST = 100_000
PAGE = 1_000
_ENTRY = TypeAdapter(Entry)
_HEAD = TypeAdapter(Head)
_PSEUDONYM = TypeAdapter(PseudonymRecord)
_CONSENT = TypeAdapter(ConsentRecord)
_HOLD = TypeAdapter(HoldRecord)
_RETENTION = TypeAdapter(RetentionRecord)
_THE_HEAD = {"_id": "head"}


class Trail:
    """Entries can be appended and read, nothing else. Thread-safe."""

    def __init__(self, engine: Engine, call: Call) -> None:
        """`call` makes one call to the database and turns its failures into ours."""
        self._call = call
        self._entries = engine.collection(AUDIT)
        self._head = engine.collection(HEAD)
        self._pseudonyms = engine.collection(PSEUDONYMS)
        self._consents = engine.collection("consents")
        self._holds = engine.collection("holds")
        self._retentions = engine.collection("retentions")
        self.shown = StoredPictures(engine, call)
        call(lambda: engine.index(AUDIT, ("action", "actor", "subject"), unique=("seq",)))

    # The audit

    def append(self, entry: Entry) -> bool:
        """Keep the entry under its number; False when another has that number."""
        document = {"_id": f"audit:{entry.seq}", **plain(entry)}
        try:
            self._call(lambda: self._entries.insert_one(document))
        except Conflict:
            return False
        return True

    def last(self) -> Entry | None:
        found = self._call(lambda: list(self._entries.find({}).sort("seq", -1).limit(1)))
        return _ENTRY.validate_python(_without_id(found[0])) if found else None

    def head(self) -> Head | None:
        found = self._call(lambda: self._head.find_one(_THE_HEAD))
        return _HEAD.validate_python(_without_id(found)) if found else None

    def set_head(self, head: Head) -> None:
        """Remember the last entry; never set back to an earlier one."""
        where = {**_THE_HEAD, "seq": {"$lt": head.seq}}
        result = self._call(lambda: self._head.update_one(where, {"$set": plain(head)}))
        if result.matched_count or self.head() is not None:
            return
        try:
            self._call(lambda: self._head.insert_one({**_THE_HEAD, **plain(head)}))
        except Conflict:
            self._call(lambda: self._head.update_one(where, {"$set": plain(head)}))

    def entries(
        self,
        *,
        actor: str = "",
        action: str = "",
        subject: str = "",
        from_at: datetime | None = None,
        to_at: datetime | None = None,
        before_seq: int | None = None,
        limit: int = PAGE,
    ) -> tuple[Entry, ...]:
        """Newest first; empty fields match everything."""
        where: dict[str, Any] = {
            name: value
            for name, value in (("actor", actor), ("action", action), ("subject", subject))
            if value
        }
        if before_seq is not None:
            where["seq"] = {"$lt": before_seq}
        bounds = {"$gte": from_at, "$lt": to_at}
        if between := {name: iso(at) for name, at in bounds.items() if at is not None}:
            where["at"] = between
        found = self._call(lambda: list(self._entries.find(where).sort("seq", -1).limit(limit)))
        return tuple(_ENTRY.validate_python(_without_id(item)) for item in found)

    def all_entries(self) -> Iterator[Entry]:
        """In their order, a page at a time."""
        after = -1
        while True:
            found = self._call(partial(self._page, after))
            if not found:
                return
            for item in found:
                yield _ENTRY.validate_python(_without_id(item))
            after = found[-1]["seq"]

    def _page(self, after: int) -> list[dict[str, Any]]:
        return list(self._entries.find({"seq": {"$gt": after}}).sort("seq", 1).limit(PAGE))

    def actions(self) -> tuple[str, ...]:
        """Every kind of entry there is, sorted."""
        found = self._call(lambda: self._entries.distinct("action"))
        return tuple(sorted(found))

    # Pseudonyms

    def add_pseudonym(self, record: PseudonymRecord) -> bool:
        """Keep a person's first key; False when there is one already."""
        document = {"_id": f"{record.kind}:{record.name}", **plain(record)}
        try:
            self._call(lambda: self._pseudonyms.insert_one(document))
        except Conflict:
            return False
        return True

    def pseudonym(self, kind: str, name: str) -> PseudonymRecord | None:
        found = self._call(lambda: self._pseudonyms.find_one({"_id": f"{kind}:{name}"}))
        return _PSEUDONYM.validate_python(_without_id(found)) if found else None

    def pseudonyms(self) -> tuple[PseudonymRecord, ...]:
        found = self._call(lambda: list(self._pseudonyms.find({}).limit(MOST)))
        return tuple(_PSEUDONYM.validate_python(_without_id(item)) for item in found)

    def delete_pseudonym(self, kind: str, name: str) -> bool:
        where = {"_id": f"{kind}:{name}"}
        return bool(self._call(lambda: self._pseudonyms.delete_one(where)).deleted_count)

    # Consent, holds, retention

    def add_consent(self, record: ConsentRecord) -> bool:
        """Keep a session's first receipt; False when it has one already."""
        document = {"_id": f"consent:{record.session_id}", **plain(record)}
        try:
            self._call(lambda: self._consents.insert_one(document))
        except Conflict:
            return False
        return True

    def consent(self, session_id: str) -> ConsentRecord | None:
        found = self._call(lambda: self._consents.find_one({"_id": f"consent:{session_id}"}))
        return _CONSENT.validate_python(_without_id(found)) if found else None

    def save_hold(self, record: HoldRecord) -> None:
        key = f"{record.kind}:{record.subject_id}"
        document = {"_id": key, **plain(record)}
        self._call(lambda: self._holds.replace_one({"_id": key}, document, upsert=True))

    def holds(self) -> tuple[HoldRecord, ...]:
        found = self._call(lambda: list(self._holds.find({}).limit(MOST)))
        return tuple(_HOLD.validate_python(_without_id(item)) for item in found)

    def delete_hold(self, kind: str, subject_id: str) -> bool:
        where = {"_id": f"{kind}:{subject_id}"}
        return bool(self._call(lambda: self._holds.delete_one(where)).deleted_count)

    def save_retention(self, record: RetentionRecord) -> None:
        key = f"exam:{record.exam_id}"
        document = {"_id": key, **plain(record)}
        self._call(lambda: self._retentions.replace_one({"_id": key}, document, upsert=True))

    def retentions(self) -> dict[str, int]:
        """The days of each exam that has its own."""
        found = self._call(lambda: list(self._retentions.find({}).limit(MOST)))
        records = [_RETENTION.validate_python(_without_id(item)) for item in found]
        return {record.exam_id: record.days for record in records}


def _without_id(document: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name not in ("_id", "schema")}
