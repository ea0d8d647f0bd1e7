"""Flags become clips: once each, with the right span and name, and never half a file."""

from __future__ import annotations

import errno
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import av
import pytest

from app.clock import SessionTime
from app.evidence.clip_files import ClipFiles
from app.evidence.clip_recovery import LOST, settle
from app.evidence.clip_trouble import DISK_FULL
from app.evidence.clip_writer import ClipFacts, encode_clip
from app.evidence.keys import load_master_key
from app.evidence.manifest import Signer
from app.evidence.media import open_media
from app.evidence.recorder import Recorder
from app.evidence.ring import Evidence, EvidenceRing
from app.evidence.storage import MediaStorage
from app.records import ClipRecord, ClipStatus, SessionRecord, SessionState
from app.settings import Settings
from app.store import Repository, open_repository
from scoring.model import IntervalScore, Point, RiskEvent, Rule
from tests.fakes import FakeClock
from tests.pictures import draw_jpeg
from tests.records import a_clip


@dataclass
class FakeLive:
    told: list[ClipRecord] = field(default_factory=list)

    def clip_changed(self, record: ClipRecord) -> None:
        self.told.append(record)


@dataclass
class FullStorage:
    """A storage that has no room left for names that contain one of `full`."""

    inner: MediaStorage
    full: list[str] = field(default_factory=list)

    def write(self, name: str, data: bytes) -> None:
        if any(part in name for part in self.full):
            raise OSError(errno.ENOSPC, "No space left on device")
        self.inner.write(name, data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@dataclass
class Room:
    """A recorder over a real store and folder, whose thread is the test itself."""

    clock: FakeClock
    repository: Repository
    settings: Settings
    live: FakeLive = field(default_factory=FakeLive)
    rings: dict[str, EvidenceRing] = field(default_factory=dict)
    released: list[str] = field(default_factory=list)
    write_errors: list[BaseException] = field(default_factory=list)

    def __post_init__(self) -> None:
        master = load_master_key(self.settings)
        self.media = open_media(self.settings, self.repository, self.clock, master)
        self.storage = FullStorage(self.media.storage)
        self.media.storage = cast(MediaStorage, self.storage)
        self.recorder = Recorder(
            self.settings,
            self.clock,
            self.repository,
            self.rings.get,
            self.live,
            self.released.append,
            media=self.media,
            signer=Signer(master),
            encode=self._encode,
        )
        self.session = SessionRecord(
            "s1", "ann", "math", SessionState.RUNNING, self.clock.now(), self.clock.now()
        )
        self.time = SessionTime(self.clock.now(), self.clock)
        self.rings["s1"] = EvidenceRing(60.0, 100_000_000)

    def _encode(
        self, evidence: Evidence, from_s: float, to_s: float, fps: float
    ) -> tuple[bytes, ClipFacts]:
        if self.write_errors:
            raise self.write_errors.pop(0)
        return encode_clip(evidence, from_s, to_s, fps)

    def stream(self, from_s: float, to_s: float) -> None:
        for number in range(round(from_s * 5), round(to_s * 5)):
            self.rings["s1"].add_frame(number / 5, draw_jpeg(number % 1000, 64, 48))

    def flag(self, index: int = 1, score: float = 12.0) -> None:
        self.recorder.flag(self.session, self.time, flagged(index, score), 5.0, 5.0)

    def pass_to(self, session_s: float) -> None:
        self.clock.advance(session_s - self.time.now_s())

    def work(self) -> None:
        while self.recorder.write_next() == 0.0:
            pass
        self.recorder._outbox.write_due()

    @property
    def clips(self) -> tuple[ClipRecord, ...]:
        self.recorder._outbox.write_due()
        return tuple(sorted(self.repository.clips(), key=lambda clip: clip.interval_index))

    @property
    def files(self) -> list[str]:
        """Every file but the manifests."""
        root = self.settings.clips_path
        found = (p for p in root.rglob("*") if p.is_file() and p.suffix != ".json")
        return sorted(str(p.relative_to(root)) for p in found)


def flagged(index: int = 1, score: float = 12.0) -> IntervalScore:
    start_s = index * 30.0
    point = Point(Rule.NO_FACE, 9, 0, start_s + 4, start_s + 2, start_s + 5, 0.9, "no_face", 7)
    event = replace(point, rule=Rule.FOCUS_CHANGE, points=4, violation_id="focus")
    return IntervalScore(
        index,
        start_s,
        start_s + 30,
        score,
        (point, event, replace(point, check=1)),
        flag_score=score,
        flagged_at_s=start_s + 6,
        trigger_at_s=start_s + 5.5,
    )


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    settings = Settings.model_validate({"PROCTOR_DATA_DIR": tmp_path})
    repository = open_repository(settings)
    yield Room(FakeClock(), repository, settings)
    repository.close()


def test_a_flag_is_stored_at_once_as_a_clip_that_waits(room: Room) -> None:
    started_at = room.clock.now()
    room.pass_to(37)
    room.flag()
    (clip,) = room.clips
    assert clip.status is ClipStatus.WAITING
    assert clip.from_at == started_at + timedelta(seconds=25)
    assert clip.to_at == started_at + timedelta(seconds=65)
    assert clip.trigger_at == started_at + timedelta(seconds=35.5)
    assert clip.flagged_at == started_at + timedelta(seconds=36)
    assert clip.rules == ("no_face", "focus_change")
    assert clip.score == 12.0
    assert room.live.told == [clip]
    assert room.files == []


def test_after_its_post_roll_a_flag_is_one_file_named_by_interval_and_score(room: Room) -> None:
    room.pass_to(37)
    room.flag()
    room.stream(20, 68)
    room.pass_to(67)
    room.work()
    (clip,) = room.clips
    assert clip.status is ClipStatus.READY
    assert clip.file_name == "ann/flagged_2026-03-02T09-00-30_score12.mp4"
    assert room.files == [clip.file_name]
    assert clip.duration_s == pytest.approx(40, abs=0.1)
    assert clip.frames == 200
    path = room.settings.clips_path / clip.file_name
    assert clip.size_bytes == path.stat().st_size
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [told.status for told in room.live.told] == [ClipStatus.WAITING, ClipStatus.READY]


def test_nothing_is_written_before_the_post_roll_has_arrived(room: Room) -> None:
    room.flag()
    room.stream(20, 64)
    room.pass_to(66.9)
    room.work()
    assert room.files == []
    room.pass_to(70)
    room.work()
    assert room.files == []
    room.stream(64, 66)
    room.work()
    assert len(room.files) == 1


def test_a_camera_that_stopped_does_not_hold_its_clip_back_for_long(room: Room) -> None:
    room.flag()
    room.stream(20, 50)
    room.pass_to(80)
    room.work()
    (clip,) = room.clips
    assert clip.status is ClipStatus.READY
    assert clip.duration_s == pytest.approx(40, abs=0.1)


def test_a_flag_without_any_picture_still_has_its_clip(room: Room) -> None:
    room.flag()
    room.pass_to(80)
    room.work()
    (clip,) = room.clips
    assert clip.status is ClipStatus.READY
    assert clip.frames == 0


def test_the_same_flag_twice_is_one_clip(room: Room) -> None:
    room.flag()
    room.flag()
    room.pass_to(80)
    room.work()
    assert len(room.clips) == len(room.files) == 1


def test_a_flag_that_comes_again_after_its_clip_is_written_makes_no_second_clip(
    room: Room,
) -> None:
    room.flag()
    room.pass_to(80)
    room.work()
    room.flag()
    room.pass_to(120)
    room.work()
    assert [clip.status for clip in room.clips] == [ClipStatus.READY]
    assert len(room.files) == 1


def test_a_flag_that_is_taken_back_leaves_nothing(room: Room) -> None:
    room.flag()
    before = room.clips
    room.recorder.withdraw("s1", 1)
    room.pass_to(80)
    room.work()
    assert (len(before), len(room.clips)) == (1, 0)
    assert room.files == []
    room.recorder.withdraw("s1", 1)
    room.recorder.withdraw("s1", 7)


def test_a_flag_that_is_taken_back_too_late_keeps_its_clip(room: Room) -> None:
    room.flag()
    room.pass_to(80)
    room.work()
    room.recorder.withdraw("s1", 1)
    assert [clip.status for clip in room.clips] == [ClipStatus.READY]


def test_a_name_that_is_taken_gets_a_number(room: Room) -> None:
    folder = room.settings.clips_path / "ann"
    folder.mkdir(parents=True)
    (folder / "flagged_2026-03-02T09-00-30_score12.mp4").write_bytes(b"earlier")
    room.flag()
    room.pass_to(80)
    room.work()
    assert room.clips[0].file_name == "ann/flagged_2026-03-02T09-00-30_score12-2.mp4"
    assert (folder / "flagged_2026-03-02T09-00-30_score12.mp4").read_bytes() == b"earlier"


def test_a_score_that_is_not_whole_keeps_its_fraction_in_the_name(room: Room) -> None:
    room.flag(score=10.5)
    room.pass_to(80)
    room.work()
    assert room.clips[0].file_name.endswith("_score10.5.mp4")


def test_the_first_interval_has_no_pre_roll(room: Room) -> None:
    started_at = room.clock.now()
    room.flag(index=0)
    room.stream(0, 37)
    room.pass_to(37)
    room.work()
    (clip,) = room.clips
    assert clip.from_at == started_at
    assert clip.duration_s == pytest.approx(35, abs=0.1)


def test_stills_of_the_screen_lie_beside_the_clip_by_their_second(room: Room) -> None:
    still = draw_jpeg(3, 64, 48)
    for at_s in (10.0, 26.0, 31.2, 31.9, 63.0, 68.0):
        room.rings["s1"].add_screen(at_s, still)
    room.flag()
    room.pass_to(80)
    room.work()
    (clip,) = room.clips
    folder = "ann/flagged_2026-03-02T09-00-30_score12_screens"
    expected = [f"{folder}/{name}.jpg" for name in ("001", "006", "006-2", "038")]
    assert list(clip.screens) == expected
    assert room.files == sorted([clip.file_name, *expected])
    assert (room.settings.clips_path / expected[0]).read_bytes() == still


def test_a_session_that_ends_early_shortens_its_clip_and_frees_its_memory(room: Room) -> None:
    started_at = room.clock.now()
    room.flag()
    room.stream(20, 42)
    room.pass_to(42)
    room.recorder.end_session("s1", 42.0)
    assert room.released == ["s1"]
    del room.rings["s1"]
    room.work()
    (clip,) = room.clips
    assert clip.status is ClipStatus.READY
    assert clip.to_at == started_at + timedelta(seconds=42)
    assert clip.duration_s == pytest.approx(17, abs=0.1)


def test_a_session_without_flags_leaves_nothing_on_the_disk(room: Room) -> None:
    room.stream(0, 60)
    room.pass_to(60)
    room.recorder.end_session("s1", 60.0)
    room.work()
    assert room.released == ["s1"]
    assert not room.settings.clips_path.exists()


def test_a_disk_that_fails_for_a_moment_is_tried_again_with_the_same_evidence(room: Room) -> None:
    room.write_errors = [OSError(errno.ENOSPC, "No space left on device")]
    room.flag()
    room.stream(20, 68)
    room.pass_to(67)
    room.work()
    assert room.files == []
    room.recorder.end_session("s1", 67.0)
    room.rings.clear()
    room.clock.advance(2)
    room.work()
    (clip,) = room.clips
    assert clip.status is ClipStatus.READY
    assert clip.frames == 200


def test_a_disk_that_stays_full_fails_the_clip_with_a_sentence(room: Room) -> None:
    room.write_errors = [OSError(errno.ENOSPC, "No space left on device")] * 3
    room.rings["s1"].add_screen(31.0, draw_jpeg())
    room.flag()
    room.pass_to(80)
    for _ in range(5):
        room.work()
        room.clock.advance(8)
    (clip,) = room.clips
    assert clip.status is ClipStatus.FAILED
    assert clip.error == DISK_FULL
    assert clip.file_name == ""
    assert room.files == []
    assert room.recorder.counters()["clips_failed"] == 1


def test_a_fault_of_the_encoder_fails_one_clip_and_not_the_next(room: Room) -> None:
    room.write_errors = [RuntimeError("encoder")]
    room.flag(index=1)
    room.flag(index=2)
    room.pass_to(120)
    room.work()
    assert [clip.status for clip in room.clips] == [ClipStatus.FAILED, ClipStatus.READY]


def test_an_id_that_cannot_name_a_folder_is_never_used_as_one(room: Room) -> None:
    for index, user_id in enumerate(("..", "a/b", "", "a\0b")):
        room.session = replace(room.session, user_id=user_id)
        room.flag(index=index)
    room.pass_to(200)
    room.work()
    assert {clip.status for clip in room.clips} == {ClipStatus.FAILED}
    assert not room.settings.clips_path.exists()


def test_a_crowd_of_clips_keeps_one_picture_a_second_and_the_trigger(room: Room) -> None:
    room.stream(20, 68)
    for number in range(13):
        room.session = replace(room.session, session_id=f"s{number}")
        room.rings[f"s{number}"] = room.rings["s1"]
        room.flag()
    room.pass_to(67)
    room.recorder.cut_due()
    counters = room.recorder.counters()
    assert (counters["clips_unwritten"], counters["clips_thinned"]) == (13, 1)
    thinned = room.recorder._queue.drain()[-1].evidence
    assert 40 <= len(thinned.frames) <= 42
    assert any(abs(frame.at_s - 35.5) < 0.11 for frame in thinned.frames)


def test_a_stop_writes_what_is_there(room: Room) -> None:
    room.recorder.start()
    started_at = room.clock.now()
    room.flag()
    room.stream(20, 45)
    room.pass_to(45)
    room.recorder.stop()
    (clip,) = room.clips
    assert clip.status is ClipStatus.READY
    assert clip.to_at == started_at + timedelta(seconds=45)
    assert room.files == [clip.file_name]
    with av.open(str(room.settings.clips_path / clip.file_name)) as container:
        assert (container.duration or 0) / 1e6 == pytest.approx(20, abs=0.1)


def test_a_stop_that_finds_no_time_to_write_says_so(room: Room) -> None:
    room.flag()
    room.pass_to(45)
    room.recorder.stop(timeout_s=0)
    (clip,) = room.clips
    assert clip.status is ClipStatus.FAILED
    assert clip.error == LOST
    assert room.files == []


def test_clips_of_a_process_that_died_are_marked_with_a_plain_sentence(room: Room) -> None:
    folder = room.settings.clips_path / "ann"
    (folder / "flagged_a_screens").mkdir(parents=True)
    (folder / "flagged_a_screens" / "001.jpg").write_bytes(b"orphan")
    (folder / ".flagged_a.mp4.part").write_bytes(b"half")
    (folder / ".flagged_b_screens.part").mkdir()
    (folder / "flagged_c.mp4").write_bytes(b"whole")
    (folder / "flagged_c_screens").mkdir()
    (folder / "flagged_c_screens" / "001.jpg").write_bytes(b"kept")
    room.repository.save_clip(a_clip("waiting"))
    room.repository.save_clip(a_clip("writing", status=ClipStatus.WRITING, file_name="ann/x.mp4"))
    whole = a_clip("whole", status=ClipStatus.WRITING, file_name="ann/flagged_c.mp4")
    room.repository.save_clip(replace(whole, frames=200))
    room.repository.save_clip(a_clip("ready", status=ClipStatus.READY))
    settle(room.repository, ClipFiles(room.media))
    found = {clip.clip_id: clip for clip in room.repository.clips()}
    assert found["waiting"].status is ClipStatus.FAILED
    assert found["waiting"].error == LOST
    assert found["writing"].status is ClipStatus.FAILED
    assert found["writing"].file_name == ""
    assert found["whole"].status is ClipStatus.READY
    assert (found["whole"].size_bytes, found["whole"].duration_s) == (5, 40.0)
    assert found["ready"].status is ClipStatus.READY
    assert room.files == ["ann/flagged_c.mp4", "ann/flagged_c_screens/001.jpg"]


@pytest.mark.parametrize("part", ["_screens/", "_snapshots/", ".json", ".mp4"])
def test_a_disk_that_fills_at_any_file_leaves_nothing_and_the_clip_comes_later(
    room: Room, part: str
) -> None:
    room.storage.full = [part]
    room.flag()
    room.recorder.learn("s1", flagged(), (risen(36.0),))
    room.stream(20, 68)
    room.rings["s1"].add_screen(31.0, draw_jpeg())
    room.pass_to(70)
    room.work()
    assert not list(room.settings.clips_path.rglob("*.*"))
    (clip,) = room.clips
    assert clip.status is ClipStatus.WRITING
    room.storage.full = []
    room.clock.advance(2)
    room.work()
    (clip,) = room.clips
    assert clip.status is ClipStatus.READY
    assert (len(clip.screens), len(clip.snapshots)) == (1, 1)
    assert [m.number for m in room.repository.manifests("s1")] == [0]


def test_a_storage_that_stays_full_says_so_and_the_next_clip_is_written(room: Room) -> None:
    room.storage.full = ["09-00-30"]
    room.flag(index=1)
    room.flag(index=2)
    room.pass_to(110)
    for _ in range(5):
        room.work()
        room.clock.advance(8)
    first, second = room.clips
    assert (first.status, first.error) == (ClipStatus.FAILED, DISK_FULL)
    assert second.status is ClipStatus.READY
    assert [m.manifest_id for m in room.repository.manifests("s1")] == ["s1-2"]


def risen(at_s: float, violation_id: str = "no_face-32000") -> RiskEvent:
    return RiskEvent(at_s, Rule.NO_FACE, 5.0, 5.0, False, violation_id)


def test_the_picture_of_the_moment_at_which_the_risk_rose_is_kept_with_the_clip(
    room: Room,
) -> None:
    started_at = room.clock.now()
    room.flag()
    room.stream(20, 68)
    room.recorder.learn("s1", flagged(), (risen(36.05), risen(44.0, "phone-41000")))
    room.pass_to(67)
    room.work()
    (clip,) = room.clips
    folder = "ann/flagged_2026-03-02T09-00-30_score12_snapshots"
    snapshot = clip.snapshots[0]
    assert snapshot.file_name == f"{folder}/no_face-32000.jpg"
    assert snapshot.at == started_at + timedelta(seconds=36)
    assert (snapshot.risk_delta, snapshot.risk_total) == (5.0, 5.0)
    kept = (room.settings.clips_path / snapshot.file_name).read_bytes()
    assert kept == draw_jpeg(180, 64, 48)
    assert [s.violation_id for s in clip.snapshots] == ["no_face-32000", "phone-41000"]


def test_without_a_picture_of_the_moment_there_is_no_snapshot(room: Room) -> None:
    room.flag()
    room.stream(50, 68)
    room.recorder.learn("s1", flagged(), (risen(36.0),))
    room.pass_to(67)
    room.work()
    assert room.clips[0].snapshots == ()


def test_a_rise_of_the_risk_without_a_flag_leaves_no_picture(room: Room) -> None:
    room.stream(0, 60)
    room.recorder.learn("s1", flagged(), (risen(36.0),))
    room.pass_to(80)
    room.work()
    assert room.files == []


def test_a_clip_names_what_scored_and_how_much_when_it_is_written(room: Room) -> None:
    room.flag(score=10.0)
    more = flagged(score=23.0)
    phone = replace(more.points[0], rule=Rule.PHONE)
    room.recorder.learn("s1", replace(more, points=(*more.points, phone)), ())
    room.pass_to(80)
    room.work()
    (clip,) = room.clips
    assert clip.rules == ("no_face", "focus_change", "phone")
    assert (clip.score, clip.amended_score) == (23.0, None)
    assert clip.file_name.endswith("_score23.mp4")


def test_what_arrives_after_a_clip_was_written_amends_its_record(room: Room) -> None:
    room.flag(score=10.0)
    room.pass_to(80)
    room.work()
    before = room.clips[0]
    room.recorder.learn("s1", flagged(score=23.0), ())
    room.clock.advance(5)
    (clip,) = room.clips
    assert clip == replace(before, amended_score=23.0)
    room.recorder.learn("s1", flagged(score=10.0), ())
    room.clock.advance(5)
    assert room.clips == (before,)


def test_a_clip_whose_record_was_not_stored_before_a_crash_is_found_by_its_manifest(
    room: Room,
) -> None:
    room.flag()
    waiting = room.clips[0]
    room.stream(20, 68)
    room.pass_to(67)
    room.work()
    written = room.clips[0]
    room.repository.save_clip(waiting)
    room.repository._manifests.delete_one({"_id": written.clip_id})
    settle(room.repository, ClipFiles(room.media))
    assert room.clips == (written,)
    (manifest,) = room.repository.manifests("s1")
    assert (manifest.number, manifest.manifest_id) == (0, written.clip_id)


def test_after_a_restart_the_chain_goes_on_where_it_was(room: Room) -> None:
    room.flag(index=1)
    room.pass_to(80)
    room.work()
    room.__post_init__()
    room.flag(index=2)
    room.pass_to(120)
    room.work()
    first, second = room.repository.manifests("s1")
    assert (first.number, second.number) == (0, 1)
    assert f'"previous":"{first.sha256}"' in second.body


def test_a_session_whose_seal_was_not_made_before_a_stop_is_sealed_by_the_next_start(
    room: Room,
) -> None:
    room.repository.add_session(replace(room.session, state=SessionState.ENDED))
    room.recorder.start()
    room.recorder.stop()
    ended = room.repository.session("s1")
    assert ended is not None
    (manifest,) = room.repository.manifests("s1")
    assert ended.seal == manifest.sha256
    assert not room.settings.clips_path.exists()


def test_students_whose_names_end_alike_keep_their_clips_through_a_restart(room: Room) -> None:
    for number, user_id in enumerate(("bob", "bob_screens")):
        room.session = replace(room.session, user_id=user_id, session_id=f"s{number}")
        room.flag()
    room.pass_to(80)
    room.work()
    files = room.files
    room.repository.save_clip(replace(a_clip("lost", "s9"), user_id="bob_screens"))
    settle(room.repository, ClipFiles(room.media))
    assert len(files) == 2
    assert room.files == files


def resume(room: Room, *intervals: IntervalScore) -> None:
    """Another server takes the session up, with nothing in memory."""
    settle(room.repository, ClipFiles(room.media))
    session = room.session
    room.__post_init__()
    room.session = session
    room.time = SessionTime(session.started_at or room.clock.now(), room.clock)
    room.recorder.resume(room.session, room.time, intervals, 5.0, 5.0)
    room.rings["s1"].await_from(float("-inf"))


def test_a_flag_of_the_dying_interval_gets_its_clip_from_what_the_browser_sends_again(
    room: Room,
) -> None:
    room.repository.add_session(room.session)
    room.flag()
    assert [clip.status for clip in room.clips] == [ClipStatus.WAITING]
    room.pass_to(90)
    resume(room, flagged())
    room.work()
    assert [clip.status for clip in room.clips] == [ClipStatus.WAITING]
    room.stream(20, 68)
    room.rings["s1"].await_from(64.0)
    room.work()
    assert room.files == []
    room.rings["s1"].await_from(68.0)
    room.work()
    (clip,) = room.clips
    assert (clip.status, clip.frames) == (ClipStatus.READY, 200)
    assert room.recorder.needed_from_s("s1") == float("inf")


def test_a_clip_whose_browser_never_comes_back_says_what_was_lost(room: Room) -> None:
    room.repository.add_session(room.session)
    room.flag()
    assert room.clips
    resume(room, flagged())
    room.recorder.end_session("s1", 64.0)
    room.work()
    (clip,) = room.clips
    assert (clip.status, clip.error) == (ClipStatus.FAILED, LOST)


def test_after_a_restart_a_written_clip_is_not_written_again_and_a_withdrawn_one_goes(
    room: Room,
) -> None:
    room.repository.add_session(room.session)
    room.flag(index=0)
    room.stream(0, 68)
    room.pass_to(50)
    room.work()
    room.flag(index=1)
    assert [clip.status.value for clip in room.clips] == ["ready", "waiting"]
    resume(room, flagged(index=0))
    (clip,) = room.clips
    assert clip.status is ClipStatus.READY
    assert room.recorder.counters()["clips_waiting"] == 0
