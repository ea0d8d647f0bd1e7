"""REST: devices that ask for a session which runs elsewhere."""

from __future__ import annotations

from datetime import datetime

from app.access.needs import SESSIONS_DECIDE
from app.api.models import Asked, Part, Told
from app.web.routes import Call, Route


class PlacePart(Part):
    request_id: str
    session_id: str
    reason: str
    state: str
    asked_at: datetime


class WaitingPlaces(Told):
    waiting: list[PlacePart]


class DecidePlace(Asked):
    request_id: str
    approve: bool


class DecidedPlace(Told):
    place: PlacePart


def waiting(call: Call) -> WaitingPlaces:
    session = call.services.sessions.get(call.path["session_id"])
    found = call.services.places.waiting(session.session_id)
    return WaitingPlaces(
        waiting=[
            PlacePart(
                request_id=each.request_id,
                session_id=each.session_id,
                reason=each.reason,
                state=each.state,
                asked_at=each.asked_at,
            )
            for each in found
        ]
    )


def decide(call: Call) -> DecidedPlace:
    body: DecidePlace = call.body
    session = call.services.sessions.get(call.path["session_id"])
    decided = call.services.decide_place(session.session_id, body.request_id, approve=body.approve)
    return DecidedPlace(place=PlacePart.model_validate(decided))


NAMED = {"session_id": "The session's id."}

ROUTES = (
    Route(
        "GET",
        "/api/session/{session_id}/places",
        "waiting_places",
        "Devices that wait to take a running session over",
        waiting,
        SESSIONS_DECIDE,
        answer=WaitingPlaces,
        refusals={404: "There is no such session."},
        parameters=NAMED,
    ),
    Route(
        "POST",
        "/api/session/{session_id}/place",
        "decide_place",
        "Let a waiting device in, or refuse it",
        decide,
        SESSIONS_DECIDE,
        body=DecidePlace,
        answer=DecidedPlace,
        refusals={404: "No such device waits for this session."},
        parameters=NAMED,
    ),
)
