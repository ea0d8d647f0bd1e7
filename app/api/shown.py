"""REST: what staff see of one student's check-in, and the pictures that were kept of it."""

from __future__ import annotations

from datetime import datetime

import flask
from pydantic import Field

from app.access.needs import CHECK_IN_READ
from app.api.checkin import CheckInStep
from app.api.models import Part, Told
from app.checkin.records import ShownPicture
from app.errors import NotFound
from app.ids import is_ours
from app.web.media import send_media
from app.web.routes import Call, Route


class CheckInPicture(Part):
    picture_id: str
    kind: str = Field(description="document or room.")
    taken_at: datetime
    width: int
    height: int
    things: list[str] = Field(description="What was pointed out in it.")
    consent: str = Field(description="The version of the words that were agreed to.")
    url: str


class CheckInOfSession(Told):
    session_id: str
    stage: str = Field(description='"" without check-in, checking, waiting, admitted or refused.')
    steps: list[CheckInStep]
    seen: list[str] = Field(description="What was pointed out in the room.")
    by: str = Field(description="Who of the staff decided.")
    reason: str
    pictures: list[CheckInPicture]


def of_session(call: Call) -> CheckInOfSession:
    services = call.services
    session = services.sessions.get(call.path["session_id"])
    standing = services.checkins.standing(session.session_id)
    return CheckInOfSession(
        session_id=session.session_id,
        stage=standing.stage.value,
        steps=[CheckInStep(step=step, state=state) for step, state in standing.steps],
        seen=list(session.check_in_seen),
        by=session.check_in_by,
        reason=session.check_in_reason,
        pictures=[_part(each) for each in services.showing.pictures.of_session(session.session_id)],
    )


def picture(call: Call) -> flask.Response:
    session_id, picture_id = call.path["session_id"], call.path["picture_id"]
    if not is_ours(session_id) or not is_ours(picture_id):
        raise NotFound("There is no such picture.")
    record, file = call.services.showing.pictures.open(session_id, picture_id)
    return send_media(file, "image/jpeg", record.file_name)


def _part(record: ShownPicture) -> CheckInPicture:
    return CheckInPicture(
        picture_id=record.picture_id,
        kind=record.kind,
        taken_at=record.taken_at,
        width=record.width,
        height=record.height,
        things=list(record.things),
        consent=record.consent,
        url=f"/api/session/{record.session_id}/check-in/{record.picture_id}",
    )


ROUTES = (
    Route(
        "GET",
        "/api/session/{session_id}/check-in",
        "session_check_in",
        "How far a student is at check-in, and what was shown",
        of_session,
        CHECK_IN_READ,
        answer=CheckInOfSession,
        refusals={404: "There is no such session."},
        parameters={"session_id": "The session's id."},
    ),
    Route(
        "GET",
        "/api/session/{session_id}/check-in/{picture_id}",
        "check_in_picture",
        "A picture that a student consented to at check-in; each look is audited",
        picture,
        CHECK_IN_READ,
        media="image/jpeg",
        refusals={404: "There is no such picture."},
        parameters={"session_id": "The session's id.", "picture_id": "The picture's id."},
    ),
)
