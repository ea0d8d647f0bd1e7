"""The log files."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.web.logs import FieldFormatter, set_up_logs


@pytest.fixture
def logs(tmp_path: Path) -> Iterator[Path]:
    level = logging.getLogger().level
    set_up_logs(tmp_path, "INFO", console=False)
    yield tmp_path
    root = logging.getLogger()
    for handler in [h for h in root.handlers if getattr(h, "is_candor", False)]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)


def test_an_event_is_one_line_with_its_fields(logs: Path) -> None:
    logging.getLogger("app.x").info("Clip written", extra={"clip_id": "c1", "frames": 150})
    (line,) = (logs / "app.log").read_text().splitlines()
    assert line.endswith("INFO app.x Clip written clip_id=c1 frames=150")


def test_only_trouble_reaches_the_errors_file(logs: Path) -> None:
    log = logging.getLogger("app.x")
    log.info("fine")
    log.warning("odd")
    try:
        raise ValueError("first\nsecond")
    except ValueError:
        log.exception("broke")
    text = (logs / "app_errors.log").read_text()
    assert "fine" not in text
    assert "odd" in text
    assert "ValueError: first" in text
    assert "INFO app.x fine" in (logs / "app.log").read_text()


def test_what_came_from_outside_cannot_forge_a_line(logs: Path) -> None:
    hostile = 'x\n2026-01-01 INFO forged\r\x1b[31m\u2028 = "quoted"'
    logging.getLogger("app.x").info("Refused", extra={"reason": hostile})
    text = (logs / "app.log").read_text()
    assert len(text.splitlines()) == 1
    assert "\x1b" not in text
    assert 'reason="x\\n2026-01-01 INFO forged' in text


def test_a_traceback_cannot_forge_a_line_either() -> None:
    try:
        raise ValueError("first\n2026-01-01T00:00:00Z INFO forged")
    except ValueError as error:
        record = logging.makeLogRecord(
            {"msg": "broke", "exc_info": (ValueError, error, error.__traceback__)}
        )
    lines = FieldFormatter().format(record).splitlines()
    assert all(line.startswith("  | ") for line in lines[1:])


def test_setting_up_again_does_not_double_lines(logs: Path) -> None:
    set_up_logs(logs, "INFO", console=False)
    logging.getLogger("app.x").info("once")
    assert (logs / "app.log").read_text().count("once") == 1
