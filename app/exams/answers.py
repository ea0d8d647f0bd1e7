"""What an answer may be, and how it reads."""

from __future__ import annotations

from app.errors import CandorError, InvalidInput
from app.exams.marking import LONGEST_NUMBER
from app.exams.records import Question, Value

LONGEST_SHORT = 500
LONGEST_LONG = 20_000


class LateAnswer(CandorError):
    """It came after the time."""

    code = "late"
    status = 409


class NotOpen(CandorError):
    """The exam has not begun for this student."""

    code = "not_open"
    status = 409


def checked_value(question: Question, value: Value) -> Value:
    """The value as it is kept. Raises InvalidInput when it is none for this question."""
    if value is None:
        return None
    if question.kind == "multiple":
        known = [option.option_id for option in question.options]
        if not isinstance(value, list) or len(value) > len(known) or not set(value) <= set(known):
            raise InvalidInput("value must be a list of this question's options.")
        return [option for option in known if option in value]
    if not isinstance(value, str):
        raise InvalidInput("value must be text.")
    if question.kind == "single":
        if all(value != option.option_id for option in question.options):
            raise InvalidInput("value must be one of this question's options.")
        return value
    longest = {"numeric": LONGEST_NUMBER, "short": LONGEST_SHORT}.get(question.kind, LONGEST_LONG)
    if len(value) > longest:
        raise InvalidInput(f"An answer to this question has at most {longest} characters.")
    return _storable(value)


def text_of(question: Question, value: Value) -> str:
    """The answer as a person reads it."""
    if value is None:
        return ""
    if question.kind not in ("single", "multiple"):
        return value if isinstance(value, str) else ""
    chosen = {value} if isinstance(value, str) else set(value)
    return "; ".join(each.text for each in question.options if each.option_id in chosen)


def _storable(text: str) -> str:
    """Without what no database keeps: lone surrogates and NUL."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
