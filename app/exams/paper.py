"""A paper as teachers and programs send it, checked and turned into what is stored."""

from __future__ import annotations

import re
import secrets
from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from app.clock import Clock
from app.errors import Conflict, InvalidInput
from app.exams.records import Option, PaperRecord, Question, Section
from app.store.papers import Papers

MOST_SECTIONS = 50
MOST_QUESTIONS = 500
MOST_PROBLEMS = 20
Text = Annotated[str, StringConstraints(max_length=20_000)]
Line = Annotated[str, StringConstraints(max_length=200)]
Points = Annotated[float, Field(ge=0, le=1000, allow_inf_nan=False)]
_ID = r"[qos]_[0-9a-f]{8,32}"
Id = Annotated[str, StringConstraints(pattern=rf"^({_ID})?$", max_length=40)]
PictureId = Annotated[str, StringConstraints(pattern=r"^(pic_[0-9a-f]{32})?$", max_length=40)]


class OptionPart(BaseModel):
    """One option; without an id it is a new one."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    option_id: Id = ""
    text: Annotated[str, StringConstraints(min_length=1, max_length=4_000)]
    is_right: bool = False


class QuestionPart(BaseModel):
    """One question with its key."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    question_id: Id = ""
    kind: Literal["single", "multiple", "numeric", "short", "long"]
    text: Annotated[str, StringConstraints(min_length=1, max_length=20_000)]
    format: Literal["plain", "marked"] = "marked"
    points: Points = 1
    penalty: Points = Field(0, description="What a wrong answer takes off.")
    options: Annotated[list[OptionPart], Field(max_length=30)] = []
    partly: bool = Field(False, description="A share of the points for some right options.")
    number: Annotated[float, Field(allow_inf_nan=False)] | None = None
    tolerance: Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)] = 0
    accepted: Annotated[
        list[Annotated[str, StringConstraints(min_length=1, max_length=500)]],
        Field(max_length=50),
    ] = []
    is_case_kept: bool = False
    by_hand: bool = Field(False, description="Other short answers wait for a person.")
    picture_id: PictureId = ""
    picture_alt: Line = ""
    guide: Text = Field("", description="For those who mark.")


class SectionPart(BaseModel):
    """Questions that belong together."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    section_id: Id = ""
    title: Line = ""
    intro: Text = ""
    questions: Annotated[list[QuestionPart], Field(max_length=MOST_QUESTIONS)] = []


class PaperIn(BaseModel):
    """A whole paper. `version` is the stored one it was made from, 0 for the first."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    version: Annotated[int, Field(ge=0)] = 0
    sections: Annotated[list[SectionPart], Field(max_length=MOST_SECTIONS)]


class PaperDesk:
    """Keeps papers. Thread-safe."""

    def __init__(self, papers: Papers, clock: Clock) -> None:
        self._papers = papers
        self._clock = clock

    def get(self, exam_id: str) -> PaperRecord:
        """The paper, empty when nobody has written one."""
        known = self._papers.paper(exam_id)
        return known or PaperRecord(exam_id, 0, (), self._clock.now())

    def put(self, exam_id: str, given: PaperIn) -> PaperRecord:
        """Keep a new version.

        Raises InvalidInput with a sentence per wrong question, Conflict when somebody else has
        saved in between.
        """
        sections = sections_of(given)
        own = {picture.picture_id for picture in self._papers.pictures(exam_id)}
        for section in sections:
            for question in section.questions:
                if question.picture_id and question.picture_id not in own:
                    raise InvalidInput("A question names a picture that is not of this exam.")
        record = PaperRecord(exam_id, given.version + 1, sections, self._clock.now())
        if not self._papers.save_paper(record):
            raise Conflict(
                "Somebody else has changed this paper meanwhile. Reload it and make your change"
                " again."
            )
        return record

    def add(self, exam_id: str, questions: tuple[Question, ...], title: str) -> PaperRecord:
        """Put questions into a new section at the end. Raises InvalidInput or Conflict."""
        paper = self.get(exam_id)
        if len(paper.questions) + len(questions) > MOST_QUESTIONS:
            raise InvalidInput(f"An exam has at most {MOST_QUESTIONS} questions.")
        if len(paper.sections) >= MOST_SECTIONS:
            raise InvalidInput(f"An exam has at most {MOST_SECTIONS} sections.")
        sections = (*paper.sections, Section(new_id("s"), title[:200], "", questions))
        record = PaperRecord(exam_id, paper.version + 1, sections, self._clock.now())
        if not self._papers.save_paper(record):
            raise Conflict("Somebody else has changed this paper meanwhile. Try again.")
        return record


def read_paper(data: Any) -> PaperIn:
    """Raises InvalidInput with sentences."""
    try:
        return PaperIn.model_validate(data)
    except ValidationError as error:
        raise InvalidInput(" ".join(sentences_of(error))) from None


def sections_of(given: PaperIn) -> tuple[Section, ...]:
    """What is stored of a paper that was sent. Raises InvalidInput."""
    problems: list[str] = []
    if sum(len(section.questions) for section in given.sections) > MOST_QUESTIONS:
        raise InvalidInput(f"An exam has at most {MOST_QUESTIONS} questions.")
    ids = Counter(
        each
        for section in given.sections
        for each in (section.section_id, *(q.question_id for q in section.questions))
        if each
    )
    if any(count > 1 for count in ids.values()):
        raise InvalidInput("An id is there twice. Leave the ids of copied questions empty.")
    sections = []
    for at, section in enumerate(given.sections, 1):
        questions = []
        for number, part in enumerate(section.questions, 1):
            wrong = problem_of(part)
            if wrong:
                problems.append(f"Section {at}, question {number}: {wrong}")
            questions.append(question_of(part))
        sections.append(
            Section(
                section.section_id or new_id("s"),
                _clean(section.title),
                _clean(section.intro),
                tuple(questions),
            )
        )
    if problems:
        raise InvalidInput(" ".join(problems[:MOST_PROBLEMS]))
    return tuple(sections)


def problem_of(part: QuestionPart) -> str:
    """What keeps a question from being asked, as a sentence; empty when nothing does."""
    right = sum(option.is_right for option in part.options)
    texts = [option.text.strip() for option in part.options]
    if not part.text.strip():
        return "the text is empty."
    if part.kind in ("single", "multiple"):
        ids = [option.option_id for option in part.options if option.option_id]
        if len(texts) < 2:
            return "it needs at least two options."
        if not all(texts):
            return "an option is empty."
        if len(set(ids)) != len(ids):
            return "two options have the same id."
        if len(set(texts)) != len(texts):
            return "two options are the same."
        if part.kind == "single" and right != 1:
            return "exactly one option must be right."
        if right == 0:
            return "at least one option must be right."
    elif part.options:
        return "only questions with a choice have options."
    if part.kind == "numeric" and part.number is None:
        return "the right number is missing."
    if part.picture_id and not part.picture_alt.strip():
        return "say in words what the picture shows."
    return ""


def question_of(part: QuestionPart) -> Question:
    return Question(
        question_id=part.question_id or new_id("q"),
        kind=part.kind,
        text=_clean(part.text),
        format=part.format,
        points=float(part.points),
        penalty=float(part.penalty),
        options=tuple(
            Option(option.option_id or new_id("o"), _clean(option.text), option.is_right)
            for option in part.options
        ),
        partly=part.partly,
        number=part.number,
        tolerance=float(part.tolerance),
        accepted=tuple(_clean(each) for each in part.accepted),
        is_case_kept=part.is_case_kept,
        by_hand=part.by_hand,
        picture_id=part.picture_id,
        picture_alt=_clean(part.picture_alt),
        guide=_clean(part.guide),
    )


def new_id(kind: Literal["q", "o", "s"]) -> str:
    """An id that says nothing about what it names."""
    return f"{kind}_{secrets.token_hex(8)}"


def sentences_of(error: ValidationError) -> list[str]:
    """One sentence per wrong value, with its place as a person counts."""
    lines = []
    for problem in error.errors()[:MOST_PROBLEMS]:
        where = re.sub(r"\.(\d+)", lambda m: f" {int(m[1]) + 1}", _path(problem["loc"]))
        lines.append(f"{where}: {problem['msg']}." if where else f"{problem['msg']}.")
    return lines


def _path(parts: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in parts)


def _clean(text: str) -> str:
    """Without what no database keeps or no page shows: NUL, lone surrogates."""
    return text.replace("\0", "").encode("utf-8", "replace").decode("utf-8").strip()
