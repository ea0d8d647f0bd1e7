"""REST: a student's own way in, step by step."""

from __future__ import annotations

from typing import Any, Literal

import flask
from pydantic import BaseModel, ConfigDict, Field

from app.access.needs import ARRIVE, STREAM
from app.api.models import Asked, Part, Told
from app.errors import InvalidInput, TooLarge
from app.web.routes import Call, Route

LARGEST_UPLINK_BYTES = 500_000


class CheckInStep(Part):
    step: str
    state: str = Field(description="open, done or skipped.")


class CheckInGuidance(Part):
    word: str
    text: str = Field(description="An English sentence that says what to do.")


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


class CheckInAct(Asked):
    """`look` and `looked` are of the step gaze; `finish` needs no step."""

    action: Literal["begin", "look", "looked", "done", "skip", "finish"]
    step: str = Field("", max_length=20)
    x: float = Field(0.5, ge=0, le=1)
    y: float = Field(0.5, ge=0, le=1)


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
    if body.action == "begin":
        return _answer(checkins.begin(session_id, body.step))
    return _answer(checkins.settle(session_id, body.step, is_skipped=body.action == "skip"))


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
