"""Backups: made while others write, refused where they would do harm, and put back whole."""

from __future__ import annotations

import json
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.access.accounts import Accounts
from app.audit.log import AuditLog
from app.audit.pseudonyms import STUDENT
from app.backup.archive import MANIFEST, BadBackup, Reader
from app.backup.making import make_backup
from app.clock import SystemClock
from app.errors import Conflict
from app.evidence.keys import load_master_key
from app.evidence.media import open_media
from app.privacy.parts import open_privacy
from app.records import ClipStatus, TraceRecord
from app.settings import Settings
from app.store import open_repository
from app.store.copying import collections, documents
from app.store.occupancy import Occupancy
from app.store.opening import open_engine
from tests.engines import wire_server
from tests.fakes import FakeClock
from tests.live_server import live_server
from tests.records import a_clip, a_session, a_violation, an_interval
from tests.scripted_media import scripted_jpeg
from tools import backup, restore

CLIP = "ann/flagged_2026-03-02T12-00-00_score10"
PICTURE = b"\xff\xd8 nobody else has this picture \xff\xd9"


def settings_of(folder: Path, **given: str) -> Settings:
    return Settings.model_validate({"PROCTOR_DATA_DIR": folder, **given})


def fill(settings: Settings) -> None:
    """One of nearly everything."""
    repository, clock = open_repository(settings), FakeClock()
    master = load_master_key(settings)
    Accounts(repository, clock).prepare(settings)
    session = a_session()
    repository.add_session(session)
    repository.save_violation(a_violation())
    repository.save_interval(an_interval())
    repository.save_trace(TraceRecord("s1", 0, bytes(range(256))))
    clip = a_clip("c1", "s1", ClipStatus.READY, f"{CLIP}.mp4", (f"{CLIP}_screens/1.jpg",))
    repository.save_clip(clip)
    media = open_media(settings, repository, clock, master)
    for name in (f"{CLIP}.mp4", f"{CLIP}_screens/1.jpg"):
        media.storage.write(*media.prepared("s1", name, PICTURE))
    audit = AuditLog(repository.trail, master, clock)
    for _ in range(5):
        audit.write("system", "clip_viewed", audit.people.of(STUDENT, "ann"))
    privacy = open_privacy(settings, repository, media, audit, clock)
    privacy.consents.give(session, "none stated", "agent", ("camera",))
    repository.close()


def stored(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    engine = open_engine(settings)
    found = {
        name: sorted(documents(engine, name), key=lambda each: str(each["_id"]))
        for name in collections(engine)
    }
    engine.close()
    return found


def check(settings: Settings) -> None:
    """What was put back can be used: clips read, audit whole."""
    repository = open_repository(settings)
    master = load_master_key(settings)
    media = open_media(settings, repository, SystemClock(), master)
    record = repository.clip("c1")
    assert record is not None
    for name in (record.file_name, *record.screens):
        with media.open(name) as file:
            assert file.read() == PICTURE
    assert AuditLog(repository.trail, master, SystemClock()).verify().is_whole
    repository.close()


@pytest.fixture
def filled(tmp_path: Path) -> Settings:
    settings = settings_of(tmp_path / "data")
    fill(settings)
    return settings


def made(settings: Settings, out: Path, **more: bool) -> Path:
    make_backup(settings, FakeClock(), out, with_keys=more.get("with_keys", True))
    return out


def test_a_backup_put_back_elsewhere_holds_the_same(filled: Settings, tmp_path: Path) -> None:
    file = tmp_path / "backup.zip"
    assert backup.main([str(file)], filled) == 0
    assert file.stat().st_mode & 0o077 == 0
    other = settings_of(tmp_path / "other")
    assert restore.main([str(file)], other) == 0
    assert stored(other) == stored(filled)
    assert len(stored(other)) >= 10
    check(other)


def test_encrypted_clips_stay_encrypted_and_come_back_with_their_master_key(
    tmp_path: Path,
) -> None:
    (tmp_path / "key").write_text("k" * 64)
    given = {"PROCTOR_MEDIA_ENCRYPTION": "on", "PROCTOR_MASTER_KEY_FILE": str(tmp_path / "key")}
    settings = settings_of(tmp_path / "data", **given)
    fill(settings)
    file = made(settings, tmp_path / "backup.zip")
    assert PICTURE not in file.read_bytes()
    moved = settings_of(
        tmp_path / "other", **{**given, "PROCTOR_MASTER_KEY_FILE": str(tmp_path / "elsewhere")}
    )
    assert restore.main([str(file)], moved) == 0
    assert (tmp_path / "elsewhere").read_text() == "k" * 64
    check(moved)


def test_without_keys_the_file_holds_none(filled: Settings, tmp_path: Path) -> None:
    file = made(filled, tmp_path / "backup.zip", with_keys=False)
    secret = (filled.data_path / "data" / "secret_key").read_bytes()
    with zipfile.ZipFile(file) as archive:
        assert not [name for name in archive.namelist() if name.startswith("keys/")]
        assert all(secret not in archive.read(name) for name in archive.namelist())


def test_a_backup_is_of_one_instant_while_the_server_works(tmp_path: Path) -> None:
    file, other = tmp_path / "backup.zip", tmp_path / "other"
    with live_server(tmp_path / "data") as server:
        session = server.new_session()
        student = server.student(session)
        student.start()
        student.send((scripted_jpeg(),))
        running = server.services.settings
        made(running, file)
        assert restore.main([str(file), "--force"], running) == 1
        assert student.send((scripted_jpeg(),))["ok"] is True
        student.close()
    assert restore.main([str(file)], settings_of(other)) == 0
    with live_server(other) as server:
        again = server.services.sessions.get(session.session_id)
        assert (again.user_id, again.is_running) == (session.user_id, True)
        assert server.services.audit.verify().is_whole


def test_it_moves_between_engines(filled: Settings, tmp_path: Path) -> None:
    file = made(filled, tmp_path / "backup.zip")
    (tmp_path / "wire").mkdir()
    with wire_server(tmp_path / "wire") as uri:
        other = settings_of(tmp_path / "other", MONGO_URI=uri)
        assert restore.main([str(file)], other) == 0
        assert stored(other) == stored(filled)
        check(other)
        back = made(other, tmp_path / "back.zip")
    home = settings_of(tmp_path / "home")
    assert restore.main([str(back)], home) == 0
    assert stored(home) == stored(filled)


def test_nothing_is_written_over_a_file_that_is_there(
    filled: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "backup.zip"
    file.write_text("mine")
    assert backup.main([str(file)], filled) == 1
    assert "exists already" in capsys.readouterr().err
    assert file.read_text() == "mine"


def test_data_that_is_there_is_replaced_only_when_that_is_asked_for(
    filled: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = made(filled, tmp_path / "backup.zip")
    before = stored(filled)
    repository = open_repository(filled)
    repository.add_session(replace(a_session("s2", "bob"), exam_id="art"))
    repository.close()
    assert restore.main([str(file)], filled) == 1
    assert "--force" in capsys.readouterr().err
    assert {each["_id"] for each in stored(filled)["sessions"]} == {"s1", "s2"}
    assert restore.main([str(file), "--force"], filled) == 0
    assert stored(filled) == before
    check(filled)


def test_nothing_is_restored_under_a_running_server(filled: Settings, tmp_path: Path) -> None:
    file = made(filled, tmp_path / "backup.zip")
    server = Occupancy(filled)
    server.begin()
    before = stored(filled)
    assert restore.main([str(file), "--force"], filled) == 1
    assert stored(filled) == before
    server.end()
    assert restore.main([str(file), "--force"], filled) == 0


def test_keys_that_differ_stop_the_restore_before_anything_is_changed(
    filled: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = made(filled, tmp_path / "backup.zip")
    other = settings_of(tmp_path / "other", PROCTOR_SECRET_KEY="another secret key, long enough")
    assert restore.main([str(file)], other) == 1
    assert "PROCTOR_SECRET_KEY" in capsys.readouterr().err
    assert stored(other) == {}


def altered(file: Path, change: Any) -> Path:
    """A copy of the backup with other parts: `change` gets and returns {name: bytes}."""
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    out = file.with_name("altered.zip")
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in change(parts).items():
            archive.writestr(name, data)
    return out


@pytest.mark.parametrize(
    "change",
    [
        lambda parts: {**parts, f"media/{CLIP}.mp4": b"another picture"},
        lambda parts: {**parts, "media/more.mp4": b"x"},
        lambda parts: {n: d for n, d in parts.items() if n != f"media/{CLIP}.mp4"},
        lambda parts: {n: d for n, d in parts.items() if n != MANIFEST},
        lambda parts: {**parts, MANIFEST: b"{}"},
        lambda parts: {**parts, MANIFEST: b"[]"},
    ],
    ids=["changed", "more", "less", "no list", "an empty list", "another list"],
)
def test_an_altered_backup_changes_nothing(filled: Settings, tmp_path: Path, change: Any) -> None:
    file = altered(made(filled, tmp_path / "backup.zip"), change)
    before = stored(filled)
    assert restore.main([str(file), "--force"], filled) == 1
    assert stored(filled) == before


@pytest.mark.parametrize(
    "name", ["media/../../evil", "media//evil", "/etc/evil", "media/.hidden", "other/x"]
)
def test_a_part_that_leads_out_of_the_data_is_refused(
    filled: Settings, tmp_path: Path, name: str
) -> None:
    import hashlib

    def add(parts: dict[str, bytes]) -> dict[str, bytes]:
        manifest = json.loads(parts[MANIFEST])
        manifest["parts"][name] = {"sha256": hashlib.sha256(b"x").hexdigest(), "size_bytes": 1}
        return {**parts, name: b"x", MANIFEST: json.dumps(manifest).encode()}

    file = altered(made(filled, tmp_path / "backup.zip"), add)
    assert restore.main([str(file)], settings_of(tmp_path / "other")) == 1
    assert not list(tmp_path.rglob("evil"))


def test_what_is_no_backup_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.zip").write_bytes(b"PK no")
    for name in ("x.zip", "none.zip"):
        assert restore.main([str(tmp_path / name)], settings_of(tmp_path / "other")) == 1
        assert "not a whole backup" in capsys.readouterr().err


def test_a_backup_that_breaks_off_leaves_no_file(filled: Settings, tmp_path: Path) -> None:
    shutil.rmtree(filled.clips_path)
    filled.clips_path.mkdir()
    (filled.clips_path / "ann").mkdir()
    (filled.clips_path / "ann" / "a.mp4").symlink_to(tmp_path / "gone")
    broken = settings_of(filled.data_path, PROCTOR_MASTER_KEY_FILE=str(tmp_path / "no key"))
    assert backup.main([str(tmp_path / "backup.zip")], broken) == 1
    assert not (tmp_path / "backup.zip").exists()


def test_a_server_does_not_start_while_data_is_restored(filled: Settings) -> None:
    from app.store.occupancy import alone

    with alone(filled), pytest.raises(Conflict, match="being restored"):
        Occupancy(filled).begin()


def test_a_backup_of_a_newer_version_is_refused(filled: Settings, tmp_path: Path) -> None:
    def newer(parts: dict[str, bytes]) -> dict[str, bytes]:
        manifest = json.loads(parts[MANIFEST])
        return {**parts, MANIFEST: json.dumps({**manifest, "schema": 999}).encode()}

    file = altered(made(filled, tmp_path / "backup.zip"), newer)
    assert restore.main([str(file)], settings_of(tmp_path / "other")) == 1
    with pytest.raises(BadBackup):
        Reader(tmp_path / "none.zip")
