"""Keeps the pictures students consented to at check-in, beside the clips and like them.

Encrypted where that setting is on, and deleted with their session. Any thread; `_lock` keeps one
session's pictures in order.
"""

from __future__ import annotations

import hashlib
import logging
import secrets
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO, Protocol

from app.checkin.records import ShownPicture, stem_of
from app.clock import Clock
from app.errors import NotFound, Unavailable
from app.evidence.media import Media
from app.privacy.consent_text import ConsentText
from app.records import SessionRecord

log = logging.getLogger(__name__)

LOCKS = 32
SUFFIX = ".jpg"


class Stores(Protocol):
    """Where the records are."""

    def add(self, record: ShownPicture) -> None: ...

    def of_session(self, session_id: str) -> tuple[ShownPicture, ...]: ...

    def delete(self, picture_id: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Taken:
    """A checked JPEG that is to be kept."""

    jpeg: bytes
    taken_at: datetime
    width: int
    height: int
    things: tuple[str, ...] = ()


class ShownPictures:
    """The pictures of every session's check-in. Thread-safe."""

    def __init__(self, clock: Clock, store: Stores, media: Media) -> None:
        self._clock = clock
        self._store = store
        self._media = media
        self._locks = [threading.Lock() for _ in range(LOCKS)]

    def replace(
        self, session: SessionRecord, kind: str, taken: Sequence[Taken], consent: ConsentText
    ) -> tuple[ShownPicture, ...]:
        """Keep these and delete what was kept of the kind before. Raises Unavailable."""
        with self._locks[hash(session.session_id) % LOCKS]:
            before = self._of_kind(session.session_id, kind)
            kept = tuple(self._keep(session, kind, each, consent) for each in taken)
            for old in before:
                self._forget(old)
        log.info(
            "Pictures of check-in kept",
            extra={"session_id": session.session_id, "kind": kind, "pictures": len(kept)},
        )
        return kept

    def withdraw(self, session_id: str, kind: str) -> None:
        """Delete what was kept of a kind. Raises Unavailable."""
        with self._locks[hash(session_id) % LOCKS]:
            for each in self._of_kind(session_id, kind):
                self._forget(each)

    def of_session(self, session_id: str) -> tuple[ShownPicture, ...]:
        """Oldest first."""
        return tuple(sorted(self._store.of_session(session_id), key=lambda each: each.taken_at))

    def open(self, session_id: str, picture_id: str) -> tuple[ShownPicture, BinaryIO]:
        """One picture of this very session. Raises NotFound or Unavailable."""
        found = next(
            (p for p in self._store.of_session(session_id) if p.picture_id == picture_id), None
        )
        if found is None:
            raise NotFound("There is no such picture.")
        try:
            return found, self._media.open(found.file_name)
        except FileNotFoundError:
            raise NotFound("There is no such picture.") from None
        except OSError:
            raise Unavailable("The picture cannot be read where pictures are stored.") from None

    def _of_kind(self, session_id: str, kind: str) -> tuple[ShownPicture, ...]:
        return tuple(each for each in self._store.of_session(session_id) if each.kind == kind)

    def _keep(
        self, session: SessionRecord, kind: str, taken: Taken, consent: ConsentText
    ) -> ShownPicture:
        picture_id = f"p_{secrets.token_hex(12)}"
        name = f"{stem_of(session.user_id, session.session_id)}{kind}_{picture_id}{SUFFIX}"
        try:
            self._media.storage.write(*self._media.prepared(session.session_id, name, taken.jpeg))
        except OSError:
            raise Unavailable("The picture could not be kept. Try again in a moment.") from None
        record = ShownPicture(
            picture_id=picture_id,
            session_id=session.session_id,
            user_id=session.user_id,
            exam_id=session.exam_id,
            kind=kind,
            file_name=name,
            taken_at=taken.taken_at,
            width=taken.width,
            height=taken.height,
            size_bytes=len(taken.jpeg),
            sha256=hashlib.sha256(taken.jpeg).hexdigest(),
            things=taken.things,
            consent=consent.version,
            consent_text=consent.plain,
            consented_at=self._clock.now(),
        )
        self._store.add(record)
        return record

    def _forget(self, record: ShownPicture) -> None:
        try:
            self._media.delete(record.file_name)
        except OSError:
            raise Unavailable("A picture could not be deleted. Try again in a moment.") from None
        self._store.delete(record.picture_id)
