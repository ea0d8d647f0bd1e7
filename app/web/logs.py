"""Where the program writes what it does: logs/app.log and, for trouble, logs/app_errors.log.

One event is one line: a constant message followed by its fields as key=value. Nothing that came
from outside can start a line of its own.
"""

from __future__ import annotations

import logging
import sys
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path

FILE_BYTES = 10_000_000
FILES_KEPT = 5

_OF_EVERY_RECORD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class FieldFormatter(logging.Formatter):
    """`2026-03-02T09:00:00.123Z INFO app.sessions Session ended session_id=s_1 cause=student`.

    Lines of a traceback follow, each behind a bar.
    """

    def format(self, record: logging.LogRecord) -> str:
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = f"{at}.{int(record.msecs):03d}Z {record.levelname} {record.name} "
        line += escape(record.getMessage())
        for key, value in vars(record).items():
            if key not in _OF_EVERY_RECORD:
                line += f" {key}={_field(value)}"
        if record.exc_info:
            trace = self.formatException(record.exc_info)
            line += "".join(f"\n  | {escape(part)}" for part in trace.splitlines())
        return line


def set_up_logs(folder: Path, level: str, *, console: bool = True) -> None:
    """Send every logger's records to the two rotated files, and warnings to the console.

    Calling it again replaces what an earlier call set up.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handlers: list[logging.Handler] = [
        _file(folder / "app.log", logging.getLevelName(level)),
        _file(folder / "app_errors.log", logging.WARNING),
    ]
    if console:
        stream = logging.StreamHandler(sys.stderr)
        stream.setLevel(logging.WARNING)
        handlers.append(stream)
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if getattr(handler, "is_candor", False)]:
        root.removeHandler(old)
        old.close()
    for handler in handlers:
        handler.setFormatter(FieldFormatter())
        handler.is_candor = True  # type: ignore[attr-defined]  # marks ours for the next call
        root.addHandler(handler)
    root.setLevel(level)
    for noisy in ("engineio", "socketio", "werkzeug", "pymongo", "neosqlite", "urllib3", "asyncio"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def escape(text: str) -> str:
    """Text without line breaks, control characters or terminal escapes."""
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode("ascii")


def _field(value: object) -> str:
    text = escape(str(value))
    if not text or any(char in text for char in ' "='):
        return '"' + text.replace('"', '\\"') + '"'
    return text


def _file(path: Path, level: int) -> logging.Handler:
    handler = RotatingFileHandler(
        path, maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8", delay=True
    )
    handler.setLevel(level)
    return handler
