"""Who may come in with a password or a key: staff and integrators.

Passwords are kept as argon2 hashes, keys as SHA-256 (they are long and random, so a fast hash
cannot be guessed back). Neither can be shown again.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.access.throttle import Throttle
from app.clock import Clock
from app.errors import InvalidInput, NotAuthenticated, SettingsError
from app.records import ApiKeyRecord, StaffRecord
from app.settings import Settings
from app.store import Repository

ADMIN = "admin"
FIRST_KEY_ID = "first"
LONGEST_SECRET = 256
LONGEST_NAME = 64
SHORTEST_GIVEN_KEY = 16
SHORTEST_GIVEN_PASSWORD = 8


@dataclass(frozen=True, slots=True)
class FirstCredentials:
    """What was made at the first start and can be shown only now; empty when nothing was."""

    admin_password: str = ""
    api_key: str = ""


class Accounts:
    """Checks passwords and keys against the store. `hasher` sets what a hash costs."""

    def __init__(
        self, repository: Repository, clock: Clock, hasher: PasswordHasher | None = None
    ) -> None:
        self._repository = repository
        self._clock = clock
        self._hasher = hasher or PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_hex(16))
        # Per name and address, so that nobody elsewhere can lock the admin out; and per
        # address, where a whole school may sit.
        self._by_pair = Throttle(clock, free_failures=5)
        self._by_address = Throttle(clock, free_failures=50)

    @property
    def clock(self) -> Clock:
        return self._clock

    def prepare(self, settings: Settings) -> FirstCredentials:
        """Make the admin and the first key where they are missing; apply those that are set.

        Raises SettingsError when a given password or key is too short.
        """
        return FirstCredentials(
            admin_password=self._prepare_admin(settings.admin_password),
            api_key=self._prepare_key(settings.api_key),
        )

    def sign_in(self, username: str, password: str, address: str) -> StaffRecord:
        """The staff member with this password.

        Raises NotAuthenticated when there is none, TooMany after repeated failures from the
        address.
        """
        pair = _pair(username, address)
        self.check_pace(username, address)
        is_name = 0 < len(username) <= LONGEST_NAME and username.isprintable()
        known = self._repository.staff(username) if is_name else None
        is_right = self._verify(known.password_hash if known else self._nobody, password)
        if known is None or known.disabled_at is not None or not is_right:
            self._by_pair.fail(pair)
            self._by_address.fail(address)
            raise NotAuthenticated("The user name or the password is wrong.")
        if not known.totp:
            self._by_pair.succeed(pair)
        return known

    def staff(self, username: str, stamp: str) -> StaffRecord:
        """The staff member of a login made with `stamp`; NotAuthenticated when it is over."""
        known = self._repository.staff(username)
        is_open = known is not None and known.disabled_at is None
        if known is None or not is_open or not secrets.compare_digest(stamp_of(known), stamp):
            raise NotAuthenticated("Sign in again.")
        return known

    def key(self, key: str) -> ApiKeyRecord | None:
        """The record of an integrator's key that is still good, or None."""
        if not 0 < len(key) <= LONGEST_SECRET:
            return None
        return self._if_good(self._repository.api_key(sha256_of(key)))

    def key_named(self, key_id: str) -> ApiKeyRecord | None:
        """The key with this id while it is still good, or None."""
        return self._if_good(self._repository.people.key_named(key_id))

    def hash(self, password: str) -> str:
        """What is kept of a password. Raises InvalidInput when it is too short or too long."""
        if not SHORTEST_GIVEN_PASSWORD <= len(password) <= LONGEST_SECRET:
            raise InvalidInput(
                f"A password has {SHORTEST_GIVEN_PASSWORD} to {LONGEST_SECRET} characters."
            )
        try:
            return self._hasher.hash(password)
        except UnicodeError:
            raise InvalidInput("This password holds characters that cannot be kept.") from None

    def knows(self, staff: StaffRecord, password: str) -> bool:
        """Whether this is the person's password."""
        return self._verify(staff.password_hash, password)

    def count_wrong_code(self, username: str, address: str) -> None:
        """A wrong second factor counts like a wrong password."""
        self._by_pair.fail(_pair(username, address))
        self._by_address.fail(address)

    def check_pace(self, username: str, address: str) -> None:
        """Raises TooMany after repeated failures from the address."""
        self._by_pair.check(_pair(username, address))
        self._by_address.check(address)

    def _if_good(self, record: ApiKeyRecord | None) -> ApiKeyRecord | None:
        if record is None or record.closed_at is not None:
            return None
        is_over = record.expires_at is not None and record.expires_at <= self._clock.now()
        return None if is_over else record

    def _verify(self, password_hash: str, password: str) -> bool:
        try:
            return self._hasher.verify(password_hash, password[:LONGEST_SECRET])
        except (VerificationError, InvalidHashError, UnicodeError):
            return False

    def _prepare_admin(self, given: str) -> str:
        known = self._repository.staff(ADMIN)
        if given:
            if not SHORTEST_GIVEN_PASSWORD <= len(given) <= LONGEST_SECRET:
                raise SettingsError(
                    f"PROCTOR_ADMIN_PASSWORD must have {SHORTEST_GIVEN_PASSWORD} to"
                    f" {LONGEST_SECRET} characters."
                )
            if known is None or not self._verify(known.password_hash, given):
                self._save_admin(given)
            return ""
        if known is not None:
            return ""
        made = secrets.token_urlsafe(12)
        self._save_admin(made)
        return made

    def _save_admin(self, password: str) -> None:
        self._repository.save_staff(
            StaffRecord(ADMIN, self._hasher.hash(password), "admin", self._clock.now())
        )

    def _prepare_key(self, given: str) -> str:
        if given:
            if not SHORTEST_GIVEN_KEY <= len(given) <= LONGEST_SECRET:
                raise SettingsError(
                    f"PROCTOR_API_KEY must have {SHORTEST_GIVEN_KEY} to {LONGEST_SECRET}"
                    " characters."
                )
            if self._repository.api_key(sha256_of(given)) is None:
                self._save_key(given)
            return ""
        if self._repository.api_keys():
            return ""
        made = f"ck_{secrets.token_urlsafe(32)}"
        self._save_key(made)
        return made

    def _save_key(self, key: str) -> None:
        self._repository.save_api_key(
            ApiKeyRecord(FIRST_KEY_ID, sha256_of(key), "first key", self._clock.now())
        )


def _pair(username: str, address: str) -> str:
    return f"{address} {username[:LONGEST_NAME]}"


def sha256_of(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def stamp_of(staff: StaffRecord) -> str:
    """Changes with the password, so that a login does not outlive it. Tells nothing of it."""
    return hashlib.sha256(f"login:{staff.password_hash}".encode()).hexdigest()[:32]
