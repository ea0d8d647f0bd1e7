"""What happens to a session."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.errors import Conflict, InvalidInput, NotFound
from app.exams.terms import Terms
from app.records import EndCause, SessionState
from app.sessions import Sessions
from app.settings import Settings
from app.store import Repository, open_repository
from scoring.model import Scores
from tests.fakes import FakeClock
from tests.parts import FakeIngest, FakeMonitor


@dataclass
class House:
    """Sessions and what they stand on."""

    repository: Repository
    clock: FakeClock
    ingest: FakeIngest
    monitor: FakeMonitor
    scores: dict[str, Scores]
    sessions: Sessions


def build(repository: Repository, clock: FakeClock | None = None) -> House:
    clock = clock or FakeClock()
    ingest, monitor = FakeIngest(), FakeMonitor(repository)
    scores: dict[str, Scores] = {}
    terms = Terms({"interval_s": 30}, capture_screen=False)
    sessions = Sessions(clock, repository, ingest, monitor, lambda *_: terms, scores.get)
    return House(repository, clock, ingest, monitor, scores, sessions)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    repository = open_repository(Settings.model_validate({"PROCTOR_DATA_DIR": tmp_path}))
    yield build(repository)
    repository.close()


def test_a_created_session_is_active_and_not_running(house: House) -> None:
    record, is_new = house.sessions.create("ann", "math")
    assert is_new
    assert record.is_active
    assert not record.is_running
    assert house.sessions.active() == (record,)
    assert house.monitor.opened == []


def test_creating_again_returns_the_active_one(house: House) -> None:
    first, _ = house.sessions.create("ann", "math")
    again, is_new = house.sessions.create("ann", "math")
    assert (again, is_new) == (first, False)


def test_an_exam_nobody_named_has_the_default_id(house: House) -> None:
    record, _ = house.sessions.create("ann")
    assert record.exam_id == "default"
    assert house.sessions.find_active("ann") == record


def test_of_many_creators_all_get_the_same_session(house: House) -> None:
    got: list[tuple[str, bool]] = []
    gate = threading.Barrier(8)

    def create() -> None:
        gate.wait()
        record, is_new = house.sessions.create("ann", "math")
        got.append((record.session_id, is_new))

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({session_id for session_id, _ in got}) == 1
    assert sum(is_new for _, is_new in got) == 1


@pytest.mark.parametrize(
    ("user_id", "exam_id"), [("a/b", "math"), ("ann", "../x"), (None, "math"), ("ann", "😀")]
)
def test_hostile_ids_are_refused(house: House, user_id: object, exam_id: object) -> None:
    with pytest.raises(InvalidInput):
        house.sessions.create(user_id, exam_id)
    assert house.repository.sessions() == ()


def test_the_first_start_is_second_zero_and_freezes_the_policy(house: House) -> None:
    record, _ = house.sessions.create("ann", "math")
    house.clock.advance(60)
    started = house.sessions.start(record.session_id)
    assert started.is_running
    assert started.started_at == house.clock.now()
    assert started.policy == {"interval_s": 30}
    house.clock.advance(10)
    again = house.sessions.start(record.session_id)
    assert again.started_at == started.started_at
    assert house.monitor.opened == [started, again]
    assert house.ingest.opened == [record.session_id] * 2


def test_an_ended_session_does_not_start(house: House) -> None:
    record, _ = house.sessions.create("ann", "math")
    house.sessions.end(record.session_id, EndCause.PROCTOR)
    with pytest.raises(Conflict, match="ended"):
        house.sessions.start(record.session_id)
    assert house.ingest.opened == []


def test_an_end_closes_scores_and_tells_once(house: House) -> None:
    told: list[tuple[str, EndCause]] = []
    house.sessions.when_ended(lambda session_id, cause: told.append((session_id, cause)))
    record, _ = house.sessions.create("ann", "math")
    house.sessions.start(record.session_id)
    house.clock.advance(5)
    ended = house.sessions.end(record.session_id, EndCause.STUDENT)
    house.clock.advance(5)
    again = house.sessions.end(record.session_id, EndCause.PROCTOR)
    assert ended == again
    assert (ended.state, ended.end_cause) == (SessionState.ENDED, EndCause.STUDENT)
    assert ended.ended_at is not None
    assert ended.total_score == 12.0
    assert house.ingest.closed == [record.session_id]
    assert house.monitor.ended == [record.session_id]
    assert told == [(record.session_id, EndCause.STUDENT)]


def test_a_session_nobody_joined_ends_without_scoring(house: House) -> None:
    record, _ = house.sessions.create("ann", "math")
    ended = house.sessions.end(record.session_id, EndCause.INTEGRATOR)
    assert ended.end_cause is EndCause.INTEGRATOR
    assert house.monitor.ended == []


def test_a_session_ends_even_when_its_last_scores_cannot_be_had(house: House) -> None:
    record, _ = house.sessions.create("ann", "math")
    house.sessions.start(record.session_id)
    house.monitor.is_broken = True
    assert not house.sessions.end(record.session_id, EndCause.STUDENT).is_active


def test_after_an_end_the_student_may_sit_again(house: House) -> None:
    first, _ = house.sessions.create("ann", "math")
    house.sessions.end(first.session_id, EndCause.STUDENT)
    second, is_new = house.sessions.create("ann", "math")
    assert is_new
    assert second.session_id != first.session_id


def test_a_restart_takes_up_what_was_running(house: House) -> None:
    running, _ = house.sessions.create("ann", "math")
    house.sessions.create("bob", "math")
    done, _ = house.sessions.create("cy", "math")
    house.sessions.start(running.session_id)
    house.sessions.start(done.session_id)
    house.sessions.end(done.session_id, EndCause.STUDENT)
    restarted = build(house.repository, house.clock)
    assert restarted.sessions.reopen() == 1
    assert [r.session_id for r in restarted.monitor.opened] == [running.session_id]
    assert restarted.ingest.opened == [running.session_id]


def test_a_session_nobody_was_heard_of_for_days_ends_where_it_was_left(house: House) -> None:
    left, _ = house.sessions.create("ann", "math")
    house.sessions.start(left.session_id)
    heard_at = house.sessions.get(left.session_id).last_contact_at or house.clock.now()
    house.clock.advance(240 * 24 * 3600)
    restarted = build(house.repository, house.clock)
    assert restarted.sessions.reopen() == 0
    assert restarted.monitor.opened == []
    ended = restarted.sessions.get(left.session_id)
    assert (ended.end_cause, ended.ended_at) == (EndCause.ABANDONED, heard_at)


def test_active_sessions_show_the_scores_of_this_moment(house: House) -> None:
    record, _ = house.sessions.create("ann", "math")
    house.sessions.start(record.session_id)
    house.scores[record.session_id] = Scores(
        interval_score=9, total_score=21, flagged_intervals=1, risk_temporary=3, risk_permanent=5
    )
    (shown,) = house.sessions.active()
    assert (shown.interval_score, shown.total_score, shown.risk) == (9, 21, 8)
    assert house.sessions.details(record.session_id).session == shown


@pytest.mark.parametrize("session_id", ["", "no", "a/b", "\0", "x" * 10_000, None, {"$ne": 1}])
def test_an_unknown_session_is_not_found(house: House, session_id: object) -> None:
    with pytest.raises(NotFound):
        house.sessions.get(session_id)
