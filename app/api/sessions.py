"""REST: sessions."""

from __future__ import annotations

import flask

from app.api.models import (
    ActiveSessions,
    CreatedSession,
    CreateSession,
    EndedSession,
    EndSession,
    SessionDetails,
    SessionStats,
)
from app.api.shapes import details_of, summary_of
from app.records import EndCause
from app.web.routes import Call, Route


def create(call: Call) -> CreatedSession:
    body: CreateSession = call.body
    record, is_new = call.services.sessions.create(body.user_id, body.exam_id)
    token = call.services.tokens.join(record.session_id)
    return CreatedSession(
        session_id=record.session_id,
        user_id=record.user_id,
        exam_id=record.exam_id,
        created=is_new,
        is_running=record.is_running,
        token=token,
        join_url=f"{_portal(call)}/#token={token}",
    )


def end(call: Call) -> EndedSession:
    body: EndSession = call.body
    sessions = call.services.sessions
    session_id = body.session_id
    if session_id is None:
        session_id = sessions.find_active(body.user_id, body.exam_id).session_id
    else:
        session_id = sessions.get(session_id).session_id
    cause = EndCause.PROCTOR if call.by.kind == "staff" else EndCause.INTEGRATOR
    record = sessions.end(session_id, cause)
    return EndedSession(
        session_id=record.session_id,
        user_id=record.user_id,
        exam_id=record.exam_id,
        end_cause=record.end_cause.value if record.end_cause else "",
        ended_at=record.ended_at,
    )


def active(call: Call) -> ActiveSessions:
    sessions = [summary_of(record) for record in call.services.sessions.active()]
    return ActiveSessions(sessions=sessions, count=len(sessions))


def stats(call: Call) -> SessionStats:
    counted = call.services.sessions.stats()
    return SessionStats(
        total_sessions=counted.total_sessions,
        active_sessions=counted.active_sessions,
        flagged_intervals=counted.flagged_intervals,
        high_risk=counted.high_risk,
    )


def details(call: Call) -> SessionDetails:
    return details_of(call.services.sessions.details(call.path["session_id"]))


def _portal(call: Call) -> str:
    return (call.services.settings.public_url or flask.request.host_url).rstrip("/")


ROUTES = (
    Route(
        "POST",
        "/api/session/create",
        "create_session",
        "Create a session, or return the one that is active",
        create,
        callers=("integrator", "staff"),
        body=CreateSession,
        answer=CreatedSession,
    ),
    Route(
        "POST",
        "/api/session/end",
        "end_session",
        "End a session",
        end,
        callers=("integrator", "staff"),
        body=EndSession,
        answer=EndedSession,
        refusals={404: "No such session, or none of that student and exam is active."},
    ),
    Route(
        "GET",
        "/api/sessions/active",
        "active_sessions",
        "List the sessions that have not ended",
        active,
        callers=("integrator", "staff"),
        answer=ActiveSessions,
    ),
    Route(
        "GET",
        "/api/sessions/stats",
        "session_stats",
        "Count sessions and flags",
        stats,
        callers=("integrator", "staff"),
        answer=SessionStats,
    ),
    Route(
        "GET",
        "/api/session/{session_id}/details",
        "session_details",
        "One session with its violations, intervals, clips and coverage",
        details,
        callers=("integrator", "staff", "student"),
        answer=SessionDetails,
        refusals={404: "There is no such session."},
        parameters={"session_id": "The id that create answered."},
    ),
)
