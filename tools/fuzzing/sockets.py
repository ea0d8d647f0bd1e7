"""Socket cases: every event with what it does not expect, replayed, out of order; raw frames."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import socketio
import websocket
from socketio.exceptions import SocketIOError

from tools.fuzzing.report import Report
from tools.fuzzing.values import TEXTS, blob, hostile, nested

ACK_S = 15
PER_LINE = 60
STUDENT_EVENTS = ("start", "batch", "screen_event", "end_session")
EVENTS = (
    *STUDENT_EVENTS,
    "join_session",
    "leave_session",
    "join_wall",
    "leave_wall",
    "want_thumbnails",
    "resume",
    "decide_place",
    "connect",
    "disconnect",
    "message",
    "no_such_event",
    "__proto__",
    "",
)


class SocketFuzzer:
    """Speaks to one server as a student, an integrator or nobody."""

    def __init__(self, url: str, auth: Callable[[int], dict[str, str]], report: Report) -> None:
        """`auth` says who the connection of that number is."""
        self._url = url
        self._auth = auth
        self._report = report
        self._lines = 0

    def run_events(self, cases: int, chance: random.Random) -> None:
        """Events with hostile payloads, each answered before the next."""
        sent = 0
        while sent < cases:
            client = socketio.Client(reconnection=False, handle_sigint=False)
            auth = self._next_auth()
            try:
                client.connect(self._url, auth=auth, transports=["websocket"], wait_timeout=ACK_S)
            except SocketIOError:
                self._report.case("event connect", "refused")
                sent += 1
                continue
            try:
                sent += self._talk(client, min(PER_LINE, cases - sent), chance)
            finally:
                _drop(client)

    def _next_auth(self) -> dict[str, str]:
        self._lines += 1
        return self._auth(self._lines)

    def _talk(self, client: socketio.Client, most: int, chance: random.Random) -> int:
        sent = 0
        last: tuple[str, tuple[Any, ...]] = ("start", ({"client": "agent"},))
        while sent < most and client.connected:
            event, payload = last if chance.random() < 0.1 else _event(chance)
            last = (event, payload)
            sent += 1
            # Not every event is answered: a client may not wait for one that is unknown.
            if event not in EVENTS[:11]:
                client.emit(event, payload)
                self._report.case(f"event {event}", "sent")
                continue
            try:
                answer = client.call(event, payload, timeout=ACK_S)
            except SocketIOError as error:
                self._report.case(f"event {event}", "line closed" if not client.connected else "-")
                if client.connected:
                    self._report.fault(f"{event}: no answer ({type(error).__name__})")
                return sent
            self._judge(event, answer)
        return sent

    def _judge(self, event: str, answer: Any) -> None:
        if not isinstance(answer, dict) or "ok" not in answer:
            self._report.case(f"event {event}", "odd")
            self._report.fault(f"{event}: answered {str(answer)[:100]}")
            return
        code = "ok" if answer["ok"] else str(answer["error"]["code"])
        self._report.case(f"event {event}", code)
        if code == "error":
            self._report.fault(f"{event}: the server failed on it")

    def run_frames(self, cases: int, chance: random.Random) -> None:
        """Frames below Socket.IO: broken packets, attachments that never come, junk."""
        sent = 0
        address = self._url.replace("http", "ws", 1) + "/socket.io/?EIO=4&transport=websocket"
        while sent < cases:
            try:
                line = websocket.create_connection(address, timeout=ACK_S)
                line.recv()
                if chance.random() < 0.8:
                    line.send("40" + json.dumps(self._next_auth()))
                for _ in range(min(5, cases - sent)):
                    sent += 1
                    _send_frame(line, chance)
                    self._report.case("frame raw", "sent")
                line.close(timeout=1)
            except (OSError, websocket.WebSocketException):
                self._report.case("frame raw", "line closed")
                sent += 1


def _event(chance: random.Random) -> tuple[str, tuple[Any, ...]]:
    pick = chance.random()
    event = chance.choice(EVENTS[:11]) if pick < 0.85 else chance.choice(EVENTS)
    if event == "batch" and chance.random() < 0.8:
        return event, _batch(chance)
    if event == "end_session" and chance.random() < 0.9:
        return event, (hostile(chance), hostile(chance))
    if event == "start" and chance.random() < 0.5:
        return event, ({"client": "agent", "capabilities": hostile(chance)},)
    payload = tuple(
        blob(chance) if chance.random() < 0.1 else hostile(chance)
        for _ in range(chance.choice((0, 1, 1, 1, 1, 2, 3)))
    )
    return event, payload


def _batch(chance: random.Random) -> tuple[Any, ...]:
    """A batch that is nearly right."""
    parts = [blob(chance) for _ in range(chance.randrange(4))]
    header: dict[str, Any] = {
        "seq": chance.choice((0, 1, 2, 3, 5, 1_000, -1, 2**53)),
        "sent_ms": chance.choice((0, 1.7e12, 1.8e12, -1, 1e300)),
        "frames": [{"t": 1.7e12 + n, "size": len(part)} for n, part in enumerate(parts)],
        "events": [],
        "state": {"visible": True},
    }
    for name in chance.sample(sorted(header), chance.randrange(3)):
        header[name] = hostile(chance)
    return header, b"".join(parts) if chance.random() < 0.8 else hostile(chance)


def _send_frame(line: websocket.WebSocket, chance: random.Random) -> None:
    pick = chance.random()
    if pick < 0.2:
        line.send_binary(blob(chance))
    elif pick < 0.5:
        head = chance.choice(("4", "40", "41", "42", "43", "44", "45", "451-", "459999-", "2", "6"))
        line.send(head + chance.choice(TEXTS).encode("utf-8", "replace").decode())
    elif pick < 0.7:
        line.send("42" + json.dumps([chance.choice(EVENTS), hostile(chance)]))
    elif pick < 0.8:
        line.send("42" + json.dumps(["start", nested(900)]))
    elif pick < 0.9:
        line.send(f'45{chance.choice((1, 2, 9))}-["batch",{{"_placeholder":true,"num":7}}]')
        line.send_binary(blob(chance))
    else:
        line.send("4" * chance.choice((1, 1_000, 200_000)))


def _drop(client: socketio.Client) -> None:
    """A polite goodbye takes this client seconds."""
    if client.connected:
        client.eio.ws.close(timeout=1)
    client.eio.wait()
