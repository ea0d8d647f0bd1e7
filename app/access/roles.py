"""The roles of staff and the scopes of API keys."""

from __future__ import annotations

from collections.abc import Iterable

from app.errors import InvalidInput

ADMIN = "admin"
EXAM_MANAGER = "exam_manager"
PROCTOR = "proctor"
REVIEWER = "reviewer"
ROLES: dict[str, str] = {
    ADMIN: "Everything, people and keys included.",
    EXAM_MANAGER: "All exams: rosters, sessions, evidence.",
    PROCTOR: "Watches and steers the sessions of the assigned exams.",
    REVIEWER: "Looks at what was recorded and decides on flags; nothing live.",
}

EVERY_SCOPE = "*"
SCOPES: dict[str, str] = {
    "sessions:write": "Create, steer and end sessions.",
    "sessions:read": "Read sessions and scores, live too.",
    "evidence:read": "Read clips and pictures.",
    "evidence:write": "Decide on flags.",
    "exams:write": "Change exams and rosters.",
    "exams:read": "Read exams.",
    "reports:read": "Read reports and exports.",
    "machine:read": "Read the state of the server.",
}


def check_role(role: object) -> str:
    """Raises InvalidInput for a role that does not exist."""
    if not isinstance(role, str) or role not in ROLES:
        raise InvalidInput(f"The role is one of {', '.join(ROLES)}.")
    return role


def check_scopes(scopes: Iterable[str]) -> tuple[str, ...]:
    """Known scopes, each once; raises InvalidInput for others or none."""
    chosen = tuple(dict.fromkeys(scopes))
    unknown = [scope for scope in chosen if scope not in SCOPES and scope != EVERY_SCOPE]
    if unknown or not chosen:
        raise InvalidInput(f"The scopes are some of {', '.join(SCOPES)}, or * for all of them.")
    return chosen
