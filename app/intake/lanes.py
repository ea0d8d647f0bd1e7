"""The two lanes in which one session is analysed: what is live, and what comes late beside it.

A detector's stream needs its pictures in order. What arrives after a cut line is older than what
is live, so it has streams of its own, and its turn comes after everything live.
"""

from __future__ import annotations

_LATE = "/late"


def late_lane(session_id: str) -> str:
    """The name under which the pool knows a session's late lane."""
    return session_id + _LATE


def is_late(lane: str) -> bool:
    return lane.endswith(_LATE)


def session_of(lane: str) -> str:
    """The session of either lane."""
    return lane.removesuffix(_LATE)
