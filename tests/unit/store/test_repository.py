"""The repository's contract, over every engine."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.errors import CandorError, Conflict, Unavailable
from app.records import (
    ApiKeyRecord,
    ClipStatus,
    EndCause,
    ExamRecord,
    ManifestRecord,
    MediaKeyRecord,
    ReviewState,
    SessionState,
    StaffRecord,
    TraceRecord,
)
from app.settings import Settings
from app.store import Repository, Stats, open_repository
from app.store.documents import from_document, to_document
from app.store.engines import open_pymongo
from scoring.model import Rule
from tests.engines import ENGINES, engine_of, free_port
from tests.records import NOON, a_clip, a_session, a_violation, an_interval


@pytest.fixture(params=ENGINES)
def repository(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Repository]:
    with engine_of(request.param, tmp_path) as engine:
        opened = Repository(engine)
        yield opened
        opened.close()


def test_every_kind_of_record_comes_back_as_it_was(repository: Repository) -> None:
    session = replace(
        a_session(),
        started_at=NOON + timedelta(microseconds=123457),
        total_score=13.5,
        coverage={"face": 0.5},
        policy={"rules": {"phone": {"points": 10}}, "interval_s": 30},
    )
    repository.add_session(session)
    repository.save_violation(a_violation())
    repository.save_interval(an_interval())
    repository.save_clip(a_clip(screens=("ann/a.jpg",)))
    staff = StaffRecord("admin", "$argon2id$x", "admin", NOON)
    key = ApiKeyRecord("k1", "ab" * 32, "first", NOON)
    repository.save_staff(staff)
    repository.save_api_key(key)

    assert repository.session("s1") == session
    assert repository.violations("s1") == (a_violation(),)
    assert repository.intervals("s1") == (an_interval(),)
    assert repository.clip("c1") == a_clip(screens=("ann/a.jpg",))
    assert repository.staff("admin") == staff
    assert repository.api_key("ab" * 32) == key
    assert repository.api_keys() == (key,)


def test_a_trace_comes_back_byte_for_byte_in_time_order(repository: Repository) -> None:
    every_byte = bytes(range(256)) * 40
    repository.save_trace(TraceRecord("s1", 10, b"late"))
    repository.save_trace(TraceRecord("s1", 2, b"first try"))
    repository.save_trace(TraceRecord("s2", 0, b"of another"))
    repository.save_trace(TraceRecord("s1", 2, every_byte))
    assert repository.trace("s1") == (
        TraceRecord("s1", 2, every_byte),
        TraceRecord("s1", 10, b"late"),
    )
    assert repository.trace("no") == ()


def test_an_exam_is_replaced_as_a_whole(repository: Repository) -> None:
    first = ExamRecord("math", {"interval_s": 20.0}, {"ann": {"gaze_off": True}}, NOON, False)
    repository.save_exam(first)
    assert repository.exam("math") == first
    second = replace(first, policy={"name": "strict"}, overlays={}, capture_screen=None)
    repository.save_exam(second)
    assert repository.exam("math") == second
    assert repository.exam("no") is None


def test_the_sessions_of_an_exam_are_found(repository: Repository) -> None:
    for name, exam_id in (("s1", "math"), ("s2", "logic"), ("s3", "math")):
        state = SessionState.ENDED
        repository.add_session(a_session(name, exam_id=exam_id, state=state))
    found = repository.sessions(exam_id="math")
    assert {record.session_id for record in found} == {"s1", "s3"}


def test_what_does_not_exist_is_none(repository: Repository) -> None:
    assert repository.session("no") is None
    assert repository.active_session("ann", "math") is None
    assert repository.clip("no") is None
    assert repository.clip_of_file("no.mp4") is None
    assert repository.staff("no") is None
    assert repository.api_key("no") is None
    assert repository.update_session("no", total_score=1.0) is False


def test_a_student_has_one_active_session_per_exam(repository: Repository) -> None:
    repository.add_session(a_session("s1"))
    with pytest.raises(Conflict):
        repository.add_session(a_session("s2"))
    repository.add_session(a_session("s3", exam_id="physics"))
    repository.update_session("s1", state=SessionState.ENDED)
    repository.add_session(a_session("s4"))
    active = repository.active_session("ann", "math")
    assert active is not None
    assert active.session_id == "s4"


def test_of_many_who_create_at_once_one_succeeds(repository: Repository) -> None:
    created: list[str] = []
    refused: list[str] = []
    gate = threading.Barrier(6)

    def create(number: int) -> None:
        gate.wait()
        try:
            repository.add_session(a_session(f"s{number}"))
            created.append(f"s{number}")
        except Conflict:
            refused.append(f"s{number}")

    threads = [threading.Thread(target=create, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(created) == 1
    assert len(refused) == 5
    assert len(repository.sessions()) == 1


def test_of_many_who_end_at_once_one_moves_the_session(repository: Repository) -> None:
    repository.add_session(a_session())
    moved: list[bool] = []

    def end() -> None:
        moved.append(
            repository.move_session(
                "s1",
                (SessionState.CREATED, SessionState.RUNNING),
                state=SessionState.ENDED,
                end_cause=EndCause.PROCTOR,
                ended_at=NOON,
            )
        )

    threads = [threading.Thread(target=end) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(moved) == [False] * 5 + [True]
    ended = repository.session("s1")
    assert ended is not None
    assert ended.end_cause is EndCause.PROCTOR
    assert not ended.is_active


def test_an_update_touches_only_what_it_names(repository: Repository) -> None:
    repository.add_session(a_session())
    repository.update_session("s1", interval_score=9.0, coverage={"face": 1.0})
    repository.update_session("s1", state=SessionState.RUNNING, started_at=NOON)
    stored = repository.session("s1")
    assert stored is not None
    assert (stored.interval_score, stored.coverage) == (9.0, {"face": 1.0})
    assert stored.is_running
    with pytest.raises(TypeError):
        repository.update_session("s1", colour="red")


def test_sessions_are_listed_newest_first_and_by_state(repository: Repository) -> None:
    for number in range(4):
        repository.add_session(
            a_session(f"s{number}", f"u{number}", created_at=NOON + timedelta(seconds=number))
        )
    repository.update_session("s1", state=SessionState.RUNNING)
    repository.update_session("s2", state=SessionState.ENDED)
    ids = [session.session_id for session in repository.sessions()]
    assert ids == ["s3", "s2", "s1", "s0"]
    running = repository.sessions(SessionState.RUNNING)
    assert [session.session_id for session in running] == ["s1"]
    active = repository.sessions(states=(SessionState.CREATED, SessionState.RUNNING))
    assert [session.session_id for session in active] == ["s3", "s1", "s0"]
    assert [s.session_id for s in repository.sessions(limit=2)] == ["s3", "s2"]
    assert [s.session_id for s in repository.sessions(user_id="u2")] == ["s2"]


def test_saving_again_replaces(repository: Repository) -> None:
    repository.save_violation(a_violation())
    grown = a_violation()
    grown = replace(
        grown,
        violation=replace(grown.violation, end_s=9.5),
        ended_at=NOON + timedelta(seconds=9.5),
    )
    repository.save_violation(grown)
    repository.save_interval(an_interval(score=2.0))
    repository.save_interval(an_interval(score=10.0))
    repository.save_clip(a_clip())
    repository.save_clip(a_clip(status=ClipStatus.READY, file_name="ann/x.mp4"))
    assert repository.violations("s1") == (grown,)
    assert [i.interval.score for i in repository.intervals("s1")] == [10.0]
    assert [c.status for c in repository.clips()] == [ClipStatus.READY]


def test_a_violation_that_was_taken_back_is_gone(repository: Repository) -> None:
    repository.save_violation(a_violation(start_s=3.0))
    repository.save_violation(a_violation(start_s=9.0))
    assert repository.delete_violation("s1", "no_face-3000")
    assert not repository.delete_violation("s1", "no_face-3000")
    assert [v.violation.start_s for v in repository.violations("s1")] == [9.0]


def test_violations_and_intervals_come_in_time_order(repository: Repository) -> None:
    for start_s in (61.0, 3.0, 100.0):
        repository.save_violation(a_violation(start_s=start_s))
    repository.save_violation(a_violation("other", 1.0, Rule.PHONE))
    for index in (2, 0, 10, 1):
        repository.save_interval(an_interval(index=index))
    assert [v.violation.start_s for v in repository.violations("s1")] == [3.0, 61.0, 100.0]
    assert [i.interval.index for i in repository.intervals("s1")] == [0, 1, 2, 10]


def test_clips_are_found_by_session_status_and_file(repository: Repository) -> None:
    repository.save_clip(a_clip("c1", flagged_at=NOON))
    ready = a_clip(
        "c2",
        status=ClipStatus.READY,
        file_name="ann/flagged.mp4",
        screens=("ann/flagged_screens/one.jpg", "ann/flagged_screens/two.jpg"),
        flagged_at=NOON + timedelta(seconds=30),
    )
    repository.save_clip(ready)
    repository.save_clip(a_clip("c3", "s2", flagged_at=NOON + timedelta(seconds=60)))
    assert [clip.clip_id for clip in repository.clips()] == ["c3", "c2", "c1"]
    assert [clip.clip_id for clip in repository.clips("s1")] == ["c2", "c1"]
    assert repository.clips(statuses=(ClipStatus.READY,)) == (ready,)
    assert repository.clip_of_file("ann/flagged.mp4") == ready
    assert repository.clip_of_file("ann/flagged_screens/two.jpg") == ready
    assert repository.clip_of_file("ann/flagged_screens/three.jpg") is None
    assert repository.clip_of_file("ann/flagged_snapshots/two.jpg") is None
    assert repository.clip_of_file("ann/other_screens/two.jpg") is None


def test_a_clip_whose_flag_was_taken_back_is_gone(repository: Repository) -> None:
    repository.save_clip(a_clip("c1"))
    repository.save_clip(a_clip("c2"))
    assert repository.delete_clip("c1")
    assert not repository.delete_clip("c1")
    assert [clip.clip_id for clip in repository.clips()] == ["c2"]


def test_a_review_outlives_the_saving_of_a_clip(repository: Repository) -> None:
    repository.save_clip(a_clip())
    assert repository.review_clip("c1", ReviewState.CONFIRMED)
    repository.save_clip(a_clip(status=ClipStatus.READY, file_name="ann/x.mp4"))
    stored = repository.clip("c1")
    assert stored is not None
    assert (stored.review, stored.status) == (ReviewState.CONFIRMED, ClipStatus.READY)
    assert not repository.review_clip("no", ReviewState.DISMISSED)


def test_stats_count_sessions_flags_and_high_risk(repository: Repository) -> None:
    assert repository.stats() == Stats(0, 0, 0, 0)
    repository.add_session(a_session("s1"))
    repository.add_session(a_session("s2", "bob"))
    repository.add_session(a_session("s3", "cy"))
    repository.update_session("s1", flagged_intervals=2)
    repository.update_session("s3", flagged_intervals=1, state=SessionState.ENDED)
    repository.save_interval(an_interval(score=10.0))
    repository.save_interval(an_interval(index=1, score=2.0))
    repository.save_interval(an_interval("s3", score=19.0))
    assert repository.stats() == Stats(3, 2, 2, 1)


@pytest.mark.parametrize(
    "user_id", ["0123456789abcdef01234567", "12345678", "True", "null", "a.b@c-d+e_f", "1e5"]
)
def test_an_id_that_looks_like_something_else_stays_text(
    repository: Repository, user_id: str
) -> None:
    repository.add_session(a_session(user_id, user_id, user_id))
    repository.save_staff(StaffRecord(user_id, "x", "proctor", NOON))
    found = repository.active_session(user_id, user_id)
    assert found is not None
    assert (found.session_id, found.user_id, found.exam_id) == (user_id,) * 3
    assert repository.session(user_id) == found
    assert repository.staff(user_id) is not None


def test_a_query_never_reads_an_operator_from_outside(repository: Repository) -> None:
    repository.add_session(a_session())
    assert repository.active_session("$ne", "math") is None
    assert repository.session("$exists") is None


def test_the_embedded_file_is_private_and_survives_reopening(tmp_path: Path) -> None:
    settings = Settings.model_validate({"PROCTOR_DATA_DIR": tmp_path})
    first = open_repository(settings)
    first.add_session(a_session())
    first.close()
    assert settings.database_file.stat().st_mode & 0o077 == 0
    again = open_repository(settings)
    assert again.session("s1") == a_session()
    assert again.is_answering()
    again.close()


def test_a_document_of_a_newer_version_is_refused() -> None:
    document = {**to_document(a_session()), "schema": 99}
    with pytest.raises(CandorError, match="newer version"):
        from_document(type(a_session()), document)


def test_a_silent_mongodb_is_reported_without_its_password() -> None:
    uri = f"mongodb://ann:secret@127.0.0.1:{free_port()}/?serverSelectionTimeoutMS=200"
    with pytest.raises(Unavailable, match="No MongoDB answers") as caught:
        open_pymongo(uri, "proctor")
    assert "secret" not in str(caught.value)


def test_a_file_that_cannot_be_opened_is_reported_with_a_remedy(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    settings = Settings.model_validate({"PROCTOR_DATA_DIR": tmp_path})
    with pytest.raises(Unavailable, match="PROCTOR_DATA_DIR"):
        open_repository(settings)


def test_manifests_come_back_in_the_order_of_their_chain(repository: Repository) -> None:
    records = [ManifestRecord(f"s1-{n}", "s1", n, f"{n:064d}", '{"n":1}') for n in (2, 0, 1)]
    for record in records:
        repository.save_manifest(record)
    repository.save_manifest(ManifestRecord("s2-0", "s2", 0, "", ""))
    assert [each.number for each in repository.manifests("s1")] == [0, 1, 2]
    assert set(repository.manifests("s1")) == set(records)


def test_the_first_key_of_a_session_stays_until_it_is_deleted(repository: Repository) -> None:
    key = MediaKeyRecord("s1", "d3JhcHBlZA==", "master", NOON)
    assert repository.add_media_key(key)
    assert not repository.add_media_key(replace(key, wrapped="b3RoZXI="))
    assert repository.media_key("s1") == key
    assert repository.delete_media_key("s1")
    assert not repository.delete_media_key("s1")
    assert repository.media_key("s1") is None


def test_sessions_that_ended_without_a_seal_are_found(repository: Repository) -> None:
    for number, state in enumerate(SessionState):
        record = a_session(f"s{number}", f"student{number}", state=state)
        repository.add_session(record)
    ended = [s.session_id for s in repository.sessions(SessionState.ENDED)]
    assert [s.session_id for s in repository.unsealed_sessions()] == ended
    repository.update_session(ended[0], seal="0" * 64)
    assert repository.unsealed_sessions() == ()
