"""Finds the browser that tests drive."""

from __future__ import annotations

import os
import shutil

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

# Chromium in a container runs as root, without a sandbox and with little shared memory.
ALWAYS = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)


def chromium_path() -> str:
    """The browser's program. Skips the test where there is none, but under CI=true it fails."""
    for name in (os.environ.get("CHROMIUM", ""), *_NAMES):
        found = shutil.which(name) if name else None
        if found:
            return found
    reason = "no Chromium: sudo apt-get install chromium, or set CHROMIUM to its path"
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(reason)
    pytest.skip(reason)
