"""The results of an exam as CSV that a spreadsheet opens without running anything."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from app.exams.answers import text_of
from app.exams.marking import Mark
from app.exams.results import Result
from app.reports.table import harmless

COLUMNS = (
    "student_id",
    "name",
    "state",
    "handed_in_at",
    "handed_in_by",
    "points",
    "most_points",
    "percent",
    "outcome",
    "reason",
    "waiting_answers",
    "late_answers",
    "conduct",
    "trust",
    "flagged_intervals",
    "session_id",
)


def results_csv(results: Iterable[Result], names: dict[str, str], *, has_answers: bool) -> str:
    """One line per sitting; `names` by student id; with `has_answers` answer and points of each
    question, too."""
    results = list(results)
    questions = results[0].paper.questions if results else ()
    header = list(COLUMNS)
    for number, _question in enumerate(questions, 1):
        header += [f"q{number}_points"] + ([f"q{number}_answer"] if has_answers else [])
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(header)
    for each in results:
        marks = {mark.question_id: mark for mark in each.sheet.marks}
        row: list[str | float] = [*_row(each, names.get(each.session.user_id, ""))]
        for question in questions:
            row.append(_points(marks.get(question.question_id)))
            if has_answers:
                answer = each.answers.get(question.question_id)
                row.append(text_of(question, answer.value) if answer else "")
        # A number is no formula, though it may begin with a minus.
        writer.writerow([harmless(cell) if isinstance(cell, str) else cell for cell in row])
    return file.getvalue()


def _row(each: Result, name: str) -> list[str]:
    percent = each.sheet.percent
    at = each.over_at.isoformat(timespec="seconds") if each.over_at else ""
    return [
        each.session.user_id,
        name,
        each.state,
        at,
        each.sitting.handed_in_by,
        f"{each.sheet.points:g}",
        f"{each.sheet.most_points:g}",
        "" if percent is None else f"{percent:g}",
        each.outcome or "",
        each.reason or "",
        str(each.sheet.waiting),
        str(len(each.late)),
        each.conduct.outcome or "",
        f"{each.session.trust:.0f}",
        str(each.session.flagged_intervals),
        each.session.session_id,
    ]


def _points(mark: Mark | None) -> str | float:
    return "" if mark is None or mark.state == "waiting" else mark.points
