"""Hostile clients of the Socket.IO endpoint: raw WebSockets that keep to no protocol."""

from __future__ import annotations

import itertools
import json
import logging
from collections.abc import Iterator
from contextlib import suppress

import pytest
import websocket

from tests.live_server import LiveServer, live_server
from tests.scripted_media import scripted_jpeg
from tests.waiting import wait_until

COUNT = itertools.count()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveServer]:
    with live_server(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(autouse=True)
def _quiet_and_alive(server: LiveServer, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """After each attack the log holds no error and an honest student is served."""
    yield
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    student = server.student(server.new_session(f"honest-{next(COUNT)}"))
    assert student.start()["ok"] is True
    assert student.send((scripted_jpeg(),))["ok"] is True
    student.close()


class Raw:
    """A WebSocket to the Socket.IO endpoint, let in as a student or not."""

    def __init__(
        self, server: LiveServer, *, is_let_in: bool = True, headers: tuple[str, ...] = ()
    ) -> None:
        address = server.url.replace("http", "ws") + "/socket.io/?EIO=4&transport=websocket"
        self.socket = websocket.create_connection(address, timeout=10, header=list(headers))
        self.socket.recv()
        if is_let_in:
            token = server.services.tokens.join(server.new_session("mallory").session_id)
            self.socket.send("40" + json.dumps({"token": token}))
            assert str(self.socket.recv()).startswith("40")

    def is_closed(self) -> bool:
        """Read until the server has closed the line, or nothing comes."""
        with suppress(websocket.WebSocketTimeoutException):
            try:
                while self.socket.recv() not in ("", b""):
                    pass
            except (websocket.WebSocketConnectionClosedException, OSError):
                pass
            return True
        return False


@pytest.mark.parametrize("is_let_in", [True, False])
@pytest.mark.parametrize(
    "message",
    [
        "hello",
        "\N{PILE OF POO}",
        "4",
        "4x",
        "4" + "[" * 100_000,
        "b????",
        "2" * 10_000,
        "42",
        "42{",
        "42[]",
        "42[1]",
        '42{"a":1}',
        "42" + "[" * 100_000,
        '451-["batch",{"_placeholder":true,"num":7}]',
        '459999999999-["batch",{"_placeholder":true,"num":0}]',
        '452-["batch",{},{"_placeholder":true,"num":0}]',
        "43[]",
        "44",
        "49",
        '42/nowhere,["batch"]',
        "40" + json.dumps({"token": "x"}),
        '420["connect",{}]',
        '421["disconnect"]',
        '42["__class__"]',
    ],
)
def test_what_cannot_be_read_does_no_harm(
    server: LiveServer, message: str, is_let_in: bool
) -> None:
    raw = Raw(server, is_let_in=is_let_in)
    raw.socket.send(message)
    with suppress(OSError, websocket.WebSocketException):
        raw.socket.send_binary(b"\x00" * 1000)
        raw.socket.send("1")
    assert raw.is_closed()


@pytest.mark.parametrize("count", [8, 9_999_999])
def test_attachments_without_end_are_not_collected(server: LiveServer, count: int) -> None:
    raw = Raw(server)
    raw.socket.send(f'45{count}-["batch",{{"_placeholder":true,"num":0}}]')
    with suppress(OSError, websocket.WebSocketException):
        for _ in range(20):
            raw.socket.send_binary(bytes(3_000_000))
    assert raw.is_closed()


def test_compression_is_not_agreed_to(server: LiveServer) -> None:
    raw = Raw(server, headers=("Sec-WebSocket-Extensions: permessage-deflate",))
    assert "sec-websocket-extensions" not in raw.socket.headers
    raw.socket.close()


def test_a_flood_is_read_no_faster_than_it_is_handled(server: LiveServer) -> None:
    raw = Raw(server)
    session = server.new_session("mallory")
    raw.socket.send('420["start",{"client":"agent"}]')
    for number in range(3_000):
        raw.socket.send(f'42{number}["screen_event",{{"id":"f{number}","kind":"copy","t":1.0}}]')

    def refused() -> int:
        state = server.services.ingest.contact(session.session_id)
        return state.counters.get("over_rate", 0) if state else 0

    wait_until(lambda: refused() > 2_000, "the flood is refused")
    raw.socket.close()
