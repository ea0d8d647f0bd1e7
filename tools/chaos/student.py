"""A student's browser as far as the line is concerned: captures, keeps, sends, sends again.

It keeps the rules of docs/protocol.md for clients with a `count`. The spool outlives a crash of
the browser (`crash`), everything else does not.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import socketio

from tools.chaos.clock import FastClock
from tools.chaos.story import FPS, Story

# Seconds of the machine, not of the story.
ANSWER_S = 1.0
PROBE_EVERY_S = 0.4
PROBE_LOST_S = 2.0
RECONNECT_S = 0.3
MOST_BACKLOG = 6


@dataclass(slots=True, kw_only=True)
class Owed:
    """Something the server must get. `sent_s` is when it was sent and not answered yet."""

    is_acked: bool = False
    sent_s: float | None = None


@dataclass(slots=True)
class Kept(Owed):
    """One batch in the spool."""

    header: dict[str, Any]
    body: bytes
    from_ms: float


@dataclass(slots=True)
class KeptEvent(Owed):
    """One event in the spool."""

    payload: dict[str, Any]


@dataclass(slots=True)
class Spool:
    """What survives a crash of the browser."""

    count: str
    batches: dict[int, Kept] = field(default_factory=dict)
    events: dict[str, KeptEvent] = field(default_factory=dict)
    next_seq: int = 0
    offset_ms: float | None = None
    run: str = ""

    @property
    def all(self) -> list[Owed]:
        return [*self.batches.values(), *self.events.values()]


class Student:
    """One browser. `live` is called with the machine's seconds, often, from one thread."""

    def __init__(
        self, url: str, token: str, story: Story, clock: FastClock, seconds: Callable[[], float]
    ) -> None:
        self._url = url
        self.token = token
        self._story = story
        self._clock = clock
        self._seconds = seconds
        self._lock = threading.RLock()
        self.spool = Spool(count=f"chaos-{story.number}")
        self.started_ms: float | None = None
        self._captured_s = 0
        self._told = 0
        self._client: socketio.Client | None = None
        self._is_started = False
        self._is_dialling = False
        self._dial_s = 0.0
        self._probe_s = 0.0
        self._probed_s: float | None = None
        self._heard: dict[str, float] | None = None
        self.reconnects = 0

    @property
    def story_s(self) -> float:
        """The second of the session; 0 before it has started."""
        if self.started_ms is None:
            return 0.0
        return self._clock.unix_s() - self.started_ms / 1000

    @property
    def is_done(self) -> bool:
        """Whether the story is told and the server has all of it."""
        with self._lock:
            is_sent = all(each.is_acked for each in self.spool.all)
            return self._captured_s >= self._story.length_s and is_sent

    def live(self) -> None:
        """Capture, keep, send: whatever is due."""
        now_s = self._seconds()
        if not self._is_started and not self._is_dialling and now_s >= self._dial_s:
            self._is_dialling = True
            threading.Thread(target=self._dial, name="dial", daemon=True).start()
        if self.started_ms is None:
            return
        self._capture()
        if not self._is_started:
            return
        self._probe(now_s)
        self._send(now_s)

    def crash(self) -> None:
        """The browser dies and comes back: only the spool is left."""
        self.hang_up()
        with self._lock:
            for batch in self.spool.batches.values():
                batch.sent_s = None
            for event in self.spool.events.values():
                event.sent_s = None
            self._heard = None

    def hang_up(self) -> None:
        client, self._client = self._client, None
        self._is_started = False
        if client is not None:
            threading.Thread(target=_close, args=(client,), daemon=True).start()

    def _dial(self) -> None:
        client = socketio.Client(reconnection=False, handle_sigint=False)
        try:
            client.on("disconnect", lambda *_reason: self._lost(client))
            client.connect(
                self._url, auth={"token": self.token}, transports=["websocket"], wait_timeout=3
            )
            sent_ms = self._clock.unix_s() * 1000
            message: dict[str, Any] = {"client": "agent", "count": self.spool.count}
            message["sent_ms"] = sent_ms
            if self.spool.offset_ms is not None:
                message["offset_ms"] = self.spool.offset_ms
            answer = client.call("start", message, timeout=2)
            if not answer.get("ok"):
                raise ValueError(str(answer.get("error")))
            self._take_up(client, answer)
        except Exception:
            # Whatever a wild line does to a handshake: the next one may fare better.
            _close(client)
        finally:
            self._dial_s = self._seconds() + RECONNECT_S
            self._is_dialling = False

    def _take_up(self, client: socketio.Client, answer: dict[str, Any]) -> None:
        with self._lock:
            self.token = answer["token"]
            forgot = self.spool.run not in ("", answer["run"])
            for kept in self.spool.all:
                kept.sent_s = None
                kept.is_acked = kept.is_acked and not forgot
            self.spool.run = answer["run"]
            self.spool.next_seq = max(self.spool.next_seq, answer["next_seq"])
            if self.started_ms is None:
                self.started_ms = float(answer["started_ms"])
            self._client, self._probed_s = client, None
            self._is_started = True
            self.reconnects += 1

    def _lost(self, client: socketio.Client) -> None:
        if self._client is client:
            self._client = None
            self._is_started = False

    def _capture(self) -> None:
        """Cut a batch for each second that has passed."""
        started_ms = self.started_ms or 0.0
        while self._captured_s < self._story.length_s and self.story_s >= self._captured_s + 1:
            second = self._captured_s
            instants = [second + index / FPS for index in range(FPS)]
            frames = [self._story.picture(at_s) for at_s in instants]
            header = {
                "frames": [
                    {"t": started_ms + at_s * 1000, "size": len(jpeg)}
                    for at_s, jpeg in zip(instants, frames, strict=True)
                ],
                "state": {"camera": True, "visible": True},
            }
            with self._lock:
                seq = self.spool.next_seq
                self.spool.next_seq += 1
                kept = Kept({**header, "seq": seq}, b"".join(frames), started_ms + second * 1000)
                self.spool.batches[seq] = kept
                self._captured_s += 1
        while self._told < len(self._story.events):
            event = self._story.events[self._told]
            if self.story_s < event.at_s:
                break
            payload = {
                "id": event.event_id,
                "kind": event.kind,
                "t": started_ms + event.at_s * 1000,
            }
            with self._lock:
                self.spool.events[event.event_id] = KeptEvent(payload)
            self._told += 1

    def _probe(self, now_s: float) -> None:
        if self._probed_s is not None and now_s - self._probed_s > PROBE_LOST_S:
            self.hang_up()
            self._dial_s = now_s
            return
        if now_s < self._probe_s:
            return
        self._probe_s = now_s + PROBE_EVERY_S
        if self._probed_s is None:
            self._probed_s = now_s

        def answered(_answer: dict[str, Any]) -> None:
            self._probed_s = None

        self._emit("probe", {}, answered)

    def _send(self, now_s: float) -> None:
        """Events first, then what is live, then the backlog beside it."""
        with self._lock:
            for kept in self.spool.all:
                if kept.sent_s is not None and now_s - kept.sent_s > ANSWER_S:
                    kept.sent_s = None
            due = [e for e in self.spool.events.values() if not e.is_acked and e.sent_s is None]
            owed = [b for b in self.spool.batches.values() if not b.is_acked]
            waiting = [b for b in owed if b.sent_s is None]
            underway = sum(b.sent_s is not None for b in owed)
        for event in due:
            self._send_event(event, now_s)
        if not waiting or underway >= MOST_BACKLOG:
            return
        newest = max(waiting, key=lambda b: b.from_ms)
        is_live = newest.from_ms >= self._clock.unix_s() * 1000 - 3_000
        self._send_batch(newest if is_live else min(waiting, key=lambda b: b.from_ms), now_s)

    def _send_event(self, event: KeptEvent, now_s: float) -> None:
        event.sent_s = now_s

        def answered(answer: dict[str, Any]) -> None:
            event.sent_s = None
            event.is_acked = event.is_acked or bool(answer.get("ok"))

        self._emit("screen_event", event.payload, answered)

    def _send_batch(self, kept: Kept, now_s: float) -> None:
        kept.sent_s = now_s
        with self._lock:
            others = [
                b.from_ms for b in self.spool.batches.values() if not b.is_acked and b is not kept
            ]
        sent_ms = self._clock.unix_s() * 1000
        header = {**kept.header, "sent_ms": sent_ms, "oldest_ms": min([*others, sent_ms])}
        if self._heard is not None:
            header["heard"] = self._heard

        def answered(answer: dict[str, Any]) -> None:
            self._learn(kept, answer)

        self._emit("batch", (header, kept.body), answered)

    def _learn(self, kept: Kept, answer: dict[str, Any]) -> None:
        with self._lock:
            kept.sent_s = None
            if not answer.get("ok"):
                return
            kept.is_acked = True
            self._heard = {"server_ms": answer["server_ms"], "t": self._clock.unix_s() * 1000}
            if answer.get("offset_ms") is not None:
                self.spool.offset_ms = answer["offset_ms"]
            settled_seq = answer["settled_seq"]
            for seq in [s for s, b in self.spool.batches.items() if b.is_acked and s < settled_seq]:
                del self.spool.batches[seq]
            settled_ms = answer.get("settled_ms") or 0.0
            events = self.spool.events
            for event_id in [i for i, e in events.items() if e.is_acked]:
                if events[event_id].payload["t"] < settled_ms:
                    del events[event_id]

    def _emit(self, event: str, payload: Any, answered: Callable[[dict[str, Any]], None]) -> None:
        client = self._client
        if client is None:
            return
        try:
            client.emit(event, payload, callback=answered)
        except Exception:
            # The library has many ways to say that the connection is gone.
            self._lost(client)


def _close(client: socketio.Client) -> None:
    """Drop the line as a pulled cable does; a polite close waits for an answer."""
    try:
        client.eio.ws.close(timeout=0)
        client.eio.state = "disconnected"
    except Exception:
        # It is gone already.
        return
