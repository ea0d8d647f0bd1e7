"""REST: what a student may know about the own session's flags, and answer."""

from __future__ import annotations

from datetime import datetime

import flask

from app.access.media_links import Links
from app.access.needs import OWN_EVIDENCE, SEE_RESULT
from app.api.review_models import (
    Appeal,
    Appealed,
    Explain,
    Explained,
    MyAppeal,
    MyExplanation,
    MyFlag,
    MyFlags,
    MySnapshot,
)
from app.api.shapes import clip_of
from app.api.videos import send_part
from app.audit.pseudonyms import STUDENT
from app.errors import Conflict, NotFound
from app.ids import is_ours
from app.records import ReviewState, SessionRecord
from app.review.case import may_appeal, may_explain
from app.review.episodes import Flag, flags_of
from app.review.model import Case, CaseState
from app.web.routes import Call, Route

STATES = {
    CaseState.NOTHING: "none",
    CaseState.OPEN: "in_review",
    CaseState.READY: "in_review",
    CaseState.PROPOSED: "in_review",
    CaseState.DECIDED: "decided",
    CaseState.APPEALED: "appealed",
    CaseState.FINAL: "final",
}


def flags(call: Call) -> MyFlags:
    services = call.services
    session = services.sessions.get(call.by.session_id)
    terms = services.reviews.terms(session.exam_id)
    case = services.reviews.case(session.session_id)
    ruling = case.final or case.outcome
    now = services.clock.now()
    is_released = services.reviews.is_released(case, terms)
    can_appeal = may_appeal(case, now)
    until_at = case.outcome.until_at if case.outcome and can_appeal else None
    explain_until = _explain_until(call, session)
    is_in_time = explain_until is None or now < explain_until
    return MyFlags(
        session_id=session.session_id,
        exam_id=session.exam_id,
        server_ms=_ms(now),
        state=STATES[case.state],
        outcome=ruling.outcome.value if ruling else None,
        reason_text=ruling.reason if ruling else None,
        decided_ms=_ms(ruling.at) if ruling else None,
        may_explain=may_explain(case) and is_in_time,
        explain_until_ms=_ms(explain_until) if explain_until else None,
        may_appeal=can_appeal,
        appeal_until_ms=_ms(until_at) if until_at else None,
        is_released=is_released,
        flags=_flags(call, session, case) if is_released else [],
        explanations=[
            MyExplanation(
                explanation_id=str(each.number),
                flag_id=each.clip_id or None,
                text=each.text,
                at_ms=_ms(each.at),
            )
            for each in case.explanations
        ],
        appeals=[MyAppeal(text=each.text, at_ms=_ms(each.at)) for each in case.appeals],
    )


def _flags(call: Call, session: SessionRecord, case: Case) -> list[MyFlag]:
    repository = call.services.repository
    intervals = [each.interval for each in repository.intervals(session.session_id)]
    found = flags_of(
        repository.clips(session.session_id),
        intervals,
        repository.violations(session.session_id),
    )
    links = call.services.media_links.of_student(session.session_id)
    return [_flag(flag, case, links) for flag in found]


def _flag(flag: Flag, case: Case, links: Links) -> MyFlag:
    clip = clip_of(flag.clip, links)
    decision = case.flags.get(clip.clip_id)
    return MyFlag(
        flag_id=clip.clip_id,
        started_ms=_ms(clip.from_at),
        ended_ms=_ms(clip.to_at),
        rules=clip.rules,
        explanations=[each.sentence for each in flag.reasons],
        review=(decision.decision if decision else ReviewState.UNREVIEWED).value,
        video_url=clip.url,
        snapshots=[
            MySnapshot(url=each.url, rule=each.rule, at_ms=_ms(each.at)) for each in clip.snapshots
        ],
    )


def media(call: Call) -> flask.Response:
    """A part of an own clip, as long as it is released."""
    services = call.services
    clip_id = call.path["clip_id"]
    clip = services.repository.clip(clip_id) if is_ours(clip_id) else None
    if clip is None or clip.session_id != call.by.session_id:
        raise NotFound("There is no such file.")
    case = services.reviews.case(clip.session_id)
    if not services.reviews.is_released(case, services.reviews.terms(clip.exam_id)):
        raise NotFound("There is no such file.")
    return send_part(call, clip, call.path["part"])


def _explain_until(call: Call, session: SessionRecord) -> datetime | None:
    """When the time to explain is over; None while nothing was released, or without a plan."""
    try:
        return call.services.results.of(session).conduct.contest_until
    except NotFound:
        return None


def explain(call: Call) -> Explained:
    body: Explain = call.body
    services = call.services
    session_id = call.by.session_id
    until = _explain_until(call, services.sessions.get(session_id))
    if until is not None and services.clock.now() >= until:
        raise Conflict("The time in which this could be explained is over. Ask your school.")
    case = services.reviews.explain(session_id, body.text, body.flag_id or "")
    words = case.explanations[-1]
    _audit(call, "explanation")
    return Explained(explanation_id=str(words.number), at_ms=_ms(words.at))


def appeal(call: Call) -> Appealed:
    body: Appeal = call.body
    case = call.services.reviews.appeal(call.by.session_id, body.text)
    _audit(call, "appeal")
    return Appealed(at_ms=_ms(case.appeals[-1].at))


def _audit(call: Call, action: str) -> None:
    """What a student says about flags stands in the audit, without the words."""
    audit = call.services.audit
    session = call.services.sessions.get(call.by.session_id)
    actor = audit.people.of(STUDENT, session.user_id)
    detail = {"session": session.session_id, "exam": session.exam_id}
    audit.write(actor, action, actor, detail)


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


ROUTES = (
    Route(
        "GET",
        "/api/my/flags",
        "my_flags",
        "What was flagged in the own session and what people made of it",
        flags,
        needs=SEE_RESULT,
        answer=MyFlags,
    ),
    Route(
        "POST",
        "/api/my/explanations",
        "my_explanation",
        "Say something about a flag, or about the session",
        explain,
        needs=SEE_RESULT,
        body=Explain,
        answer=Explained,
        refusals={
            404: "There is no such flag.",
            409: "It is final, or the time is over.",
        },
    ),
    Route(
        "POST",
        "/api/my/appeals",
        "my_appeal",
        "Appeal against the outcome of the own session",
        appeal,
        needs=SEE_RESULT,
        body=Appeal,
        answer=Appealed,
        refusals={409: "The time is over, or there is nothing to appeal against."},
    ),
    Route(
        "GET",
        "/api/my/media/{clip_id}/{part}",
        "my_media",
        "A clip of the own session, or one of its pictures, once the exam releases them",
        media,
        needs=OWN_EVIDENCE,
        media="video/mp4",
        refusals={
            403: "The address was altered or has expired.",
            404: "There is no such file, or it is not released.",
        },
        parameters={"clip_id": "The flag_id of a flag.", "part": "Which file of the clip."},
    ),
)
