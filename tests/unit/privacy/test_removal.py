"""Retention, export and erasure over a real store and a real folder."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from app.access.people_records import RosterRow
from app.access.rosters import Rosters
from app.audit.log import AuditLog, Search
from app.audit.pseudonyms import STUDENT
from app.errors import Conflict, NotAllowed, NotFound
from app.evidence.keys import MasterKey
from app.evidence.media import Media, open_media
from app.exams.records import ExamPlan
from app.privacy.consent import uses_audio, uses_camera
from app.privacy.consent_text import consent_text
from app.privacy.parts import Privacy, open_privacy
from app.privacy.records import HoldRecord, RetentionRecord
from app.records import ClipStatus, ExamRecord, SessionState, TraceRecord
from app.settings import Settings
from app.store import Repository
from tests.engines import ENGINES, engine_of
from tests.fakes import FakeClock
from tests.records import NOON, a_clip, a_session, a_violation, an_interval

CONSENT = consent_text(("camera",), 90).version
MASTER = MasterKey(b"a secret of thirty-two characters")
STUDENT_ID = "zoe.quast-4711"
NAME = "Zoe Mirabell Quastenfloh"
HEADER = "student_id,name,date_of_birth,course"
ROW = f"{STUDENT_ID},{NAME},2001-02-03,Logic"
PICTURE = bytes(range(256)) * 40 + b"nobody else has this picture"


@dataclass
class World:
    """One installation."""

    repository: Repository
    media: Media
    audit: AuditLog
    privacy: Privacy
    clock: FakeClock
    folder: Path

    def a_past(self, session_id: str = "s1", user_id: str = STUDENT_ID, exam: str = "math") -> None:
        """An ended session with everything a session can leave behind."""
        repository, at = self.repository, self.clock.now()
        session = a_session(session_id, user_id, exam, SessionState.ENDED, at)
        repository.add_session(replace(session, started_at=at, ended_at=at, seal="ab"))
        repository.save_violation(a_violation(session_id))
        repository.save_interval(an_interval(session_id))
        repository.save_trace(TraceRecord(session_id, 0, b"observed"))
        name = f"{user_id}/flagged_{session_id}_score10"
        clip = a_clip(f"c-{session_id}", session_id, ClipStatus.READY, f"{name}.mp4")
        repository.save_clip(replace(clip, user_id=user_id, screens=(f"{name}_screens/001.jpg",)))
        for end in (".mp4", ".json", "_screens/001.jpg"):
            self.media.storage.write(name + end, PICTURE)
        self.media.keys.key_for_writing(session_id)
        row = RosterRow(exam, user_id, NAME, date(2001, 2, 3), "Logic")
        repository.people.save_rows([row])
        self.privacy.consents.give(session, CONSENT, "student", ("camera",))
        self.audit.write("system", "clip_viewed", self.audit.people.of(STUDENT, user_id))

    def found(self, *needles: str | bytes) -> list[tuple[str, bytes]]:
        """Which of these bytes still lie in which file of the installation."""
        wanted = [n.encode() if isinstance(n, str) else n for n in needles]
        return [
            (path.name, needle)
            for path in self.folder.rglob("*")
            for needle in wanted
            if needle in str(path.relative_to(self.folder)).encode()
            or (path.is_file() and needle in path.read_bytes())
        ]


def world_over(repository: Repository, folder: Path) -> World:
    settings = Settings.model_validate({"PROCTOR_DATA_DIR": folder})
    clock = FakeClock(NOON)
    media = open_media(settings, repository, clock, MASTER)
    audit = AuditLog(repository.trail, MASTER, clock)
    privacy = open_privacy(settings, repository, media, audit, clock)
    return World(repository, media, audit, privacy, clock, folder)


@pytest.fixture(params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    with engine_of(request.param, tmp_path) as engine:
        repository = Repository(engine)
        yield world_over(repository, tmp_path)
        repository.close()


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[World]:
    with engine_of("neosqlite", tmp_path) as engine:
        repository = Repository(engine)
        yield world_over(repository, tmp_path)
        repository.close()


def test_a_session_goes_when_its_days_are_over_and_no_earlier(world: World) -> None:
    world.a_past()
    world.clock.advance(timedelta(days=89).total_seconds())
    assert world.privacy.retention.sweep().due == ()
    world.clock.advance(timedelta(days=2).total_seconds())
    assert world.privacy.retention.sweep(dry_run=True).removed.sessions == 0
    assert world.repository.session("s1") is not None
    swept = world.privacy.retention.sweep()
    assert (swept.removed.sessions, swept.removed.files, swept.removed.keys) == (1, 3, 1)
    assert world.repository.session("s1") is None
    assert world.repository.erasure.of_session("s1") == {}
    assert world.repository.erasure.of_student(STUDENT_ID) == {}
    assert world.media.storage.names() == []
    assert world.audit.people.names() == {}
    assert world.audit.verify().is_whole


def test_an_exam_has_days_of_its_own(world: World) -> None:
    world.a_past()
    world.repository.trail.save_retention(RetentionRecord("math", 7))
    world.clock.advance(timedelta(days=8).total_seconds())
    assert world.privacy.retention.sweep().removed.sessions == 1


@pytest.mark.parametrize("hold", [("session", "s1"), ("exam", "math")])
def test_a_legal_hold_keeps_the_session_until_it_is_released(
    world: World, hold: tuple[str, str]
) -> None:
    world.a_past()
    world.repository.trail.save_hold(HoldRecord(*hold, "a dispute", NOON))
    world.clock.advance(timedelta(days=100).total_seconds())
    assert world.privacy.retention.sweep().held == 1
    with pytest.raises(Conflict, match="legal hold"):
        world.privacy.remover.erase(STUDENT_ID, "system")
    assert world.repository.session("s1") is not None
    world.repository.trail.delete_hold(*hold)
    assert world.privacy.retention.sweep().removed.sessions == 1


def test_a_student_keeps_a_pseudonym_while_another_session_is_kept(world: World) -> None:
    world.a_past("s1")
    world.clock.advance(timedelta(days=60).total_seconds())
    world.a_past("s2")
    world.clock.advance(timedelta(days=40).total_seconds())
    assert world.privacy.retention.sweep().removed.sessions == 1
    assert list(world.audit.people.names().values()) == [STUDENT_ID]
    assert world.repository.session("s2") is not None
    assert len(world.media.storage.names()) == 3


def test_erasing_one_student_leaves_the_others_untouched(world: World) -> None:
    world.a_past("s1")
    world.a_past("s2", "bob")
    world.repository.save_exam(
        ExamRecord("math", {}, {STUDENT_ID: {"extra_time_min": 10}, "bob": {}}, NOON)
    )
    removed = world.privacy.remover.erase(STUDENT_ID, "staff:p_1")
    assert removed.sessions == 1
    exam = world.repository.exam("math")
    assert exam is not None
    assert list(exam.overlays) == ["bob"]
    assert world.repository.session("s2") is not None
    assert len(world.repository.erasure.of_session("s2")) >= 6
    assert world.repository.people.has_roster("math")
    assert all(name.startswith("bob/") for name in world.media.storage.names())
    assert list(world.audit.people.names().values()) == ["bob"]
    assert world.audit.verify().is_whole
    certificate = world.audit.search(Search(action="student_erased"), 10)[0]
    assert certificate.subject.startswith("student:p_")
    assert certificate.detail["sessions"] == 1


def test_after_erasure_no_byte_of_the_student_is_left(embedded: World) -> None:
    embedded.a_past()
    embedded.repository.save_exam(ExamRecord("math", {}, {STUDENT_ID: {}}, NOON))
    traces = (STUDENT_ID, NAME, PICTURE[-40:])
    assert embedded.found(*traces)
    embedded.privacy.remover.erase(STUDENT_ID, "system")
    assert embedded.found(*traces) == []
    assert embedded.audit.verify().is_whole
    assert embedded.found("student:p_")


def test_after_retention_no_byte_of_the_student_is_left(embedded: World) -> None:
    embedded.a_past()
    embedded.clock.advance(timedelta(days=91).total_seconds())
    embedded.privacy.retention.sweep()
    assert embedded.found(STUDENT_ID, NAME, PICTURE[-40:]) == []
    assert embedded.audit.verify().is_whole


def test_a_running_session_is_not_erased(embedded: World) -> None:
    embedded.a_past()
    embedded.repository.add_session(a_session("s9", STUDENT_ID, "art", SessionState.RUNNING))
    with pytest.raises(Conflict, match="running"):
        embedded.privacy.remover.erase(STUDENT_ID, "system")
    assert embedded.repository.session("s1") is not None


def test_nobody_can_be_erased_who_is_not_known(embedded: World) -> None:
    with pytest.raises(NotFound):
        embedded.privacy.remover.erase("nobody", "system")


def test_an_export_holds_all_documents_and_media_of_the_student_alone(world: World) -> None:
    world.a_past("s1")
    world.a_past("s2", "bob")
    file = io.BytesIO()
    world.privacy.exporter.write(STUDENT_ID, file)
    with zipfile.ZipFile(file) as archive:
        names = archive.namelist()
        text = archive.read("data.json").decode()
        media = [name for name in names if name.startswith("media/")]
        assert archive.read(media[0]) == PICTURE
    data = json.loads(text)
    assert len(media) == 3
    assert {"sessions", "violations", "intervals", "clips", "traces", "consents", "audit"} <= set(
        data
    )
    assert "media_keys" not in data
    assert "bob" not in text
    assert NAME in text


def test_consent_to_another_text_is_refused_and_the_first_receipt_stays(embedded: World) -> None:
    session, consents = a_session(), embedded.privacy.consents
    with pytest.raises(NotAllowed):
        consents.give(session, "0-old", "student", ("camera",))
    consents.give(session, CONSENT, "student", ("camera",))
    consents.give(session, "school-form-3", "integrator", ())
    receipt = consents.receipt("s1")
    assert receipt is not None
    assert (receipt.version, receipt.given_by) == (CONSENT, "student")
    assert "camera" in receipt.text.lower()


def test_detectors_that_are_off_take_nothing_in() -> None:
    camera = ["face", "gaze", "identity", "objects", "camera"]
    assert not uses_camera({"detectors_off": camera})
    assert uses_camera({"detectors_off": camera[1:]})
    assert not uses_audio({"detectors_off": ["voice", "speech"]})
    assert uses_audio({})
    assert uses_camera({})


def test_students_who_never_sat_leave_the_roster_with_the_exams_last_session(
    world: World,
) -> None:
    people, sweep = world.repository.people, world.privacy.retention.sweep

    def listed() -> set[str]:
        return {row.student_id for row in people.roster("math")}

    rosters = Rosters(people, world.clock)
    rosters.bring_in("math", f"{HEADER}\n{ROW}\nabsent,Al Away,2001-01-01,Logic", dry_run=False)
    world.repository.save_exam(
        ExamRecord("math", "standard", {"absent": {"extra": 1}}, world.clock.now())
    )
    world.clock.advance(timedelta(days=60).total_seconds())
    world.a_past()
    rosters.bring_in("art", f"{HEADER}\n{ROW}", dry_run=False)
    world.clock.advance(timedelta(days=60).total_seconds())
    assert (sweep().rows, listed()) == (0, {STUDENT_ID, "absent"})
    world.clock.advance(timedelta(days=31).total_seconds())
    assert sweep(dry_run=True).rows == 1
    assert listed() == {STUDENT_ID, "absent"}
    assert sweep().rows == 2
    assert (listed(), people.roster("art")) == (set(), ())
    entry = world.audit.search(Search(action="roster_rows_deleted"), 10)[-1]
    assert entry.detail == {"rows": 1}
    assert world.repository.erasure.exams_granting("absent") == {}


def test_a_hold_on_an_exam_keeps_its_roster(world: World) -> None:
    rosters = Rosters(world.repository.people, world.clock)
    rosters.bring_in("math", f"{HEADER}\n{ROW}", dry_run=False)
    world.repository.trail.save_hold(HoldRecord("exam", "math", "appeal", world.clock.now()))
    world.clock.advance(timedelta(days=400).total_seconds())
    assert world.privacy.retention.sweep().rows == 0
    assert world.repository.people.has_roster("math")


def test_the_roster_of_an_exam_to_come_stays(world: World) -> None:
    rosters = Rosters(world.repository.people, world.clock)
    rosters.bring_in("math", f"{HEADER}\n{ROW}", dry_run=False)
    now = world.clock.now()
    plan = ExamPlan(opens_at=now + timedelta(days=120), closes_at=now + timedelta(days=121))
    world.repository.save_exam(ExamRecord("math", "standard", {}, now, plan=plan))
    world.clock.advance(timedelta(days=119).total_seconds())
    assert world.privacy.retention.sweep().rows == 0
    world.clock.advance(timedelta(days=93).total_seconds())
    assert world.privacy.retention.sweep().rows == 1
