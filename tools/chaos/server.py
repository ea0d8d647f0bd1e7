"""The server of one chaos run: the whole product with scripted detectors and a fast clock, in a
process that can be killed. Started by `tools.chaos.system`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from werkzeug.serving import WSGIRequestHandler, make_server

from app import create_app
from app.settings import load_settings
from app.web.logs import set_up_logs
from tools.chaos.clock import FastClock
from tools.chaos.disk import SLOW, SLOW_S, WALL

if TYPE_CHECKING:
    from _typeshed import HasFileno
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# What a program may lay beside the data, to be served instead of the page's own.
WORKER = "capture-worker.js"


class _QuietHandler(WSGIRequestHandler):
    def log(self, *_args: object, **_kwargs: object) -> None:
        """Say nothing about each request."""


class Rewritten:
    """The application, whose capture worker is the one in `folder`, where there is one."""

    def __init__(self, application: WSGIApplication, folder: Path) -> None:
        self._application = application
        self._script = folder / WORKER

    def __call__(self, environ: WSGIEnvironment, start: StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"].endswith("/" + WORKER) and self._script.exists():
            body = self._script.read_bytes()
            start("200 OK", [("Content-Type", "text/javascript")])
            return [body]
        return self._application(environ, start)


class Wall:
    """A fast clock whose wall time is put off, in whole seconds, by a file."""

    def __init__(self, clock: FastClock, file: Path) -> None:
        self._clock = clock
        self._file = file

    def now(self) -> datetime:
        try:
            jump_s = int(self._file.read_text(encoding="ascii"))
        except (OSError, ValueError):
            jump_s = 0
        return self._clock.now() + timedelta(seconds=jump_s)

    def monotonic_s(self) -> float:
        return self._clock.monotonic_s()


def slow_down(folder: Path) -> None:
    """While a file says so, everything that is to reach the disk takes its time: the sleep is the
    fault that is played, nothing waits for something by it."""
    sync = os.fsync

    def slowly(fd: int | HasFileno) -> None:
        if (folder / SLOW).exists():
            time.sleep(SLOW_S)
        sync(fd)

    os.fsync = slowly


def main(arguments: list[str]) -> None:
    """Serve until killed: `data_dir port start_s speed`."""
    data_dir, port, start_s, speed = arguments
    settings = load_settings(None, Path(data_dir) / "no.env")
    set_up_logs(settings.logs_path, settings.log_level)
    slow_down(Path(data_dir))
    clock = Wall(FastClock(float(start_s), float(speed)), Path(data_dir) / WALL)
    app = create_app(settings, clock, scripted=True)
    app.extensions["candor"].start()
    served = Rewritten(app, Path(data_dir))
    make_server(
        "127.0.0.1", int(port), served, threaded=True, request_handler=_QuietHandler
    ).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
