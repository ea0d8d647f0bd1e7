"""The audit's contract, over every engine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.audit.log import AuditLog, Search
from app.audit.pseudonyms import STAFF, STUDENT
from app.evidence.keys import MasterKey
from app.store import Repository
from app.store.engines import Engine
from tests.engines import ENGINES, engine_of
from tests.fakes import FakeClock

MASTER = MasterKey(b"a secret of thirty-two characters")


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    with engine_of(request.param, tmp_path) as opened:
        yield opened
        opened.close()


def log_over(engine: Engine, master: MasterKey = MASTER) -> AuditLog:
    return AuditLog(Repository(engine).trail, master, FakeClock())


def filled(engine: Engine, count: int = 5) -> AuditLog:
    log = log_over(engine)
    for number in range(count):
        log.write("system", "test", f"exam:{number}", {"number": number})
    return log


def test_what_was_written_is_one_whole_chain(engine: Engine) -> None:
    verdict = filled(engine).verify()
    assert verdict.is_whole
    assert verdict.entries == 5


def test_an_altered_entry_is_named(engine: Engine) -> None:
    log = filled(engine)
    engine.collection("audit").update_one({"seq": 3}, {"$set": {"subject": "exam:9"}})
    assert log.verify().problems == ("Entry 3 was altered.",)


def test_a_removed_entry_is_named(engine: Engine) -> None:
    log = filled(engine)
    engine.collection("audit").delete_one({"seq": 2})
    assert "Entry 2 is missing." in log.verify().problems


def test_entries_cut_off_at_the_end_are_named_even_after_more_were_written(engine: Engine) -> None:
    log = filled(engine)
    for seq in (4, 5):
        engine.collection("audit").delete_one({"seq": seq})
    assert log.verify().problems == ("Entry 4 to 5 is missing at the end.",)
    log.write("system", "test")
    assert "Entry 4 to 5 is missing." in log.verify().problems


def test_two_swapped_entries_are_named(engine: Engine) -> None:
    log = filled(engine)
    audit = engine.collection("audit")
    for seq, other in ((2, 102), (3, 2), (102, 3)):
        audit.update_one({"seq": seq}, {"$set": {"seq": other}})
    assert set(log.verify().problems) >= {"Entry 2 was altered.", "Entry 3 was altered."}


def test_a_chain_of_another_key_is_not_whole(engine: Engine) -> None:
    filled(engine)
    problems = log_over(engine, MasterKey(b"another secret of forty characters")).verify().problems
    assert "was written with another key" in problems[0]


def test_two_threads_append_to_one_chain(engine: Engine) -> None:
    logs = [log_over(engine), log_over(engine)]

    def write(log: AuditLog) -> None:
        for _ in range(20):
            log.write("system", "test")

    threads = [threading.Thread(target=write, args=(log,)) for log in logs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    verdict = logs[0].verify()
    assert verdict.problems == ()
    assert verdict.entries == 40


def test_entries_are_found_by_actor_action_and_page(engine: Engine) -> None:
    log = filled(engine)
    ada = log.people.of(STAFF, "ada")
    log.by_staff("ada", "clip_viewed", "clip:c1")
    assert [entry.subject for entry in log.search(Search(actor=ada), 10)] == ["clip:c1"]
    assert [entry.seq for entry in log.search(Search(action="test"), 2)] == [5, 4]
    assert [entry.seq for entry in log.search(Search(before_seq=4), 2)] == [3, 2]
    assert log.actions() == ("clip_viewed", "test")


def test_a_forgotten_person_has_no_name_and_the_chain_stays_whole(engine: Engine) -> None:
    log = log_over(engine)
    reference = log.people.of(STUDENT, "ann")
    log.write(reference, "session_started")
    assert log.people.names() == {reference: "ann"}
    assert log.people.of(STUDENT, "ann") == reference
    assert log.people.forget(STUDENT, "ann")
    assert log.people.names() == {}
    assert log.people.of(STUDENT, "ann") != reference
    assert log.verify().is_whole
