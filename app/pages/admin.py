"""The pages a proctor works with. What moves on them comes over Socket.IO and REST."""

from __future__ import annotations

import flask

from app.access.needs import EVIDENCE_READ, MACHINE_READ, SESSIONS_DECIDE, SESSIONS_READ, WATCH
from app.actions.orders import CANNED
from app.api.machine import machine_of
from app.api.shapes import clip_of, full_of
from app.api.videos import seen_clips
from app.web.routes import Call, Route

MOST_CLIPS = 500


def wall(_call: Call) -> str:
    return flask.render_template("admin_wall.html", canned=_canned())


def _canned() -> list[dict[str, str]]:
    return [{"kind": each.kind.value, "label": each.label, "text": each.text} for each in CANNED]


def session(call: Call) -> str:
    record = call.services.sessions.get(call.path["session_id"])
    return flask.render_template(
        "admin_session.html",
        session=full_of(record).model_dump(mode="json"),
        canned=_canned(),
        may_act=call.by.role in SESSIONS_DECIDE.roles,
    )


def clips(call: Call) -> str:
    stored = seen_clips(call, limit=MOST_CLIPS)
    links = call.services.media_links.of(call.caller)
    return flask.render_template(
        "admin_clips.html",
        clips=[clip_of(record, links).model_dump(mode="json") for record in stored],
    )


def machine(call: Call) -> str:
    return flask.render_template(
        "admin_machine.html", machine=machine_of(call).model_dump(mode="json")
    )


ROUTES = (
    Route(
        "GET",
        "/admin",
        "admin_wall",
        "The wall of running sessions",
        wall,
        needs=WATCH,
        media="text/html",
        is_page=True,
    ),
    Route(
        "GET",
        "/admin/session/{session_id}",
        "admin_session",
        "One session, live and in review",
        session,
        needs=SESSIONS_READ,
        media="text/html",
        is_page=True,
        parameters={"session_id": "The session's id."},
    ),
    Route(
        "GET",
        "/admin/clips",
        "admin_clips",
        "The flagged clips",
        clips,
        needs=EVIDENCE_READ,
        media="text/html",
        is_page=True,
    ),
    Route(
        "GET",
        "/admin/machine",
        "admin_machine",
        "Detectors and counters",
        machine,
        needs=MACHINE_READ,
        media="text/html",
        is_page=True,
    ),
)
