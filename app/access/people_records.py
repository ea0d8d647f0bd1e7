"""What is stored about logins and rosters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True)
class LoginRecord:
    """One sign-in of one browser."""

    login_id: str
    username: str
    created_at: datetime
    used_at: datetime


@dataclass(frozen=True, slots=True)
class RosterRow:
    """One student who may sit an exam. A revoked row stays, so that it can be said.

    `listed_at` is when it was last brought in.
    """

    exam_id: str
    student_id: str
    name: str
    date_of_birth: date
    course: str
    email: str = ""
    is_revoked: bool = False
    listed_at: datetime | None = None
