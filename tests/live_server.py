"""The whole server on a free port of this machine, with scripted detectors, and a student.

The HTTP server is Werkzeug's threaded one, which carries WebSockets like gunicorn's threads do.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from queue import Queue
from typing import Any

import socketio
from werkzeug.serving import WSGIRequestHandler, make_server

from app import create_app
from app.records import SessionRecord
from app.settings import load_settings
from app.wiring import Services
from tests.waiting import wait_until


class _QuietHandler(WSGIRequestHandler):
    def log(self, *_args: object, **_kwargs: object) -> None:
        """Say nothing about each request."""


class LiveServer:
    """A running server: its address and its inside."""

    def __init__(self, url: str, services: Services) -> None:
        self.url = url
        self.services = services

    def new_session(self, user_id: str = "ada", exam_id: str = "logic") -> SessionRecord:
        return self.services.sessions.create(user_id, exam_id)[0]

    def student(self, session: SessionRecord) -> Student:
        """A connected student's client that has not said `start` yet."""
        return Student(self.url, self.services.tokens.join(session.session_id))

    def wait_for_workers(self) -> None:
        wait_until(lambda: self.services.pool.counters()["workers_ready"], "a worker is ready")


class Student:
    """Speaks the student's part of docs/protocol.md over a real WebSocket."""

    def __init__(self, url: str, token: str, headers: Mapping[str, str] | None = None) -> None:
        self.token = token
        self.said: Queue[tuple[str, Any]] = Queue()
        self.client = socketio.Client(reconnection=False)
        for name in ("session_ended", "status"):
            self.client.on(name, lambda payload, name=name: self.said.put((name, payload)))
        self.client.on("disconnect", lambda *_reason: self.said.put(("disconnect", None)))
        self.client.connect(
            url, dict(headers or {}), auth={"token": token}, transports=["websocket"]
        )
        self._seq = 0

    def ask(self, event: str, *payload: Any, seconds: float = 15) -> dict[str, Any]:
        """Send an event and wait for its acknowledgement."""
        answer: dict[str, Any] = self.client.call(event, payload, timeout=seconds)
        return answer

    def start(self) -> dict[str, Any]:
        answer = self.ask("start", {"client": "agent"})
        self._seq = int(answer.get("next_seq", 0))
        self.token = str(answer.get("token") or self.token)
        return answer

    def batch(
        self,
        frames: tuple[bytes, ...] = (),
        sounds: tuple[bytes, ...] = (),
        events: tuple[Mapping[str, Any], ...] = (),
    ) -> tuple[dict[str, Any], bytes]:
        """The next batch: `frames` spread over the second until now, `sounds` a second earlier."""
        now_ms = time.time() * 1000
        header = {
            "seq": self._seq,
            "sent_ms": now_ms,
            "frames": _spread(frames, now_ms),
            "audio": _spread(sounds, now_ms - 1000),
            "events": list(events),
            "state": {"visible": True, "camera": True, "microphone": True},
        }
        self._seq += 1
        return header, b"".join((*frames, *sounds))

    def send(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Send the next batch and wait for its acknowledgement."""
        return self.ask("batch", *self.batch(*args, **kwargs))

    def next_said(self, name: str, seconds: float = 15) -> Any:
        """The payload of the next event of that name the server sends."""
        deadline_s = time.monotonic() + seconds
        while True:
            said, payload = self.said.get(timeout=max(0.01, deadline_s - time.monotonic()))
            if said == name:
                return payload

    def close(self) -> None:
        """Drop the line as a pulled cable does; a polite close takes this client 3 s."""
        if self.client.connected:
            self.client.eio.ws.sock.shutdown(socket.SHUT_RDWR)


def _spread(parts: tuple[bytes, ...], now_ms: float) -> list[dict[str, float | int]]:
    step_ms = 1000 / max(1, len(parts))
    return [
        {"t": now_ms - step_ms * (len(parts) - 1 - n), "size": len(part)}
        for n, part in enumerate(parts)
    ]


@contextmanager
def live_server(data_dir: Path, **environ: str) -> Iterator[LiveServer]:
    """Serve until the block ends; settings are the defaults and what `environ` says."""
    names = {"PROCTOR_DATA_DIR": str(data_dir), "PROCTOR_WORKERS": "1", **environ}
    settings = load_settings(names, data_dir / "no.env")
    app = create_app(settings, scripted=True)
    services: Services = app.extensions["candor"]
    http = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_QuietHandler)
    thread = threading.Thread(target=http.serve_forever, name="test-http", daemon=True)
    services.start()
    thread.start()
    try:
        yield LiveServer(f"http://127.0.0.1:{http.server_port}", services)
    finally:
        services.stop()
        http.shutdown()
        thread.join(10)
