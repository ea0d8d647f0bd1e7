"""REST: a student's own way in, step by step, and what is shown on it."""

from __future__ import annotations

from typing import Any, Literal

import flask
import segno
from pydantic import BaseModel, ConfigDict, Field

from app.access.needs import ARRIVE, STREAM
from app.api.models import Asked, Part, Told
from app.checkin.phone_links import CODE_S
from app.checkin.records import DOCUMENT, ROOM
from app.errors import InvalidInput, NotFound, TooLarge
from app.intake.jpeg import SCREEN_MAX_BYTES
from app.languages.choice import language_of_request
from app.privacy.consent import LONGEST_VERSION
from app.web.routes import Call, Route

LARGEST_UPLINK_BYTES = 500_000
LONGEST_NUMBER = 9
# What the standard of QR codes asks for around one.
QUIET = 4


class CheckInStep(Part):
    step: str
    state: str = Field(description="open, done or skipped.")


class CheckInGuidance(Part):
    word: str
    text: str = Field(description="An English sentence that says what to do.")


class PhoneBox(Part):
    """A thing that was pointed out, in shares of the picture."""

    x: float
    y: float
    width: float
    height: float
    label: str = Field(description="phone, book, laptop or screen.")
    confidence: float


class SecondCameraShown(Part):
    state: str = Field(description="offered, joined, or live once its pictures come.")
    phones: int = Field(description="How many phones were joined, one after the other.")
    still: int = Field(description="The number of the picture to show; 0 is none.")
    boxes: list[PhoneBox]


class CheckInShown(Told):
    """Where the student is; `share` and `guidance` are about the running `step`."""

    stage: str = Field(description='"", checking, waiting, admitted or refused.')
    steps: list[CheckInStep]
    step: str
    share: float
    is_done: bool
    guidance: CheckInGuidance | None
    seen: list[str]
    trouble: str
    reason: str
    phone: SecondCameraShown | None


class CheckInAct(Asked):
    """`look` and `looked` are of the step gaze, `no_phone` of the room; `finish` needs no step."""

    action: Literal["begin", "look", "looked", "done", "skip", "no_phone", "finish"]
    step: str = Field("", max_length=20)
    consent: str = Field(
        "",
        max_length=LONGEST_VERSION,
        description="Of the room: the version of the words, where pictures may be kept.",
    )
    x: float = Field(0.5, ge=0, le=1)
    y: float = Field(0.5, ge=0, le=1)


class PictureConsent(Told):
    version: str
    is_kept: bool = Field(description="Whether the exam keeps anything of this step.")
    paragraphs: list[str]


class PhoneCode(Part):
    """The drawing of the link: `path` is one of SVG, in a square of `size` units."""

    size: int
    path: str


class PhoneOffered(Told):
    code: str = Field(description="Good for one phone.")
    link: str
    lasts_s: float
    qr: PhoneCode


class Uplink(BaseModel):
    """How many bytes came."""

    model_config = ConfigDict(frozen=True)

    success: Literal[True] = True
    size_bytes: int


def shown(call: Call) -> CheckInShown:
    return _answer(call.services.checkins.shown(call.by.session_id))


def act(call: Call) -> CheckInShown:
    body: CheckInAct = call.body
    checkins, session_id = call.services.checkins, call.by.session_id
    if body.action == "finish":
        return _answer(checkins.finish(session_id))
    if body.action == "look":
        return _answer(checkins.look(session_id, body.x, body.y))
    if body.action == "looked":
        return _answer(checkins.looked(session_id))
    if not body.step:
        raise InvalidInput("Name the step.")
    showing = call.services.showing
    if body.action == "begin":
        return _answer(checkins.begin(session_id, body.step))
    if body.action == "no_phone":
        return _answer(showing.without_phone(session_id))
    if body.step == ROOM and body.action == "done":
        return _answer(showing.finish_room(session_id, body.consent))
    if body.step == DOCUMENT and body.action == "skip":
        return _answer(showing.leave_document_out(session_id))
    return _answer(checkins.settle(session_id, body.step, is_skipped=body.action == "skip"))


def picture_words(call: Call) -> PictureConsent:
    """What a student agrees to before something of a step is kept."""
    kind = call.path["kind"]
    if kind not in (DOCUMENT, ROOM):
        raise NotFound("Nothing of such a step is kept.")
    session = call.services.sessions.get(call.by.session_id)
    is_kept, text = call.services.showing.consent(session, kind, language_of_request())
    return PictureConsent(
        version=text.version, is_kept=is_kept, paragraphs=[each.text for each in text.paragraphs]
    )


def document(call: Call) -> CheckInShown:
    """The body is the picture itself."""
    consent = flask.request.args.get("consent", "")[:LONGEST_VERSION]
    jpeg = read_picture(SCREEN_MAX_BYTES)
    return _answer(call.services.showing.take_document(call.by.session_id, jpeg, consent))


def offer_phone(call: Call) -> PhoneOffered:
    code = call.services.showing.offer_phone(call.by.session_id)
    base = call.services.settings.public_url or flask.request.host_url
    link = f"{base.rstrip('/')}/phone?l={language_of_request()}#{code}"
    return PhoneOffered(code=code, link=link, lasts_s=CODE_S, qr=_drawn(link))


def phone_still(call: Call) -> flask.Response:
    number = call.path["number"]
    if not (number.isascii() and number.isdigit() and len(number) <= LONGEST_NUMBER):
        raise NotFound("There is no such picture.")
    jpeg = call.services.showing.cameras.still(call.by.session_id, int(number))
    answer = flask.Response(jpeg, mimetype="image/jpeg")
    answer.headers["Cache-Control"] = "private, no-store"
    return answer


def read_picture(most_bytes: int) -> bytes:
    """The body of a request that is one picture. Raises TooLarge before it is read whole."""
    if (flask.request.content_length or 0) > most_bytes:
        raise TooLarge(f"At most {most_bytes // 1000} kB are taken as one picture.")
    return flask.request.get_data(cache=False)


def _drawn(link: str) -> PhoneCode:
    """A QR code with the quiet zone it needs, its modules as squares of one path."""
    rows = tuple(segno.make(link, error="m", micro=False).matrix_iter(border=QUIET))
    path = "".join(
        f"M{x} {y}h1v1h-1z"
        for y, row in enumerate(rows)
        for x, is_dark in enumerate(row)
        if is_dark
    )
    return PhoneCode(size=len(rows), path=path)


def uplink(_call: Call) -> Uplink:
    """Takes some bytes so that the page can see how fast its line is; nothing is kept."""
    size = flask.request.content_length or 0
    if size > LARGEST_UPLINK_BYTES:
        raise TooLarge("At most 500 kB are taken to measure a line.")
    return Uplink(size_bytes=len(flask.request.get_data(cache=False)))


def _answer(payload: dict[str, Any]) -> CheckInShown:
    return CheckInShown.model_validate(payload)


ROUTES = (
    Route(
        "GET",
        "/api/my/check-in",
        "my_check_in",
        "Where the student is at check-in",
        shown,
        STREAM,
        answer=CheckInShown,
    ),
    Route(
        "POST",
        "/api/my/check-in",
        "act_check_in",
        "Begin a step, look at a point, leave a step out, or ask to be let in",
        act,
        STREAM,
        body=CheckInAct,
        answer=CheckInShown,
        refusals={409: "Not now: a step is not finished, or check-in is over."},
    ),
    Route(
        "GET",
        "/api/my/check-in/consent/{kind}",
        "picture_words",
        "What the student agrees to before a picture of a step is kept",
        picture_words,
        STREAM,
        answer=PictureConsent,
        refusals={404: "Nothing of such a step is kept."},
        parameters={"kind": "document or room."},
    ),
    Route(
        "PUT",
        "/api/my/check-in/document",
        "show_document",
        "Keep the picture of a document (the body, a JPEG); `consent` in the query names the"
        " words that were agreed to",
        document,
        STREAM,
        takes="image/jpeg",
        answer=CheckInShown,
        refusals={
            400: "The body is not a JPEG as it is taken.",
            409: "Check-in is over.",
            413: "More than 800 kB, or more than 4 megapixels.",
        },
    ),
    Route(
        "POST",
        "/api/my/check-in/phone",
        "offer_phone",
        "A code and a link that join one phone as second camera of the room scan",
        offer_phone,
        STREAM,
        answer=PhoneOffered,
        refusals={409: "The room is not being shown."},
    ),
    Route(
        "GET",
        "/api/my/check-in/phone/stills/{number}",
        "phone_still",
        "A picture of the phone, while it is one of the last",
        phone_still,
        STREAM,
        media="image/jpeg",
        refusals={404: "This picture is not there any more."},
        parameters={"number": "As `phone.still` says."},
    ),
    Route(
        "POST",
        "/api/my/uplink",
        "my_uplink",
        "Measure the line: the bytes are counted and forgotten",
        uplink,
        ARRIVE,
        answer=Uplink,
        refusals={413: "More than 500 kB."},
    ),
)
