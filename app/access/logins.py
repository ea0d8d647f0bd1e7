"""Logins of staff: each has an end, and none outlives its idle time."""

from __future__ import annotations

from datetime import timedelta

from app.access.people_records import LoginRecord
from app.clock import Clock
from app.errors import NotAuthenticated
from app.store.people import People

NOTE_USE_EVERY = timedelta(minutes=1)


class Logins:
    """The logins that are open. `limits` come from the settings."""

    def __init__(self, people: People, clock: Clock) -> None:
        self._people = people
        self._clock = clock
        self._idle = timedelta(hours=4)
        self._longest = timedelta(hours=12)

    def limit(self, idle_min: float, longest_h: float) -> None:
        """Set after how long without use, and after how long at all, a login is over."""
        self._idle = timedelta(minutes=idle_min)
        self._longest = timedelta(hours=longest_h)

    def begin(self, login_id: str, username: str) -> None:
        now = self._clock.now()
        self._people.delete_logins_before(now - self._longest)
        self._people.save_login(LoginRecord(login_id, username, now, now))

    def check(self, login_id: str, username: str, *, is_use: bool = True) -> None:
        """Raise NotAuthenticated when the login is over; note the use otherwise."""
        record = self._people.login(login_id)
        now = self._clock.now()
        if record is None or record.username != username:
            raise NotAuthenticated("Sign in again.")
        if now - record.created_at > self._longest or now - record.used_at > self._idle:
            self._people.delete_login(login_id)
            raise NotAuthenticated("Your login has expired. Sign in again.")
        if is_use and now - record.used_at >= NOTE_USE_EVERY:
            self._people.use_login(login_id, now)

    def username(self, login_id: str) -> str:
        """Whose login this is. Raises NotAuthenticated when there is none."""
        record = self._people.login(login_id)
        if record is None:
            raise NotAuthenticated("Sign in again.")
        return record.username

    def end(self, login_id: str) -> None:
        self._people.delete_login(login_id)

    def end_all(self, username: str) -> None:
        """Sign a person out everywhere."""
        self._people.delete_logins_of(username)
