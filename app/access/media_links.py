"""Addresses of evidence that open without a cookie or key, for some minutes.

An address is signed for one part of one clip and for the caller it was made for: a login, a key
or the student of a session. It opens no longer than that login or key does, and only what they may
see; a student's own clips lie at addresses of their own.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from app.access.doors import Caller, Doors
from app.access.needs import EVIDENCE_READ
from app.clock import Clock
from app.errors import NotAllowed
from app.ids import is_ours

# Addresses made within this time are the same, so that a page drawn again loads nothing again.
SAME_FOR_S = 300
LOGIN, KEY, SESSION = "login", "key", "session"
SIGNATURE = "sig"
ALTERED = "This address was altered, or was made for something else."
EXPIRED = "This address has expired. Load the page or ask for the clip again."


class LinkExpired(NotAllowed):
    """The signature is good, the time is over."""


@dataclass(frozen=True, slots=True)
class Links:
    """Makes the addresses of one answer. Without a `signer` they need a login or a key."""

    signer: MediaLinks | None = None
    who: str = ""
    stamp: str = ""
    base: str = "/api/media"

    def to(self, clip_id: str, part: str) -> str:
        """The address of `clip.mp4`, `screen-1.jpg`, `snapshot-1.jpg`."""
        path = f"{self.base}/{clip_id}/{part}"
        if self.signer is None:
            return path
        return f"{path}?{urlencode(self.signer.sign(clip_id, part, self.who, self.stamp))}"


class MediaLinks:
    """Signs addresses and reads them. `lasts_min` is the least they are good for."""

    def __init__(self, clock: Clock, secret_key: str, doors: Doors, lasts_min: float) -> None:
        self._clock = clock
        self._key = hashlib.sha256(f"candor.media:{secret_key}".encode()).digest()
        self._doors = doors
        self._lasts_s = lasts_min * 60

    def of(self, caller: Caller | None) -> Links:
        """Addresses for this caller: signed if the caller may look at evidence at all."""
        if caller is None or caller.kind == "student":
            return Links()
        try:
            EVIDENCE_READ.check(caller)
        except NotAllowed:
            return Links()
        if caller.kind == "integrator":
            return Links(self, f"{KEY}:{caller.name}")
        return Links(self, f"{LOGIN}:{caller.login_id}", caller.stamp)

    def of_student(self, session_id: str) -> Links:
        """Addresses of the own clips for the student of a session."""
        return Links(self, f"{SESSION}:{session_id}", base="/api/my/media")

    def sign(self, clip_id: str, part: str, who: str, stamp: str) -> dict[str, str]:
        """What is added to the address of a part."""
        now_s = self._clock.now().timestamp()
        until = str(int(-(-(now_s + self._lasts_s) // SAME_FOR_S) * SAME_FOR_S))
        return {
            "for": who,
            "until": until,
            SIGNATURE: self._mac(clip_id, part, who, stamp, until),
        }

    def caller(self, clip_id: str, part: str, query: Mapping[str, str]) -> Caller:
        """For whom an address was made, while that login or key is still good.

        Raises NotAllowed when it was altered or belongs to another part, LinkExpired after its
        time, NotAuthenticated when the login or the key is over.
        """
        who, until = query.get("for", ""), query.get("until", "")
        caller = self._caller(who)
        expected = self._mac(clip_id, part, who, caller.stamp, until)
        given = query.get(SIGNATURE, "").encode("utf-8", "surrogatepass")
        if not hmac.compare_digest(given, expected.encode()):
            raise NotAllowed(ALTERED)
        if int(until) <= self._clock.now().timestamp():
            raise LinkExpired(EXPIRED)
        return caller

    def _caller(self, who: str) -> Caller:
        kind, _, name = who.partition(":")
        if not is_ours(name) or kind not in (KEY, LOGIN, SESSION):
            raise NotAllowed(ALTERED)
        if kind == SESSION:
            return Caller("student", session_id=name)
        return self._doors.by_key_id(name) if kind == KEY else self._doors.by_login_id(name)

    def _mac(self, *parts: str) -> str:
        text = "\n".join(part.replace("\n", "\n\n") for part in parts)
        return hmac.new(
            self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256
        ).hexdigest()
