"""REST: what exams there are, their questions with keys, their pictures, and time that is given."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import flask
from pydantic import ConfigDict, Field, StringConstraints

from app.access.needs import EXAMS_READ, EXAMS_WRITE, SESSIONS_DECIDE
from app.api.models import Asked, Part, Told
from app.api.my_exam import picture_response
from app.errors import NotFound, TooLarge
from app.exams.imports.bring_in import LARGEST_BYTES as LARGEST_IMPORT
from app.exams.imports.bring_in import read_questions
from app.exams.paper import PaperIn
from app.exams.pictures import LARGEST_BYTES
from app.exams.plan import PlanPart, plan_part
from app.exams.records import PaperRecord
from app.ids import check_chosen_id, is_ours
from app.store.documents import plain
from app.web.routes import Call, Route


class ListedExam(Part):
    exam_id: str
    plan: PlanPart
    updated_at: datetime


class Exams(Told):
    exams: list[ListedExam]


class Paper(Told):
    """With keys: for those who write exams only."""

    exam_id: str
    version: int
    saved_at: datetime | None
    sections: list[dict[str, Any]] = Field(description="As in PUT.")


class PutPaper(PaperIn):
    """A whole paper; ids of what is there already are kept, what has none is new."""


class AddedPicture(Told):
    picture_id: str
    width: int
    height: int


class ImportPaper(Asked):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: Literal["csv", "gift", "moodle"]
    text: Annotated[str, StringConstraints(max_length=LARGEST_IMPORT)]
    title: Annotated[str, StringConstraints(max_length=200)] = Field(
        "Imported", description="Of the new section at the end."
    )
    dry_run: bool = Field(False, description="Only say what would come.")


class ImportProblem(Part):
    line: int = Field(description="Line of the file; in XML the number of the question.")
    message: str


class ImportedPaper(Told):
    exam_id: str
    is_stored: bool = Field(description="False for a dry run, and when a question is wrong.")
    questions: int
    problems: list[ImportProblem]


class Extend(Asked):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    minutes: Annotated[float, Field(gt=0, le=1440, allow_inf_nan=False)]
    reason: Annotated[str, StringConstraints(max_length=200)] = ""


class Extended(Told):
    session_id: str
    state: str
    ends_at: datetime | None
    left_s: float | None


def exams(call: Call) -> Exams:
    seen = [each for each in call.services.repository.exams() if call.by.may_see(each.exam_id)]
    return Exams(
        exams=[
            ListedExam(exam_id=each.exam_id, plan=plan_part(each.plan), updated_at=each.updated_at)
            for each in seen
        ]
    )


def get_paper(call: Call) -> Paper:
    return _paper(call.services.papers.get(_exam_id(call)))


def put_paper(call: Call) -> Paper:
    """Sets the exam up, too, when nobody has."""
    exam_id = _exam_id(call)
    services = call.services
    if services.repository.exam(exam_id) is None:
        services.exams.put(exam_id, "standard", {}, None)
    return _paper(services.papers.put(exam_id, call.body))


def import_paper(call: Call) -> ImportedPaper:
    """Sets the exam up, too, when nobody has."""
    body: ImportPaper = call.body
    exam_id, services = _exam_id(call), call.services
    found = read_questions(body.text, body.format)
    is_stored = not (found.problems or body.dry_run)
    if is_stored:
        if services.repository.exam(exam_id) is None:
            services.exams.put(exam_id, "standard", {}, None)
        services.papers.add(exam_id, found.questions, body.title)
    return ImportedPaper(
        exam_id=exam_id,
        is_stored=is_stored,
        questions=len(found.questions),
        problems=[
            ImportProblem(line=each.line, message=each.message) for each in found.problems[:100]
        ],
    )


def add_picture(call: Call) -> AddedPicture:
    """The body is the picture itself."""
    exam_id = _exam_id(call)
    data = flask.request.get_data(cache=False)
    if len(data) > LARGEST_BYTES:
        raise TooLarge("A picture has at most 900 kB.")
    record = call.services.pictures.add(exam_id, data)
    return AddedPicture(picture_id=record.picture_id, width=record.width, height=record.height)


def exam_picture(call: Call) -> flask.Response:
    picture_id = call.path["picture_id"]
    record = call.services.repository.papers.picture(picture_id) if is_ours(picture_id) else None
    if record is None or record.exam_id != call.path["exam_id"]:
        raise NotFound("There is no such picture.")
    return picture_response(record)


def extend(call: Call) -> Extended:
    body: Extend = call.body
    services = call.services
    session = services.sessions.get(call.path["session_id"])
    by = services.audited.actor(call.by)
    face = services.sittings.extend(session.session_id, body.minutes, by, body.reason)
    return Extended(
        session_id=session.session_id, state=face.state, ends_at=face.ends_at, left_s=face.left_s
    )


def _exam_id(call: Call) -> str:
    return check_chosen_id(call.path["exam_id"], "The exam id")


def _paper(record: PaperRecord) -> Paper:
    return Paper(
        exam_id=record.exam_id,
        version=record.version,
        saved_at=record.saved_at if record.version else None,
        sections=plain(record.sections),
    )


NAMED = {"exam_id": "The exam's id."}

ROUTES = (
    Route(
        "GET",
        "/api/exams",
        "exams",
        "The exams that are set up",
        exams,
        EXAMS_READ,
        answer=Exams,
    ),
    Route(
        "GET",
        "/api/exam/{exam_id}/paper",
        "get_paper",
        "The questions of an exam, with their keys",
        get_paper,
        EXAMS_WRITE,
        answer=Paper,
        parameters=NAMED,
    ),
    Route(
        "PUT",
        "/api/exam/{exam_id}/paper",
        "put_paper",
        "Replace the questions of an exam; marks follow a corrected key",
        put_paper,
        EXAMS_WRITE,
        body=PutPaper,
        answer=Paper,
        refusals={409: "Somebody else has changed the paper meanwhile."},
        parameters=NAMED,
    ),
    Route(
        "POST",
        "/api/exam/{exam_id}/paper/import",
        "import_paper",
        "Add questions from CSV, GIFT or Moodle XML as a section at the end",
        import_paper,
        EXAMS_WRITE,
        body=ImportPaper,
        answer=ImportedPaper,
        refusals={409: "Somebody else has changed the paper meanwhile."},
        parameters=NAMED,
    ),
    Route(
        "POST",
        "/api/exam/{exam_id}/pictures",
        "add_picture",
        "Bring in a picture (PNG, JPEG, GIF or WebP as the body); it is drawn anew",
        add_picture,
        EXAMS_WRITE,
        answer=AddedPicture,
        refusals={400: "This is no such picture.", 413: "It is too large."},
        parameters=NAMED,
    ),
    Route(
        "GET",
        "/api/exam/{exam_id}/pictures/{picture_id}",
        "exam_picture",
        "A picture of an exam",
        exam_picture,
        EXAMS_WRITE,
        media="image/png",
        refusals={404: "There is no such picture."},
        parameters={**NAMED, "picture_id": "The picture's id."},
    ),
    Route(
        "POST",
        "/api/session/{session_id}/extend",
        "extend",
        "Give a student more time while the exam runs",
        extend,
        SESSIONS_DECIDE,
        body=Extend,
        answer=Extended,
        refusals={404: "There is no such session, or it has no clock.", 409: "The time is over."},
        parameters={"session_id": "The session's id."},
    ),
)
