"""REST: a student's own exam: the questions without keys, the answers, the hand-in."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import flask

from app.access.needs import TAKE_EXAM
from app.api.exam_models import (
    ExternalPart,
    HandedIn,
    HandIn,
    MyAnswer,
    MyExam,
    MyOption,
    MyQuestion,
    MySection,
    PicturePart,
    PutAnswer,
    SavedAnswer,
)
from app.errors import NotFound
from app.exams.desk import Desk
from app.exams.markup import Block, blocks_of
from app.exams.records import ExamPlan, PictureRecord, Question
from app.exams.shuffling import options_for, sections_for
from app.exams.timing import Face
from app.ids import is_ours
from app.web.routes import Call, Route


def my_exam(call: Call) -> MyExam:
    services = call.services
    session = services.sessions.get(call.by.session_id)
    desk = services.sittings.desk(session)
    now_ms = services.clock.now().timestamp() * 1000
    if desk is None:
        return _answer(ExamPlan(), Face("none"), now_ms)
    is_open = desk.face.state == "open" and session.is_running
    state = "open" if is_open else "waiting" if desk.face.state == "waiting" else "over"
    if session.is_active and not session.is_running:
        state = "waiting"
    kept = services.repository.papers.answers(session.session_id) if is_open else {}
    answer = _answer(desk.plan, desk.face, now_ms)
    return answer.model_copy(
        update={
            "state": state,
            "sections": _sections(call, desk) if is_open else [],
            "answers": {
                each.question_id: MyAnswer(
                    value=each.value,
                    seq=each.seq,
                    saved_ms=each.saved_at.timestamp() * 1000,
                    is_flagged=each.is_flagged,
                )
                for each in kept.values()
            },
            "place": desk.sitting.place,
            "external": _external(desk.plan) if is_open else None,
            "handed_in_ms": _ms(desk.sitting.handed_in_at),
        }
    )


def put_answer(call: Call) -> SavedAnswer:
    body: PutAnswer = call.body
    services = call.services
    kept = services.sittings.answer(
        services.sessions.get(call.by.session_id),
        _question_id(call),
        body.value,
        body.seq,
        is_flagged=body.is_flagged,
        place=body.place,
    )
    return SavedAnswer(saved_ms=kept.saved_at.timestamp() * 1000, seq=kept.seq)


def hand_in(call: Call) -> HandedIn:
    services = call.services
    at = services.sittings.hand_in(services.sessions.get(call.by.session_id))
    return HandedIn(handed_in_ms=at.timestamp() * 1000)


def my_picture(call: Call) -> flask.Response:
    """A picture of a question of the open exam; nothing else."""
    services, picture_id = call.services, call.path["picture_id"]
    session = services.sessions.get(call.by.session_id)
    desk = services.sittings.desk(session)
    is_open = desk is not None and desk.face.state == "open" and session.is_running
    shown = desk.paper.questions if desk and desk.paper and is_open else ()
    if not is_ours(picture_id) or all(each.picture_id != picture_id for each in shown):
        raise NotFound("This exam shows no such picture.")
    return picture_response(services.repository.papers.picture(picture_id))


def picture_response(record: PictureRecord | None) -> flask.Response:
    """A picture as it is sent. Raises NotFound."""
    if record is None:
        raise NotFound("There is no such picture.")
    response = flask.make_response(record.data)
    response.mimetype = record.media
    response.headers["Cache-Control"] = "private, max-age=3600"
    response.headers["Content-Disposition"] = "inline"
    return response


def plain_blocks(blocks: list[Block]) -> list[dict[str, Any]]:
    return [dict(each) for each in blocks]


def _sections(call: Call, desk: Desk) -> list[MySection]:
    if desk.paper is None:
        return []
    stored = call.services.repository.papers.pictures(desk.exam.exam_id)
    pictures = {each.picture_id: each for each in stored}
    return [
        MySection(
            section_id=section.section_id,
            title=section.title,
            intro=plain_blocks(blocks_of(section.intro)),
            questions=[
                _question(question, desk, pictures.get(question.picture_id))
                for question in section.questions
            ],
        )
        for section in sections_for(desk.paper, desk.plan, desk.sitting.seed)
    ]


def _question(question: Question, desk: Desk, picture: PictureRecord | None) -> MyQuestion:
    return MyQuestion(
        question_id=question.question_id,
        kind=question.kind,
        text=question.text,
        format=question.format,
        blocks=plain_blocks(blocks_of(question.text, question.format)),
        options=[
            MyOption(
                option_id=option.option_id,
                text=option.text,
                blocks=plain_blocks(blocks_of(option.text, question.format)),
            )
            for option in options_for(question, desk.plan, desk.sitting.seed)
        ],
        points=question.points,
        penalty=question.penalty,
        picture=PicturePart(
            url=f"/api/my/pictures/{picture.picture_id}",
            alt=question.picture_alt,
            width=picture.width,
            height=picture.height,
        )
        if picture
        else None,
    )


def _answer(plan: ExamPlan, face: Face, now_ms: float) -> MyExam:
    return MyExam(
        state=face.state,
        title=plan.title,
        intro=plain_blocks(blocks_of(plan.intro)),
        server_ms=now_ms,
        opens_ms=_ms(plan.opens_at),
        closes_ms=_ms(plan.closes_at),
        time_zone=plan.time_zone,
        duration_min=plan.duration_min,
        began_ms=_ms(face.began_at),
        ends_ms=_ms(face.ends_at),
        is_stopped=face.is_stopped,
        left_ms=None if face.left_s is None else face.left_s * 1000,
        check_in=plan.check_in,
        paging=plan.paging,
        shows_focus=plan.shows_focus,
        full_screen=plan.full_screen and plan.external_mode != "window",
        sections=[],
        answers={},
        place="",
        external=None,
        handed_in_ms=None,
    )


def _external(plan: ExamPlan) -> ExternalPart | None:
    if not plan.external_url:
        return None
    return ExternalPart(url=plan.external_url, mode=plan.external_mode)


def _question_id(call: Call) -> str:
    question_id = call.path["question_id"]
    if not is_ours(question_id):
        raise NotFound("This exam has no such question.")
    return question_id


def _ms(at: datetime | None) -> float | None:
    return at.timestamp() * 1000 if at else None


LATE = "`late`: time is up or it was handed in. `not_open`: it is not open yet."

ROUTES = (
    Route(
        "GET",
        "/api/my/exam",
        "my_exam",
        "The student's own exam: questions without keys, answers, and the clock",
        my_exam,
        TAKE_EXAM,
        answer=MyExam,
    ),
    Route(
        "PUT",
        "/api/my/answers/{question_id}",
        "put_answer",
        "Keep the newest answer to a question",
        put_answer,
        TAKE_EXAM,
        body=PutAnswer,
        answer=SavedAnswer,
        refusals={404: "This exam has no such question.", 409: LATE, 429: "Too fast."},
        parameters={"question_id": "The question's id."},
    ),
    Route(
        "POST",
        "/api/my/hand-in",
        "hand_in",
        "Hand the exam in and end the session",
        hand_in,
        TAKE_EXAM,
        body=HandIn,
        answer=HandedIn,
        refusals={404: "There is nothing to hand in.", 409: LATE},
    ),
    Route(
        "GET",
        "/api/my/pictures/{picture_id}",
        "my_picture",
        "A picture of a question of the student's open exam",
        my_picture,
        TAKE_EXAM,
        media="image/png",
        refusals={404: "This exam shows no such picture."},
        parameters={"picture_id": "As in the question's picture.url."},
    ),
)
