"""A small Socket.IO client over one WebSocket, for asyncio: cheap enough to run by the hundred.

It speaks only what the simulation needs: Engine.IO 4 over WebSocket, the default parser, events
with acknowledgements and binary attachments. One task reads; any task of the loop may send.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import re
import ssl
import struct
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

ANSWER_WITHIN_S = 20.0
_LIMIT_BYTES = 2**22
# Frames of clients must carry a mask (RFC 6455); a mask of zeros costs nothing to apply.
_NO_MASK = bytes(4)
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10
_PACKET = re.compile(r"(\d)(?:(\d+)-)?(\d+)?")

OnEvent = Callable[[str, list[Any]], None]


class WireError(Exception):
    """The line is down, was refused, or did not answer in time."""


class Wire:
    """One connection. `on_event(name, arguments)` is called for what the server sends."""

    def __init__(self, on_event: OnEvent | None = None) -> None:
        self._on_event = on_event or (lambda _name, _arguments: None)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self._asked: dict[int, asyncio.Future[Any]] = {}
        self._next_id = 0
        self._joined: asyncio.Future[None] | None = None
        self.is_open = False
        self.sent_bytes = 0

    async def connect(self, server: str, auth: dict[str, str]) -> None:
        """Open the line and say who we are. Raises WireError."""
        try:
            await asyncio.wait_for(self._open(server, auth), ANSWER_WITHIN_S)
        except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
            await self.close()
            raise WireError(
                f"The server cannot be reached: {error or type(error).__name__}"
            ) from None

    async def _open(self, server: str, auth: dict[str, str]) -> None:
        parts = urlsplit(server)
        tls = ssl.create_default_context() if parts.scheme == "https" else None
        port = parts.port or (443 if tls else 80)
        self._reader, self._writer = await asyncio.open_connection(
            parts.hostname, port, ssl=tls, limit=_LIMIT_BYTES
        )
        key = base64.b64encode(os.urandom(16)).decode()
        self._writer.write(
            (
                "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n"
                f"Host: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
            ).encode()
        )
        head = await self._reader.readuntil(b"\r\n\r\n")
        status = head.split(b"\r\n", 1)[0].decode("latin-1")
        if " 101 " not in status:
            raise WireError(f"No WebSocket: {status}")
        self._joined = asyncio.get_running_loop().create_future()
        self.is_open = True
        self._task = asyncio.create_task(self._read(json.dumps(auth)))
        await self._joined

    async def ask(
        self,
        name: str,
        *arguments: Any,
        body: bytes | None = None,
        within_s: float = ANSWER_WITHIN_S,
    ) -> Any:
        """Send an event and wait for its acknowledgement. Raises WireError.

        `body` is sent as the event's last argument, as a binary attachment.
        """
        packet_id = self._next_id
        self._next_id += 1
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked[packet_id] = answer
        whole = [name, *arguments]
        if body is None:
            self._send(_TEXT, f"42{packet_id}{json.dumps(whole)}".encode())
        else:
            whole.append({"_placeholder": True, "num": 0})
            self._send(_TEXT, f"451-{packet_id}{json.dumps(whole)}".encode())
            self._send(_BINARY, body)
        try:
            if self._writer is not None:
                await self._writer.drain()
            return await asyncio.wait_for(answer, within_s)
        except (asyncio.TimeoutError, OSError):
            raise WireError(f"No answer to {name} within {within_s:g} s.") from None
        finally:
            self._asked.pop(packet_id, None)

    async def close(self) -> None:
        """Hang up. Harmless when the line is down."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        self._down("The line was closed.")
        if self._writer is not None:
            self._writer.close()

    def _send(self, opcode: int, payload: bytes) -> None:
        if self._writer is None or not self.is_open:
            raise WireError("The line is down.")
        size = len(payload)
        head = bytes([0x80 | opcode])
        if size < 126:
            head += bytes([0x80 | size])
        elif size < 65_536:
            head += struct.pack("!BH", 0x80 | 126, size)
        else:
            head += struct.pack("!BQ", 0x80 | 127, size)
        self._writer.write(head + _NO_MASK)
        self._writer.write(payload)
        self.sent_bytes += size

    async def _read(self, auth: str) -> None:
        reason = "The server closed the line."
        try:
            held: tuple[str, list[Any], int] | None = None
            while True:
                opcode, payload = await self._frame()
                if opcode == _PING:
                    self._send(_PONG, payload)
                elif opcode == _CLOSE:
                    return
                elif opcode == _BINARY and held is not None:
                    name, arguments, missing = held
                    held = (name, arguments, missing - 1) if missing > 1 else None
                    if held is None:
                        self._on_event(name, arguments)
                elif opcode == _TEXT:
                    held = self._packet(payload.decode(), auth) or held
        except (OSError, asyncio.IncompleteReadError, WireError, ValueError) as error:
            reason = str(error) or reason
        finally:
            self._down(reason)

    async def _frame(self) -> tuple[int, bytes]:
        """The next message: the server masks nothing and is not known to split messages."""
        assert self._reader is not None
        first, second = await self._reader.readexactly(2)
        size = second & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", await self._reader.readexactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", await self._reader.readexactly(8))
        payload = await self._reader.readexactly(size)
        opcode = first & 0x0F
        if not first & 0x80:
            raise WireError("The server splits its messages, which this client does not join.")
        return opcode, payload

    def _packet(self, text: str, auth: str) -> tuple[str, list[Any], int] | None:
        """Deal with one Engine.IO packet; an event that waits for attachments is handed back."""
        if text[:1] == "0":
            self._send(_TEXT, f"40{auth}".encode())
        elif text[:1] == "2":
            self._send(_TEXT, b"3")
        elif text[:1] == "1":
            raise WireError("The server closed the line.")
        if text[:1] != "4":
            return None
        found = _PACKET.match(text, 1)
        if found is None:
            return None
        kind, attachments, packet_id = found.groups()
        data: Any = json.loads(text[found.end() :]) if found.end() < len(text) else None
        if kind == "0" and self._joined is not None and not self._joined.done():
            self._joined.set_result(None)
        elif kind == "4":
            raise WireError(f"Refused: {data}")
        elif kind == "1":
            raise WireError("The server ended the connection.")
        elif kind == "2":
            self._on_event(str(data[0]), data[1:])
        elif kind == "5":
            return str(data[0]), data[1:], int(attachments or 1)
        elif kind == "3":
            answer = self._asked.get(int(packet_id or -1))
            if answer is not None and not answer.done():
                answer.set_result(data[0] if data else None)
        return None

    def _down(self, reason: str) -> None:
        self.is_open = False
        waiting = [*self._asked.values(), *([self._joined] if self._joined else [])]
        for answer in waiting:
            if not answer.done():
                answer.set_exception(WireError(reason))
                # Whoever still waits is told; nobody has to.
                answer.exception()
