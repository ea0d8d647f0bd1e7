"""Whatever is altered, removed or reordered is named; what is not, is not."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.clock import SessionTime
from app.evidence.keys import load_master_key
from app.evidence.manifest import Signer
from app.evidence.media import open_media
from app.evidence.recorder import Recorder
from app.evidence.ring import EvidenceRing
from app.evidence.verify import Verifier
from app.records import (
    ClipStatus,
    EndCause,
    IntervalRecord,
    SessionRecord,
    SessionState,
    ViolationRecord,
)
from app.settings import Settings
from app.store import open_repository
from detectors.messages import Sound
from scoring.model import IntervalScore, Point, RiskEvent, Rule, Violation
from scoring.policy import policy_to_dict, standard_policy
from tests.fakes import FakeClock
from tests.pictures import draw_jpeg
from tools.verify import main

CLIPS = 3


class Case:
    """A session of three flagged intervals that has ended and is sealed."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = FakeClock()
        self.repository = open_repository(settings)
        master = load_master_key(settings)
        self.media = open_media(settings, self.repository, self.clock, master)
        self.signer = Signer(master)
        self.ring = EvidenceRing(300.0, 100_000_000)
        self.recorder = Recorder(
            settings,
            self.clock,
            self.repository,
            lambda session_id: self.ring,
            self,
            lambda session_id: None,
            media=self.media,
            signer=self.signer,
        )

    def clip_changed(self, record: object) -> None:
        """Nobody looks."""

    def record(self, session_id: str = "s1", user_id: str = "ann", clips: int = CLIPS) -> None:
        started_at = self.clock.now()
        session = SessionRecord(
            session_id,
            user_id,
            "math",
            SessionState.RUNNING,
            started_at,
            started_at,
            policy=policy_to_dict(standard_policy()),
        )
        self.repository.add_session(session)
        time = SessionTime(started_at, self.clock)
        for number in range(5 * 30 * (clips + 1)):
            self.ring.add_frame(number / 5, draw_jpeg(number % 1000, 64, 48))
        for second in range(0, 30 * (clips + 1), 10):
            self.ring.add_screen(second + 0.5, draw_jpeg(second, 64, 48))
            self.ring.add_sound(Sound(float(second), b"\1\0" * 16_000))
        for index in range(clips):
            interval = an_interval(index)
            self.recorder.flag(session, time, interval, 5.0, 5.0)
            risen = RiskEvent(index * 30 + 5.2, Rule.NO_FACE, 5, 5, False, f"no_face-{index}")
            self.recorder.learn(session_id, interval, (risen,))
            self.repository.save_interval(IntervalRecord(session_id, interval, started_at))
            violation = Violation(f"no_face-{index}", Rule.NO_FACE, index * 30.0, 9.0, 0.9, 3)
            self.repository.save_violation(
                ViolationRecord(session_id, violation, started_at, started_at)
            )
        self.clock.advance(30 * (clips + 1) + 20)
        self.recorder.end_session(session_id, 30.0 * (clips + 1))
        self.work()
        self.repository.update_session(
            session_id,
            state=SessionState.ENDED,
            ended_at=self.clock.now(),
            end_cause=EndCause.STUDENT,
            total_score=30.0,
        )
        self.recorder.seal(session_id, EndCause.STUDENT)
        self.work()

    def work(self) -> None:
        while self.recorder.write_next() == 0.0:
            pass
        self.recorder._outbox.write_due()
        self.recorder.write_next()
        self.clock.advance(2)

    def problems(self, session_id: str = "s1") -> tuple[str, ...]:
        verifier = Verifier(self.repository, self.media, self.signer.public_key)
        return verifier.verify(session_id).problems

    @property
    def folder(self) -> Path:
        return self.settings.clips_path / "ann"

    def files(self, pattern: str) -> list[Path]:
        return sorted(self.folder.glob(pattern))


def an_interval(index: int) -> IntervalScore:
    start_s = index * 30.0
    point = Point(Rule.NO_FACE, 10, 0, start_s + 4, start_s + 2, start_s + 5, 0.9, "no_face", 7)
    return IntervalScore(
        index,
        start_s,
        start_s + 30,
        10.0,
        (point,),
        flag_score=10.0,
        flagged_at_s=start_s + 6,
        trigger_at_s=start_s + 5.5,
        is_closed=True,
    )


def flip(path: Path, at: float = 0.5) -> None:
    """Change one byte of a file."""
    data = bytearray(path.read_bytes())
    data[int(len(data) * at)] ^= 1
    path.write_bytes(bytes(data))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """The data folders of a plain and an encrypted session, made once."""
    made = {}
    for encrypts in (False, True):
        folder = tmp_path_factory.mktemp("recorded")
        (folder / "key").write_text("k" * 64)
        case = Case(settings_of(folder, encrypts))
        case.record()
        case.repository.close()
        made[encrypts] = folder
    return made


def settings_of(folder: Path, encrypts: bool) -> Settings:
    return Settings.model_validate(
        {
            "PROCTOR_DATA_DIR": folder / "data",
            "PROCTOR_MEDIA_ENCRYPTION": encrypts,
            "PROCTOR_MASTER_KEY_FILE": folder / "key",
        }
    )


@pytest.fixture(params=[False, True], ids=["plain", "encrypted"])
def case(
    request: pytest.FixtureRequest, recorded: dict[bool, Path], tmp_path: Path
) -> Iterator[Case]:
    shutil.copytree(recorded[request.param], tmp_path / "copy")
    opened = Case(settings_of(tmp_path / "copy", request.param))
    yield opened
    opened.repository.close()


def test_what_nobody_touched_is_sound(case: Case) -> None:
    assert case.problems() == ()
    kinds = {path.name.removesuffix(".enc").rpartition(".")[2] for path in case.files("**/*.*")}
    assert kinds == {"mp4", "jpg", "json"}
    assert len(case.repository.manifests("s1")) == CLIPS + 1


ALTERED: dict[str, tuple[str, str]] = {
    "clip": ("*score10.mp4*", "The clip ann/flagged"),
    "still": ("*_screens/*", "The still of the screen ann/flagged"),
    "snapshot": ("*_snapshots/*", "The snapshot ann/flagged"),
    "manifest": ("flagged*.json", "The manifest of clip s1-"),
    "seal": ("session_s1.json", "The seal of the session"),
}


@pytest.mark.parametrize("at", [0.0, 0.5, 0.999999])
@pytest.mark.parametrize("what", ALTERED)
def test_one_flipped_byte_of_a_file_is_named(case: Case, what: str, at: float) -> None:
    pattern, named = ALTERED[what]
    flip(case.files(pattern)[-1], at)
    problems = case.problems()
    assert problems[0].startswith(named)
    assert "was altered" in problems[0]
    assert len(problems) == 1


@pytest.mark.parametrize("what", ALTERED)
def test_a_file_that_was_removed_is_named(case: Case, what: str) -> None:
    pattern, named = ALTERED[what]
    case.files(pattern)[0].unlink()
    assert case.problems()[0].startswith(named)
    assert "was removed" in case.problems()[0]


@pytest.mark.parametrize("number", range(CLIPS))
def test_a_clip_removed_with_everything_that_speaks_of_it_is_noticed(
    case: Case, number: int
) -> None:
    manifest = case.repository.manifests("s1")[number]
    clip = case.repository.clip(manifest.manifest_id)
    assert clip is not None
    stem = clip.file_name.removesuffix(".mp4").rpartition("/")[2]
    for path in case.files(f"{stem}*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    case.repository.delete_clip(clip.clip_id)
    case.repository._manifests.delete_one({"_id": clip.clip_id})
    expected = f"Manifest number {number} was removed" if number < CLIPS - 1 else "A clip was"
    assert case.problems()[0].startswith(expected)


def test_two_clips_that_changed_places_are_named(case: Case) -> None:
    first, second, *_ = case.files("*score10.mp4*")
    kept = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(kept)
    problems = case.problems()
    assert len(problems) == 2
    assert all(problem.startswith("The clip") for problem in problems)


def test_two_manifests_that_changed_places_are_named(case: Case) -> None:
    first, second, *_ = case.repository.manifests("s1")
    case.repository.save_manifest(replace(first, body=second.body, sha256=second.sha256))
    case.repository.save_manifest(replace(second, body=first.body, sha256=first.sha256))
    assert "in the place of another" in case.problems()[0]


def test_manifests_that_were_renumbered_are_named(case: Case) -> None:
    first, second, *_ = case.repository.manifests("s1")
    case.repository.save_manifest(replace(first, number=1))
    case.repository.save_manifest(replace(second, number=0))
    assert "in the place of another" in case.problems()[0]


def test_a_manifest_that_was_written_anew_without_the_key_is_named(case: Case) -> None:
    stored = case.repository.manifests("s1")[1]
    whole = json.loads(stored.body)
    whole["manifest"]["clip"]["score"] = 3.0
    body = json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    case.repository.save_manifest(replace(stored, body=body))
    assert case.problems()[0] == (
        "The manifest of clip s1-1 was altered: its signature does not match."
    )


def _alter_interval(case: Case) -> None:
    record = case.repository.intervals("s1")[1]
    case.repository.save_interval(
        replace(record, interval=replace(record.interval, flagged_at_s=36.001))
    )


def _alter_violation(case: Case) -> None:
    record = case.repository.violations("s1")[2]
    case.repository.save_violation(
        replace(record, violation=replace(record.violation, observations=4))
    )


def _alter_clip(case: Case) -> None:
    clip = case.repository.clip("s1-2")
    assert clip is not None
    case.repository.save_clip(replace(clip, rules=("phone",)))


def _unmake_clip(case: Case) -> None:
    clip = case.repository.clip("s1-2")
    assert clip is not None
    case.repository.save_clip(replace(clip, status=ClipStatus.FAILED))


LEDGER: dict[str, tuple[Callable[[Case], object], str]] = {
    "an interval": (_alter_interval, "The interval 1 of the ledger was altered"),
    "a violation": (_alter_violation, "The violation no_face-2 of the ledger was altered"),
    "a missing violation": (
        lambda case: case.repository.delete_violation("s1", "no_face-0"),
        "The violation no_face-0 was removed",
    ),
    "the total": (
        lambda case: case.repository.update_session("s1", total_score=29.0),
        "The session's total_score was altered",
    ),
    "the student": (
        lambda case: case.repository.update_session("s1", exam_id="physics"),
        "The session's exam_id was altered",
    ),
    "the policy": (
        lambda case: case.repository.update_session("s1", policy={"flag_threshold": 20}),
        "The session's policy was altered",
    ),
    "a clip's record": (_alter_clip, "The record of clip s1-2 was altered: its rules"),
    "a clip's status": (_unmake_clip, "The record of clip s1-2 was altered: it is failed"),
    "a clip's record removed": (
        lambda case: case.repository.delete_clip("s1-1"),
        "The record of clip s1-1 was removed",
    ),
    "the seal": (
        lambda case: case.repository._manifests.delete_one({"_id": "s1-seal"}),
        "The seal of the session was removed",
    ),
}


@pytest.mark.parametrize("what", LEDGER)
def test_a_ledger_that_was_changed_is_named(case: Case, what: str) -> None:
    change, expected = LEDGER[what]
    change(case)
    assert case.problems()[0].startswith(expected)


def test_a_review_by_a_person_alters_nothing(case: Case) -> None:
    clip = case.repository.clip("s1-1")
    assert clip is not None
    case.repository.review_clip("s1-1", clip.review)
    assert case.problems() == ()


def test_another_master_key_is_told_from_an_alteration(case: Case) -> None:
    verifier = Verifier(case.repository, case.media, "00" * 32)
    assert "signed with another key" in verifier.verify("s1").problems[0]


def test_a_session_without_a_flag_is_sealed_too_and_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k" * 64)
    case = Case(settings_of(tmp_path, encrypts=False))
    case.record(clips=0)
    assert case.problems() == ()
    assert not case.settings.clips_path.exists()
    case.repository.update_session("s1", total_score=1.0)
    assert case.problems() == ("The session's total_score was altered after it was sealed.",)
    case.repository.close()


def test_the_command_says_one_sentence_and_exits_with_1(
    case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["s1"], case.settings) == 0
    assert capsys.readouterr().out == "s1: unaltered (3 clips, sealed).\n"
    for path in case.files("*score10.mp4*"):
        flip(path)
    assert main(["s1"], case.settings) == 1
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 1
    assert said[0].startswith("s1: The clip ann/flagged_")
    assert main(["--all"], case.settings) == 1
    assert capsys.readouterr().out.endswith("1 sessions verified, 1 altered.\n")
    assert main(["nobody"], case.settings) == 2
    assert "There is no session nobody" in capsys.readouterr().err


def test_without_its_key_no_encrypted_media_can_be_read_and_verify_still_works(
    recorded: dict[bool, Path], tmp_path: Path
) -> None:
    shutil.copytree(recorded[True], tmp_path / "copy")
    case = Case(settings_of(tmp_path / "copy", encrypts=True))
    media = [path for path in case.files("**/*") if path.is_file() and path.suffix != ".json"]
    assert media
    assert {path.suffix for path in media} == {".enc"}
    for path in media:
        data = path.read_bytes()
        assert all(mark not in data for mark in (b"ftyp", b"moov", b"Lavc"))
    key = case.repository.media_key("s1")
    assert key is not None
    assert case.media.keys.forget_key("s1")
    clip = case.repository.clip("s1-0")
    assert clip is not None
    with pytest.raises(Exception, match="deleted"):
        case.media.open(clip.file_name)
    verdict = Verifier(case.repository, case.media, case.signer.public_key).verify("s1")
    assert verdict.is_sound
    assert "nobody can read its media" in verdict.notes[0]
    case.repository.close()
    stored = case.settings.database_file.parent.glob("proctor.db*")
    assert all(key.wrapped.encode() not in path.read_bytes() for path in stored)


@pytest.mark.skipif(shutil.which("ffprobe") is None, reason="ffprobe is not installed")
def test_encrypted_media_is_no_film_to_a_player(recorded: dict[bool, Path]) -> None:
    film = next((recorded[True] / "data" / "flagged_videos").rglob("*.mp4.enc"))
    done = subprocess.run(["ffprobe", str(film)], capture_output=True, timeout=60, check=False)
    assert done.returncode != 0


@pytest.mark.parametrize("encrypts", [False, True], ids=["plain", "encrypted"])
def test_media_at_a_url_is_kept_sealed_and_verified_like_any_other(
    tmp_path: Path, encrypts: bool
) -> None:
    (tmp_path / "key").write_text("k" * 64)
    url = f"memory://{tmp_path.name}-{encrypts}"
    here = settings_of(tmp_path, encrypts)
    case = Case(here.model_copy(update={"media_url": url}))
    case.record(clips=2)
    assert case.problems() == ()
    assert not here.clips_path.exists()
    storage = case.media.storage
    first = next(name for name in storage.names("ann/flagged_") if ".mp4" in name)
    with storage.open(first) as file:
        data = file.read()
    storage.write(first, data[:-1] + bytes([data[-1] ^ 1]))
    assert case.problems() == (
        f"The clip {first} was altered: its content is not the one that was stored.",
    )
    storage.delete(first)
    assert case.problems() == (f"The clip {first} was removed.",)
    case.repository.close()
