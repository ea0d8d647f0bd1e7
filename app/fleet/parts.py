"""Makes a server one of several, and ties the parts that must know to it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from app.actions.records import ActionRecord, Actor, Order
from app.fleet.fleet import Fleet
from app.fleet.line import open_line
from app.fleet.rooms import SharedRooms
from app.records import EndCause

if TYPE_CHECKING:
    from app.wiring import Services

# Drawn by every server for its own people, from what the mirror brings: never through the queue.
DRAWN_HERE = frozenset(
    {"monitoring_update", "wall_update", "status", "thumbnail", "sound", "presence", "load"}
)


def open_fleet(services: Services) -> Fleet:
    """Nothing runs before `join`."""
    rooms = services.live
    if not isinstance(rooms, SharedRooms):
        raise TypeError("Several servers need shared rooms.")
    fleet = Fleet(services, rooms, open_line(services.settings))

    def act_elsewhere(actor: Actor, session_id: str, order: Order) -> ActionRecord | None:
        owner = fleet.owner_of(session_id)
        return fleet.act(owner, actor, session_id, order) if owner is not None else None

    def end_elsewhere(session_id: str, cause: EndCause, at: datetime | None) -> bool:
        owner = fleet.owner_of(session_id)
        if owner is None:
            return False
        when = at.isoformat() if at is not None else ""
        fleet.say(owner, "end", session_id, {"cause": cause.value, "at": when})
        return True

    def end(session_id: str, payload: object) -> Mapping[str, Any] | None:
        given = payload if isinstance(payload, dict) else {}
        at = datetime.fromisoformat(given["at"]) if given.get("at") else None
        services.sessions.end(session_id, EndCause(given.get("cause")), at)
        return None

    def resume(session_id: str, _payload: object) -> None:
        services.monitor.resume(session_id)

    def chat_seen(session_id: str, _payload: object) -> None:
        services.actions.talk.read_by_staff(session_id)

    def decide_place(session_id: str, payload: object) -> Mapping[str, Any]:
        given = payload if isinstance(payload, dict) else {}
        approve = given.get("approve") is True
        return services.decide_place(session_id, str(given.get("request_id")), approve=approve)

    fleet.answers("end", end)
    fleet.answers("resume", resume)
    fleet.answers("chat_seen", chat_seen)
    fleet.answers("decide_place", decide_place)
    services.sessions.share(fleet.is_mine, end_elsewhere)
    services.actions.desk.share(act_elsewhere)
    services.recorder.is_mine = fleet.is_mine
    services.sittings.is_mine = fleet.is_mine
    fleet.when_released(services.sittings.released)
    fleet.when_released(services.checkins.released)
    return fleet


def lend(fleet: Fleet | None, event: str, payload: object) -> None:
    """A thumbnail or sound that people at other servers asked for."""
    if fleet is None or not isinstance(payload, dict):
        return
    session_id = payload["session_id"]
    if event == "thumbnail":
        at = datetime.fromisoformat(payload["at"].replace("Z", "+00:00"))
        fleet.mirror.small(session_id, at, payload["jpeg"])
    elif event == "sound":
        fleet.mirror.sound(session_id, payload["at_s"], payload["pcm"])
