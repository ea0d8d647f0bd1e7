"""Two web servers, two workers, Redis, a MongoDB wire server and nginx on this machine, each a
process of its own that can be killed; a supervisor starts again what ended."""

from __future__ import annotations

import contextlib
import http.cookiejar
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.settings import NAMES, PROJECT_ROOT
from tests.engines import free_port
from tests.redis_server import need
from tests.waiting import wait_until

WEB = "from app.web.server import main; import sys; sys.exit(main(scripted=True))"
STORE = "import sys; from nx_27017.nx_27017 import main; sys.exit(main())"
NAMES_OF_ALL = ("store", "redis", "web-0", "web-1", "worker-0", "worker-1", "nginx")
START_S = 90.0


class Several:
    """The machines. `kill` any by name; it comes back."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.key = secrets.token_urlsafe(24)
        self.password = secrets.token_urlsafe(12)
        self.ports = {name: free_port() for name in NAMES_OF_ALL}
        self._lock = threading.Lock()
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._is_over = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="test-supervisor", daemon=True)
        self._shared = {
            "MONGO_URI": f"mongodb://127.0.0.1:{self.ports['store']}",
            "REDIS_URL": f"redis://127.0.0.1:{self.ports['redis']}/0",
            "PROCTOR_SECRET_KEY": secrets.token_hex(32),
            "PROCTOR_API_KEY": self.key,
            "PROCTOR_ADMIN_PASSWORD": self.password,
            "PROCTOR_MEDIA_URL": f"file://{folder / 'media'}",
            "PROCTOR_TRUSTED_PROXIES": "1",
            "PROCTOR_WEB_THREADS": "40",
        }
        redis, nginx = need("redis-server", "redis-server"), need("nginx", "nginx-light")
        (folder / "media").mkdir()
        self._commands: dict[str, list[str]] = {
            "store": [
                *(sys.executable, "-c", STORE, "--db", str(folder / "nx.db")),
                *("--port", str(self.ports["store"]), "--log-file", str(folder / "nx.log")),
                *("--pid-file", str(folder / "nx.pid")),
            ],
            "redis": [
                *(redis, "--port", str(self.ports["redis"]), "--bind", "127.0.0.1"),
                *("--save", "", "--appendonly", "no", "--dir", str(folder)),
            ],
            "web-0": [sys.executable, "-c", WEB],
            "web-1": [sys.executable, "-c", WEB],
            "worker-0": [sys.executable, "-m", "tools.worker", "--processes", "1", "--scripted"],
            "worker-1": [sys.executable, "-m", "tools.worker", "--processes", "1", "--scripted"],
            "nginx": [nginx, "-p", str(folder), "-c", str(self._nginx_conf())],
        }

    def __enter__(self) -> Several:
        for name in ("store", "redis"):
            self._start(name)
            wait_until(lambda name=name: _listens(self.ports[name]), name)  # type: ignore[misc]
        # The first one makes the tables and the first account.
        self._start("web-0")
        wait_until(lambda: self.answers("web-0"), "the first server", START_S)
        for name in ("web-1", "worker-0", "worker-1", "nginx"):
            self._start(name)
        wait_until(lambda: self.answers("web-1"), "the second server", START_S)
        wait_until(lambda: self.answers("nginx"), "nginx", START_S)
        for name in ("web-0", "web-1"):
            wait_until(lambda name=name: self.workers(name) == 2, "two workers", START_S)  # type: ignore[misc]
        self._keeper.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._is_over.set()
        if self._keeper.is_alive():
            self._keeper.join(10)
        for process in self._running.values():
            _end(process)

    def url(self, name: str = "nginx") -> str:
        return f"http://127.0.0.1:{self.ports[name]}"

    def kill(self, name: str) -> None:
        """kill -9 of all of its processes."""
        with self._lock:
            _end(self._running[name])

    def ask(
        self, path: str, body: Mapping[str, object] | None = None, name: str = "nginx"
    ) -> dict[str, Any]:
        """A REST call as the integrator."""
        request = urllib.request.Request(
            self.url(name) + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=15) as answer:
            return dict(json.load(answer))

    def sign_in(self, name: str) -> str:
        """The cookie of the admin, who signed in at one server."""
        jar = http.cookiejar.CookieJar()
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        page = browser.open(self.url(name) + "/login", timeout=15).read().decode()
        token = re.search(r'name="csrf[-_]token"[^>]*(?:content|value)="([^"]+)"', page)
        assert token
        form = {"username": "admin", "password": self.password, "csrf_token": token[1]}
        data = urllib.parse.urlencode(form).encode()
        browser.open(self.url(name) + "/login", data, timeout=15).close()
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in jar)

    def answers(self, name: str) -> bool:
        try:
            self.ask("/api/machine", name=name)
        except (OSError, ValueError):
            return False
        return True

    def workers(self, name: str) -> int:
        try:
            return int(self.ask("/api/machine", name=name)["counters"]["workers_ready"])
        except (OSError, ValueError):
            return 0

    def counters(self, name: str) -> dict[str, int]:
        return dict(self.ask("/api/machine", name=name)["counters"])

    def owner(self) -> str:
        """Which server scores a session now."""
        found = [name for name in ("web-0", "web-1") if self._scores(name)]
        assert len(found) == 1, found
        return found[0]

    def _scores(self, name: str) -> bool:
        try:
            return bool(self.counters(name)["monitor_sessions"])
        except (OSError, ValueError):
            return False

    def _start(self, name: str) -> None:
        data = self._folder / f"data-{name}"
        own = dict.fromkeys(NAMES, "") | self._shared
        own |= {"PROCTOR_DATA_DIR": str(data), "FLASK_PORT": str(self.ports[name])}
        own["FLASK_HOST"] = "127.0.0.1"
        with (self._folder / f"{name}.out").open("ab") as output:
            self._running[name] = subprocess.Popen(
                self._commands[name],
                cwd=PROJECT_ROOT,
                env={**os.environ, **own},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _keep(self) -> None:
        while not self._is_over.wait(0.2):
            with self._lock:
                for name, process in list(self._running.items()):
                    if process.poll() is not None and not self._is_over.is_set():
                        self._start(name)

    def _nginx_conf(self) -> Path:
        """deploy/nginx-several.conf with this machine's ports, and without TLS."""
        conf = (PROJECT_ROOT / "deploy" / "nginx-several.conf").read_text(encoding="utf-8")
        conf = re.sub(r"server \{\s+listen 80;.*?\n\}\n", "", conf, count=1, flags=re.DOTALL)
        conf = re.sub(r"^ +(ssl_|listen \[::\]|add_header).*\n", "", conf, flags=re.MULTILINE)
        conf = conf.replace("listen 443 ssl", f"listen 127.0.0.1:{self.ports['nginx']}")
        for index in (0, 1):
            conf = conf.replace(
                f"10.0.0.1{index + 1}:5000", f"127.0.0.1:{self.ports[f'web-{index}']}"
            )
        folder = self._folder
        temporary = "".join(
            f"{kind}_temp_path {folder}/{kind};\n"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        path = folder / "nginx.conf"
        path.write_text(
            f"daemon off;\nmaster_process off;\npid {folder}/nginx.pid;\n"
            f"error_log {folder}/nginx.log;\n"
            "events { worker_connections 512; }\n"
            f"http {{\naccess_log off;\n{temporary}{conf}\n}}\n",
            encoding="utf-8",
        )
        return path


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=0.5).close()
    except OSError:
        return False
    return True


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)
