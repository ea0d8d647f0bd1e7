"""Staff accounts: added, changed, closed, and given a second factor."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import replace

from app.access.accounts import LONGEST_NAME, Accounts
from app.access.logins import Logins
from app.access.roles import ADMIN, check_role
from app.access.secret import secret_key
from app.access.totp import SecondFactor
from app.errors import Conflict, InvalidInput, NotAuthenticated, NotFound
from app.ids import check_chosen_id
from app.records import StaffRecord
from app.settings import Settings
from app.store import Repository

MOST_EXAMS = 200


class StaffDesk:
    """The use cases of staff accounts. Thread-safe within one process."""

    def __init__(
        self, accounts: Accounts, logins: Logins, repository: Repository, settings: Settings
    ) -> None:
        self._accounts = accounts
        self._logins = logins
        self._repository = repository
        self._changing = threading.Lock()
        self.second_factor = SecondFactor(accounts.clock, secret_key(settings))

    def all(self) -> tuple[StaffRecord, ...]:
        """In the order they were added."""
        return self._repository.people.all_staff()

    def get(self, username: str) -> StaffRecord:
        """Raises NotFound."""
        is_name = 0 < len(username) <= LONGEST_NAME and username.isprintable()
        found = self._repository.staff(username) if is_name else None
        if found is None:
            raise NotFound("There is no such account.")
        return found

    def add(self, username: str, password: str, role: str, exams: Iterable[str]) -> StaffRecord:
        """Raises InvalidInput, or Conflict when the name is taken."""
        name = check_chosen_id(username, "The user name")
        record = StaffRecord(
            name,
            self._accounts.hash(password),
            check_role(role),
            self._accounts.clock.now(),
            exams=check_exams(exams),
        )
        with self._changing:
            if self._repository.staff(name) is not None:
                raise Conflict("This user name is taken.")
            self._repository.save_staff(record)
        return record

    def set_password(self, username: str, password: str) -> StaffRecord:
        """A new password ends the person's logins. Raises NotFound or InvalidInput."""
        hashed = self._accounts.hash(password)
        with self._changing:
            return self._save(replace(self.get(username), password_hash=hashed))

    def change(self, username: str, role: str, exams: Iterable[str]) -> StaffRecord:
        """Raises NotFound, InvalidInput, or Conflict for the last admin."""
        role, assigned = check_role(role), check_exams(exams)
        with self._changing:
            known = self.get(username)
            if role != ADMIN:
                self._keep_an_admin(known)
            return self._save(replace(known, role=role, exams=assigned))

    def disable(self, username: str) -> StaffRecord:
        """Close an account: its logins end. Raises NotFound, or Conflict for the last admin."""
        with self._changing:
            known = self.get(username)
            self._keep_an_admin(known)
            self._logins.end_all(known.username)
            return self._save(replace(known, disabled_at=self._accounts.clock.now()))

    def enable(self, username: str) -> StaffRecord:
        with self._changing:
            return self._save(replace(self.get(username), disabled_at=None))

    def begin_login(self, staff: StaffRecord, code: str, address: str) -> StaffRecord:
        """Check the second factor of somebody whose password was right.

        Raises NotAuthenticated for a wrong code, TooMany after too many.
        """
        if not staff.totp:
            return staff
        self._accounts.check_pace(staff.username, address)
        with self._changing:
            known = self.get(staff.username)
            step = self.second_factor.step_of(known.totp, code, known.totp_step)
            if step is not None:
                return self._save(replace(known, totp_step=step))
        self._accounts.count_wrong_code(staff.username, address)
        raise NotAuthenticated("This code is wrong or was used already. Wait for the next one.")

    def enrol(self, username: str, secret: str, code: str) -> StaffRecord:
        """Switch the second factor on. Raises InvalidInput when the code does not fit."""
        step = self.second_factor.step_of_secret(secret, code)
        if step is None:
            raise InvalidInput("This code does not fit the secret. Check your device's clock.")
        with self._changing:
            sealed = self.second_factor.seal(secret)
            return self._save(replace(self.get(username), totp=sealed, totp_step=step))

    def drop_second_factor(self, username: str) -> StaffRecord:
        with self._changing:
            return self._save(replace(self.get(username), totp="", totp_step=0))

    def _keep_an_admin(self, known: StaffRecord) -> None:
        others = [
            each
            for each in self.all()
            if each.role == ADMIN and each.disabled_at is None and each.username != known.username
        ]
        if known.role == ADMIN and known.disabled_at is None and not others:
            raise Conflict("This is the only admin. Add another one first.")

    def _save(self, record: StaffRecord) -> StaffRecord:
        self._repository.save_staff(record)
        return record


def check_exams(exams: Iterable[str]) -> tuple[str, ...]:
    """Exam ids, each once. Raises InvalidInput."""
    chosen = tuple(dict.fromkeys(check_chosen_id(exam, "The exam id") for exam in exams))
    if len(chosen) > MOST_EXAMS:
        raise InvalidInput(f"At most {MOST_EXAMS} exams can be assigned.")
    return chosen
