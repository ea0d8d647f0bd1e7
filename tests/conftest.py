"""Fixtures for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.settings import NAMES, Settings
from tests.live_server import LiveServer, live_server

# Where models and media are is a property of the machine, not of a test.
KEPT = frozenset({"PROCTOR_MODELS_DIR"})


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the person at this machine has set for a server plays no part in tests."""
    for name in NAMES.keys() - KEPT:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The defaults, with everything kept under the test's own folder."""
    return Settings.model_validate({"PROCTOR_DATA_DIR": tmp_path})


@pytest.fixture
def running_server(tmp_path: Path) -> Iterator[LiveServer]:
    """A whole server with scripted detectors on a free port."""
    with live_server(tmp_path) as server:
        yield server
