"""How an exam is held, as teachers and programs send it, checked."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timezone
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)
from typing_extensions import Self

from app.exams.records import ALL_SHOWN, ExamPlan
from app.zones import zone_of

LONGEST_MIN = 7 * 24 * 60
EARLIEST = datetime(2000, 1, 1, tzinfo=timezone.utc)
LATEST = datetime(2200, 1, 1, tzinfo=timezone.utc)
Instant = Annotated[AwareDatetime, Field(strict=False)]


class PlanPart(BaseModel):
    """How an exam is held. What is left out is as in the example."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    title: Annotated[str, StringConstraints(max_length=200)] = ""
    intro: Annotated[str, StringConstraints(max_length=20_000)] = Field(
        "", description="Shown before and during the exam; in the markup of questions."
    )
    opens_at: Instant | None = Field(None, description="ISO 8601 with an offset.")
    closes_at: Instant | None = None
    time_zone: Annotated[str, StringConstraints(max_length=64)] = "UTC"
    duration_min: Annotated[float, Field(ge=1, le=LONGEST_MIN, allow_inf_nan=False)] | None = Field(
        None, description="Without what single students are granted."
    )
    pause_stops_clock: bool = Field(
        True, description="A pause or break stops the exam's clock too."
    )
    attempts: Annotated[int, Field(ge=1, le=100)] = 1
    check_in: Literal["off", "self", "proctor"] = Field(
        "off", description="proctor: a proctor admits each student; self: the exam does."
    )
    check_in_steps: Annotated[
        list[Literal["face", "gaze", "voice", "document", "room"]], Field(max_length=5)
    ] = ["face", "gaze", "voice"]
    keeps_room_pictures: bool = Field(
        False, description="Of a room scan with a phone, where the student agrees."
    )
    is_practice: bool = Field(False, description="Runs like any other exam and keeps nothing.")
    walk_in: bool | None = Field(None, description="null is as the settings say.")
    paging: Literal["one", "all"] = "all"
    shuffle_questions: bool = False
    shuffle_options: bool = False
    shows_focus: bool = False
    full_screen: bool = Field(
        False, description="The exam fills the student's screen; leaving that is a screen event."
    )
    external_url: Annotated[str, StringConstraints(max_length=2_000)] = Field(
        "", description="The page of an exam that is held elsewhere."
    )
    external_mode: Literal["frame", "window"] = "frame"
    pass_percent: Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)] | None = None
    release: Literal["by_hand", "when_marked", "at_once"] = Field(
        "by_hand",
        description="When students see results: when staff release them, as soon as all their"
        " answers are marked, or at once with what is marked.",
    )
    shows: Annotated[
        list[Literal["score", "questions", "trust", "violations"]], Field(max_length=4)
    ] = list(ALL_SHOWN)
    result_days: Annotated[int, Field(ge=1, le=3650)] = Field(
        30, description="How long after its release a result can be seen."
    )
    contest_days: Annotated[int, Field(ge=0, le=3650)] = 14

    @field_validator("opens_at", "closes_at")
    @classmethod
    def _is_thinkable(cls, at: datetime | None) -> datetime | None:
        if at is not None and not EARLIEST <= at <= LATEST:
            raise ValueError("lies before 2000 or after 2200")
        return at

    @field_validator("time_zone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        zone_of(name)
        return name

    @field_validator("external_url")
    @classmethod
    def _is_a_page(cls, url: str) -> str:
        if url:
            parts = _split(url)
            if parts is None or not url.isprintable() or " " in url:
                raise ValueError("must be an address such as https://exam.example.org/start")
        return url

    @model_validator(mode="after")
    def _closes_later(self) -> Self:
        if self.opens_at and self.closes_at and self.closes_at <= self.opens_at:
            raise ValueError("The exam must close after it opens")
        return self

    def record(self) -> ExamPlan:
        """What is stored."""
        given = self.model_dump()
        for name in ("shows", "check_in_steps"):
            given[name] = tuple(dict.fromkeys(given[name]))
        for name in ("opens_at", "closes_at"):
            at = given[name]
            given[name] = at.astimezone(timezone.utc) if at else None
        given["title"] = " ".join(_clean(self.title).split())
        given["intro"] = _clean(self.intro)
        return ExamPlan(**given)


def plan_part(plan: ExamPlan) -> PlanPart:
    """A stored plan as it is answered."""
    given = {each.name: getattr(plan, each.name) for each in fields(plan)}
    lists = {"shows": list(plan.shows), "check_in_steps": list(plan.check_in_steps)}
    return PlanPart.model_validate({**given, **lists})


def origin_of(url: str) -> str:
    """`https://host[:port]` of an exam's page; empty for none."""
    parts = _split(url)
    return f"{parts[0]}://{parts[1]}" if parts else ""


def _split(url: str) -> tuple[str, str] | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    is_plain = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    is_sane = all(sign.isalnum() or sign in ".:-[]" for sign in parts.netloc)
    return (parts.scheme, parts.netloc) if is_plain and is_sane else None


def _clean(text: str) -> str:
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8").strip()
