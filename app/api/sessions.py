"""REST: sessions."""

from __future__ import annotations

from datetime import timedelta

import flask

from app.access.needs import (
    SESSION_DETAILS,
    SESSIONS_DECIDE,
    SESSIONS_READ,
    SESSIONS_WRITE,
)
from app.api.models import (
    ActiveSessions,
    CreatedSession,
    CreateSession,
    EndedSession,
    EndSession,
    ResumedSession,
    ResumeSession,
    ScreenEventPart,
    ScreenEvents,
    SessionDetails,
    SessionStats,
)
from app.api.shapes import details_of, summary_of
from app.ids import DEFAULT_EXAM
from app.privacy.consent import collected
from app.records import EndCause, SessionRecord
from app.web.routes import Call, Route


def create(call: Call) -> CreatedSession:
    body: CreateSession = call.body
    call.by.require_exam(body.exam_id or DEFAULT_EXAM)
    record, is_new = call.services.sessions.create(body.user_id, body.exam_id)
    if body.consent is not None:
        services = call.services
        terms = services.exams.terms(record.exam_id, record.user_id)
        taken = collected(terms.policy, terms.capture_screen, services.settings)
        services.privacy.consents.give(record, body.consent, "integrator", taken)
    token = call.services.tokens.join(record.session_id)
    return CreatedSession(
        session_id=record.session_id,
        user_id=record.user_id,
        exam_id=record.exam_id,
        created=is_new,
        is_running=record.is_running,
        token=token,
        join_url=f"{_portal(call)}/#token={token}",
        notice=call.services.load.notice() if is_new else None,
    )


def end(call: Call) -> EndedSession:
    body: EndSession = call.body
    sessions = call.services.sessions
    session_id = body.session_id
    if session_id is None:
        session_id = sessions.find_active(body.user_id, body.exam_id).session_id
    else:
        session_id = sessions.get(session_id).session_id
    call.by.require_exam(sessions.get(session_id).exam_id)
    cause = EndCause.PROCTOR if call.by.kind == "staff" else EndCause.INTEGRATOR
    record = sessions.end(session_id, cause)
    return EndedSession(
        session_id=record.session_id,
        user_id=record.user_id,
        exam_id=record.exam_id,
        end_cause=record.end_cause.value if record.end_cause else "",
        ended_at=record.ended_at,
    )


def resume(call: Call) -> ResumedSession:
    body: ResumeSession = call.body
    record = call.services.sessions.get(body.session_id)
    call.by.require_exam(record.exam_id)
    call.services.monitor.resume(record.session_id)
    return ResumedSession(session_id=record.session_id)


def active(call: Call) -> ActiveSessions:
    sessions = [summary_of(record) for record in _seen(call)]
    return ActiveSessions(sessions=sessions, count=len(sessions))


def stats(call: Call) -> SessionStats:
    if not call.by.sees_every_exam:
        return _stats_of(call)
    counted = call.services.sessions.stats()
    return SessionStats(
        total_sessions=counted.total_sessions,
        active_sessions=counted.active_sessions,
        flagged_intervals=counted.flagged_intervals,
        high_risk=counted.high_risk,
    )


def _seen(call: Call) -> list[SessionRecord]:
    return [each for each in call.services.sessions.active() if call.by.may_see(each.exam_id)]


def _stats_of(call: Call) -> SessionStats:
    """The counts over the exams of somebody who does not see all."""
    active = _seen(call)
    every = [
        record
        for exam_id in sorted(call.by.exams)
        for record in call.services.repository.sessions(exam_id=exam_id)
    ]
    return SessionStats(
        total_sessions=len(every),
        active_sessions=len(active),
        flagged_intervals=sum(record.flagged_intervals for record in every),
        high_risk=sum(record.flagged_intervals > 0 for record in active),
    )


def details(call: Call) -> SessionDetails:
    details = call.services.sessions.details(call.path["session_id"])
    return details_of(details, call.services.media_links.of(call.caller))


def screen_events(call: Call) -> ScreenEvents:
    session = call.services.sessions.get(call.path["session_id"])
    zero = session.started_at or session.created_at
    events = [
        ScreenEventPart(
            event_id=event.event_id,
            kind=event.kind.value,
            at_s=event.at_ms / 1000,
            at=zero + timedelta(milliseconds=event.at_ms),
        )
        for event in call.services.sessions.screen_events(session.session_id)
    ]
    return ScreenEvents(events=events, count=len(events))


def _portal(call: Call) -> str:
    return (call.services.settings.public_url or flask.request.host_url).rstrip("/")


ROUTES = (
    Route(
        "POST",
        "/api/session/create",
        "create_session",
        "Create a session, or return the one that is active",
        create,
        needs=SESSIONS_WRITE,
        body=CreateSession,
        answer=CreatedSession,
    ),
    Route(
        "POST",
        "/api/session/end",
        "end_session",
        "End a session",
        end,
        needs=SESSIONS_WRITE,
        body=EndSession,
        answer=EndedSession,
        refusals={404: "No such session, or none of that student and exam is active."},
    ),
    Route(
        "POST",
        "/api/session/resume",
        "resume_session",
        "Score again after a pause at the warning limit",
        resume,
        needs=SESSIONS_DECIDE,
        body=ResumeSession,
        answer=ResumedSession,
        refusals={404: "There is no such session.", 409: "The session is not running."},
    ),
    Route(
        "GET",
        "/api/sessions/active",
        "active_sessions",
        "List the sessions that have not ended",
        active,
        needs=SESSIONS_READ,
        answer=ActiveSessions,
    ),
    Route(
        "GET",
        "/api/sessions/stats",
        "session_stats",
        "Count sessions and flags",
        stats,
        needs=SESSIONS_READ,
        answer=SessionStats,
    ),
    Route(
        "GET",
        "/api/session/{session_id}/details",
        "session_details",
        "One session with its violations, intervals, clips and coverage",
        details,
        needs=SESSION_DETAILS,
        answer=SessionDetails,
        refusals={404: "There is no such session."},
        parameters={"session_id": "The id that create answered."},
    ),
    Route(
        "GET",
        "/api/session/{session_id}/screen-events",
        "screen_events",
        "What the student's browser reported: changes of focus, clipboard, full screen, sharing",
        screen_events,
        needs=SESSIONS_READ,
        answer=ScreenEvents,
        refusals={404: "There is no such session."},
        parameters={"session_id": "The id that create answered."},
    ),
)
