"""The teachers' pages of an exam: the list, settings, questions, import, preview, grants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import available_timezones

import flask
from werkzeug.wrappers import Response

from app.access.needs import EXAMS_WRITE
from app.errors import CandorError, InvalidInput
from app.exams.imports.bring_in import LARGEST_BYTES, ImportFormat, read_questions
from app.exams.imports.found import Found
from app.exams.markup import blocks_of
from app.exams.records import ExamPlan
from app.ids import check_chosen_id
from app.pages.editor_forms import GRANTS, SHOWN, STEPS, grants_of_form, local_of, plan_of_form
from app.policies import presets
from app.records import ExamRecord
from app.store.documents import plain
from app.web.routes import Call, Handle, Route

Page = str | Response | tuple[str, int]
FORMATS: dict[str, ImportFormat] = {"csv": "csv", "gift": "gift", "moodle": "moodle"}
COMMON_ZONES = (
    "UTC",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Madrid",
    "Europe/Athens",
    "Africa/Cairo",
    "Asia/Riyadh",
    "Asia/Kolkata",
    "Asia/Shanghai",
    "Asia/Tokyo",
    "Australia/Sydney",
    "America/New_York",
    "America/Chicago",
    "America/Los_Angeles",
    "America/Mexico_City",
    "America/Sao_Paulo",
)


def exams(call: Call, error: str = "", given: dict[str, str] | None = None) -> str:
    services, now = call.services, call.services.clock.now()
    listed = []
    for record in services.repository.exams():
        if call.by.may_see(record.exam_id):
            paper = services.papers.get(record.exam_id)
            listed.append((record, len(paper.questions), phase_of(record, now)))
    return flask.render_template(
        "editor_exams.html", exams=listed, error=error, given=given or {}, local_of=local_of
    )


def add_exam(call: Call) -> Page:
    form = flask.request.form
    try:
        exam_id = check_chosen_id(form.get("exam_id", ""), "The exam id")
        if call.services.repository.exam(exam_id) is not None:
            raise InvalidInput("There is an exam with this id already.")
        plan = ExamPlan(title=" ".join(form.get("title", "").split())[:200])
        call.services.exams.put(exam_id, "standard", {}, None, plan)
    except CandorError as error:
        return exams(call, error.message, dict(form)), error.status
    return flask.redirect(f"/admin/exams/{exam_id}", 303)


def settings(call: Call, error: str = "", form: dict[str, str] | None = None) -> str:
    record = _record(call)
    return page_of(
        call,
        "editor_settings.html",
        "settings",
        record=record,
        form=form,
        error=error,
        is_saved=flask.request.args.get("saved") == "1",
        presets=[preset.name for preset in presets()],
        zones=COMMON_ZONES,
        every_zone=sorted(available_timezones()),
        shown=SHOWN,
        steps=STEPS,
        local_of=local_of,
    )


def save_settings(call: Call) -> Page:
    record, form = _record(call), flask.request.form
    try:
        plan = plan_of_form(form).record()
        policy = record.policy if form.get("policy") == "own" else form.get("policy", "")
        screen = {"yes": True, "no": False}.get(form.get("capture_screen", ""))
        call.services.exams.put(record.exam_id, policy, record.overlays, screen, plan)
    except CandorError as error:
        return settings(call, error.message, dict(form)), error.status
    return flask.redirect(f"{flask.request.path}?saved=1", 303)


def questions(call: Call) -> str:
    paper = call.services.papers.get(_record(call).exam_id)
    sittings = call.services.repository.papers.sittings(call.path["exam_id"])
    data = {"version": paper.version, "sections": plain(paper.sections)}
    return page_of(call, "editor_questions.html", "questions", data=data, sittings=len(sittings))


def preview(call: Call) -> str:
    record = _record(call)
    paper = call.services.papers.get(record.exam_id)
    return page_of(
        call,
        "editor_preview.html",
        "preview",
        paper=paper,
        blocks_of=blocks_of,
        points=sum(question.points for question in paper.questions),
    )


def importing(
    call: Call, error: str = "", found: Found | None = None, text: str = "", form: str = "csv"
) -> str:
    return page_of(
        call,
        "editor_import.html",
        "import",
        error=error,
        found=found,
        text=text,
        form=form,
        blocks_of=blocks_of,
    )


def bring_in(call: Call) -> Page:
    """A dry run shows what would come; `import` adds it as a section at the end."""
    form, exam_id = flask.request.form, _record(call).exam_id
    text, kind, action = form.get("text", ""), form.get("format", "csv"), form.get("action", "")
    try:
        text = _uploaded() or text
        if kind not in FORMATS or action not in ("check", "import"):
            raise InvalidInput("This form does not say what to do.")
        found = read_questions(text, FORMATS[kind])
        if found.problems or action == "check":
            status = 400 if found.problems else 200
            return importing(call, found=found, text=text, form=kind), status
        title = " ".join(form.get("title", "").split()) or "Imported"
        call.services.papers.add(exam_id, found.questions, title)
    except CandorError as error:
        return importing(call, error.message, text=text, form=kind), error.status
    return flask.redirect(f"/admin/exams/{exam_id}/questions", 303)


def grants(call: Call, error: str = "", given: dict[str, str] | None = None) -> str:
    record = _record(call)
    names = {row.student_id: row.name for row in call.services.rosters.rows(record.exam_id)}
    return page_of(
        call,
        "editor_grants.html",
        "grants",
        overlays=sorted(record.overlays.items()),
        names=names,
        kinds=GRANTS,
        given=given or {},
        error=error,
    )


def save_grants(call: Call) -> Page:
    """One student's grants; `remove` takes them away."""
    record, form = _record(call), flask.request.form
    overlays = dict(record.overlays)
    try:
        student = check_chosen_id(form.get("user_id", ""), "The student's id")
        if form.get("action") == "remove":
            overlays.pop(student, None)
        else:
            granted = grants_of_form(form)
            if not granted:
                raise InvalidInput("Say what this student is granted.")
            overlays[student] = granted
        call.services.exams.put(
            record.exam_id, record.policy, overlays, record.capture_screen, record.plan
        )
    except CandorError as error:
        return grants(call, error.message, dict(form)), error.status
    return flask.redirect(flask.request.path, 303)


def phase_of(record: ExamRecord, now: datetime) -> str:
    """`planned`, `open` or `closed` by the schedule."""
    plan = record.plan
    if plan.opens_at and now < plan.opens_at:
        return "planned"
    return "closed" if plan.closes_at and now >= plan.closes_at else "open"


def _record(call: Call) -> ExamRecord:
    record = call.services.exams.get(call.path["exam_id"])
    return replace(record, exam_id=check_chosen_id(record.exam_id, "The exam id"))


def page_of(call: Call, template: str, tab: str, **more: Any) -> str:
    record = call.services.exams.get(call.path["exam_id"])
    return flask.render_template(
        template,
        exam_id=record.exam_id,
        exam_title=record.plan.title or record.exam_id,
        plan=record.plan,
        tab=tab,
        **more,
    )


def _uploaded() -> str:
    file = flask.request.files.get("file")
    data = file.stream.read(LARGEST_BYTES + 1) if file else b""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InvalidInput("This file is not UTF-8 text. Save it as UTF-8.") from None


NAMED = {"exam_id": "The exam's id."}
MISSING = {404: "This exam is not set up."}


def _shown(path: str, name: str, summary: str, handle: Callable[..., str]) -> Route:
    return Route(
        "GET",
        path,
        name,
        summary,
        handle,
        EXAMS_WRITE,
        media="text/html",
        is_page=True,
        refusals=MISSING,
        parameters=NAMED if "{" in path else {},
    )


def _form(path: str, name: str, summary: str, handle: Handle) -> Route:
    return Route(
        "POST",
        path,
        name,
        summary,
        handle,
        EXAMS_WRITE,
        media="text/html",
        form=True,
        is_page=True,
        parameters=NAMED if "{" in path else {},
    )


EXAM = "/admin/exams/{exam_id}"
ROUTES = (
    _shown("/admin/exams", "admin_exams", "The exams", exams),
    _form("/admin/exams", "add_exam", "Set up a new exam", add_exam),
    _shown(EXAM, "admin_exam", "The settings of an exam", settings),
    _form(EXAM, "save_exam", "Save the settings of an exam", save_settings),
    _shown(f"{EXAM}/questions", "admin_questions", "The questions of an exam", questions),
    _shown(f"{EXAM}/preview", "admin_preview", "An exam as its students see it", preview),
    _shown(f"{EXAM}/import", "admin_import", "Bring questions in", importing),
    _form(f"{EXAM}/import", "bring_questions_in", "Bring questions in", bring_in),
    _shown(f"{EXAM}/grants", "admin_grants", "What single students are granted", grants),
    _form(f"{EXAM}/grants", "save_grants", "Grant a student something", save_grants),
)
