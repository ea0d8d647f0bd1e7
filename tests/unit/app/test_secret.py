"""The signing key."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.access.secret import secret_key
from app.errors import SettingsError
from app.settings import Settings


def test_a_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    settings = Settings.model_validate({"PROCTOR_DATA_DIR": tmp_path})
    key = secret_key(settings)
    assert len(key) >= 32
    assert secret_key(settings) == key
    assert (tmp_path / "data" / "secret_key").stat().st_mode & 0o077 == 0


def test_a_given_key_wins_and_must_be_long(tmp_path: Path) -> None:
    given = {"PROCTOR_DATA_DIR": tmp_path, "PROCTOR_SECRET_KEY": "k" * 32}
    assert secret_key(Settings.model_validate(given)) == "k" * 32
    with pytest.raises(SettingsError, match="PROCTOR_SECRET_KEY"):
        secret_key(Settings.model_validate({**given, "PROCTOR_SECRET_KEY": "short"}))
    assert not (tmp_path / "data").exists()
