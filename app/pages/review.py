"""The pages of the review: which exams wait, and the place where flags are decided."""

from __future__ import annotations

import flask

from app.access.needs import EVIDENCE_READ
from app.ids import check_chosen_id
from app.web.routes import Call, Route


def exams(_call: Call) -> str:
    return flask.render_template("review_exams.html")


def exam(call: Call) -> str:
    exam_id = check_chosen_id(call.path["exam_id"], "The exam id")
    return flask.render_template("review_exam.html", exam_id=exam_id)


ROUTES = (
    Route(
        "GET",
        "/admin/review",
        "admin_review",
        "The exams whose flags wait, and how often flags are confirmed",
        exams,
        needs=EVIDENCE_READ,
        media="text/html",
        is_page=True,
    ),
    Route(
        "GET",
        "/admin/review/{exam_id}",
        "admin_review_exam",
        "The flags of an exam, one by one",
        exam,
        needs=EVIDENCE_READ,
        media="text/html",
        is_page=True,
        parameters={"exam_id": "The exam's id."},
    ),
)
