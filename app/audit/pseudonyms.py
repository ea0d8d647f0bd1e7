"""People in the audit: a pseudonym each, whose key can be deleted.

A pseudonym is an HMAC of the name under a random key of that person. While the key is stored,
admins see the name; when it is deleted, nothing leads from the pseudonym to the person.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.store.trail import Trail

STUDENT = "student"
STAFF = "staff"


@dataclass(frozen=True, slots=True)
class PseudonymRecord:
    """One person's key (hex) and the pseudonym that follows from it."""

    kind: str
    name: str
    key: str
    pseudonym: str


class Pseudonyms:
    """Makes, finds and forgets pseudonyms. Thread-safe."""

    def __init__(self, trail: Trail) -> None:
        self._trail = trail

    def of(self, kind: str, name: str) -> str:
        """The reference `kind:p_...` of a person, made when there is none yet."""
        record = self._trail.pseudonym(kind, name)
        if record is None:
            key = secrets.token_bytes(32)
            made = hmac.new(key, f"{kind}:{name}".encode(), hashlib.sha256).hexdigest()[:20]
            self._trail.add_pseudonym(PseudonymRecord(kind, name, key.hex(), f"p_{made}"))
            record = self._trail.pseudonym(kind, name)
        return f"{kind}:{record.pseudonym}" if record else f"{kind}:unknown"

    def known(self, kind: str, name: str) -> str | None:
        """The reference of a person who has one."""
        record = self._trail.pseudonym(kind, name)
        return f"{kind}:{record.pseudonym}" if record else None

    def names(self) -> dict[str, str]:
        """The name behind each reference whose key is still there."""
        return {
            f"{record.kind}:{record.pseudonym}": record.name for record in self._trail.pseudonyms()
        }

    def forget(self, kind: str, name: str) -> bool:
        """Delete the key; whether there was one."""
        return self._trail.delete_pseudonym(kind, name)
