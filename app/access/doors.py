"""The three doors: a session's token, an integrator's key, a staff login."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.access.accounts import Accounts, stamp_of
from app.access.tokens import Tokens
from app.errors import NotAllowed, NotAuthenticated
from app.records import StaffRecord
from app.store import Repository

CallerKind = Literal["student", "integrator", "staff"]


@dataclass(frozen=True, slots=True)
class Login:
    """What the login cookie holds. `login_id` is one sign-in of one browser."""

    username: str
    stamp: str
    login_id: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is at the door. `session_id` is a student's own session, empty for others.

    `name` is the staff member's user name or the key's id; `sid` the Socket.IO connection.
    """

    kind: CallerKind
    session_id: str = ""
    name: str = ""
    role: str = ""
    login_id: str = ""
    sid: str = ""

    def require_session(self, session_id: str) -> None:
        """Raise NotAllowed when a student asks for another's session."""
        if self.kind == "student" and session_id != self.session_id:
            raise NotAllowed("This token opens another session.")


class Doors:
    """Turns credentials into callers. Raises NotAuthenticated for anything else."""

    def __init__(self, accounts: Accounts, tokens: Tokens, repository: Repository) -> None:
        self._accounts = accounts
        self._tokens = tokens
        self._repository = repository

    def by_token(self, token: str) -> Caller:
        """A student, as long as the session is active."""
        session_id = self._tokens.session_id(token)
        session = self._repository.session(session_id)
        if session is None or not session.is_active:
            raise NotAuthenticated("This session has ended.")
        return Caller("student", session_id=session_id)

    def by_key(self, key: str) -> Caller:
        record = self._accounts.key(key)
        if record is None:
            raise NotAuthenticated("This API key is not valid.")
        return Caller("integrator", name=record.key_id)

    def by_bearer(self, secret: str) -> Caller:
        """An integrator's key or a student's token."""
        record = self._accounts.key(secret)
        if record is not None:
            return Caller("integrator", name=record.key_id)
        return self.by_token(secret)

    def by_login(self, login: Login) -> Caller:
        staff = self._accounts.staff(login.username, login.stamp)
        return Caller("staff", name=staff.username, role=staff.role, login_id=login.login_id)

    @staticmethod
    def login_of(staff: StaffRecord, login_id: str) -> Login:
        return Login(staff.username, stamp_of(staff), login_id)
