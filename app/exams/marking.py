"""Marks closed questions by their keys. Pure."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation, localcontext
from typing import Literal

from app.exams.records import AnswerRecord, MarkRecord, PaperRecord, Question, Value

MarkState = Literal["right", "partly", "wrong", "blank", "marked", "waiting"]
LONGEST_NUMBER = 64
_NUMBER = re.compile(r"[+-]?(\d{1,30}(\.\d{0,30})?|\.\d{1,30})([eE][+-]?\d{1,3})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Mark:
    """What one answer is worth. `points` may be negative: the penalty of a wrong answer."""

    question_id: str
    state: MarkState
    points: float
    most_points: float
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """All marks of one sitting, in the paper's order."""

    marks: tuple[Mark, ...]

    @property
    def points(self) -> float:
        """The sum, never below 0."""
        return max(0.0, round(sum(mark.points for mark in self.marks), 4))

    @property
    def most_points(self) -> float:
        return round(sum(mark.most_points for mark in self.marks), 4)

    @property
    def percent(self) -> float | None:
        """None for a paper without points."""
        most = self.most_points
        return round(100 * self.points / most, 2) if most > 0 else None

    @property
    def waiting(self) -> int:
        """How many answers a person must still mark."""
        return sum(mark.state == "waiting" for mark in self.marks)


def mark_all(
    paper: PaperRecord, answers: dict[str, AnswerRecord], given: dict[str, MarkRecord]
) -> Sheet:
    """Mark a sitting; `given` is what persons gave, and counts instead."""
    marks = []
    for question in paper.questions:
        answer, person = answers.get(question.question_id), given.get(question.question_id)
        mark = mark_one(question, answer.value if answer else None)
        if person is not None:
            points = min(question.points, max(-question.penalty, person.points))
            mark = Mark(
                question.question_id, "marked", points, question.points, comment=person.comment
            )
        marks.append(mark)
    return Sheet(tuple(marks))


def mark_one(question: Question, value: Value) -> Mark:
    """The automatic mark; `waiting` where only a person can give one."""
    if is_blank(value):
        return _mark(question, "blank", 0.0)
    share = _share(question, value)
    if share is None:
        return _mark(question, "waiting", 0.0)
    if share >= 1:
        return _mark(question, "right", question.points)
    if share > 0:
        return _mark(question, "partly", round(question.points * share, 4))
    return _mark(question, "wrong", -question.penalty)


def needs_person(question: Question) -> bool:
    """Whether answers to it may wait for a person."""
    return question.kind == "long" or (
        question.kind == "short" and (question.by_hand or not question.accepted)
    )


def is_blank(value: Value) -> bool:
    return value is None or not (value.strip() if isinstance(value, str) else value)


def fold(text: str, *, is_case_kept: bool = False) -> str:
    """Text as it is compared: spaces, the way accents are typed and (mostly) case are equal."""
    normal = " ".join(unicodedata.normalize("NFKC", text).split())
    return normal if is_case_kept else normal.casefold()


def number_of(text: str) -> Decimal | None:
    """A number as people type it, or None: 3.14, 3,14, -2e3, 1 000."""
    plain = unicodedata.normalize("NFKC", text[:LONGEST_NUMBER]).replace("\u2212", "-")
    plain = re.sub(r"[\s'\u2019]", "", plain)
    if plain.count(",") == 1 and "." not in plain:
        plain = plain.replace(",", ".")
    if not _NUMBER.fullmatch(plain):
        return None
    try:
        return Decimal(plain)
    except InvalidOperation:
        return None


def _share(question: Question, value: Value) -> float | None:
    """0 to 1, or None when a person must look."""
    if question.kind in ("single", "multiple"):
        return _share_of_options(question, [value] if isinstance(value, str) else value or [])
    if not isinstance(value, str):
        return 0.0
    if question.kind == "numeric":
        return float(_is_near(question, value))
    if question.kind == "short" and question.accepted:
        keep = question.is_case_kept
        given = fold(value, is_case_kept=keep)
        if any(given == fold(each, is_case_kept=keep) for each in question.accepted):
            return 1.0
        return None if question.by_hand else 0.0
    return None


def _share_of_options(question: Question, chosen: list[str]) -> float:
    known = {option.option_id for option in question.options}
    right = {option.option_id for option in question.options if option.is_right}
    picked = set(chosen) & known
    if picked == right:
        return 1.0
    if question.kind == "single" or not question.partly or not right:
        return 0.0
    return max(0.0, (len(picked & right) - len(picked - right)) / len(right))


def _is_near(question: Question, text: str) -> bool:
    given = number_of(text)
    if given is None or question.number is None:
        return False
    with localcontext() as context:
        context.prec = 60
        try:
            distance = abs(given - Decimal(repr(question.number)))
            return distance <= Decimal(repr(question.tolerance))
        except ArithmeticError:
            return False


def _mark(question: Question, state: MarkState, points: float) -> Mark:
    return Mark(question.question_id, state, points, question.points)
