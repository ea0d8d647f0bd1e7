"""Every storage keeps the same promises: whole files under names that cannot lead out."""

from __future__ import annotations

import io
import os
import stat
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest

from app.errors import SettingsError
from app.evidence.storage import LocalFolder, MediaStorage
from app.evidence.storage_url import UrlStorage, open_storage, storage_at
from app.settings import Settings

Make = Callable[[Path], MediaStorage]


def _memory(folder: Path) -> MediaStorage:
    return storage_at(f"memory://{uuid.uuid4().hex}/media")


def _moving(folder: Path) -> MediaStorage:
    system, root = fsspec.core.url_to_fs(f"memory://{uuid.uuid4().hex}/media")
    return UrlStorage(system, root, moves=True)


STORAGES: dict[str, Make] = {
    "a folder": lambda folder: LocalFolder(folder / "media"),
    "file://": lambda folder: storage_at(f"file://{folder}/media"),
    "memory://": _memory,
    "a URL that cannot write atomically": _moving,
}


@pytest.fixture(params=STORAGES)
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> MediaStorage:
    return STORAGES[request.param](tmp_path)


def test_what_is_written_is_read_back_from_any_position(storage: MediaStorage) -> None:
    storage.write("ann/clip.mp4", bytes(range(256)) * 100)
    with storage.open("ann/clip.mp4") as file:
        file.seek(256)
        assert file.read(3) == b"\x00\x01\x02"
        file.seek(-1, io.SEEK_END)
        assert file.read() == b"\xff"
    assert storage.size("ann/clip.mp4") == 25_600
    assert storage.exists("ann/clip.mp4")


def test_a_file_is_replaced_as_a_whole(storage: MediaStorage) -> None:
    storage.write("ann/clip.json", b"longer than the second")
    storage.write("ann/clip.json", b"second")
    with storage.open("ann/clip.json") as file:
        assert file.read() == b"second"


def test_what_is_not_there_is_said_so(storage: MediaStorage) -> None:
    assert not storage.exists("ann/clip.mp4")
    assert storage.names() == []
    storage.delete("ann/clip.mp4")
    with pytest.raises(FileNotFoundError):
        storage.open("ann/clip.mp4")
    with pytest.raises(FileNotFoundError):
        storage.size("ann/clip.mp4")


def test_names_are_listed_by_how_they_begin(storage: MediaStorage) -> None:
    for name in ("ann/a.mp4", "ann/a_screens/001.jpg", "ann/b.mp4", "bob/a.mp4"):
        storage.write(name, b"x")
    assert storage.names("ann/a") == ["ann/a.mp4", "ann/a_screens/001.jpg"]
    assert storage.names("ann/a_screens/") == ["ann/a_screens/001.jpg"]
    assert len(storage.names()) == 4
    storage.delete("ann/a.mp4")
    assert storage.names("ann/") == ["ann/a_screens/001.jpg", "ann/b.mp4"]


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../x", "a//x", "", "a\\x", ".x", "a\0"])
def test_no_name_leads_out_of_the_storage(storage: MediaStorage, name: str) -> None:
    with pytest.raises(ValueError, match="not a name"):
        storage.write(name, b"x")
    with pytest.raises(ValueError, match="not a name"):
        storage.open(name)


def test_a_write_that_fails_leaves_neither_a_file_nor_a_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = LocalFolder(tmp_path)

    def fail(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        storage.write("ann/clip.mp4", b"half")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_what_a_dead_process_was_writing_is_swept_and_never_listed(tmp_path: Path) -> None:
    storage = LocalFolder(tmp_path)
    storage.write("ann/clip.mp4", b"whole")
    (tmp_path / "ann" / ".clip2.mp4.part").write_bytes(b"half")
    assert storage.names() == ["ann/clip.mp4"]
    assert storage.sweep() == 1
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["clip.mp4"]


def test_folders_of_students_are_private_and_go_when_they_are_empty(tmp_path: Path) -> None:
    storage = LocalFolder(tmp_path / "media")
    storage.write("ann/clip_screens/001.jpg", b"x")
    assert stat.S_IMODE((tmp_path / "media" / "ann").stat().st_mode) == 0o700
    storage.delete("ann/clip_screens/001.jpg")
    assert list((tmp_path / "media").iterdir()) == []


def test_the_setting_chooses_the_storage(tmp_path: Path) -> None:
    local = open_storage(Settings.model_validate({"PROCTOR_DATA_DIR": tmp_path}))
    assert local.place == str(tmp_path / "flagged_videos")
    other = open_storage(Settings.model_validate({"PROCTOR_MEDIA_URL": "memory://media"}))
    assert other.place.startswith("memory://")


@pytest.mark.parametrize("url", ["nosuch://place", "s3://bucket/folder"])
def test_a_url_nobody_can_open_stops_the_start_with_a_sentence(url: str) -> None:
    if url.startswith("s3") and "s3fs" in fsspec.available_protocols():
        pytest.skip("s3fs is installed")
    with pytest.raises(SettingsError, match="PROCTOR_MEDIA_URL cannot be used"):
        storage_at(url)
