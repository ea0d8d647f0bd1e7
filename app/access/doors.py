"""The three doors: a session's token, an integrator's key, a staff login."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from app.access.accounts import Accounts, stamp_of
from app.access.logins import Logins
from app.access.places import digest_of
from app.access.roles import ADMIN, EVERY_SCOPE, EXAM_MANAGER, REVIEWER
from app.access.tokens import Tokens
from app.errors import NotAllowed, NotAuthenticated
from app.records import ApiKeyRecord, SessionRecord, StaffRecord
from app.store import Repository

CallerKind = Literal["student", "integrator", "staff", "phone"]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is at the door. `session_id` is a student's own session, or the one for whose check-in
    a phone was joined; empty for others.

    `name` is the staff member's user name or the key's id; `sid` the Socket.IO connection.
    `exams` are those a member of staff was assigned, `scopes` those of a key. `place` is what
    the student's token says of its device; `is_elsewhere` says that the session runs on
    another device or network than this caller's.
    """

    kind: CallerKind
    session_id: str = ""
    name: str = ""
    role: str = ""
    login_id: str = ""
    stamp: str = ""
    sid: str = ""
    exams: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    place: str = ""
    network: str = ""
    is_elsewhere: bool = False

    def require_session(self, session_id: str) -> None:
        """Raise NotAllowed when a student asks for another's session."""
        if self.kind == "student" and session_id != self.session_id:
            raise NotAllowed("This token opens another session.")

    @property
    def sees_every_exam(self) -> bool:
        """Whether no exam is closed to this caller (a reviewer without exams sees all)."""
        if self.kind == "staff":
            is_free = self.role == REVIEWER and not self.exams
            return self.role in (ADMIN, EXAM_MANAGER) or is_free
        return self.kind == "integrator"

    def may_see(self, exam_id: str) -> bool:
        """Whether what belongs to this exam is open to staff or a key."""
        return self.sees_every_exam or exam_id in self.exams

    def require_exam(self, exam_id: str) -> None:
        """Raise NotAllowed when staff ask for an exam that is not theirs."""
        if self.kind != "student" and not self.may_see(exam_id):
            raise NotAllowed("This belongs to an exam that is not assigned to you.")

    def holds(self, scope: str) -> bool:
        """Whether an API key has this scope."""
        return scope in self.scopes or EVERY_SCOPE in self.scopes


@dataclass(frozen=True, slots=True)
class Login:
    """What the login cookie holds. `login_id` is one sign-in of one browser."""

    username: str
    stamp: str
    login_id: str


class Doors:
    """Turns credentials into callers. Raises NotAuthenticated for anything else."""

    def __init__(self, accounts: Accounts, tokens: Tokens, repository: Repository) -> None:
        self._accounts = accounts
        self._tokens = tokens
        self._repository = repository
        self.logins = Logins(repository.people, accounts.clock)

    def by_token(self, token: str, network: str = "", *, is_after_end: bool = False) -> Caller:
        """A student, as long as the session is active, or with `is_after_end` is kept at all."""
        opened = self._tokens.read(token)
        session = self._repository.session(opened.session_id)
        if session is None or not (session.is_active or is_after_end):
            raise NotAuthenticated("This session has ended.")
        return Caller(
            "student",
            session_id=opened.session_id,
            place=opened.place,
            network=network,
            is_elsewhere=not is_here(session, opened.place, network),
        )

    def by_key(self, key: str) -> Caller:
        record = self._accounts.key(key)
        if record is None:
            raise NotAuthenticated("This API key is not valid.")
        return _integrator(record)

    def by_key_id(self, key_id: str) -> Caller:
        """The caller of a key that was shown earlier on the same connection."""
        record = self._accounts.key_named(key_id)
        if record is None:
            raise NotAuthenticated("This API key is not valid any more.")
        return _integrator(record)

    def by_bearer(self, secret: str, network: str = "", *, is_after_end: bool = False) -> Caller:
        """An integrator's key or a student's token."""
        record = self._accounts.key(secret)
        if record is not None:
            return _integrator(record)
        return self.by_token(secret, network, is_after_end=is_after_end)

    def by_login(self, login: Login, *, is_use: bool = True) -> Caller:
        """A member of staff; `is_use` False looks without making the login last longer."""
        self.logins.check(login.login_id, login.username, is_use=is_use)
        staff = self._accounts.staff(login.username, login.stamp)
        return Caller(
            "staff",
            name=staff.username,
            role=staff.role,
            login_id=login.login_id,
            stamp=login.stamp,
            exams=frozenset(staff.exams),
        )

    def by_login_id(self, login_id: str) -> Caller:
        """Whoever signed in so, while that login lasts; it does not last longer by this."""
        staff = self._repository.staff(self.logins.username(login_id))
        if staff is None:
            raise NotAuthenticated("Sign in again.")
        return self.by_login(Login(staff.username, stamp_of(staff), login_id), is_use=False)

    def login_of(self, staff: StaffRecord, login_id: str) -> Login:
        """Begin a login."""
        self.logins.begin(login_id, staff.username)
        return Login(staff.username, stamp_of(staff), login_id)


def is_here(session: SessionRecord, place: str, network: str) -> bool:
    """Whether this device and network are those the session runs on, or it runs nowhere yet."""
    if not session.place:
        return True
    is_same_network = not session.network or session.network == network
    return bool(place) and digest_of(place) == session.place and is_same_network


def _integrator(record: ApiKeyRecord) -> Caller:
    return Caller("integrator", name=record.key_id, scopes=frozenset(record.scopes))
