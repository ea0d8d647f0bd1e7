"""Signed tokens that open one session each: short-lived to join, lasting to stream."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from itsdangerous import BadData, SignatureExpired, TimestampSigner, URLSafeTimedSerializer

from app.clock import Clock
from app.errors import NotAuthenticated

LONGEST = 512


class _ClockedSigner(TimestampSigner):
    """Takes the time from our clock."""

    def __init__(self, *args: Any, clock: Clock, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._clock = clock

    def get_timestamp(self) -> int:
        return int(self._clock.now().timestamp())


@dataclass(frozen=True, slots=True)
class Opened:
    """What a token says: the session it opens, and the device it was given to, or ""."""

    session_id: str
    place: str = ""


class Tokens:
    """Makes and reads tokens. Whether the session is still active is for the caller to ask."""

    def __init__(self, secret_key: str, clock: Clock, join_token_min: float) -> None:
        self._join_s = int(join_token_min * 60)
        self._joins = self._serializer(secret_key, "candor.join", clock)
        self._streams = self._serializer(secret_key, "candor.stream", clock)

    def join(self, session_id: str) -> str:
        """A token to put in a link: good for `join_token_min`."""
        return str(self._joins.dumps(session_id))

    def stream(self, session_id: str, place: str = "") -> str:
        """A token good until the session ends, for the device that keeps the secret `place`."""
        return str(self._streams.dumps([session_id, place] if place else session_id))

    def session_id(self, token: str) -> str:
        """The session a token opens. Raises NotAuthenticated for a wrong or expired one."""
        return self.read(token).session_id

    def read(self, token: str) -> Opened:
        """What a token opens. Raises NotAuthenticated for a wrong or expired one."""
        if len(token) > LONGEST:
            raise NotAuthenticated("This token is not valid.")
        for serializer, max_age_s in ((self._streams, None), (self._joins, self._join_s)):
            try:
                said = serializer.loads(token, max_age=max_age_s)
            except SignatureExpired:
                raise NotAuthenticated(
                    "This link has expired. Ask whoever gave it to you for a new one."
                ) from None
            except (BadData, UnicodeError):
                continue
            parts = [said] if isinstance(said, str) else said
            if isinstance(parts, list) and all(isinstance(part, str) for part in parts):
                return Opened(*parts[:2])
        raise NotAuthenticated("This token is not valid.")

    @staticmethod
    def _serializer(secret_key: str, salt: str, clock: Clock) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(
            secret_key,
            salt=salt,
            signer=_ClockedSigner,
            signer_kwargs={
                "clock": clock,
                "key_derivation": "hmac",
                "digest_method": hashlib.sha256,
            },
        )
