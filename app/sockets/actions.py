"""What proctors order and students answer, over Socket.IO (docs/protocol.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flask_socketio import SocketIO

from app.access.needs import SESSIONS_DECIDE, STREAM
from app.actions.desk import MOST_SESSIONS
from app.actions.orders import order_of
from app.actions.payloads import action_of, break_of
from app.actions.records import Actor
from app.errors import InvalidInput
from app.monitoring.views import iso
from app.sockets.connect import Caller, answers

if TYPE_CHECKING:
    from app.wiring import Services


def actor_of(services: Services, caller: Caller) -> Actor:
    """Who acts, for the record and for the audit."""
    return Actor(caller.kind, caller.name, services.audited.actor(caller))


def register(socketio: SocketIO, services: Services) -> None:
    """Register the events of the desk and of the students' side of it."""
    actions = services.actions

    @answers(SESSIONS_DECIDE)
    def act(caller: Caller, payload: object) -> dict[str, Any]:
        named = _named(payload)
        session_ids = _session_ids(named)
        order = order_of(named)
        for session_id in session_ids:
            caller.require_exam(services.sessions.get(session_id).exam_id)
        done, refused = actions.desk.act_on_many(actor_of(services, caller), session_ids, order)
        if len(session_ids) == 1 and refused:
            return _refused(refused[0].code, refused[0].message)
        return {
            "actions": [action_of(each) for each in done],
            "refused": [
                {"session_id": each.session_id, "code": each.code, "message": each.message}
                for each in refused
            ],
        }

    @answers(SESSIONS_DECIDE)
    def chat_seen(_caller: Caller, payload: object) -> None:
        session_id = _named(payload).get("session_id")
        actions.talk.read_by_staff(services.sessions.get(session_id).session_id)

    @answers(STREAM)
    def message_seen(caller: Caller, payload: object) -> None:
        actions.talk.seen(caller.session_id, _named(payload).get("message_id"))

    @answers(STREAM)
    def chat(caller: Caller, payload: object) -> dict[str, Any]:
        record = actions.talk.chat(caller.session_id, payload)
        return {"message_id": record.action_id, "at": iso(record.at)}

    @answers(STREAM)
    def ask_break(caller: Caller, _payload: object = None) -> dict[str, Any]:
        return break_of(actions.talk.ask_break(caller.session_id))

    @answers(STREAM)
    def withdraw_break(caller: Caller, _payload: object = None) -> dict[str, Any]:
        return break_of(actions.talk.withdraw_break(caller.session_id))

    @answers(STREAM)
    def talk(caller: Caller, _payload: object = None) -> dict[str, Any]:
        return {"messages": actions.talk.lines(caller.session_id)}

    for event, handler in (
        ("act", act),
        ("chat_seen", chat_seen),
        ("message_seen", message_seen),
        ("chat", chat),
        ("ask_break", ask_break),
        ("withdraw_break", withdraw_break),
        ("talk", talk),
    ):
        socketio.on_event(event, handler)


def _named(payload: object) -> Mapping[str, object]:
    if not isinstance(payload, Mapping):
        raise InvalidInput("Send an object.")
    return payload


def _session_ids(named: Mapping[str, object]) -> list[str]:
    one, many = named.get("session_id"), named.get("session_ids")
    ids = many if one is None else [one]
    if not isinstance(ids, list) or not ids or not all(isinstance(each, str) for each in ids):
        raise InvalidInput("Send session_id as text, or session_ids as a list of texts.")
    if len(ids) > MOST_SESSIONS:
        raise InvalidInput(f"At most {MOST_SESSIONS} sessions at once.")
    return list(ids)


def _refused(code: str, message: str) -> dict[str, Any]:
    return {"ok": False, "error": {"code": code, "message": message}}
