"""A TCP proxy on loopback that knows where a WebSocket message begins and ends.

While it is `wild` it drops, delays, duplicates and reorders whole Socket.IO events and their
acknowledgements; `cut` ends every connection and refuses new ones until `mend`; `thin` makes the
way to the server as thin and as late as asked.
"""

from __future__ import annotations

import random
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

_ACCEPT_S = 0.2
_READ_BYTES = 65_536
_HANDSHAKE_BYTES = 65_536
# Events and acknowledgements, without and with attachments.
_MAY_SUFFER = (b"42", b"45", b"43", b"46")
_TEXT = 1


@dataclass(frozen=True, slots=True)
class Odds:
    """How often a message suffers what."""

    drop: float = 0.02
    duplicate: float = 0.04
    swap: float = 0.04
    late: float = 0.15
    late_s: float = 0.05


@dataclass(slots=True)
class Message:
    """One event with its attachments as it stands on the wire; `kind` is its first two bytes."""

    kind: bytes
    raw: bytes


class Proxy:
    """Between a client and the server on `port`. Start it with `start`, end it with `close`."""

    def __init__(self, port: int, chance: random.Random, odds: Odds | None = None) -> None:
        self._target = port
        self._chance = chance
        self._odds = odds or Odds()
        self._bytes_per_s = self._delay_s = 0.0
        self.is_wild = False
        self._is_cut = False
        self._closing = threading.Event()
        self._lock = threading.Lock()
        self._sockets: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_ACCEPT_S)
        self.port = int(self._listener.getsockname()[1])

    def start(self) -> None:
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def cut(self) -> None:
        """The line is gone until `mend`."""
        with self._lock:
            self._is_cut = True
            sockets, self._sockets = self._sockets, set()
        for each in sockets:
            _hang_up(each)

    def mend(self) -> None:
        with self._lock:
            self._is_cut = False

    def thin(self, bytes_per_s: float, delay_s: float) -> None:
        """From now on the way to the server carries so much, so late; 0 is without limit."""
        self._bytes_per_s, self._delay_s = bytes_per_s, delay_s

    def close(self) -> None:
        self._closing.set()
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        while not self._closing.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            if self._is_cut:
                _hang_up(client)
                continue
            threading.Thread(target=self._join, args=(client,), daemon=True).start()

    def _join(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self._target), timeout=5)
        except OSError:
            _hang_up(client)
            return
        server.settimeout(None)
        client.settimeout(None)
        for each in (client, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._sockets |= {client, server}
        back = threading.Thread(target=self._carry, args=(server, client, False), daemon=True)
        back.start()
        self._carry(client, server, True)

    def _carry(self, source: socket.socket, target: socket.socket, is_up: bool) -> None:
        try:
            reader = _Reader(source)
            head = reader.until(b"\r\n\r\n")
            target.sendall(head)
            if b"websocket" not in head.lower():
                self._carry_plain(reader, source, target)
            else:
                self._carry_messages(reader, target, is_up)
        except (OSError, EOFError, ValueError):
            pass
        finally:
            _hang_up(source)
            _hang_up(target)
            with self._lock:
                self._sockets -= {source, target}

    def _carry_plain(self, reader: _Reader, source: socket.socket, target: socket.socket) -> None:
        target.sendall(reader.rest())
        while data := source.recv(_READ_BYTES):
            target.sendall(data)

    def _carry_messages(self, reader: _Reader, target: socket.socket, is_up: bool) -> None:
        held: bytes | None = None
        free_s = time.monotonic()
        far = _FarEnd(target, self._closing)
        for message in messages(reader):
            if is_up and (self._bytes_per_s or self._delay_s):
                free_s = self._pass(len(message.raw), free_s)
                far.deliver(message.raw, free_s + self._delay_s)
                continue
            far.wait()
            if not self.is_wild or message.kind not in _MAY_SUFFER:
                target.sendall(message.raw)
                continue
            fate = self._chance.random()
            odds = self._odds
            if fate < odds.drop:
                continue
            if fate < odds.drop + odds.swap and held is None:
                held = message.raw
                continue
            if self._chance.random() < odds.late:
                time.sleep(self._chance.random() * odds.late_s)
            target.sendall(message.raw)
            if fate > 1 - odds.duplicate:
                target.sendall(message.raw)
            if held is not None:
                target.sendall(held)
                held = None

    def _pass(self, size: int, free_s: float) -> float:
        """Wait until a message is on its way; when the line is free for the next."""
        took_s = size / self._bytes_per_s if self._bytes_per_s else 0.0
        done_s = max(free_s, time.monotonic()) + took_s
        self._closing.wait(max(0.0, done_s - time.monotonic()))
        return done_s


class _FarEnd:
    """Hands on each message when it has come all the way; others set out meanwhile."""

    def __init__(self, target: socket.socket, closing: threading.Event) -> None:
        self._target = target
        self._closing = closing
        self._lock = threading.Lock()
        self._travelling: deque[tuple[float, bytes]] = deque()
        self._thread: threading.Thread | None = None

    def deliver(self, raw: bytes, due_s: float) -> None:
        """Hand a message on at `due_s`; returns at once."""
        with self._lock:
            self._travelling.append((due_s, raw))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="far-end", daemon=True)
                self._thread.start()

    def wait(self) -> None:
        """Return when everything has arrived."""
        thread = self._thread
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._travelling:
                    self._thread = None
                    return
                due_s, raw = self._travelling.popleft()
            self._closing.wait(max(0.0, due_s - time.monotonic()))
            with suppress(OSError):
                self._target.sendall(raw)


class _Reader:
    """Exact reads from a socket."""

    def __init__(self, source: socket.socket) -> None:
        self._source = source
        self._data = b""

    def take(self, size: int) -> bytes:
        """Raises EOFError when the other side is gone."""
        while len(self._data) < size:
            more = self._source.recv(_READ_BYTES)
            if not more:
                raise EOFError
            self._data += more
        taken, self._data = self._data[:size], self._data[size:]
        return taken

    def until(self, mark: bytes) -> bytes:
        while mark not in self._data:
            more = self._source.recv(_READ_BYTES)
            if not more or len(self._data) > _HANDSHAKE_BYTES:
                raise EOFError
            self._data += more
        head, _, self._data = self._data.partition(mark)
        return head + mark

    def rest(self) -> bytes:
        rest, self._data = self._data, b""
        return rest


def messages(reader: _Reader) -> Iterator[Message]:
    """Whole messages; an event's attachments belong to it. Ends with EOFError."""
    while True:
        opcode, payload, raw = _frame(reader)
        kind = payload[:2] if opcode == _TEXT else b""
        if kind in (b"45", b"46"):
            count = payload[2 : payload.index(b"-")]
            for _ in range(int(count)):
                raw += _frame(reader)[2]
        yield Message(kind, raw)


def _frame(reader: _Reader) -> tuple[int, bytes, bytes]:
    """Opcode, payload and raw bytes of one WebSocket frame (RFC 6455, 5.2)."""
    head = reader.take(2)
    size = head[1] & 0x7F
    raw = head
    if size >= 126:
        extended = reader.take(2 if size == 126 else 8)
        size = int.from_bytes(extended, "big")
        raw += extended
    mask = b""
    if head[1] & 0x80:
        mask = reader.take(4)
        raw += mask
    payload = reader.take(size)
    raw += payload
    start = payload[:64]
    if mask:
        start = bytes(byte ^ mask[index % 4] for index, byte in enumerate(start))
    return head[0] & 0x0F, start, raw


def _hang_up(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()
