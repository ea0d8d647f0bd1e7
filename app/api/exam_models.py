"""What the REST interface answers a student about the own exam. No model here has a key."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

from app.api.models import Asked, Part, Told

BLOCKS = "Paragraphs, lists, code and formulas, made of plain text (docs/protocol.md)."
LARGEST_SEQ = 2**53


class PicturePart(Part):
    url: str = Field(description="Wants the same bearer token.")
    alt: str
    width: int
    height: int


class MyOption(Part):
    option_id: str
    text: str
    blocks: list[dict[str, Any]] = Field(description=BLOCKS)


class MyQuestion(Part):
    question_id: str
    kind: Literal["single", "multiple", "numeric", "short", "long"]
    text: str
    format: Literal["plain", "marked"]
    blocks: list[dict[str, Any]] = Field(description=BLOCKS)
    options: list[MyOption]
    points: float
    penalty: float
    picture: PicturePart | None


class MySection(Part):
    section_id: str
    title: str
    intro: list[dict[str, Any]]
    questions: list[MyQuestion]


class MyAnswer(Part):
    value: str | list[str] | None
    seq: int
    saved_ms: float
    is_flagged: bool


class ExternalPart(Part):
    url: str
    mode: Literal["frame", "window"]


class MyExam(Told):
    state: Literal["none", "waiting", "open", "over"]
    title: str
    intro: list[dict[str, Any]]
    server_ms: float
    opens_ms: float | None
    closes_ms: float | None
    time_zone: str
    duration_min: float | None
    began_ms: float | None
    ends_ms: float | None = Field(description="null without a limit, and while the clock stands.")
    is_stopped: bool
    left_ms: float | None
    check_in: Literal["off", "self", "proctor"]
    paging: Literal["one", "all"]
    shows_focus: bool
    full_screen: bool
    sections: list[MySection]
    answers: dict[str, MyAnswer]
    place: str
    external: ExternalPart | None
    handed_in_ms: float | None


class PutAnswer(Asked):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    value: (
        Annotated[str, StringConstraints(max_length=20_000)]
        | Annotated[list[Annotated[str, StringConstraints(max_length=40)]], Field(max_length=30)]
        | None
    )
    seq: Annotated[int, Field(ge=1, le=LARGEST_SEQ)]
    is_flagged: bool = False
    place: Annotated[str, StringConstraints(max_length=64)] | None = None


class SavedAnswer(Told):
    saved_ms: float
    seq: int


class HandIn(Asked):
    """Nothing needs to be said."""


class HandedIn(Told):
    handed_in_ms: float
