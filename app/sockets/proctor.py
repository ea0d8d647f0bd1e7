"""Rooms of those who look on: one session, the wall, thumbnails (docs/protocol.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flask_socketio import SocketIO, join_room, leave_room

from app.access.needs import SESSIONS_DECIDE, WATCH, WATCH_SESSION
from app.errors import InvalidInput, NotFound, TooMany
from app.monitoring.rooms import WALL, desk_room, session_room, wall_room
from app.monitoring.thumbnails import MOST_THUMBNAILS
from app.sockets.connect import Caller, answers

if TYPE_CHECKING:
    from app.wiring import Services

# A browser looks at one session or a few side by side; a connection in hundreds is a fault.
MOST_ROOMS = 50


def register(socketio: SocketIO, services: Services) -> None:
    """Register the events of proctors, integrators and students who look at a session."""
    live = services.live

    @answers(WATCH_SESSION)
    def join_session(caller: Caller, payload: object) -> dict[str, Any]:
        session_id = _session_id(payload)
        services.sessions.get(session_id)
        if len(live.looks_at(caller.sid) - {session_id}) >= MOST_ROOMS:
            raise TooMany("This connection looks at too many sessions. Leave one first.")
        join_room(session_room(session_id))
        if caller.kind != "student":
            join_room(desk_room(session_id))
        live.join(caller.sid, session_id, caller.name if caller.kind == "staff" else "")
        joined: dict[str, Any] = {"session_id": session_id}
        if caller.kind != "student":
            joined |= {"trend": live.trend(session_id), "people": live.people(session_id)}
            joined["load"] = services.load.state().payload()
        return joined

    @answers(WATCH_SESSION)
    def leave_session(caller: Caller, payload: object) -> None:
        session_id = _session_id(payload)
        leave_room(session_room(session_id))
        leave_room(desk_room(session_id))
        live.leave(caller.sid, session_id)

    @answers(WATCH)
    def join_wall(caller: Caller, _payload: object = None) -> dict[str, Any]:
        exams = None if caller.sees_every_exam else caller.exams
        for room in _wall_rooms(caller):
            join_room(room)
        load = services.load.state().payload()
        return {"sessions": live.join_wall(caller.sid, exams), "load": load}

    @answers(WATCH)
    def leave_wall(caller: Caller, _payload: object = None) -> None:
        for room in _wall_rooms(caller):
            leave_room(room)
        live.leave_wall(caller.sid)

    @answers(WATCH)
    def want_thumbnails(caller: Caller, payload: object) -> None:
        wished = _session_ids(payload)
        if not caller.sees_every_exam:
            wished = [each for each in wished if caller.may_see(_exam_of(services, each))]
        live.want(caller.sid, wished)

    @answers(WATCH)
    def listen(caller: Caller, payload: object) -> None:
        session_id = services.sessions.get(_session_id(payload)).session_id
        is_on = payload.get("on") if isinstance(payload, Mapping) else None
        if not isinstance(is_on, bool):
            raise InvalidInput("Send {session_id, on}.")
        live.listen(caller.sid, session_id, is_on=is_on)

    @answers(SESSIONS_DECIDE)
    def decide_place(_caller: Caller, payload: object) -> dict[str, Any]:
        given = payload if isinstance(payload, Mapping) else {}
        request_id, approve = given.get("request_id"), given.get("approve")
        if not isinstance(request_id, str) or not isinstance(approve, bool):
            raise InvalidInput("Send {session_id, request_id, approve}.")
        return services.decide_place(_session_id(payload), request_id, approve=approve)

    @answers(SESSIONS_DECIDE)
    def resume(_caller: Caller, payload: object) -> None:
        session_id = _session_id(payload)
        services.sessions.get(session_id)
        services.monitor.resume(session_id)

    for event, handler in (
        ("resume", resume),
        ("join_session", join_session),
        ("leave_session", leave_session),
        ("join_wall", join_wall),
        ("leave_wall", leave_wall),
        ("want_thumbnails", want_thumbnails),
        ("listen", listen),
        ("decide_place", decide_place),
    ):
        socketio.on_event(event, handler)


def _wall_rooms(caller: Caller) -> list[str]:
    return [WALL] if caller.sees_every_exam else [wall_room(exam) for exam in caller.exams]


def _exam_of(services: Services, session_id: str) -> str:
    try:
        return services.sessions.get(session_id).exam_id
    except NotFound:
        return ""


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
