"""REST: reports of a session and of an exam as CSV, JSON and PDF."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import flask

from app.access.needs import REPORTS_READ
from app.api.report_models import (
    ExamReportAnswer,
    ExamReportSession,
    MomentPart,
    RiskPart,
    SessionReportAnswer,
    SessionReportPart,
    SpanPart,
)
from app.api.review_shapes import case_part, step_part
from app.api.shapes import clip_of, details_of, full_of, snapshot_urls
from app.errors import CandorError, NotFound, TooLarge, TooMany
from app.ids import check_chosen_id
from app.records import SessionRecord
from app.reports.exam_pdf import ExamRow, exam_pdf
from app.reports.pdf import Zoned, session_pdf
from app.reports.report import SessionReport, report_of
from app.reports.table import exam_csv, session_csv
from app.reports.words import FLAG
from app.review.case import case_of
from app.web.routes import Call, Route
from app.zones import zone_of

log = logging.getLogger(__name__)

AT_ONCE = 2
WAIT_S = 20.0
# An exam's report is one document; larger exams are asked for by session.
MOST_SESSIONS = 1_000
LARGEST_PICTURE_BYTES = 2_000_000

_slots = threading.BoundedSemaphore(AT_ONCE)


def session_json(call: Call) -> SessionReportAnswer:
    with _slot():
        report = _report(call, _session(call))
    links = call.services.media_links.of(call.caller)
    details = details_of(call.services.sessions.details(report.session.session_id), links)
    return SessionReportAnswer(
        report=SessionReportPart(
            session=details.session,
            session_start=report.session.started_at,
            timezone=call.services.settings.report_timezone,
            length_s=report.length_s,
            risk_history=_risk(report),
            timeline=_timeline(call, report),
            violations=details.violations,
            intervals=details.intervals,
            clips=details.clips,
            coverage=details.coverage,
            unobserved_s=report.unobserved_s(),
            unobserved=[
                SpanPart(start_s=start_s, end_s=end_s, coverage=share)
                for start_s, end_s, share in report.unobserved_spans()
            ],
            review=case_part(report.case),
            steps=[
                step_part(each) for each in call.services.reviews.steps(details.session.session_id)
            ],
            note=FLAG,
        )
    )


def session_table(call: Call) -> flask.Response:
    with _slot():
        report = _report(call, _session(call))
    urls = snapshot_urls(report.clips, call.services.media_links.of(call.caller))
    text = session_csv(report, urls, _times(call).zone)
    return _file(text.encode("utf-8"), "text/csv", f"{_name(report.session)}.csv")


def session_paper(call: Call) -> flask.Response:
    with _slot():
        report = _report(call, _session(call))
        made_at = call.services.clock.now()
        data = session_pdf(report, _times(call), _picture(call), made_at)
    return _file(data, "application/pdf", f"{_name(report.session)}.pdf")


def exam_json(call: Call) -> ExamReportAnswer:
    exam_id, sessions = _sessions(call)
    links = call.services.media_links.of(call.caller)
    with _slot():
        rows = []
        for session in sessions:
            report = _report(call, session)
            rows.append(
                ExamReportSession(
                    session=full_of(session),
                    length_s=report.length_s,
                    clips=[clip_of(clip, links) for clip in report.clips],
                    risk_history=_risk(report),
                    timeline=_timeline(call, report),
                    review=case_part(report.case),
                )
            )
    return ExamReportAnswer(
        exam_id=exam_id,
        timezone=call.services.settings.report_timezone,
        count=len(rows),
        sessions=rows,
        note=FLAG,
    )


def exam_table(call: Call) -> flask.Response:
    exam_id, sessions = _sessions(call)
    links = call.services.media_links.of(call.caller)
    with _slot():
        reports = (_report(call, session) for session in sessions)
        with_urls = ((report, snapshot_urls(report.clips, links)) for report in reports)
        text = "".join(exam_csv(with_urls, _times(call).zone))
    return _file(text.encode("utf-8"), "text/csv", f"exam_{exam_id}.csv")


def exam_paper(call: Call) -> flask.Response:
    exam_id, sessions = _sessions(call)
    now = call.services.clock.now()
    steps = call.services.repository.reviewing.steps_of_exam(exam_id)
    with _slot():
        rows = []
        for session in sessions:
            clips = call.services.repository.clips(session.session_id)
            ended_at = session.ended_at or now
            length_s = (ended_at - session.started_at).total_seconds() if session.started_at else 0
            in_order = tuple(sorted(clips, key=lambda clip: clip.interval_index))
            case = case_of(session.session_id, steps.get(session.session_id, ()))
            scored_s = session.scored_s or max(0.0, length_s)
            rows.append(ExamRow(session, scored_s, in_order, case))
        policies = sorted({str(row.session.policy.get("name", "-")) for row in rows})
        data = exam_pdf(exam_id, rows, _times(call), now, ", ".join(policies))
    return _file(data, "application/pdf", f"exam_{exam_id}.pdf")


@contextmanager
def _slot() -> Iterator[None]:
    if not _slots.acquire(timeout=WAIT_S):
        raise TooMany("Other reports are being written. Try again in a moment.")
    try:
        yield
    finally:
        _slots.release()


def _session(call: Call) -> SessionRecord:
    return call.services.sessions.details(call.path["session_id"]).session


def _sessions(call: Call) -> tuple[str, list[SessionRecord]]:
    exam_id = check_chosen_id(call.path["exam_id"], "The exam id")
    found = call.services.repository.sessions(exam_id=exam_id, limit=MOST_SESSIONS + 1)
    if not found:
        raise NotFound("This exam has no session.")
    if len(found) > MOST_SESSIONS:
        raise TooLarge(
            f"This exam has more than {MOST_SESSIONS} sessions; ask for the reports one by one."
        )
    return exam_id, sorted(found, key=lambda each: (each.user_id, each.created_at))


def _report(call: Call, session: SessionRecord) -> SessionReport:
    return report_of(call.services.repository, session, call.services.clock.now())


def _times(call: Call) -> Zoned:
    name = call.services.settings.report_timezone
    return Zoned(zone_of(name), name)


def _risk(report: SessionReport) -> list[RiskPart]:
    return [
        RiskPart(
            at=report.instant(each.at_s),
            at_s=each.at_s,
            event=each.rule.value,
            risk_delta=each.delta,
            risk_total=each.total,
            is_permanent=each.is_permanent,
            violation_id=each.violation_id,
        )
        for each in report.risk
    ]


def _timeline(call: Call, report: SessionReport) -> list[MomentPart]:
    zone = _times(call).zone
    urls = snapshot_urls(report.clips, call.services.media_links.of(call.caller))
    return [
        MomentPart(
            time_24h=each.at.astimezone(zone).strftime("%H:%M:%S"),
            unix_time=round(each.at.timestamp(), 3),
            event=each.event,
            risk_delta=each.risk_delta,
            risk_total=each.risk_total,
            phone_detected=each.phone_detected,
            looking_away=each.looking_away,
            face_count=each.face_count,
            snapshot_url=urls.get(each.violation_id, ""),
            violation_id=each.violation_id,
            flag_review=report.review_at(each.at_s),
        )
        for each in report.moments
    ]


def _picture(call: Call) -> Callable[[str], bytes | None]:
    def read(name: str) -> bytes | None:
        try:
            with call.services.media.open(name) as file:
                data = file.read(LARGEST_PICTURE_BYTES)
        except (OSError, ValueError, CandorError):
            log.exception("A snapshot cannot be read for a report")
            return None
        return data if data.startswith(b"\xff\xd8") else None

    return read


def _name(session: SessionRecord) -> str:
    return f"session_{session.user_id}_{session.exam_id}_{session.session_id}"


def _file(data: bytes, mimetype: str, name: str) -> flask.Response:
    response = flask.Response(data, mimetype=mimetype)
    # Ids hold only characters that need no quoting.
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    response.headers["Cache-Control"] = "private, no-store"
    return response


def _route(
    of: str, form: str, handle: Callable[[Call], object], media: str, answer: type | None = None
) -> Route:
    what = "session" if of == "session" else "exam"
    return Route(
        "GET",
        f"/api/{what}/{{{what}_id}}/report.{form}",
        f"{what}_report_{form}",
        f"The report of {'a session' if of == 'session' else 'an exam'} as {form.upper()}",
        handle,
        needs=REPORTS_READ,
        answer=answer,
        media=media,
        refusals={404: f"There is no such {what}.", 429: "Other reports are being written."},
        parameters={f"{what}_id": f"The {what}'s id."},
    )


ROUTES = (
    _route("session", "csv", session_table, "text/csv"),
    _route("session", "json", session_json, "application/json", SessionReportAnswer),
    _route("session", "pdf", session_paper, "application/pdf"),
    _route("exam", "csv", exam_table, "text/csv"),
    _route("exam", "json", exam_json, "application/json", ExamReportAnswer),
    _route("exam", "pdf", exam_paper, "application/pdf"),
)
