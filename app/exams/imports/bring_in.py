"""Reads questions from a file's text, with a sentence per question that cannot be taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from pydantic import ValidationError

from app.errors import InvalidInput
from app.exams.imports.csv_questions import read_csv
from app.exams.imports.found import Draft, Found, Problem
from app.exams.imports.gift import read_gift
from app.exams.imports.moodle import read_moodle
from app.exams.paper import MOST_QUESTIONS, QuestionPart, problem_of, question_of, sentences_of
from app.exams.records import Question

ImportFormat = Literal["csv", "gift", "moodle"]
LARGEST_BYTES = 900_000
READERS: dict[ImportFormat, Callable[[str], tuple[list[Draft], list[Problem]]]] = {
    "csv": read_csv,
    "gift": read_gift,
    "moodle": read_moodle,
}


def read_questions(text: str, form: ImportFormat) -> Found:
    """What a file holds. Raises InvalidInput when it is no such file at all."""
    if len(text.encode("utf-8", "replace")) > LARGEST_BYTES:
        raise InvalidInput("This file is larger than 900 kB.")
    drafts, problems = READERS[form](text.removeprefix("\ufeff"))
    questions: list[Question] = []
    for draft in drafts:
        if len(questions) >= MOST_QUESTIONS:
            problems.append(Problem(draft.line, f"More than {MOST_QUESTIONS} questions."))
            break
        made = _question(draft.fields)
        if isinstance(made, str):
            problems.append(Problem(draft.line, made))
        else:
            questions.append(made)
    if not questions and not problems:
        raise InvalidInput("There is no question in this file.")
    return Found(tuple(questions), tuple(sorted(problems, key=lambda each: each.line)))


def _question(fields: dict[str, Any]) -> Question | str:
    """The question, or what is wrong with it."""
    try:
        part = QuestionPart.model_validate(fields)
    except ValidationError as error:
        return " ".join(sentences_of(error))
    problem = problem_of(part)
    return f"{problem[0].upper()}{problem[1:]}" if problem else question_of(part)
