"""What an older version wrote is read by this one, whole."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from app.access.accounts import Accounts
from app.audit.log import AuditLog
from app.audit.pseudonyms import STUDENT
from app.clock import SystemClock
from app.errors import Unavailable
from app.evidence.keys import load_master_key
from app.evidence.media import open_media
from app.privacy.parts import open_privacy
from app.records import ClipStatus
from app.settings import Settings
from app.store import open_repository
from app.store.opening import open_engine
from app.store.upgrades import META, OLDEST, PRESENT, UPGRADES, schema_of, upgrade
from tests.live_server import live_server
from tests.older.make import CLIP, PASSWORD, SECRET
from tools import backup, restore

OLDER = sorted((Path(__file__).parents[2] / "older").glob("schema-*.tar.gz"))


@pytest.fixture(params=OLDER, ids=lambda path: path.name)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """The settings of a copy of an older data folder."""
    with tarfile.open(request.param) as archive:
        for member in archive.getmembers():
            assert not member.name.startswith(("/", ".."))
        archive.extractall(tmp_path / "data")
    return Settings.model_validate(
        {"PROCTOR_DATA_DIR": tmp_path / "data", "PROCTOR_SECRET_KEY": SECRET}
    )


def test_there_is_a_copy_of_every_older_schema() -> None:
    kept = {int(path.name.removeprefix("schema-").partition(".")[0]) for path in OLDER}
    assert kept == set(range(OLDEST, PRESENT))
    assert [each.to for each in UPGRADES] == list(range(OLDEST + 1, PRESENT + 1))


def test_every_document_of_an_older_folder_is_read(old: Settings) -> None:
    repository, clock = open_repository(old), SystemClock()
    ended = repository.session("s_old_ended")
    assert ended is not None
    assert (ended.user_id, ended.is_active, ended.flagged_intervals) == ("old-student", False, 1)
    assert {each.session_id for each in repository.sessions()} == {
        "s_old_ended",
        "s_old_running",
        "s_old_created",
    }
    assert repository.violations("s_old_ended")[0].violation.rule == "no_face"
    assert repository.intervals("s_old_ended")[0].interval.points[0].points == 9
    assert repository.trace("s_old_ended")[0].data == b"observed"
    (clip,) = repository.clips("s_old_ended")
    assert (clip.status, clip.snapshots[0].rule) == (ClipStatus.READY, "no_face")
    assert repository.exam("old-exam") is not None
    (row,) = repository.people.roster("old-exam")
    assert row.listed_at is not None
    assert [hold.reason for hold in repository.trail.holds()] == ["kept"]
    assert repository.trail.retentions() == {"old-exam": 30}
    assert repository.trail.consent("s_old_ended") is not None
    accounts = Accounts(repository, clock, PasswordHasher())
    assert accounts.sign_in("old-proctor", PASSWORD, "here").exams == ("old-exam",)
    assert repository.api_keys()[0].scopes == ("sessions:read",)
    master = load_master_key(old)
    media = open_media(old, repository, clock, master)
    with media.open(f"{CLIP}.mp4") as file:
        assert file.read() == b"not a film, but its bytes"
    assert media.keys.key("s_old_ended")
    audit = AuditLog(repository.trail, master, clock)
    assert (audit.verify().entries, audit.verify().is_whole) == (2, True)
    assert audit.people.known(STUDENT, "old-student")
    repository.close()


def test_a_student_of_an_older_folder_can_be_erased(old: Settings) -> None:
    repository, clock = open_repository(old), SystemClock()
    repository.trail.delete_hold("exam", "old-exam")
    master = load_master_key(old)
    media = open_media(old, repository, clock, master)
    audit = AuditLog(repository.trail, master, clock)
    privacy = open_privacy(old, repository, media, audit, clock)
    assert privacy.remover.erase("old-student", "system").sessions == 1
    repository.close()
    left = [path for path in old.data_path.rglob("*") if path.is_file()]
    assert not [path for path in left if b"old-student" in path.read_bytes()]


def test_a_server_starts_over_an_older_folder(old: Settings) -> None:
    given = {"PROCTOR_SECRET_KEY": SECRET}
    repository = open_repository(old)
    now = SystemClock().now()
    # Half a year of nothing would be scored first.
    repository.update_session("s_old_running", started_at=now, last_contact_at=now)
    repository.close()
    with live_server(old.data_path, **given) as server:
        session = server.services.sessions.get("s_old_running")
        assert session.is_running
        student = server.student(session)
        assert student.start()["ok"] is True
        student.close()
        details = server.services.sessions.details("s_old_ended")
        assert len(details.violations) == len(details.intervals) == 1


def test_an_upgrade_is_done_once_and_may_be_done_again(old: Settings) -> None:
    engine = open_engine(old)
    before = schema_of(engine)
    assert before is not None
    assert before < PRESENT
    assert upgrade(engine) == PRESENT - before
    assert upgrade(engine) == 0
    engine.collection(META).delete_one({"_id": "schema"})
    assert upgrade(engine) == PRESENT - OLDEST
    engine.close()


def test_a_backup_of_an_older_folder_is_upgraded_when_it_is_put_back(
    old: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(tmp_path / "old.zip")
    assert backup.main([file], old) == 0
    new = old.model_copy(update={"data_dir": tmp_path / "new"})
    assert restore.main([file], new) == 0
    assert "brought up to date" in capsys.readouterr().out
    repository = open_repository(new)
    assert repository.people.roster("old-exam")[0].listed_at is not None
    repository.close()


def test_a_fresh_database_has_the_present_schema(tmp_path: Path) -> None:
    settings = Settings.model_validate({"PROCTOR_DATA_DIR": tmp_path})
    open_repository(settings).close()
    engine = open_engine(settings)
    assert schema_of(engine) == PRESENT
    engine.close()


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    settings = Settings.model_validate({"PROCTOR_DATA_DIR": tmp_path})
    engine = open_engine(settings)
    engine.collection(META).insert_one({"_id": "schema", "version": PRESENT + 1})
    engine.close()
    with pytest.raises(Unavailable, match="Update this installation"):
        open_repository(settings)
