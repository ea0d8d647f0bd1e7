"""The lanes in which one session is analysed: what is live, what comes late, and a phone beside.

A detector's stream needs its pictures in order. What arrives after a cut line is older than what
is live, so it has streams of its own, and its turn comes after everything live. What a phone shows
of the room at check-in is another camera's: each of its pictures is judged on its own.
"""

from __future__ import annotations

_LATE, _PHONE = "/late", "/phone"


def late_lane(session_id: str) -> str:
    """The name under which the pool knows a session's late lane."""
    return session_id + _LATE


def is_late(lane: str) -> bool:
    return lane.endswith(_LATE)


def phone_lane(session_id: str) -> str:
    """The name under which the pool knows what a phone shows at a session's check-in."""
    return session_id + _PHONE


def is_phone(lane: str) -> bool:
    return lane.endswith(_PHONE)


def session_of(lane: str) -> str:
    """The session of any lane."""
    return lane.removesuffix(_LATE).removesuffix(_PHONE)
