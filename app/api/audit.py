"""REST and page: the audit, for admins; and what is kept about one student."""

from __future__ import annotations

import tempfile
from datetime import datetime, timedelta, timezone

import flask
from pydantic import Field
from werkzeug.wrappers import Response

from app.access.needs import AUDIT_READ, STUDENT_DATA
from app.api.models import Part, Told
from app.audit.entries import Entry
from app.audit.log import Search
from app.audit.pseudonyms import STAFF, STUDENT
from app.errors import InvalidInput
from app.ids import check_chosen_id
from app.web.routes import Call, Route

PAGE = 100
MOST = 500
LONGEST = 80


class AuditEntry(Part):
    seq: int
    at: datetime
    actor: str = Field(description="A pseudonymous reference, or key:, system, command, unknown.")
    actor_name: str = Field(description="The name behind it while its key is kept.")
    action: str
    subject: str
    subject_name: str
    detail: dict[str, str | int | float | bool]
    hash: str


class AuditPage(Told):
    entries: list[AuditEntry]
    next_before: int | None = Field(description="Send it as `before` for the page after this.")


class ErasedStudent(Told):
    sessions: int
    files: int
    documents: int
    keys: int


def found(call: Call) -> AuditPage:
    given = flask.request.args
    limit = min(_number(given.get("limit", "")) or PAGE, MOST)
    wanted = Search(
        actor=_reference(call, given.get("actor", "")),
        action=_text(given.get("action", "")),
        subject=_reference(call, given.get("subject", "")),
        from_at=_day(given.get("from", "")),
        to_at=_day(given.get("to", ""), days=1),
        before_seq=_number(given.get("before", "")),
    )
    entries = call.services.audit.search(wanted, limit)
    names = call.services.audit.people.names()
    is_more = len(entries) == limit and entries[-1].seq > 1
    return AuditPage(
        entries=[_told(entry, names) for entry in entries],
        next_before=entries[-1].seq if is_more else None,
    )


def page(call: Call) -> str | tuple[str, int]:
    error, shown = "", None
    try:
        shown = found(call)
    except InvalidInput as problem:
        error = problem.message
    html = flask.render_template(
        "admin_audit.html",
        entries=shown.entries if shown else [],
        next_before=shown.next_before if shown else None,
        actions=call.services.audit.actions(),
        given={name: _text(value) for name, value in flask.request.args.items()},
        error=error,
    )
    return (html, 400) if error else html


def export(call: Call) -> Response:
    user = check_chosen_id(call.path["user_id"], "The student's id")
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the answer closes it
    try:
        call.services.privacy.exporter.write(user, file)
        audit = call.services.audit
        actor = call.services.audited.actor(call.by)
        audit.write(actor, "student_exported", audit.people.of(STUDENT, user))
    except BaseException:
        file.close()
        raise
    file.seek(0)
    answer = flask.send_file(file, "application/zip", as_attachment=True, download_name="data.zip")
    answer.headers["Cache-Control"] = "no-store"
    return answer


def erase(call: Call) -> ErasedStudent:
    actor = call.services.audited.actor(call.by)
    removed = call.services.privacy.remover.erase(call.path["user_id"], actor)
    return ErasedStudent(
        sessions=removed.sessions,
        files=removed.files,
        documents=removed.documents,
        keys=removed.keys,
    )


def _told(entry: Entry, names: dict[str, str]) -> AuditEntry:
    return AuditEntry(
        seq=entry.seq,
        at=entry.at,
        actor=entry.actor,
        actor_name=names.get(entry.actor, ""),
        action=entry.action,
        subject=entry.subject,
        subject_name=names.get(entry.subject, ""),
        detail=dict(entry.detail),
        hash=entry.hash,
    )


def _reference(call: Call, text: str) -> str:
    """A reference as it is written, or that of the person with this name."""
    text = _text(text)
    if not text or ":" in text:
        return text
    people = call.services.audit.people
    return people.known(STAFF, text) or people.known(STUDENT, text) or text


def _text(text: str) -> str:
    return text.strip()[:LONGEST] if text.isprintable() else "\N{REPLACEMENT CHARACTER}"


def _number(text: str) -> int | None:
    if not text.strip():
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise InvalidInput("`before` and `limit` are whole numbers.")
    return int(text)


def _day(text: str, days: int = 0) -> datetime | None:
    if not text.strip():
        return None
    try:
        day = datetime.strptime(text.strip(), "%Y-%m-%d").replace(tzinfo=timezone.utc)
        return day + timedelta(days=days)
    except (ValueError, OverflowError):
        raise InvalidInput("`from` and `to` are days, as in 2026-03-02.") from None


ROUTES = (
    Route(
        "GET",
        "/api/audit",
        "audit",
        "Search the audit, newest first: actor, action, subject, from, to, before, limit",
        found,
        AUDIT_READ,
        answer=AuditPage,
        refusals={400: "A day or a number is malformed."},
    ),
    Route(
        "GET",
        "/admin/audit",
        "admin_audit",
        "The audit",
        page,
        AUDIT_READ,
        media="text/html",
        is_page=True,
    ),
    Route(
        "GET",
        "/api/student/{user_id}/export",
        "export_student",
        "Everything stored about one student, as a ZIP file",
        export,
        STUDENT_DATA,
        media="application/zip",
        refusals={400: "Not an id.", 404: "Nothing is known about such a student."},
        parameters={"user_id": "The student's id."},
    ),
    Route(
        "DELETE",
        "/api/student/{user_id}",
        "erase_student",
        "Delete everything about one student, for good",
        erase,
        STUDENT_DATA,
        answer=ErasedStudent,
        refusals={
            400: "Not an id.",
            404: "Nothing is known about such a student.",
            409: "A session runs, its evidence is being written, or a legal hold stands.",
        },
        parameters={"user_id": "The student's id."},
    ),
)
