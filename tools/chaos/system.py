"""The processes of one chaos run: the server, its detector workers and, where it can be had, a
database server of its own. Each can be killed and comes back.
"""

from __future__ import annotations

import http.client
import importlib.util
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.settings import NAMES, PROJECT_ROOT
from tools.chaos.clock import FastClock
from tools.serving import free_port

START_S = 60.0
ASK_S = 5.0
_STORE = "import sys; from nx_27017.nx_27017 import main; sys.exit(main())"


class NoAnswerError(Exception):
    """The server did not answer."""


class System:
    """Everything of one run over `folder`."""

    def __init__(self, folder: Path, clock: FastClock, *, with_store: bool) -> None:
        self._folder = folder
        self._clock = clock
        self.port = free_port()
        self._api_key = secrets.token_urlsafe(24)
        self._store_port = free_port() if with_store else 0
        self._server: subprocess.Popen[bytes] | None = None
        self._store: subprocess.Popen[bytes] | None = None
        own = dict.fromkeys(NAMES, "") | {
            "PROCTOR_DATA_DIR": str(folder),
            "PROCTOR_SECRET_KEY": secrets.token_hex(32),
            "PROCTOR_ADMIN_PASSWORD": secrets.token_urlsafe(12),
            "PROCTOR_API_KEY": self._api_key,
            "PROCTOR_WORKERS": "1",
        }
        if with_store:
            own["MONGO_URI"] = f"mongodb://127.0.0.1:{self._store_port}"
        self._environment = {**os.environ, **own}

    def start(self) -> None:
        """Start what is not running; returns at once."""
        if self._store_port and (self._store is None or self._store.poll() is not None):
            self._store = self._spawn("store", "-c", _STORE, *self._store_arguments())
            _wait_for_port(self._store_port)
        if self._server is None or self._server.poll() is not None:
            clock = (str(self._clock.start_s), str(self._clock.speed))
            self._server = self._spawn(
                "server", "-m", "tools.chaos.server", str(self._folder), str(self.port), *clock
            )

    def keep(self) -> None:
        """Start again what ended by itself, as a supervisor would."""
        self.start()

    def wait(self) -> None:
        """Blocks until the server answers. Raises NoAnswerError."""
        deadline_s = time.monotonic() + START_S
        while time.monotonic() < deadline_s:
            try:
                if self.ask("/api/machine")["counters"]["workers_ready"]:
                    return
            except NoAnswerError:
                self.keep()
            time.sleep(0.05)
        raise NoAnswerError("The server did not start.")

    def kill_server(self) -> None:
        """kill -9 of the web process; its workers follow it."""
        if self._server is not None:
            self._server.send_signal(signal.SIGKILL)
            self._server.wait()

    def kill_store(self) -> None:
        if self._store is not None:
            self._store.send_signal(signal.SIGKILL)
            self._store.wait()

    def kill_worker(self) -> None:
        """kill -9 of the server's detector workers, as when memory runs out."""
        if self._server is None:
            return
        for child in _children(self._server.pid):
            os.kill(child, signal.SIGKILL)

    @property
    def server_pid(self) -> int:
        """0 while it does not run."""
        return self._server.pid if self._server is not None else 0

    @property
    def worker_pids(self) -> list[int]:
        """The detector workers that run now."""
        return _children(self.server_pid)

    def stop(self) -> None:
        for process in (self._server, self._store):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()

    def ask(self, path: str, body: Mapping[str, object] | None = None) -> dict[str, Any]:
        """A REST call as the integrator. Raises NoAnswerError."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self._api_key}",
                "Content-Type": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=ASK_S) as answer:  # noqa: S310
                return dict(json.load(answer))
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise NoAnswerError(str(error)) from error

    def _spawn(self, name: str, *program: str) -> subprocess.Popen[bytes]:
        with (self._folder / f"{name}.out").open("ab") as output:
            return subprocess.Popen(
                [sys.executable, *program],
                cwd=PROJECT_ROOT,
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def _store_arguments(self) -> tuple[str, ...]:
        folder = self._folder
        named = {
            "db": folder / "nx.db",
            "log-file": folder / "nx.log",
            "pid-file": folder / "nx.pid",
        }
        files = [word for name, path in named.items() for word in (f"--{name}", str(path))]
        return (*files, "--port", str(self._store_port))


def has_store() -> bool:
    """Whether a database server can be started on this machine."""
    return importlib.util.find_spec("nx_27017") is not None


def _wait_for_port(port: int) -> None:
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
            return
        except OSError:
            time.sleep(0.05)
    raise NoAnswerError("The store did not start.")


def _children(pid: int) -> list[int]:
    found = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found += [int(word) for word in task.read_text().split()]
        except OSError:
            continue
    return [child for child in found if b"spawn_main" in _command(child)]


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
