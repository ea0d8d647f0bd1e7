"""REST: results of an exam for staff and programs, their release, and marking by persons."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import flask
from pydantic import ConfigDict, Field, StringConstraints

from app.access.needs import EXAMS_WRITE
from app.api.models import Asked, Part, Told
from app.errors import InvalidInput
from app.exams.results import Result
from app.exams.results_table import results_csv
from app.ids import check_chosen_id, is_ours
from app.web.routes import Call, Route


class ResultPart(Part):
    session_id: str
    user_id: str
    state: Literal["running", "waiting", "released", "gone"]
    handed_in_at: datetime | None
    points: float
    most_points: float
    percent: float | None
    outcome: Literal["passed", "failed", "undecided"] | None
    reason: Literal["points", "conduct", "marking", "review"] | None
    waiting_answers: int
    late_answers: int
    conduct: Literal["clear", "concern", "breach"] | None
    trust: float
    flagged_intervals: int
    question_points: dict[str, float | None] = Field(description="null while it waits.")


class ExamResults(Told):
    exam_id: str
    released_at: datetime | None = Field(description="When they were released by hand.")
    results: list[ResultPart]


class ReleaseResults(Asked):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    release: bool = Field(True, description="false takes a release by hand back.")


class Released(Told):
    exam_id: str
    released_at: datetime | None


class BlindPart(Part):
    blind_id: str = Field(description="Names the sitting without saying whose it is.")
    text: str
    points: float | None
    comment: str


class MarkingList(Told):
    question_id: str
    most_points: float
    penalty: float
    text: str
    guide: str
    answers: list[BlindPart]


class PutMark(Asked):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    blind_id: Annotated[str, StringConstraints(max_length=64)]
    points: Annotated[float, Field(ge=-1000, le=1000, allow_inf_nan=False)] | None = Field(
        description="null takes the mark back."
    )
    comment: Annotated[str, StringConstraints(max_length=2_000)] = ""


class Marked(Told):
    question_id: str
    blind_id: str


def results(call: Call) -> ExamResults:
    exam_id = _exam_id(call)
    release = call.services.repository.papers.release(exam_id)
    return ExamResults(
        exam_id=exam_id,
        released_at=release.released_at if release else None,
        results=[_part(each) for each in call.services.results.all(exam_id)],
    )


def results_file(call: Call) -> flask.Response:
    """With `?answers=1` what each student answered, too."""
    exam_id = _exam_id(call)
    names = {row.student_id: row.name for row in call.services.rosters.rows(exam_id)}
    has_answers = flask.request.args.get("answers") == "1"
    text = results_csv(call.services.results.all(exam_id), names, has_answers=has_answers)
    response = flask.make_response("\ufeff" + text)
    response.headers["Content-Type"] = "text/csv; charset=utf-8"
    response.headers["Content-Disposition"] = f'attachment; filename="results-{exam_id}.csv"'
    response.headers["Cache-Control"] = "no-store"
    return response


def release_results(call: Call) -> Released:
    body: ReleaseResults = call.body
    exam_id = _exam_id(call)
    if not body.release:
        call.services.results.take_back(exam_id)
        return Released(exam_id=exam_id, released_at=None)
    by = call.services.audited.actor(call.by)
    return Released(exam_id=exam_id, released_at=call.services.results.release(exam_id, by))


def marking(call: Call) -> MarkingList:
    question, answers = call.services.results.blind_answers(_exam_id(call), _question_id(call))
    return MarkingList(
        question_id=question.question_id,
        most_points=question.points,
        penalty=question.penalty,
        text=question.text,
        guide=question.guide,
        answers=[
            BlindPart(
                blind_id=each.blind_id,
                text=each.text,
                points=each.points,
                comment=each.comment,
            )
            for each in answers
        ],
    )


def put_mark(call: Call) -> Marked:
    body: PutMark = call.body
    question_id = _question_id(call)
    call.services.results.mark(
        _exam_id(call),
        question_id,
        body.blind_id,
        body.points,
        body.comment,
        call.services.audited.actor(call.by),
    )
    return Marked(question_id=question_id, blind_id=body.blind_id)


def _part(each: Result) -> ResultPart:
    return ResultPart(
        session_id=each.session.session_id,
        user_id=each.session.user_id,
        state=each.state,
        handed_in_at=each.over_at,
        points=each.sheet.points,
        most_points=each.sheet.most_points,
        percent=each.sheet.percent,
        outcome=each.outcome,
        reason=each.reason,
        waiting_answers=each.sheet.waiting,
        late_answers=len(each.late),
        conduct=each.conduct.outcome,
        trust=each.session.trust,
        flagged_intervals=each.session.flagged_intervals,
        question_points={
            mark.question_id: None if mark.state == "waiting" else mark.points
            for mark in each.sheet.marks
        },
    )


def _exam_id(call: Call) -> str:
    return check_chosen_id(call.path["exam_id"], "The exam id")


def _question_id(call: Call) -> str:
    question_id = call.path["question_id"]
    if not is_ours(question_id):
        raise InvalidInput("This is no id of a question.")
    return question_id


NAMED = {"exam_id": "The exam's id."}
QUESTION = {**NAMED, "question_id": "The question's id."}
MISSING = {404: "There is no such exam, question or answer."}

ROUTES = (
    Route(
        "GET",
        "/api/exam/{exam_id}/results",
        "exam_results",
        "The results of an exam",
        results,
        EXAMS_WRITE,
        answer=ExamResults,
        refusals=MISSING,
        parameters=NAMED,
    ),
    Route(
        "GET",
        "/api/exam/{exam_id}/results.csv",
        "exam_results_csv",
        "The results of an exam as CSV; with ?answers=1 the answers, too",
        results_file,
        EXAMS_WRITE,
        media="text/csv",
        refusals=MISSING,
        parameters=NAMED,
    ),
    Route(
        "POST",
        "/api/exam/{exam_id}/release",
        "release_results",
        "Show the results to the students, or take that back",
        release_results,
        EXAMS_WRITE,
        body=ReleaseResults,
        answer=Released,
        refusals=MISSING,
        parameters=NAMED,
    ),
    Route(
        "GET",
        "/api/exam/{exam_id}/marking/{question_id}",
        "marking",
        "Answers to one question that persons mark, names hidden",
        marking,
        EXAMS_WRITE,
        answer=MarkingList,
        refusals=MISSING,
        parameters=QUESTION,
    ),
    Route(
        "PUT",
        "/api/exam/{exam_id}/marking/{question_id}",
        "put_mark",
        "Mark one answer; counts instead of the automatic mark",
        put_mark,
        EXAMS_WRITE,
        body=PutMark,
        answer=Marked,
        refusals=MISSING,
        parameters=QUESTION,
    ),
)
