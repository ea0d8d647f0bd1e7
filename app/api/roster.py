"""REST: the roster of an exam."""

from __future__ import annotations

from pydantic import Field

from app.access.needs import EXAMS_WRITE
from app.api.models import Asked, Part, Told
from app.ids import check_chosen_id
from app.web.routes import Call, Route


class PutRoster(Asked):
    csv: str = Field(
        description="student_id,name,date_of_birth,course[,email]; replaces the roster.",
        examples=["student_id,name,date_of_birth,course\ns-17,Ann Lee,2004-02-29,Logic"],
    )
    dry_run: bool = Field(False, description="Only say what would change.")


class RosterPart(Part):
    student_id: str
    name: str
    date_of_birth: str
    course: str
    email: str
    is_revoked: bool


class RosterErrorPart(Part):
    line: int = Field(description="Line of the CSV; the header is 1.")
    message: str


class ImportedRoster(Told):
    exam_id: str
    is_stored: bool = Field(description="False for a dry run, and when a row is wrong.")
    rows: int
    added: int
    changed: int
    removed: int
    errors: list[RosterErrorPart]


class Roster(Told):
    exam_id: str
    rows: list[RosterPart]


def put_roster(call: Call) -> ImportedRoster:
    body: PutRoster = call.body
    found = call.services.rosters.bring_in(call.path["exam_id"], body.csv, dry_run=body.dry_run)
    return ImportedRoster(
        exam_id=call.path["exam_id"],
        is_stored=found.is_stored,
        rows=len(found.rows),
        added=found.added,
        changed=found.changed,
        removed=found.removed,
        errors=[RosterErrorPart(line=each.line, message=each.message) for each in found.errors],
    )


def get_roster(call: Call) -> Roster:
    exam_id = check_chosen_id(call.path["exam_id"], "The exam id")
    rows = [
        RosterPart(
            student_id=row.student_id,
            name=row.name,
            date_of_birth=row.date_of_birth.isoformat(),
            course=row.course,
            email=row.email,
            is_revoked=row.is_revoked,
        )
        for row in call.services.rosters.rows(exam_id)
    ]
    return Roster(exam_id=exam_id, rows=rows)


NAMED = {"exam_id": "The exam's id."}

ROUTES = (
    Route(
        "GET",
        "/api/exam/{exam_id}/roster",
        "get_roster",
        "Who may sit an exam",
        get_roster,
        EXAMS_WRITE,
        answer=Roster,
        parameters=NAMED,
    ),
    Route(
        "PUT",
        "/api/exam/{exam_id}/roster",
        "put_roster",
        "Replace who may sit an exam; walk-in is off from then on",
        put_roster,
        EXAMS_WRITE,
        body=PutRoster,
        answer=ImportedRoster,
        parameters=NAMED,
    ),
)
