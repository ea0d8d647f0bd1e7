"""The master key is what the settings say, never lies with the data, and wraps session keys."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.errors import CandorError, NotFound, SettingsError, Unavailable
from app.evidence.keys import MasterKey, SessionKeys, load_master_key
from app.evidence.manifest import ManifestError, Signer, canonical, read_manifest
from app.records import MediaKeyRecord
from app.settings import Settings
from tests.fakes import FakeClock


class Shelf:
    """Wrapped keys in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, MediaKeyRecord] = {}

    def add_media_key(self, record: MediaKeyRecord) -> bool:
        return self.kept.setdefault(record.session_id, record) is record

    def media_key(self, session_id: str) -> MediaKeyRecord | None:
        return self.kept.get(session_id)

    def delete_media_key(self, session_id: str) -> bool:
        return self.kept.pop(session_id, None) is not None


def settings(folder: Path, **given: object) -> Settings:
    return Settings.model_validate({"PROCTOR_DATA_DIR": folder / "data", **given})


def test_without_a_file_the_key_follows_from_the_servers_secret(tmp_path: Path) -> None:
    one = load_master_key(settings(tmp_path, PROCTOR_SECRET_KEY="a" * 32))
    same = load_master_key(settings(tmp_path, PROCTOR_SECRET_KEY="a" * 32))
    other = load_master_key(settings(tmp_path, PROCTOR_SECRET_KEY="b" * 32))
    assert one.derive("x") == same.derive("x") != other.derive("x")
    assert one.derive("x") != one.derive("y")


def test_a_key_file_is_used_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("k" * 64 + "\n")
    loaded = load_master_key(settings(tmp_path, PROCTOR_MASTER_KEY_FILE=tmp_path / "key"))
    assert loaded == MasterKey(b"k" * 64)


@pytest.mark.parametrize("place", ["key", "sub/key", "../data/key"])
def test_a_key_inside_the_data_folder_stops_the_start_with_a_sentence(
    tmp_path: Path, place: str
) -> None:
    file = tmp_path / "data" / place
    (tmp_path / "data" / "sub").mkdir(parents=True)
    file.write_text("k" * 64)
    with pytest.raises(SettingsError, match="lies inside the data folder"):
        load_master_key(settings(tmp_path, PROCTOR_MASTER_KEY_FILE=file))


def test_a_link_does_not_hide_a_key_inside_the_data_folder(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "key").write_text("k" * 64)
    (tmp_path / "link").symlink_to(tmp_path / "data" / "key")
    with pytest.raises(SettingsError, match="lies inside"):
        load_master_key(settings(tmp_path, PROCTOR_MASTER_KEY_FILE=tmp_path / "link"))


def test_a_missing_or_short_key_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load_master_key(settings(tmp_path, PROCTOR_MASTER_KEY_FILE=tmp_path / "none"))
    (tmp_path / "short").write_text("short")
    with pytest.raises(SettingsError, match="at least 32 characters"):
        load_master_key(settings(tmp_path, PROCTOR_MASTER_KEY_FILE=tmp_path / "short"))


def test_encryption_without_a_key_file_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="names no file"):
        load_master_key(settings(tmp_path, PROCTOR_MEDIA_ENCRYPTION="on"))


def test_each_session_has_a_key_of_its_own_that_stays() -> None:
    keys = SessionKeys(Shelf(), MasterKey(b"k" * 32), FakeClock())
    one, two = keys.key_for_writing("s1"), keys.key_for_writing("s2")
    assert one != two
    assert keys.key("s1") == keys.key_for_writing("s1") == one
    assert len(one) == 32


def test_a_forgotten_key_is_gone() -> None:
    keys = SessionKeys(Shelf(), MasterKey(b"k" * 32), FakeClock())
    keys.key_for_writing("s1")
    assert keys.forget_key("s1")
    assert not keys.forget_key("s1")
    with pytest.raises(NotFound, match="deleted"):
        keys.key("s1")


def test_a_wrapped_key_opens_only_under_its_master_and_for_its_session() -> None:
    shelf = Shelf()
    keys = SessionKeys(shelf, MasterKey(b"k" * 32), FakeClock())
    keys.key_for_writing("s1")
    shelf.kept["s2"] = shelf.kept["s1"]
    with pytest.raises(Unavailable, match="another master key"):
        keys.key("s2")
    with pytest.raises(CandorError, match="another master key"):
        SessionKeys(shelf, MasterKey(b"x" * 32), FakeClock()).key("s1")


def test_a_manifest_is_one_text_that_anybody_with_the_public_key_can_check() -> None:
    signer = Signer(MasterKey(b"k" * 32))
    signed = signer.sign({"b": 1, "a": ["ä", 1.5, None]})
    assert signed.body.startswith('{"manifest":{"a":["ä",1.5,null],"b":1},"signature":')
    assert read_manifest(signed.body, signer.public_key).content == {"a": ["ä", 1.5, None], "b": 1}
    assert signer.sign(signed.content) == signed


@pytest.mark.parametrize("body", ["", "{}", "[]", "null", '{"manifest":1}', "{" * 100_000])
def test_a_text_that_is_no_manifest_is_refused(body: str) -> None:
    with pytest.raises(ManifestError, match="was altered"):
        read_manifest(body, "00" * 32)


def test_numbers_that_json_cannot_say_are_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        canonical({"score": float("nan")})
