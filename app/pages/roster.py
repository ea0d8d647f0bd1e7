"""The page of an exam's roster: what is on it, and a CSV brought in."""

from __future__ import annotations

import flask
from werkzeug.wrappers import Response

from app.access.needs import EXAMS_WRITE
from app.access.rosters import LARGEST_CSV_BYTES, Import
from app.errors import CandorError, InvalidInput
from app.ids import check_chosen_id
from app.web.routes import Call, Route

NAMED = {"exam_id": "The exam's id."}


def roster(call: Call, error: str = "", found: Import | None = None, text: str = "") -> str:
    exam_id = check_chosen_id(call.path["exam_id"], "The exam id")
    known = call.services.repository.exam(exam_id)
    return flask.render_template(
        "admin_roster.html",
        exam_title=(known.plan.title or exam_id) if known else "",
        exam_id=exam_id,
        rows=call.services.rosters.rows(exam_id),
        error=error,
        found=found,
        text=text,
    )


def change_roster(call: Call) -> str | Response | tuple[str, int]:
    """A dry run shows what would change; `import` stores it; a row is revoked or restored."""
    form, rosters, exam_id = flask.request.form, call.services.rosters, call.path["exam_id"]
    action = form.get("action", "")
    text = form.get("csv", "")
    try:
        if action in ("check", "import"):
            text = _uploaded() or text
            found = rosters.bring_in(exam_id, text, dry_run=action == "check")
            if not found.is_stored:
                return roster(call, found=found, text=text), 400 if found.errors else 200
        elif action in ("revoke", "restore"):
            student_id = form.get("student_id", "")
            rosters.revoke(exam_id, student_id, is_revoked=action == "revoke")
        else:
            raise InvalidInput("This form does not say what to do.")
    except CandorError as error:
        return roster(call, error.message, text=text), error.status
    return flask.redirect(flask.request.path, 303)


def _uploaded() -> str:
    file = flask.request.files.get("file")
    data = file.stream.read(LARGEST_CSV_BYTES + 1) if file else b""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput("This file is not UTF-8 text. Save it as CSV UTF-8.") from None


ROUTES = (
    Route(
        "GET",
        "/admin/exams/{exam_id}/roster",
        "admin_roster",
        "The roster of an exam",
        roster,
        EXAMS_WRITE,
        media="text/html",
        is_page=True,
        parameters=NAMED,
    ),
    Route(
        "POST",
        "/admin/exams/{exam_id}/roster",
        "change_roster",
        "Bring in a roster, or revoke a row",
        change_roster,
        EXAMS_WRITE,
        media="text/html",
        form=True,
        is_page=True,
        parameters=NAMED,
    ),
)
