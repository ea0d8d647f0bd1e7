"""A Candor server in a process of its own, for the programs and tests that need a real one."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.settings import NAMES, PROJECT_ROOT

START_WITHIN_S = 60.0
STOP_WITHIN_S = 60.0
_ASK_EVERY_S = 0.1
_ANSWER_WITHIN_S = 15.0


class ServerFailed(Exception):
    """The server did not start or stop; the text ends with the last lines it printed."""


class Refused(Exception):
    """The server answered a REST call with an error."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"{status}: {body.get('error', body)}")
        self.status = status
        self.body = body


def free_port() -> int:
    """A port of this machine that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """One server over `data_dir`, with settings of its own: `.env` of the checkout plays no part.

    `program` is what Python is given; `output` collects what it prints. Use it as a
    context manager, or call `start` and `stop`.
    """

    program: tuple[str, ...] = ("-m", "app")

    def __init__(self, data_dir: Path, settings: Mapping[str, str] | None = None) -> None:
        self.data_dir = data_dir
        self.port = free_port()
        self.admin_password = secrets.token_urlsafe(12)
        self.api_key = secrets.token_urlsafe(24)
        self.output = data_dir / "server.out"
        # An empty value is the default and wins over `.env`.
        own = dict.fromkeys(NAMES, "")
        own |= {
            "FLASK_HOST": "127.0.0.1",
            "FLASK_PORT": str(self.port),
            "PROCTOR_DATA_DIR": str(data_dir),
            "PROCTOR_MODELS_DIR": os.environ.get("PROCTOR_MODELS_DIR", ""),
            "PROCTOR_SECRET_KEY": secrets.token_hex(32),
            "PROCTOR_ADMIN_PASSWORD": self.admin_password,
            "PROCTOR_API_KEY": self.api_key,
            **(settings or {}),
        }
        self.port = int(own["FLASK_PORT"])
        self._environment = {**os.environ, **own}
        certificate = own["PROCTOR_TLS_CERT"]
        self._tls = ssl.create_default_context(cafile=certificate) if certificate else None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return self.url_at("localhost")

    def url_at(self, host: str) -> str:
        """Its address under another name of this machine."""
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}"

    @property
    def pid(self) -> int:
        """The process id. Raises ServerFailed when it is not running."""
        if self._process is None:
            raise ServerFailed("The server is not running.")
        return self._process.pid

    def start(self) -> None:
        """Blocks until it answers. Raises ServerFailed when it does not within a minute."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with self.output.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, *self.program],
                cwd=PROJECT_ROOT,
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        deadline_s = time.monotonic() + START_WITHIN_S
        while time.monotonic() < deadline_s:
            if self._process.poll() is not None:
                raise ServerFailed(f"The server ended at once.\n{self._last_lines()}")
            if self._is_up():
                return
            time.sleep(_ASK_EVERY_S)
        self.stop()
        raise ServerFailed(f"The server did not answer in time.\n{self._last_lines()}")

    def stop(self) -> int:
        """SIGTERM, and wait. Returns the exit status. Raises ServerFailed when it hangs."""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            return process.wait(STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(STOP_WITHIN_S)
            raise ServerFailed(f"The server did not stop.\n{self._last_lines()}") from None

    def __enter__(self) -> Server:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait_for_detectors(self) -> dict[str, Any]:
        """Blocks until a detector worker is ready. Returns `/api/machine`. Raises ServerFailed."""
        deadline_s = time.monotonic() + START_WITHIN_S
        while time.monotonic() < deadline_s:
            machine = self.get("/api/machine")
            if machine["counters"]["workers_ready"]:
                return machine
            time.sleep(_ASK_EVERY_S)
        raise ServerFailed(f"No detector worker became ready.\n{self._last_lines()}")

    def get(self, path: str) -> dict[str, Any]:
        """A REST call as the integrator. Raises Refused."""
        return self._call("GET", path, None)

    def post(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """A REST call as the integrator. Raises Refused."""
        return self._call("POST", path, body)

    def put(self, path: str, body: Mapping[str, object]) -> dict[str, Any]:
        """A REST call as the integrator. Raises Refused."""
        return self._call("PUT", path, body)

    def _call(self, method: str, path: str, body: Mapping[str, object] | None) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310 - always our own http address
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self.api_key}",
                "Content-Type": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(  # noqa: S310
                request, timeout=_ANSWER_WITHIN_S, context=self._tls
            ) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            try:
                refusal = dict(json.load(error))
            except ValueError:
                refusal = {}
            raise Refused(error.code, refusal) from None

    def _is_up(self) -> bool:
        try:
            return bool(self.get("/healthz"))
        except (OSError, http.client.HTTPException, Refused):
            return False

    def _last_lines(self) -> str:
        if not self.output.exists():
            return ""
        return "\n".join(self.output.read_text(errors="replace").splitlines()[-25:])
