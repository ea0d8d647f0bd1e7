"""REST: a phone as second camera of one room scan. Its secret opens this and nothing else."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from app.access.needs import OPEN, PHONE
from app.api.checkin import PhoneBox, read_picture
from app.api.models import Asked, Told
from app.intake.jpeg import FRAME_MAX_BYTES
from app.web.routes import Call, Route


class ClaimPhone(Asked):
    code: str = Field(max_length=40, description="As it stands in the link; spaces do not matter.")


class PhoneJoined(Told):
    token: str = Field(description="The phone's secret, for this scan only.")


class PhoneShown(Told):
    still: int = Field(description="The number of the last picture that was taken in.")
    judged: int = Field(description="The number of the picture that `boxes` are about.")
    boxes: list[PhoneBox]
    every_ms: int = Field(description="How often to send one.")


def claim(call: Call) -> PhoneJoined:
    body: ClaimPhone = call.body
    _, secret = call.services.showing.cameras.claim(body.code)
    return PhoneJoined(token=secret)


def shown(call: Call) -> PhoneShown:
    return _answer(call.services.showing.cameras.of_phone(call.by))


def still(call: Call) -> PhoneShown:
    """The body is the picture itself."""
    jpeg = read_picture(FRAME_MAX_BYTES)
    return _answer(call.services.showing.cameras.take(call.by, jpeg))


def _answer(payload: dict[str, Any]) -> PhoneShown:
    return PhoneShown.model_validate(payload)


ROUTES = (
    Route(
        "POST",
        "/portal/phone",
        "claim_phone",
        "Join a phone by the code of a room scan; the code is spent",
        claim,
        OPEN,
        body=ClaimPhone,
        answer=PhoneJoined,
        refusals={
            403: "The page is too old, or the request did not come from it.",
            404: "The code was used already, or its time is over.",
        },
    ),
    Route(
        "GET",
        "/api/phone",
        "phone_shown",
        "What was pointed out in this phone's pictures",
        shown,
        PHONE,
        answer=PhoneShown,
        refusals={401: "The scan is over, or another phone has taken over."},
    ),
    Route(
        "POST",
        "/api/phone/still",
        "add_phone_still",
        "One picture of the room (the body, a JPEG), about once a second",
        still,
        PHONE,
        takes="image/jpeg",
        answer=PhoneShown,
        refusals={
            400: "The body is not a JPEG as it is taken.",
            401: "The scan is over, or another phone has taken over.",
            413: "More than 400 kB, or more than 4 megapixels.",
            429: "Pictures come too quickly.",
        },
    ),
)
