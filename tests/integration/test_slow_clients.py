"""Clients that take their time: the server stays there for others."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing

import pytest
import requests
import websocket

from app.access.doors import Caller
from app.access.limits import Limits
from app.errors import TooMany
from app.web.patience import BODY_S, HEAD_S, Patience
from tests.fakes import FakeClock
from tests.live_server import Student
from tests.scripted_media import scripted_jpeg
from tools.fuzz import ScriptedServer

THREADS = 16
MANY = 40
SOON_S = 20


class Pair:
    """A connection and its client's end."""

    def __init__(self) -> None:
        self.sock, self.client = socket.socketpair()
        self.client.settimeout(5)
        self.sock.settimeout(5)

    @property
    def is_cut(self) -> bool:
        self.sock.setblocking(False)
        try:
            return self.sock.recv(1) == b""
        except BlockingIOError:
            return False


@pytest.fixture
def pairs() -> Iterator[Callable[[], Pair]]:
    with ExitStack() as opened:

        def make() -> Pair:
            pair = Pair()
            opened.callback(pair.sock.close)
            opened.callback(pair.client.close)
            return pair

        yield make


def test_a_request_that_does_not_come_is_cut_off(pairs: Callable[[], Pair]) -> None:
    clock = FakeClock()
    patience = Patience(10, clock.monotonic_s)
    slow, quick, sends_a_body = pairs(), pairs(), pairs()
    for pair in (slow, quick, sends_a_body):
        patience.begin(pair)
    patience.head_is_read(quick, has_body=False)
    patience.head_is_read(sends_a_body, has_body=True)
    clock.advance(HEAD_S - 1)
    patience.enforce()
    assert not slow.is_cut
    clock.advance(1)
    patience.enforce()
    assert (slow.is_cut, quick.is_cut, sends_a_body.is_cut) == (True, False, False)
    clock.advance(BODY_S)
    patience.enforce()
    assert (quick.is_cut, sends_a_body.is_cut) == (False, True)


def test_the_slowest_give_way_when_too_many_are_slow(pairs: Callable[[], Pair]) -> None:
    patience = Patience(3, FakeClock().monotonic_s)
    slow = [pairs() for _ in range(5)]
    for pair in slow:
        patience.begin(pair)
    assert [pair.is_cut for pair in slow] == [True, True, False, False, False]


def test_an_answer_still_reaches_a_client_that_was_cut_off(pairs: Callable[[], Pair]) -> None:
    patience = Patience(0, FakeClock().monotonic_s)
    pair = pairs()
    patience.begin(pair)
    pair.sock.setblocking(True)
    pair.sock.sendall(b"answer")
    assert pair.client.recv(6) == b"answer"


def test_some_threads_are_kept_for_staff() -> None:
    limits = Limits(FakeClock(), 100, THREADS)
    full = tuple(Caller("student", session_id=f"s{n}") for n in range(12))
    with pytest.raises(TooMany, match="full"):
        limits.check_connections(Caller("student", session_id="s99"), full)
    limits.check_connections(Caller("staff", name="pat", login_id="l1"), full)
    limits.check_connections(Caller("student", session_id="s99"), full[1:])


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScriptedServer]:
    settings = {"PROCTOR_WORKERS": "1", "PROCTOR_WEB_THREADS": str(THREADS)}
    running = ScriptedServer(tmp_path_factory.mktemp("server"), settings)
    with running:
        yield running


def answers(server: ScriptedServer) -> bool:
    """Whether somebody else gets a page, in time that a person waits."""
    return all(
        requests.get(server.url_at("127.0.0.1") + path, timeout=SOON_S).ok
        for path in ("/healthz", "/", "/login")
    )


def opened(server: ScriptedServer, sends: bytes) -> socket.socket:
    line = socket.create_connection(("127.0.0.1", server.port), timeout=SOON_S)
    line.sendall(sends)
    return line


@pytest.mark.parametrize(
    "sends",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ",
        b"POST /portal/session HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n{",
        b"POST /login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n",
    ],
    ids=["silent", "half a head", "half a body", "half a chunk"],
)
def test_more_slow_clients_than_threads_do_not_keep_others_out(
    server: ScriptedServer, sends: bytes
) -> None:
    with ExitStack() as lines:
        for _ in range(MANY):
            lines.enter_context(closing(opened(server, sends)))
        assert answers(server)


def test_more_sockets_of_strangers_than_threads_do_not_keep_others_out(
    server: ScriptedServer,
) -> None:
    address = server.url_at("127.0.0.1").replace("http", "ws")
    address += "/socket.io/?EIO=4&transport=websocket"
    with ExitStack() as lines:
        for _ in range(THREADS + 4):
            line = websocket.create_connection(address, timeout=SOON_S)
            lines.callback(line.shutdown)
        assert answers(server)


def test_a_socket_that_never_reads_holds_nobody_else_up(server: ScriptedServer) -> None:
    """It asks for all live pictures of a session and takes none of them."""
    session = server.post("/api/session/create", {"user_id": "ann", "exam_id": "math"})
    student = Student(server.url_at("127.0.0.1"), session["token"])
    student.start()
    address = server.url_at("127.0.0.1").replace("http", "ws")
    with ExitStack() as lines:
        for _ in range(3):
            deaf = websocket.create_connection(
                address + "/socket.io/?EIO=4&transport=websocket",
                timeout=SOON_S,
                sockopt=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)],
            )
            lines.callback(deaf.shutdown)
            deaf.send("40" + json.dumps({"key": server.api_key}))
            while not str(deaf.recv()).startswith("40"):
                pass
            deaf.send("42" + json.dumps(["join_session", {"session_id": session["session_id"]}]))
        finished = threading.Event()
        deadline_s = time.monotonic() + 4
        while time.monotonic() < deadline_s:
            assert student.send((scripted_jpeg(),))["ok"] is True
            finished.wait(0.2)
        assert answers(server)
        ended = server.post("/api/session/end", {"session_id": session["session_id"]})
        assert ended["end_cause"] == "integrator"
    student.close()
