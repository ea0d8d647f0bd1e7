"""Socket cases: every event with what it does not expect, replayed, out of order; raw frames."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import socketio
import websocket
from socketio.exceptions import SocketIOError

from tools.fuzzing.report import Report
from tools.fuzzing.values import NAMES, TEXTS, blob, hostile, nested

ACK_S = 15
PER_LINE = 60
# What no server of ours declares; clients may not wait for an answer to these.
UNKNOWN = ("connect", "disconnect", "message", "no_such_event", "__proto__", "")
HEADS = ("4", "40", "41", "42", "43", "44", "45", "451-", "459999-", "2", "6")
WAIT_STEP_S = 0.05


LINE_CLOSED, NO_ANSWER = object(), object()


@dataclass(frozen=True)
class Caller:
    """How a connection says who it is."""

    auth: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


class SocketFuzzer:
    """Speaks to one server as a student, an integrator or nobody."""

    def __init__(
        self,
        url: str,
        auth: Callable[[int], Caller],
        events: Sequence[str],
        known: Sequence[str],
        report: Report,
    ) -> None:
        """`auth` says who the connection of that number is, `events` are those the server
        answers, `known` are ids that exist."""
        self._url = url
        self._auth = auth
        self._events = tuple(events)
        self._known = tuple(known)
        self._report = report
        self._lines = 0

    def run_events(self, cases: int, chance: random.Random) -> None:
        """Events with hostile payloads, each answered before the next."""
        sent = 0
        while sent < cases:
            client = socketio.Client(reconnection=False, handle_sigint=False)
            caller = self._next()
            try:
                client.connect(
                    self._url,
                    dict(caller.headers),
                    auth=caller.auth,
                    transports=["websocket"],
                    wait_timeout=ACK_S,
                )
            except SocketIOError:
                self._report.case("event connect", "refused")
                sent += 1
                continue
            try:
                if "token" in caller.auth and chance.random() < 0.8:
                    self._ask(client, "start", ({"client": "agent"},))
                sent += self._talk(client, min(PER_LINE, cases - sent), chance)
            finally:
                _drop(client)

    def _next(self) -> Caller:
        self._lines += 1
        return self._auth(self._lines)

    def _talk(self, client: socketio.Client, most: int, chance: random.Random) -> int:
        sent = 0
        last: tuple[str, tuple[Any, ...]] = ("start", ({"client": "agent"},))
        while sent < most and client.connected:
            event, payload = last if chance.random() < 0.1 else self._event(chance)
            last = (event, payload)
            sent += 1
            if event not in self._events:
                client.emit(event, payload)
                self._report.case(f"event {event}", "sent")
                continue
            try:
                answer = self._ask(client, event, payload)
            except SocketIOError:
                answer = LINE_CLOSED
            if answer is LINE_CLOSED:
                self._report.case(f"event {event}", "line closed")
                return sent
            if answer is NO_ANSWER:
                self._report.case(f"event {event}", "no answer")
                self._report.fault(f"{event}: no answer in {ACK_S} s")
                return sent
            self._judge(event, answer)
        return sent

    def _ask(self, client: socketio.Client, event: str, payload: tuple[Any, ...]) -> Any:
        """The acknowledgement; the client's own `call` would wait for it on a closed line."""
        heard, answers = threading.Event(), list[Any]()

        def acknowledged(*answer: Any) -> None:
            answers.append(answer[0] if len(answer) == 1 else answer)
            heard.set()

        client.emit(event, payload, callback=acknowledged)
        deadline_s = time.monotonic() + ACK_S
        while not heard.wait(WAIT_STEP_S):
            if not client.connected:
                return LINE_CLOSED
            if time.monotonic() > deadline_s:
                return NO_ANSWER
        return answers[0]

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
                    line.send("40" + json.dumps(self._next().auth))
                for _ in range(min(5, cases - sent)):
                    sent += 1
                    self._send_frame(line, chance)
                    self._report.case("frame raw", "sent")
                line.close(timeout=1)
            except (OSError, websocket.WebSocketException):
                self._report.case("frame raw", "line closed")
                sent += 1

    def _event(self, chance: random.Random) -> tuple[str, tuple[Any, ...]]:
        event = chance.choice(self._events if chance.random() < 0.9 else UNKNOWN)
        if event == "batch" and chance.random() < 0.8:
            return event, _batch(chance)
        # What ends the session leaves nothing to send to.
        if event == "end_session" and chance.random() < 0.95:
            return event, (hostile(chance), hostile(chance), hostile(chance))
        if event == "start" and chance.random() < 0.5:
            return event, ({"client": "agent", "capabilities": hostile(chance)},)
        if chance.random() < 0.4:
            return event, (self._nearly_right(chance),)
        payload = tuple(
            blob(chance) if chance.random() < 0.1 else hostile(chance)
            for _ in range(chance.choice((0, 1, 1, 1, 1, 2, 3)))
        )
        return event, payload

    def _nearly_right(self, chance: random.Random) -> dict[str, Any]:
        """Ids that exist, and everything else hostile."""
        names = chance.sample(NAMES, chance.randrange(1, 6))
        given = {name: hostile(chance) for name in names}
        if chance.random() < 0.9:
            given["session_id"] = chance.choice(self._known)
        return given

    def _send_frame(self, line: websocket.WebSocket, chance: random.Random) -> None:
        pick = chance.random()
        if pick < 0.2:
            line.send_binary(blob(chance))
        elif pick < 0.5:
            head = chance.choice(
                ("4", "40", "41", "42", "43", "44", "45", "451-", "459999-", "2", "6")
            )
            line.send(head + chance.choice(TEXTS).encode("utf-8", "replace").decode())
        elif pick < 0.7:
            line.send("42" + json.dumps([chance.choice(self._events + UNKNOWN), hostile(chance)]))
        elif pick < 0.8:
            line.send("42" + json.dumps(["start", nested(900)]))
        elif pick < 0.9:
            line.send(f'45{chance.choice((1, 2, 9))}-["batch",{{"_placeholder":true,"num":7}}]')
            line.send_binary(blob(chance))
        else:
            line.send("4" * chance.choice((1, 1_000, 200_000)))


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


def _drop(client: socketio.Client) -> None:
    """A polite goodbye takes this client seconds, and its writer half a minute; neither is
    waited for."""
    if client.connected:
        client.eio.ws.close(timeout=1)
