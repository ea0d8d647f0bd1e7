"""The student's page and what it asks before a session's socket is open."""

from __future__ import annotations

import flask

from app.access.needs import ARRIVE, OPEN
from app.access.rosters import Identity, IdentityNeeded
from app.api.models import (
    ConsentParagraph,
    ConsentShown,
    PortalConfig,
    PortalExam,
    PortalSession,
    WalkIn,
)
from app.errors import Conflict, NotAllowed, NotAuthenticated, NotFound
from app.exams.plan import origin_of
from app.ids import check_chosen_id
from app.languages.catalogue import BY_CODE, words_json
from app.languages.choice import language_of_request
from app.privacy.consent import collected
from app.privacy.consent_text import CAMERA, MICROPHONE, PAGE, SCREEN, ConsentText, consent_text
from app.records import SessionRecord
from app.web.routes import Call, Route


def portal(call: Call) -> str:
    settings = call.services.settings
    flask.g.frames = _frames(call)
    return flask.render_template(
        "portal.html",
        walk_in=_is_door_open(call),
        capture_screen=settings.capture_screen,
        consent=consent_text(
            (CAMERA, MICROPHONE, *((SCREEN,) if settings.capture_screen else ()), PAGE),
            settings.retention_days,
            language_of_request(),
        ),
        legal_basis=settings.legal_basis,
    )


def phone(_call: Call) -> str:
    """The page of a phone that is to be a second camera; its code stands after the `#`."""
    return flask.render_template("portal_phone.html")


def _frames(call: Call) -> tuple[str, ...]:
    """The origins of exams that are held elsewhere and shown in a frame of this page."""
    plans = (exam.plan for exam in call.services.repository.exams())
    framed = (origin_of(plan.external_url) for plan in plans if plan.external_mode == "frame")
    return tuple(sorted({origin for origin in framed if origin}))


def config(call: Call) -> PortalConfig:
    settings = call.services.settings
    return PortalConfig(
        walk_in=_is_door_open(call),
        capture_screen=settings.capture_screen,
        video_fps=settings.video_fps,
        interval_s=settings.interval_s,
        check_s=settings.check_s,
        flag_threshold=settings.flag_threshold,
    )


def words(call: Call) -> flask.Response:
    """The catalogue of one language for the page's scripts."""
    if call.path["language"] not in BY_CODE:
        raise NotFound("There is no such language here.")
    answer = flask.Response(words_json(call.path["language"]), mimetype="application/json")
    answer.headers["Cache-Control"] = "no-cache"
    answer.add_etag()
    answer.make_conditional(flask.request)
    return answer


def exam(call: Call) -> PortalExam:
    """What to ask at the door; an exam nobody has set up is answered like any other."""
    exam_id = check_chosen_id(call.path["exam"], "The exam id")
    return PortalExam(
        exam_id=exam_id,
        has_roster=call.services.rosters.has_roster(exam_id),
        check_in=_check_in(call, exam_id),
    )


def _check_in(call: Call, exam_id: str) -> str:
    exam = call.services.repository.exam(exam_id)
    return "off" if exam is None else exam.plan.check_in


def walk_in(call: Call) -> PortalSession:
    """A typed id opens a new session, or one nobody has joined; never a running one."""
    body: WalkIn = call.body
    exam_id = check_chosen_id(body.exam_id, "The exam id")
    if call.services.rosters.has_roster(exam_id):
        return _by_roster(call, exam_id, body)
    if not call.services.exams.lets_walk_in(exam_id):
        raise NotAllowed(
            "Typing an id is switched off here. Open the link that your school sent you."
        )
    record, _ = call.services.sessions.create(body.user_id, body.exam_id)
    if record.is_running and not _opens(call, body.token, record):
        raise Conflict(
            "This session is already running in another window or on another computer."
            " Continue there, or ask your proctor to end it."
        )
    return _session(call, record, body.token if record.is_running else None)


def _by_roster(call: Call, exam_id: str, body: WalkIn) -> PortalSession:
    """Who is on the exam's roster and tells all details right; a running session stays put.

    The token opens nothing of a running session before a proctor lets the device in.
    """
    identity = Identity(
        body.user_id.strip(),
        (body.name or "").strip(),
        (body.date_of_birth or "").strip(),
        (body.course or "").strip(),
    )
    if not (identity.name and identity.date_of_birth and identity.course):
        raise IdentityNeeded("This exam asks for your name, date of birth and course as well.")
    address, audited = flask.request.remote_addr or "", call.services.audited
    try:
        row = call.services.rosters.check(exam_id, identity, address)
    except NotAllowed:
        audited.arrival(exam_id, identity.student_id, address, is_good=False)
        raise
    audited.arrival(exam_id, row.student_id, address, is_good=True)
    record, _ = call.services.sessions.create(row.student_id, exam_id)
    return _session(call, record, body.token if _opens(call, body.token, record) else None)


def _is_door_open(call: Call) -> bool:
    """Whether typing something on the start page can open an exam."""
    return call.services.exams.has_walk_in() or call.services.rosters.has_any()


def arrived(call: Call) -> PortalSession:
    return _session(call, call.services.sessions.get(call.by.session_id))


def _session(call: Call, record: SessionRecord, held: str | None = None) -> PortalSession:
    services = call.services
    terms = services.exams.terms(record.exam_id, record.user_id)
    captures = collected(terms.policy, terms.capture_screen, services.settings)
    days = services.privacy.retention.days_of(record.exam_id)
    return PortalSession(
        session_id=record.session_id,
        user_id=record.user_id,
        exam_id=record.exam_id,
        state=record.state.value,
        is_running=record.is_running,
        token=held or call.services.tokens.join(record.session_id),
        consent=_shown(call, consent_text(captures, days, language_of_request())),
        captures=list(captures),
        check_in=_check_in(call, record.exam_id),
        check_in_stage=record.check_in.value,
        check_in_steps=list(call.services.checkins.steps(record)),
    )


def _shown(call: Call, text: ConsentText) -> ConsentShown:
    return ConsentShown(
        version=text.version,
        paragraphs=[
            ConsentParagraph(kind=p.kind, title=p.title, text=p.text) for p in text.paragraphs
        ],
        legal_basis=call.services.settings.legal_basis,
    )


def _opens(call: Call, token: str | None, record: SessionRecord) -> bool:
    if not token:
        return False
    try:
        return call.services.tokens.session_id(token) == record.session_id
    except NotAuthenticated:
        return False


ROUTES = (
    Route("GET", "/", "portal", "The student's page", portal, OPEN, media="text/html"),
    Route(
        "GET",
        "/phone",
        "phone",
        "The page of a phone that shows the room at check-in",
        phone,
        OPEN,
        media="text/html",
    ),
    Route(
        "GET",
        "/portal/config",
        "portal_config",
        "What the student's page needs to know first",
        config,
        OPEN,
        answer=PortalConfig,
    ),
    Route(
        "GET",
        "/portal/words/{language}",
        "portal_words",
        "The words of the student's pages in one language",
        words,
        OPEN,
        media="application/json",
        refusals={404: "There is no such language."},
    ),
    Route(
        "GET",
        "/portal/exam/{exam}",
        "portal_exam",
        "What the start page asks for an exam",
        exam,
        OPEN,
        answer=PortalExam,
    ),
    Route(
        "POST",
        "/portal/session",
        "walk_in",
        "Open a session by typing ids, where that is allowed",
        walk_in,
        OPEN,
        body=WalkIn,
        answer=PortalSession,
        refusals={
            403: "Walk-in is switched off, or the page is too old.",
            409: "The session is running elsewhere.",
        },
    ),
    Route(
        "GET",
        "/portal/session",
        "arrived",
        "The session a token opens",
        arrived,
        needs=ARRIVE,
        answer=PortalSession,
    ),
)
