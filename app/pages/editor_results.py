"""The teachers' pages of marking and results."""

from __future__ import annotations

import flask
from werkzeug.wrappers import Response

from app.access.needs import EXAMS_WRITE
from app.errors import CandorError, InvalidInput
from app.exams.markup import blocks_of
from app.ids import check_chosen_id, is_ours
from app.pages.editor import EXAM, MISSING, NAMED, Page, page_of
from app.pages.editor_forms import number_in
from app.web.routes import Call, Route


def results(call: Call, error: str = "") -> str:
    exam_id = check_chosen_id(call.path["exam_id"], "The exam id")
    services = call.services
    release = services.repository.papers.release(exam_id)
    found = services.results.all(exam_id)
    names = {row.student_id: row.name for row in services.rosters.rows(exam_id)}
    marked = [each.sheet.percent for each in found if each.sheet.percent is not None]
    return page_of(
        call,
        "editor_results.html",
        "results",
        results=found,
        names=names,
        released_at=release.released_at if release else None,
        mean=sum(marked) / len(marked) if marked else None,
        waiting=sum(each.sheet.waiting for each in found if each.state != "running"),
        error=error,
    )


def change_results(call: Call) -> Page:
    exam_id, action = call.path["exam_id"], flask.request.form.get("action", "")
    try:
        if action == "release":
            call.services.results.release(exam_id, call.services.audited.actor(call.by))
        elif action == "take_back":
            call.services.results.take_back(exam_id)
        else:
            raise InvalidInput("This form does not say what to do.")
    except CandorError as error:
        return results(call, error.message), error.status
    return flask.redirect(flask.request.path, 303)


def marking(call: Call) -> str:
    exam_id = check_chosen_id(call.path["exam_id"], "The exam id")
    return page_of(
        call, "editor_marking.html", "marking", questions=call.services.results.to_mark(exam_id)
    )


def mark_question(call: Call, error: str = "") -> str:
    exam_id, question_id = call.path["exam_id"], _question_id(call)
    question, answers = call.services.results.blind_answers(exam_id, question_id)
    return page_of(
        call,
        "editor_mark.html",
        "marking",
        question=question,
        answers=sorted(answers, key=lambda each: each.points is not None),
        waiting=sum(each.points is None for each in answers),
        blocks_of=blocks_of,
        error=error,
    )


def save_mark(call: Call) -> str | Response | tuple[str, int]:
    form, question_id = flask.request.form, _question_id(call)
    blind_id = form.get("blind_id", "")
    try:
        points = None if form.get("action") == "clear" else number_in(form, "points")
        if points is None and form.get("action") != "clear":
            raise InvalidInput("Say how many points this answer gets.")
        call.services.results.mark(
            call.path["exam_id"],
            question_id,
            blind_id,
            points,
            form.get("comment", ""),
            call.services.audited.actor(call.by),
        )
    except CandorError as error:
        return mark_question(call, error.message), error.status
    return flask.redirect(f"{flask.request.path}#next", 303)


def _question_id(call: Call) -> str:
    question_id = call.path["question_id"]
    if not is_ours(question_id):
        raise InvalidInput("This is no id of a question.")
    return question_id


QUESTION = {**NAMED, "question_id": "The question's id."}

ROUTES = (
    Route(
        "GET",
        f"{EXAM}/results",
        "admin_results",
        "The results of an exam",
        results,
        EXAMS_WRITE,
        media="text/html",
        is_page=True,
        refusals=MISSING,
        parameters=NAMED,
    ),
    Route(
        "POST",
        f"{EXAM}/results",
        "change_results",
        "Release the results, or take that back",
        change_results,
        EXAMS_WRITE,
        media="text/html",
        form=True,
        is_page=True,
        parameters=NAMED,
    ),
    Route(
        "GET",
        f"{EXAM}/marking",
        "admin_marking",
        "The questions that persons mark",
        marking,
        EXAMS_WRITE,
        media="text/html",
        is_page=True,
        refusals=MISSING,
        parameters=NAMED,
    ),
    Route(
        "GET",
        f"{EXAM}/marking/{{question_id}}",
        "admin_mark",
        "The answers to one question, names hidden",
        mark_question,
        EXAMS_WRITE,
        media="text/html",
        is_page=True,
        refusals=MISSING,
        parameters=QUESTION,
    ),
    Route(
        "POST",
        f"{EXAM}/marking/{{question_id}}",
        "save_mark",
        "Mark one answer",
        save_mark,
        EXAMS_WRITE,
        media="text/html",
        form=True,
        is_page=True,
        parameters=QUESTION,
    ),
)
