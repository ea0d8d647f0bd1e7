"""What teachers type into the exam's forms, turned into what the use cases take, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from app.errors import InvalidInput
from app.exams.marking import number_of
from app.exams.paper import sentences_of
from app.exams.plan import PlanPart
from app.exams.records import ExamPlan
from app.zones import zone_of

CHECKS = (
    "pause_stops_clock",
    "shuffle_questions",
    "shuffle_options",
    "shows_focus",
    "full_screen",
    "is_practice",
    "keeps_room_pictures",
)
TEXTS = ("title", "intro", "time_zone", "external_url")
CHOICES = ("check_in", "paging", "external_mode", "release")
WHOLE = ("attempts", "result_days", "contest_days")
SHOWN = ("score", "questions", "trust", "violations")
STEPS = ("face", "gaze", "voice", "document", "room")
GRANTS = ("gaze_off", "helper_allowed", "reading_aloud_allowed")
LABELS = {
    "duration_min": "The duration",
    "pass_percent": "The pass mark",
    "attempts": "The number of attempts",
    "result_days": "The days for the result",
    "contest_days": "The days for explanations",
    "extra_time_min": "The extra time",
    "breaks": "The number of breaks",
    "break_min": "The length of a break",
    "points": "The points",
}


def plan_of_form(form: Mapping[str, str]) -> PlanPart:
    """Raises InvalidInput with sentences."""
    given: dict[str, Any] = {name: form.get(name, "").strip() for name in (*TEXTS, *CHOICES)}
    given["time_zone"] = given["time_zone"] or "UTC"
    given["walk_in"] = {"yes": True, "no": False}.get(form.get("walk_in", ""))
    given |= {name: name in form for name in CHECKS}
    given["shows"] = [name for name in SHOWN if f"shows_{name}" in form]
    given["check_in_steps"] = [name for name in STEPS if f"step_{name}" in form]
    for name in WHOLE:
        number = number_in(form, name)
        if number is not None:
            given[name] = _whole(number, name)
    for name in ("duration_min", "pass_percent"):
        given[name] = number_in(form, name)
    for name, what in (("opens_at", "The opening"), ("closes_at", "The closing")):
        given[name] = _instant(form.get(name, ""), given["time_zone"], what)
    try:
        return PlanPart.model_validate(given)
    except ValidationError as error:
        raise InvalidInput(" ".join(sentences_of(error))) from None


def grants_of_form(form: Mapping[str, str]) -> dict[str, Any]:
    """What one student is granted; empty fields grant nothing."""
    grants: dict[str, Any] = {name: True for name in GRANTS if name in form}
    for name in ("extra_time_min", "break_min"):
        number = number_in(form, name)
        if number:
            grants[name] = number
    breaks = number_in(form, "breaks")
    if breaks:
        grants["breaks"] = _whole(breaks, "breaks")
    return grants


def local_of(at: datetime | None, plan: ExamPlan) -> str:
    """An instant as a datetime-local field shows it."""
    return at.astimezone(zone_of(plan.time_zone)).strftime("%Y-%m-%dT%H:%M") if at else ""


def number_in(form: Mapping[str, str], name: str) -> float | None:
    """The number of a field; None for an empty one."""
    text = form.get(name, "").strip()
    if not text:
        return None
    number = number_of(text)
    if number is None or not math.isfinite(float(number)):
        raise InvalidInput(f"{LABELS.get(name, name)} must be a number.")
    return float(number)


def _whole(number: float, name: str) -> int:
    if number != int(number):
        raise InvalidInput(f"{LABELS.get(name, name)} must be a whole number.")
    return int(number)


def _instant(text: str, zone: str, what: str) -> datetime | None:
    if not text.strip():
        return None
    try:
        at = datetime.fromisoformat(text.strip())
        return at if at.tzinfo else at.replace(tzinfo=zone_of(zone))
    except ValueError as error:
        reason = f"{what} or its time zone cannot be read"
        raise InvalidInput(f"{reason}: write 2026-03-02T10:00.") from error
