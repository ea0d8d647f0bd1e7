"""API keys: made, listed, closed. A key is shown once; only its hash is kept."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from app.access.accounts import sha256_of
from app.access.roles import check_scopes
from app.clock import Clock
from app.errors import InvalidInput, NotFound
from app.records import ApiKeyRecord
from app.store import Repository

LONGEST_LABEL = 80
LONGEST_DAYS = 3650


class Keys:
    """The keys of integrators."""

    def __init__(self, repository: Repository, clock: Clock) -> None:
        self._repository = repository
        self._clock = clock

    def add(
        self, label: str, scopes: Iterable[str], days: int | None = None
    ) -> tuple[ApiKeyRecord, str]:
        """A new key and the secret nobody can see again. `days` None never expires.

        Raises InvalidInput.
        """
        label = label.strip()
        if not 0 < len(label) <= LONGEST_LABEL or not label.isprintable():
            raise InvalidInput(f"Say in 1 to {LONGEST_LABEL} characters what the key is for.")
        if days is not None and not 1 <= days <= LONGEST_DAYS:
            raise InvalidInput(f"A key is good for 1 to {LONGEST_DAYS} days, or for ever.")
        secret = f"ck_{secrets.token_urlsafe(32)}"
        now = self._clock.now()
        record = ApiKeyRecord(
            f"k_{secrets.token_hex(6)}",
            sha256_of(secret),
            label,
            now,
            scopes=check_scopes(scopes),
            expires_at=now + timedelta(days=days) if days is not None else None,
        )
        self._repository.save_api_key(record)
        return record, secret

    def all(self) -> tuple[ApiKeyRecord, ...]:
        """Oldest first, closed ones too."""
        return self._repository.api_keys()

    def close(self, key_id: str) -> ApiKeyRecord:
        """Close a key for good. Raises NotFound."""
        record = self._repository.people.key_named(key_id)
        if record is None:
            raise NotFound("There is no such key.")
        if record.closed_at is None:
            record = replace(record, closed_at=self._clock.now())
            self._repository.save_api_key(record)
        return record

    def state_of(self, record: ApiKeyRecord) -> str:
        """`good`, `closed` or `expired`."""
        if record.closed_at is not None:
            return "closed"
        is_over = record.expires_at is not None and record.expires_at <= self._clock.now()
        return "expired" if is_over else "good"
