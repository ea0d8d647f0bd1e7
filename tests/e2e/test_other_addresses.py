"""The portal from an address that is not localhost: what plain http says, and TLS at work."""

from __future__ import annotations

import ipaddress
from datetime import datetime, timezone
from pathlib import Path

import pytest
from playwright.sync_api import Playwright

from tests.e2e.people import SOON_MS, Student, browser
from tools.serving import Server
from tools.tls import local_names, make_certificate, write_pair

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def _other_address() -> str:
    for name in local_names():
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            continue
        if address.version == 4 and not address.is_loopback:
            return name
    pytest.skip("this machine has no address but localhost")


def test_plain_http_from_elsewhere_says_why_there_is_no_camera(
    playwright: Playwright, tmp_path: Path
) -> None:
    address = _other_address()
    with Server(tmp_path, {"FLASK_HOST": "0.0.0.0"}) as server, browser(playwright) as opened:
        page = opened.new_page()
        page.goto(server.url_at(address))
        page.get_by_text("https").first.wait_for(timeout=SOON_MS)
        assert page.get_by_role("button", name="Start Exam Session").is_hidden()


def test_with_a_certificate_a_student_starts_from_elsewhere(
    playwright: Playwright, tmp_path: Path
) -> None:
    address = _other_address()
    names = [*local_names(), address]
    certificate, key = write_pair(
        tmp_path / "tls", *make_certificate(names, 1, datetime.now(timezone.utc))
    )
    settings = {
        "FLASK_HOST": "0.0.0.0",
        "PROCTOR_TLS_CERT": str(certificate),
        "PROCTOR_TLS_KEY": str(key),
    }
    with Server(tmp_path / "data", settings) as server, browser(playwright) as opened:
        student = Student(opened.new_context(ignore_https_errors=True), server, address)
        session_id = student.start("elsewhere", "tls")
        assert server.get(f"/api/session/{session_id}/details")["session"]["is_running"] is True
        student.end()
        assert student.problems == []
