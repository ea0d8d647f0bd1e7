"""The clock, the answers and the hand-in, with time that a test moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from app.errors import Conflict, InvalidInput, NotFound, TooMany
from app.exams.answers import LateAnswer, NotOpen
from app.exams.paper import PaperDesk, read_paper
from app.exams.records import ExamPlan
from app.exams.sittings import Sittings
from app.exams.terms import Exams
from app.exams.timing import Face
from app.records import EndCause, SessionRecord
from app.sessions import Sessions
from app.settings import Settings
from app.store import Repository, open_repository
from tests.exam_parts import PAPER
from tests.fakes import FakeClock
from tests.parts import FakeIngest, FakeMonitor

OPENS = datetime(2026, 3, 2, 10, 0, tzinfo=timezone.utc)


@dataclass
class Hall:
    """Exams and sessions around a fake clock."""

    repository: Repository
    clock: FakeClock
    told: list[tuple[str, Face]] = field(default_factory=list)
    paused: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.exams = Exams(Settings.model_validate({}), self.clock, self.repository)
        self.papers = PaperDesk(self.repository.papers, self.clock)
        self.monitor = FakeMonitor(self.repository)
        self.sessions = Sessions(
            self.clock,
            self.repository,
            FakeIngest(),
            self.monitor,
            self.exams.terms,
            lambda _session_id: None,
        )
        self.sittings = self.desk()
        self.sessions.before_new(lambda *who: self.sittings.check_new(*who))
        self.sessions.when_started(lambda session_id: self.sittings.started(session_id))
        self.sessions.when_ended(lambda *what: self.sittings.ended(*what))

    def desk(self) -> Sittings:
        """A server that has just begun."""
        return Sittings(
            self.clock,
            self.repository,
            tell=lambda session_id, face: self.told.append((session_id, face)),
            end=self.sessions.end,
            pauses=self.paused.get,
        )

    def exam(self, overlays: dict[str, dict[str, Any]] | None = None, **plan: Any) -> None:
        self.exams.put("math", "standard", overlays or {}, None, ExamPlan(**plan))
        if self.repository.papers.paper("math") is None:
            self.papers.put("math", read_paper(PAPER))

    def ids(self) -> dict[str, str]:
        paper = self.papers.get("math")
        return {question.kind: question.question_id for question in paper.questions}

    def join(self, user: str = "ann") -> SessionRecord:
        record, _ = self.sessions.create(user, "math")
        return self.sessions.start(record.session_id)

    def now(self, session: SessionRecord) -> SessionRecord:
        return self.sessions.get(session.session_id)

    def face(self, session: SessionRecord) -> Face:
        desk = self.sittings.desk(self.now(session))
        assert desk is not None
        return desk.face

    def say(self, session: SessionRecord, kind: str, value: Any, seq: int = 1) -> Any:
        return self.sittings.answer(
            self.now(session), self.ids()[kind], value, seq, is_flagged=False
        )

    def left_min(self, session: SessionRecord) -> float:
        left_s = self.face(session).left_s
        assert left_s is not None
        return left_s / 60

    def values(self, session: SessionRecord, *, late: bool = False) -> dict[str, Any]:
        kept = self.repository.papers.answers(session.session_id, late=late)
        kinds = {question_id: kind for kind, question_id in self.ids().items()}
        return {kinds[each.question_id]: each.value for each in kept.values()}


@pytest.fixture
def hall(tmp_path: Path) -> Iterator[Hall]:
    repository = open_repository(Settings.model_validate({"PROCTOR_DATA_DIR": tmp_path}))
    yield Hall(repository, FakeClock())
    repository.close()


def test_an_exam_that_nobody_defined_has_no_clock_and_takes_no_answers(hall: Hall) -> None:
    session = hall.join()
    assert hall.sittings.desk(session) is None
    with pytest.raises(NotFound):
        hall.sittings.hand_in(session)
    hall.sittings.tick()
    assert hall.told == []
    assert hall.now(session).is_running


def test_the_time_begins_with_the_session_and_ends_after_the_duration(hall: Hall) -> None:
    hall.exam(duration_min=60)
    session = hall.join()
    assert hall.left_min(session) == 60
    hall.clock.advance(45 * 60)
    assert hall.left_min(session) == 15
    assert hall.face(session).state == "open"


def test_who_comes_early_waits_until_the_exam_opens(hall: Hall) -> None:
    hall.exam(opens_at=OPENS, duration_min=60)
    session = hall.join()
    assert hall.face(session).state == "waiting"
    with pytest.raises(NotOpen):
        hall.say(session, "short", "x")
    hall.clock.advance(3600 + 60)
    assert hall.left_min(session) == 59


def test_who_comes_late_has_until_the_exam_closes(hall: Hall) -> None:
    hall.exam(opens_at=OPENS, closes_at=OPENS + timedelta(hours=1), duration_min=60)
    hall.clock.advance(3600 + 45 * 60)
    assert hall.left_min(hall.join()) == 15


def test_a_closed_exam_cannot_be_begun(hall: Hall) -> None:
    hall.exam(closes_at=OPENS)
    hall.clock.advance(2 * 3600)
    with pytest.raises(Conflict, match="closed"):
        hall.join()


def test_extra_time_of_the_overlay_comes_on_top_of_duration_and_closing(hall: Hall) -> None:
    hall.exam(
        {"ann": {"extra_time_min": 30}}, duration_min=60, closes_at=OPENS - timedelta(minutes=30)
    )
    assert hall.left_min(hall.join("ann")) == 60
    assert hall.left_min(hall.join("bob")) == 30


def test_time_that_is_given_while_the_exam_runs_reaches_the_page(hall: Hall) -> None:
    hall.exam(duration_min=60)
    session = hall.join()
    hall.sittings.tick()
    before = hall.told[-1][1]
    face = hall.sittings.extend(session.session_id, 10, "staff", "the fire alarm")
    assert before.ends_at is not None
    assert face.ends_at == before.ends_at + timedelta(minutes=10)
    assert hall.told[-1] == (session.session_id, face)
    sitting = hall.repository.papers.sitting(session.session_id)
    assert sitting is not None
    assert [(grant.minutes, grant.reason) for grant in sitting.grants] == [(10, "the fire alarm")]


@pytest.mark.parametrize("minutes", [0, -5, float("nan"), float("inf"), 1441])
def test_no_impossible_time_can_be_given(hall: Hall, minutes: float) -> None:
    hall.exam(duration_min=60)
    session = hall.join()
    with pytest.raises(InvalidInput):
        hall.sittings.extend(session.session_id, minutes, "staff", "")


def test_no_time_can_be_given_when_the_time_is_over(hall: Hall) -> None:
    hall.exam(duration_min=60)
    session = hall.join()
    hall.clock.advance(3600)
    with pytest.raises(Conflict):
        hall.sittings.extend(session.session_id, 5, "staff", "")


def test_a_break_stops_the_clock_and_answers_are_still_taken(hall: Hall) -> None:
    hall.exam(duration_min=60)
    session = hall.join()
    hall.clock.advance(600)
    hall.paused[session.session_id] = ("break",)
    hall.sittings.tick()
    hall.clock.advance(900)
    face = hall.face(session)
    assert (face.is_stopped, face.left_s, face.ends_at) == (True, 50 * 60, None)
    hall.say(session, "short", "x")
    hall.paused[session.session_id] = ()
    hall.sittings.tick()
    hall.clock.advance(60)
    assert hall.left_min(session) == 49
    assert [face.is_stopped for _, face in hall.told] == [True, False]


def test_time_that_is_given_while_the_clock_stands_is_told_too(hall: Hall) -> None:
    hall.exam(duration_min=60)
    session = hall.join()
    hall.paused[session.session_id] = ("break",)
    hall.sittings.tick()
    hall.sittings.extend(session.session_id, 5, "staff", "")
    assert [face.left_s for _, face in hall.told] == [3600, 3900]


def test_two_pauses_that_overlap_stop_the_clock_once(hall: Hall) -> None:
    hall.exam(duration_min=60)
    session = hall.join()
    for causes in (("break",), ("break", "proctor"), ("proctor",), ()):
        hall.paused[session.session_id] = causes
        hall.sittings.tick()
        hall.clock.advance(60)
    assert hall.left_min(session) == 59


def test_a_pause_does_not_stop_a_clock_whose_plan_says_so(hall: Hall) -> None:
    hall.exam(duration_min=60, pause_stops_clock=False)
    session = hall.join()
    hall.paused[session.session_id] = ("proctor",)
    hall.sittings.tick()
    hall.clock.advance(600)
    assert hall.left_min(session) == 50


def test_the_clock_stands_still_across_a_restart_of_the_server(hall: Hall) -> None:
    hall.exam(duration_min=60)
    session = hall.join()
    hall.paused[session.session_id] = ("break",)
    hall.sittings.tick()
    hall.sittings = hall.desk()
    hall.clock.advance(600)
    hall.sittings.started(session.session_id)
    hall.sittings.tick()
    assert hall.left_min(session) == 60


def test_who_is_checked_in_first_waits_and_the_time_begins_when_let_in(hall: Hall) -> None:
    hall.exam(duration_min=60, check_in="proctor")
    session = hall.join()
    hall.clock.advance(600)
    assert hall.face(session).state == "waiting"
    hall.sittings.admit(session.session_id)
    hall.clock.advance(60)
    hall.sittings.admit(session.session_id)
    assert hall.left_min(session) == 59


def test_the_newest_seq_wins_and_a_repeated_one_changes_nothing(hall: Hall) -> None:
    hall.exam(duration_min=60)
    session = hall.join()
    hall.say(session, "short", "second", 2)
    assert hall.say(session, "short", "first", 1).seq == 2
    assert hall.say(session, "short", "again", 2).value == "second"
    hall.say(session, "short", None, 3)
    assert hall.values(session) == {"short": None}


@pytest.mark.journey
def test_an_answer_after_the_time_is_refused_and_kept_as_late(hall: Hall) -> None:
    hall.exam(duration_min=60)
    session = hall.join()
    hall.say(session, "short", "in time")
    hall.clock.advance(3600)
    with pytest.raises(LateAnswer):
        hall.say(session, "short", "too late", 2)
    hall.sittings.tick()
    with pytest.raises(LateAnswer):
        hall.say(session, "long", "much too late", 1)
    assert hall.values(session) == {"short": "in time"}
    assert hall.values(session, late=True) == {"short": "too late", "long": "much too late"}
    hall.clock.advance(25 * 3600)
    with pytest.raises(LateAnswer):
        hall.say(session, "single", next(iter(_options(hall, "single").values())), 1)
    assert "single" not in hall.values(session, late=True)


def test_the_server_hands_in_at_the_end_of_the_time(hall: Hall) -> None:
    hall.exam(duration_min=60)
    session = hall.join()
    hall.clock.advance(3599)
    hall.sittings.tick()
    assert hall.now(session).is_running
    hall.clock.advance(2)
    hall.sittings.tick()
    ended = hall.now(session)
    assert ended.end_cause is EndCause.EXAM_OVER
    assert ended.started_at is not None
    sitting = hall.repository.papers.sitting(session.session_id)
    assert sitting is not None
    assert (sitting.handed_in_by, sitting.handed_in_at) == (
        "time",
        ended.started_at + timedelta(hours=1),
    )
    assert hall.told[-1][1].state == "over"


def test_handing_in_ends_the_session_and_can_be_repeated(hall: Hall) -> None:
    hall.exam(duration_min=60)
    session = hall.join()
    first = hall.sittings.hand_in(session)
    hall.clock.advance(10)
    assert hall.sittings.hand_in(hall.now(session)) == first
    assert hall.now(session).end_cause is EndCause.STUDENT
    with pytest.raises(LateAnswer):
        hall.say(session, "short", "x")


def test_an_exam_that_was_handed_in_cannot_be_taken_again(hall: Hall) -> None:
    hall.exam(duration_min=60)
    hall.sittings.hand_in(hall.join())
    with pytest.raises(Conflict, match="again"):
        hall.join()
    hall.exam(duration_min=60, attempts=2)
    hall.sittings.hand_in(hall.join())
    with pytest.raises(Conflict, match="again"):
        hall.join()


def test_who_went_missing_goes_on_with_the_same_clock_and_answers(hall: Hall) -> None:
    hall.exam(duration_min=60, shuffle_questions=True)
    session = hall.join()
    hall.say(session, "short", "before the battery died", 4)
    hall.clock.advance(1200)
    hall.sessions.end(session.session_id, EndCause.ABANDONED)
    again = hall.join()
    assert again.session_id != session.session_id
    assert hall.left_min(again) == 40
    assert hall.values(again) == {"short": "before the battery died"}
    assert hall.say(again, "short", "on", 5).value == "on"
    first = hall.repository.papers.sitting(session.session_id)
    second = hall.repository.papers.sitting(again.session_id)
    assert first is not None
    assert second is not None
    assert (first.seed, first.resumed_by) == (second.seed, again.session_id)


def test_who_went_missing_until_the_end_cannot_begin_anew(hall: Hall) -> None:
    hall.exam(duration_min=60)
    session = hall.join()
    hall.sessions.end(session.session_id, EndCause.ABANDONED)
    hall.clock.advance(3601)
    with pytest.raises(Conflict):
        hall.join()


def test_a_session_that_a_proctor_ends_is_handed_in_by_the_server(hall: Hall) -> None:
    hall.exam(duration_min=60)
    session = hall.join()
    hall.sessions.end(session.session_id, EndCause.PROCTOR)
    sitting = hall.repository.papers.sitting(session.session_id)
    assert sitting is not None
    assert sitting.handed_in_by == "server"


def test_a_plan_that_is_changed_moves_the_clock_of_running_sittings(hall: Hall) -> None:
    hall.exam(duration_min=60)
    session = hall.join()
    hall.sittings.tick()
    hall.exam(duration_min=90)
    hall.sittings.tick()
    assert hall.left_min(session) == 90
    assert len(hall.told) == 2


def test_a_running_clock_is_told_once(hall: Hall) -> None:
    hall.exam(duration_min=60)
    hall.join()
    for _ in range(5):
        hall.sittings.tick()
        hall.clock.advance(1)
    assert len(hall.told) == 1


def test_answers_that_come_too_fast_are_refused(hall: Hall) -> None:
    hall.exam(duration_min=60)
    session = hall.join()
    for seq in range(1, 201):
        hall.say(session, "short", "x", seq)
    with pytest.raises(TooMany):
        hall.say(session, "short", "x", 201)
    hall.clock.advance(5)
    hall.say(session, "short", "x", 1000)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("single", "o_none"),
        ("single", ["o_none"]),
        ("multiple", "o_none"),
        ("multiple", ["o_none"] * 3),
        ("numeric", "1" * 65),
        ("short", "x" * 501),
        ("short", ["x"]),
        ("long", "x" * 20_001),
    ],
)
def test_a_value_that_is_no_answer_is_refused(hall: Hall, kind: str, value: Any) -> None:
    hall.exam(duration_min=60)
    session = hall.join()
    with pytest.raises(InvalidInput):
        hall.say(session, kind, value)


def test_a_multiple_answer_is_kept_once_each_in_the_papers_order(hall: Hall) -> None:
    hall.exam(duration_min=60)
    session = hall.join()
    ids = _options(hall, "multiple")
    kept = hall.say(session, "multiple", [ids["four"], ids["two"]])
    assert kept.value == [ids["two"], ids["four"]]


def _options(hall: Hall, kind: str) -> dict[str, str]:
    return {
        option.text: option.option_id
        for question in hall.papers.get("math").questions
        if question.kind == kind
        for option in question.options
    }
