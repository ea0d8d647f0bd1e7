"""Rooms of those who look on: one session, the wall, thumbnails (docs/protocol.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flask_socketio import SocketIO, join_room, leave_room

from app.errors import InvalidInput, TooMany
from app.monitoring.live import MOST_THUMBNAILS, WALL, session_room
from app.sockets.connect import Caller, answers

if TYPE_CHECKING:
    from app.wiring import Services

# A browser looks at one session or a few side by side; a connection in hundreds is a fault.
MOST_ROOMS = 50


def register(socketio: SocketIO, services: Services) -> None:
    """Register the events of proctors, integrators and students who look at a session."""
    live = services.live

    @answers("student", "integrator", "staff")
    def join_session(caller: Caller, payload: object) -> dict[str, Any]:
        session_id = _session_id(payload)
        caller.require_session(session_id)
        services.sessions.get(session_id)
        if len(live.looks_at(caller.sid) - {session_id}) >= MOST_ROOMS:
            raise TooMany("This connection looks at too many sessions. Leave one first.")
        join_room(session_room(session_id))
        live.join(caller.sid, session_id)
        return {"session_id": session_id}

    @answers("student", "integrator", "staff")
    def leave_session(caller: Caller, payload: object) -> None:
        session_id = _session_id(payload)
        caller.require_session(session_id)
        leave_room(session_room(session_id))
        live.leave(caller.sid, session_id)

    @answers("staff")
    def join_wall(caller: Caller, _payload: object = None) -> dict[str, Any]:
        join_room(WALL)
        return {"sessions": live.join_wall(caller.sid)}

    @answers("staff")
    def leave_wall(caller: Caller, _payload: object = None) -> None:
        leave_room(WALL)
        live.leave_wall(caller.sid)

    @answers("staff")
    def want_thumbnails(caller: Caller, payload: object) -> None:
        live.want(caller.sid, _session_ids(payload))

    for event, handler in (
        ("join_session", join_session),
        ("leave_session", leave_session),
        ("join_wall", join_wall),
        ("leave_wall", leave_wall),
        ("want_thumbnails", want_thumbnails),
    ):
        socketio.on_event(event, handler)


def _session_id(payload: object) -> str:
    session_id = payload.get("session_id") if isinstance(payload, Mapping) else None
    if not isinstance(session_id, str):
        raise InvalidInput("Send {session_id} as text.")
    return session_id


def _session_ids(payload: object) -> list[str]:
    ids = payload.get("session_ids") if isinstance(payload, Mapping) else None
    if not isinstance(ids, list) or not all(isinstance(item, str) for item in ids):
        raise InvalidInput("Send {session_ids} as a list of texts.")
    if len(ids) > MOST_THUMBNAILS:
        raise InvalidInput(f"At most {MOST_THUMBNAILS} thumbnails can be asked for at once.")
    return ids
