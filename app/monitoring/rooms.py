"""The names of the Socket.IO rooms."""

from __future__ import annotations

WALL = "wall"


def session_room(session_id: str) -> str:
    """The room of those who look at one session."""
    return f"session:{session_id}"


def wall_room(exam_id: str) -> str:
    """The room of those who see the wall of one exam only."""
    return f"{WALL}:{exam_id}"


def desk_room(session_id: str) -> str:
    """The room of the staff who look at one session: no student hears what is said there."""
    return f"desk:{session_id}"


def student_room(session_id: str) -> str:
    """The room of the student's own connection."""
    return f"student:{session_id}"
