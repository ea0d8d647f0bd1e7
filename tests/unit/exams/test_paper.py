"""Papers as they are sent: what is kept, and what is refused with which sentence."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from app.errors import Conflict, InvalidInput
from app.exams.paper import PaperDesk, PaperIn, read_paper
from app.exams.records import (
    AnswerRecord,
    MarkRecord,
    PaperRecord,
    PictureRecord,
    SittingRecord,
)
from app.settings import Settings
from app.store import Repository, open_repository
from app.store.documents import plain
from tests.engines import ENGINES, engine_of
from tests.exam_parts import PAPER
from tests.fakes import FakeClock


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[PaperDesk]:
    repository = open_repository(Settings.model_validate({"PROCTOR_DATA_DIR": tmp_path}))
    yield PaperDesk(repository.papers, FakeClock())
    repository.close()


def sent(record: PaperRecord) -> PaperIn:
    return read_paper({"version": record.version, "sections": plain(record.sections)})


def with_question(**changes: Any) -> dict[str, Any]:
    paper = copy.deepcopy(PAPER)
    paper["sections"][0]["questions"][0] |= changes
    return paper


def test_a_paper_comes_back_with_ids_and_can_be_sent_again(desk: PaperDesk) -> None:
    first = desk.put("math", read_paper(PAPER))
    again = desk.put("math", sent(first))
    assert (first.version, again.version) == (1, 2)
    assert again.sections == first.sections
    assert desk.get("math") == again


def test_who_saves_an_old_version_is_told(desk: PaperDesk) -> None:
    first = desk.put("math", read_paper(PAPER))
    desk.put("math", sent(first))
    with pytest.raises(Conflict):
        desk.put("math", sent(first))
    with pytest.raises(Conflict):
        desk.put("math", read_paper(PAPER))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"options": [{"text": "a", "is_right": True}]}, "two options"),
        ({"options": [{"text": "a"}, {"text": "b"}]}, "exactly one"),
        ({"options": [{"text": "a", "is_right": True}, {"text": "b", "is_right": True}]}, "one"),
        ({"options": [{"text": "a", "is_right": True}, {"text": " a"}]}, "the same"),
        ({"kind": "long"}, "choice"),
        ({"kind": "numeric", "options": []}, "number"),
        ({"text": "  "}, "text is empty"),
        ({"points": float("nan")}, "points"),
        ({"points": float("inf")}, "points"),
        ({"points": -1}, "points"),
        ({"points": 1e9}, "points"),
        ({"penalty": float("nan")}, "penalty"),
        ({"points": "3"}, "points"),
        ({"kind": "essay"}, "kind"),
        ({"surprise": 1}, "surprise"),
        ({"question_id": "../../etc"}, "question_id"),
        ({"picture_id": "pic_" + "0" * 32, "picture_alt": "x"}, "picture"),
        ({"text": "x" * 20_001}, "text"),
    ],
)
def test_a_question_that_cannot_be_asked_is_refused_with_its_reason(
    desk: PaperDesk, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        desk.put("math", read_paper(with_question(**changes)))
    assert desk.get("math").version == 0


def test_an_id_that_is_there_twice_is_refused(desk: PaperDesk) -> None:
    paper = copy.deepcopy(PAPER)
    for at in (0, 1):
        paper["sections"][0]["questions"][at]["question_id"] = "q_0123456789abcdef"
    with pytest.raises(InvalidInput, match="twice"):
        desk.put("math", read_paper(paper))


def test_a_huge_paper_is_refused(desk: PaperDesk) -> None:
    question = {"kind": "long", "text": "?"}
    huge: list[Any] = [
        [{"questions": [question] * 501}],
        [{"questions": [question] * 300}] * 2,
        [{}] * 51,
    ]
    for sections in huge:
        with pytest.raises(InvalidInput):
            desk.put("math", read_paper({"sections": sections}))


def test_deeply_nested_json_is_refused(desk: PaperDesk) -> None:
    deep: Any = "x"
    for _ in range(500):
        deep = {"sections": [deep]}
    with pytest.raises(InvalidInput):
        read_paper(deep)


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_keeps_papers_answers_and_marks_alike(name: str, tmp_path: Path) -> None:
    at = datetime(2026, 3, 2, tzinfo=timezone.utc)
    with engine_of(name, tmp_path) as engine:
        papers = Repository(engine).papers
        desk = PaperDesk(papers, FakeClock())
        first = desk.put("math", read_paper(PAPER))
        with pytest.raises(Conflict):
            desk.put("math", read_paper(PAPER))
        assert Repository(engine).papers.paper("math") == first
        picture = PictureRecord("pic_1", "math", "image/png", 1, 1, b"\0\xff")
        papers.save_picture(picture)
        assert papers.picture("pic_1") == picture
        assert [each.picture_id for each in papers.pictures("math")] == ["pic_1"]
        sitting = SittingRecord("s1", "ann", "math", 7, "b1", ready_at=at)
        assert papers.add_sitting(sitting)
        assert not papers.add_sitting(sitting)
        assert papers.sittings("math", "ann") == (sitting,)
        newer = AnswerRecord("s1", "q1", ["a", "b"], 2, at)
        assert papers.keep_answer(newer) == newer
        assert papers.keep_answer(AnswerRecord("s1", "q1", "old", 1, at)) == newer
        late = AnswerRecord("s1", "q1", "late", 3, at, is_late=True)
        papers.keep_answer(late)
        assert papers.answers("s1") == {"q1": newer}
        assert papers.answers("s1", late=True) == {"q1": late}
        mark = MarkRecord("s1", "math", "q1", 1.5, "good", "staff", at)
        papers.save_mark(mark)
        assert papers.marks("math") == {"s1": {"q1": mark}}
        papers.delete_mark("s1", "q1")
        assert papers.marks_of("s1") == {}
