"""The server of one chaos run: the whole product with scripted detectors and a fast clock, in a
process that can be killed. Started by `tools.chaos.system`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from werkzeug.serving import WSGIRequestHandler, make_server

from app import create_app
from app.settings import load_settings
from app.web.logs import set_up_logs
from tools.chaos.clock import FastClock


class _QuietHandler(WSGIRequestHandler):
    def log(self, *_args: object, **_kwargs: object) -> None:
        """Say nothing about each request."""


def main(arguments: list[str]) -> None:
    """Serve until killed: `data_dir port start_s speed`."""
    data_dir, port, start_s, speed = arguments
    settings = load_settings(None, Path(data_dir) / "no.env")
    set_up_logs(settings.logs_path, settings.log_level)
    app = create_app(settings, FastClock(float(start_s), float(speed)), scripted=True)
    app.extensions["candor"].start()
    make_server(
        "127.0.0.1", int(port), app, threaded=True, request_handler=_QuietHandler
    ).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
