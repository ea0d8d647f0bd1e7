"""The real server process: how it starts, what it says, how it stops."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

import pytest
import socketio

from app.settings import NAMES, PROJECT_ROOT
from tests.engines import free_port, wire_server
from tests.waiting import wait_until
from tools.serving import Server
from tools.tls import make_certificate, write_pair

SCRIPTED = "import sys; from app.web.server import main; sys.exit(main(scripted=True))"
STOPS_WITHIN_S = 12.0


class ScriptedServer(Server):
    """The real server with detectors that load nothing."""

    program = ("-c", SCRIPTED)


def run(data_dir: Path, **given: str) -> subprocess.CompletedProcess[str]:
    """Start a server that is expected to refuse."""
    environment = {
        **os.environ,
        **dict.fromkeys(NAMES, ""),
        "FLASK_PORT": str(free_port()),
        "PROCTOR_DATA_DIR": str(data_dir),
        **given,
    }
    return subprocess.run(
        [sys.executable, "-c", SCRIPTED],
        cwd=PROJECT_ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


@contextmanager
def student(server: Server, token: str) -> Iterator[socketio.Client]:
    client = socketio.Client(reconnection=False)
    client.connect(server.url, auth={"token": token}, transports=["websocket"])
    try:
        yield client
    finally:
        client.disconnect()


def threads_of(pid: int) -> list[str]:
    return [path.read_text().strip() for path in Path(f"/proc/{pid}/task").glob("*/comm")]


def children_of(pid: int) -> list[int]:
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(word) for word in found.stdout.split()]


@pytest.mark.slow
def test_the_server_stops_with_students_on_line_and_takes_them_up_again(tmp_path: Path) -> None:
    server = ScriptedServer(tmp_path, {"PROCTOR_WORKERS": "1"})
    server.start()
    try:
        created = server.post("/api/session/create", {"user_id": "ann", "exam_id": "math"})
        clients = [socketio.Client(reconnection=False) for _ in range(5)]
        clients[0].connect(server.url, auth={"token": created["token"]}, transports=["websocket"])
        started = clients[0].call("start", {"client": "agent"}, timeout=10)
        assert started["ok"]
        for client in clients[1:]:
            client.connect(server.url, auth={"key": server.api_key}, transports=["websocket"])
            assert client.call("join_session", {"session_id": created["session_id"]})["ok"]
        family = [server.pid, *children_of(server.pid)]
        family += [child for pid in family[1:] for child in children_of(pid)]
        before_s = time.monotonic()
        status = server.stop()
        assert time.monotonic() - before_s < STOPS_WITHIN_S
        assert status == 0
        wait_until(lambda: not any(client.connected for client in clients), "lines are closed")
        wait_until(
            lambda: not any(Path(f"/proc/{pid}").exists() for pid in family), "nothing is left"
        )
        server.start()
        (row,) = server.get("/api/sessions/active")["sessions"]
        assert (row["session_id"], row["is_running"]) == (created["session_id"], True)
        with student(server, started["token"]) as client:
            again = client.call("start", {"client": "agent"}, timeout=10)
        assert again["ok"]
        assert again["started_ms"] == started["started_ms"]
    finally:
        server.stop()
    text = (tmp_path / "logs" / "app.log").read_text()
    assert text.count("Server stopped") == 2
    assert "Traceback" not in text
    assert server.output.read_text().count("shown only now") == 0


@pytest.mark.slow
def test_credentials_are_shown_at_the_first_start_only(tmp_path: Path) -> None:
    server = ScriptedServer(tmp_path, {"PROCTOR_ADMIN_PASSWORD": "", "PROCTOR_API_KEY": ""})
    for _ in range(2):
        server.start()
        wait_until(lambda: "Detectors on" in server.output.read_text(), "it has greeted")
        server.stop()
    said = server.output.read_text()
    assert said.count("is ready at") == 2
    assert len(re.findall(r"admin / \S{12,}", said)) == 1
    assert len(re.findall(r"ck_\S{30,}", said)) == 1


@pytest.mark.slow
def test_interrupting_from_the_keyboard_stops_as_cleanly(tmp_path: Path) -> None:
    server = ScriptedServer(tmp_path)
    server.start()
    os.killpg(server.pid, signal.SIGINT)
    wait_until(lambda: not Path(f"/proc/{server.pid}/exe").exists(), "the server ended", 30)
    server.stop()
    assert "Server stopped" in (tmp_path / "logs" / "app.log").read_text()
    assert "Traceback" not in server.output.read_text()
    assert "worker was lost" not in (tmp_path / "logs" / "app.log").read_text()


@pytest.mark.slow
def test_a_client_that_neither_speaks_nor_hangs_up_does_not_hold_the_server(
    tmp_path: Path,
) -> None:
    with ScriptedServer(tmp_path, {"PROCTOR_WORKERS": "1"}) as server:
        upgrade = (
            f"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: localhost:{server.port}"
            "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(3)]
        for line, said in zip(silent, ("", "GET / HTTP/1.1\r\n", upgrade), strict=True):
            line.sendall(said.encode())
        assert b"101" in silent[-1].recv(1000)
        before_s = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - before_s < STOPS_WITHIN_S
        for line in silent:
            line.close()
    assert "Server stopped" in (tmp_path / "logs" / "app.log").read_text()


@pytest.mark.slow
def test_over_a_wire_server_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    with wire_server(tmp_path) as uri:
        server = ScriptedServer(tmp_path, {"MONGO_URI": uri})
        server.start()
        created = server.post("/api/session/create", {"user_id": "ann"})
        server.stop()
        server.start()
        rows = server.get("/api/sessions/active")["sessions"]
        assert server.get("/api/machine")["store"] == {"engine": "mongodb", "ok": True}
        server.stop()
    assert [row["session_id"] for row in rows] == [created["session_id"]]
    assert not (tmp_path / "data" / "proctor.db").exists()


class TlsServer(ScriptedServer):
    """The same behind a certificate of its own."""

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"


@pytest.mark.slow
def test_with_a_certificate_pages_and_sockets_are_encrypted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = make_certificate(("localhost", "127.0.0.1"), 2, datetime.now(timezone.utc))
    certificate, key = write_pair(tmp_path, *pair)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    server = TlsServer(
        tmp_path,
        {
            "PROCTOR_WORKERS": "1",
            "PROCTOR_TLS_CERT": str(certificate),
            "PROCTOR_TLS_KEY": str(key),
        },
    )
    with server:
        created = server.post("/api/session/create", {"user_id": "ann"})
        assert created["join_url"].startswith(f"https://localhost:{server.port}/#token=")
        client = socketio.Client(reconnection=False, ssl_verify=False)
        client.connect(server.url, auth={"token": created["token"]}, transports=["websocket"])
        assert client.call("start", {"client": "agent"}, timeout=10)["ok"]
        client.disconnect()
        with urllib.request.urlopen(f"{server.url}/login", timeout=10) as page:
            assert "Secure" in page.headers["Set-Cookie"]


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = run(tmp_path, FLASK_PORT=port)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert f"Port {port} on 127.0.0.1 is in use" in line
    assert "FLASK_PORT" in line


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"FLASK_DEBUG": "true", "FLASK_HOST": "0.0.0.0"}, "FLASK_DEBUG"),
        ({"FLASK_HOST": "no.such.host.invalid"}, "FLASK_HOST"),
        ({"FLASK_HOST": "192.0.2.1"}, "not an address of this machine"),
        ({"PROCTOR_TLS_CERT": "/none.pem", "PROCTOR_TLS_KEY": "/none.key"}, "PROCTOR_TLS_CERT"),
        ({"FLASK_PORT": "http"}, "FLASK_PORT"),
        ({"MONGO_URI": "mongodb://ann:pw@127.0.0.1:1/"}, "No MongoDB answers"),
        ({"PROCTOR_ADMIN_PASSWORD": "short"}, "PROCTOR_ADMIN_PASSWORD"),
        ({"PROCTOR_SECRET_KEY": "short"}, "PROCTOR_SECRET_KEY"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_work_stops_the_start_with_a_sentence(
    tmp_path: Path, given: dict[str, str], told: str
) -> None:
    done = run(tmp_path, **given)
    assert done.returncode != 0
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert "ann:pw" not in done.stderr
    assert len(done.stderr.splitlines()) == 1


def status_of(server: Server, path: str, **headers: str) -> int:
    """The status of a path sent as it is: no client tidies it up first."""
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    line.putrequest("GET", path, skip_host=False)
    for name, value in headers.items():
        line.putheader(name, value)
    line.endheaders()
    answer = line.getresponse()
    body = answer.read()
    line.close()
    assert b"root:" not in body
    return answer.status


@pytest.mark.slow
def test_no_path_leads_out_of_the_clips_folder(tmp_path: Path) -> None:
    paths = [
        "/api/video/file/../../etc/passwd",
        "/api/video/file/..%2f..%2fetc%2fpasswd",
        "/api/video/file/%2e%2e/%2e%2e/etc/passwd",
        "/api/video/file/..%252f..%252fetc%252fpasswd",
        "/api/video/file/..%5c..%5cetc%5cpasswd",
        "/api/video/file//etc/passwd",
        "/api/video/file/%2fetc%2fpasswd",
        "/api/video/file/%00/etc/passwd",
        "/api/video/file/..%c0%af..%c0%afetc/passwd",
        "/static/../../etc/passwd",
        "/static/..%2f..%2fetc%2fpasswd",
        "/static//etc/passwd",
    ]
    with ScriptedServer(tmp_path, {"PROCTOR_WORKERS": "1"}) as server:
        key = f"Bearer {server.api_key}"
        assert {path: status_of(server, path, Authorization=key) for path in paths} == (
            dict.fromkeys(paths, 404)
        )
        assert status_of(server, paths[0]) == 401
