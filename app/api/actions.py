"""REST: what is done to running sessions, and what was done."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from app.access.needs import SESSIONS_DECIDE, SESSIONS_READ
from app.actions.desk import MOST_SESSIONS
from app.actions.orders import ORDERS, order_of
from app.actions.payloads import action_of
from app.actions.records import LONGEST_REASON, LONGEST_TEXT, ActionRecord
from app.api.models import Asked, Part, Told
from app.records import SessionState
from app.sockets.actions import actor_of
from app.web.routes import Call, Route

KINDS = ", ".join(kind.value for kind in ORDERS)


class Act(Asked):
    kind: str = Field(description=f"One of {KINDS}.", examples=["warning"])
    text: str | None = Field(
        None,
        max_length=LONGEST_TEXT,
        description="What the student reads; of a pause, extra time"
        " or end the reason when missing.",
    )
    reason: str | None = Field(
        None,
        max_length=LONGEST_REASON,
        description="For colleagues and the record. Needed for pause, extra_time, end, refuse,"
        " break_refused, call, note, and for a break beyond what the exam grants.",
    )
    minutes: float | None = Field(None, description="Of extra_time and break_granted.")


class ActOnExam(Act):
    session_ids: list[str] | None = Field(
        None, max_length=MOST_SESSIONS, description="All running sessions of the exam when missing."
    )


class ActionPart(Part):
    action_id: str
    session_id: str
    exam_id: str
    action: str
    actor: str
    actor_kind: str = Field(description="staff, integrator, student or server.")
    at: datetime
    text: str
    reason: str
    minutes: float | None
    until_at: datetime | None
    is_beyond: bool = Field(description="More than the exam grants this student.")
    is_for_student: bool
    seen_at: datetime | None = Field(description="When it stood on the other side's screen.")


class ActionDone(Told):
    action: ActionPart


class RefusedPart(Part):
    session_id: str
    code: str
    message: str


class ActionsDone(Told):
    actions: list[ActionPart]
    refused: list[RefusedPart]


class ActionLog(Told):
    actions: list[ActionPart]
    count: int


def part_of(record: ActionRecord) -> ActionPart:
    return ActionPart.model_validate(action_of(record))


def act(call: Call) -> ActionDone:
    body: Act = call.body
    actor = actor_of(call.services, call.by)
    order = order_of(body.model_dump())
    return ActionDone(
        action=part_of(call.services.actions.desk.act(actor, call.path["session_id"], order))
    )


def act_on_exam(call: Call) -> ActionsDone:
    body: ActOnExam = call.body
    services, exam_id = call.services, call.path["exam_id"]
    running = [
        each.session_id
        for each in services.repository.sessions(SessionState.RUNNING, exam_id=exam_id)
    ]
    wanted = running if body.session_ids is None else body.session_ids
    there = set(running)
    done, refused = services.actions.desk.act_on_many(
        actor_of(services, call.by),
        [each for each in wanted if each in there],
        order_of(body.model_dump()),
    )
    missing = [each for each in wanted if each not in there]
    return ActionsDone(
        actions=[part_of(each) for each in done],
        refused=[
            *(
                RefusedPart(session_id=r.session_id, code=r.code, message=r.message)
                for r in refused
            ),
            *(
                RefusedPart(
                    session_id=each,
                    code="not_found",
                    message="No such session of this exam is running.",
                )
                for each in missing
            ),
        ],
    )


def log(call: Call) -> ActionLog:
    session = call.services.sessions.get(call.path["session_id"])
    records = call.services.actions.board.of_session(session.session_id)
    return ActionLog(actions=[part_of(each) for each in records], count=len(records))


REFUSALS = {
    404: "There is no such session.",
    409: "The session is not in a state for this.",
}

ROUTES = (
    Route(
        "POST",
        "/api/session/{session_id}/actions",
        "act",
        "Warn, pause, give time, end and so on, one student",
        act,
        SESSIONS_DECIDE,
        body=Act,
        answer=ActionDone,
        refusals=REFUSALS,
        parameters={"session_id": "The session's id."},
    ),
    Route(
        "GET",
        "/api/session/{session_id}/actions",
        "session_actions",
        "What was done in a session, with receipts",
        log,
        SESSIONS_READ,
        answer=ActionLog,
        refusals={404: "There is no such session."},
        parameters={"session_id": "The session's id."},
    ),
    Route(
        "POST",
        "/api/exam/{exam_id}/actions",
        "act_on_exam",
        "The same for some or all running sessions of an exam",
        act_on_exam,
        SESSIONS_DECIDE,
        body=ActOnExam,
        answer=ActionsDone,
        parameters={"exam_id": "The exam's id."},
    ),
)
