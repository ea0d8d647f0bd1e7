"""Real servers with the real detectors, and real browsers in front of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Playwright, sync_playwright

from tests.browser import chromium_path
from tools.serving import Server


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    chromium_path()
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own for the module, with its settings in `SERVER_SETTINGS` of the module."""
    with Server(tmp_path_factory.mktemp("server")) as running:
        running.wait_for_detectors()
        yield running


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where composed media goes."""
    return tmp_path_factory.mktemp("studio")
