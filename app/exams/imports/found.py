"""What an import finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from app.exams.records import Question


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, and where: a line of the file, or the number of the question in XML."""

    line: int
    message: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A question as `QuestionPart` takes it, not checked yet."""

    line: int
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Found:
    """Nothing is stored while there are problems."""

    questions: tuple[Question, ...]
    problems: tuple[Problem, ...]
