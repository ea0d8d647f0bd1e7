"""Keeps a client from using up the server's memory or processor, or filling its log.

Engine.IO looks at a message's size only after it has read all of it, reads on while the
messages before it are still being handled, and agrees to compression, which costs time on
pictures that are compressed already and lets a small message grow a thousandfold. Socket.IO
collects as many attachments as a message announces, and both log a traceback for whatever they
cannot read. This module replaces the class that Engine.IO's threading mode uses for WebSockets
and stands before Socket.IO's handler of messages.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Any

import simple_websocket
from flask_socketio import SocketIO

log = logging.getLogger(__name__)

_RECEIVE_BYTES = 65_536
_MAX_WAITING_MESSAGES = 16
_WAIT_S = 0.5
_MAX_CONTROL_CHARACTERS = 64
_MAX_ATTACHMENTS = 8
_STRANGER_S = 15.0
_GOODBYE_S = 3.0


class _CarefulServer(simple_websocket.Server):  # type: ignore[misc]  # it has no types
    """Closes with code 1009 while too large a message is read; stops reading a flood."""

    def __init__(self, environ: dict[str, Any], max_message_size: int) -> None:
        self._taken = threading.Event()
        offered = {
            name: value
            for name, value in environ.items()
            if name != "HTTP_SEC_WEBSOCKET_EXTENSIONS"
        }
        super().__init__(offered, receive_bytes=_RECEIVE_BYTES, max_message_size=max_message_size)

    def receive(self, timeout: float | None = None) -> Any:
        message = super().receive(timeout)
        self._taken.set()
        return message

    def _handle_events(self) -> bool:
        goes_on: bool = super()._handle_events()
        if not goes_on:
            # The base class wakes the receiver first and says only then that it is over.
            self.connected = False
            self.event.set()
        while goes_on and self.connected and len(self.input_buffer) > _MAX_WAITING_MESSAGES:
            self._taken.clear()
            if len(self.input_buffer) > _MAX_WAITING_MESSAGES:
                self._taken.wait(_WAIT_S)
        return goes_on


class _Adapter:
    """What Engine.IO expects of a WebSocket: called with a WSGI request it runs the handler."""

    def __init__(self, handler: Callable[[_Adapter], Any], server: Any) -> None:
        self._handler = handler
        self._max_message_size = int(server.max_http_buffer_size)
        self._ws: _CarefulServer | None = None

    def __call__(
        self, environ: dict[str, Any], _start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        self._ws = _CarefulServer(environ, self._max_message_size)
        answer: Iterable[bytes] = self._handler(self)
        # The socket is used up: each server has its own way of being told to leave it alone.
        if self._ws.mode == "gunicorn":
            raise StopIteration
        if self._ws.mode == "werkzeug":
            raise ConnectionError
        return answer

    def close(self) -> None:
        """Say goodbye, and hang up on a client that does not answer."""
        if self._ws is None:
            return
        hang_up = threading.Timer(_GOODBYE_S, _hang_up, (self._ws,))
        hang_up.name, hang_up.daemon = "websocket-goodbye", True
        hang_up.start()
        if self._ws.connected:
            # The client may be gone by now, and its socket with it.
            with contextlib.suppress(OSError, simple_websocket.ConnectionClosed):
                self._ws.close()

    def send(self, message: str | bytes) -> None:
        try:
            self._open().send(message)
        except simple_websocket.ConnectionClosed:
            raise OSError("The WebSocket is closed.") from None

    def wait(self) -> Any:
        """The next message; None when the client is gone or sends what no client would."""
        try:
            message = self._open().receive()
        except simple_websocket.ConnectionClosed:
            return None
        return message if _is_plausible(message) else None

    def _open(self) -> _CarefulServer:
        if self._ws is None:
            raise OSError("The WebSocket is not open yet.")
        return self._ws


def _hang_up(ws: _CarefulServer) -> None:
    """Wake the threads that wait for this client, which is not going to say anything."""
    ws.connected = False
    ws.event.set()
    try:
        socket.socket.shutdown(ws.sock, socket.SHUT_RDWR)
    except (OSError, ValueError):
        # The client was polite.
        return


class Strangers:
    """Connections nobody has let in yet, oldest first. Each holds a thread, so they are few,
    and short. Thread-safe."""

    def __init__(self, server: Any, most: int, now_s: Callable[[], float]) -> None:
        self._server = server
        self._most = most
        self._now_s = now_s
        self._lock = threading.Lock()
        self._since: OrderedDict[str, float] = OrderedDict()

    def came(self, eio_sid: str) -> None:
        with self._lock:
            self._since[eio_sid] = self._now_s()
            oldest = list(self._since)[: max(0, len(self._since) - self._most)]
        self._close(oldest)

    def heard(self, eio_sid: str) -> None:
        """It has said something; perhaps it was let in."""
        if eio_sid in self._since and self._server.manager.sid_from_eio_sid(eio_sid, "/"):
            self.gone(eio_sid)

    def gone(self, eio_sid: str) -> None:
        with self._lock:
            self._since.pop(eio_sid, None)

    def close_late(self) -> None:
        """For a thread that comes by every few seconds. Who was shown out is a stranger again."""
        now_s = self._now_s()
        oldest_s = now_s - _STRANGER_S
        known = self._server.manager.sid_from_eio_sid
        without = [each for each in list(self._server.eio.sockets) if not known(each, "/")]
        with self._lock:
            for eio_sid in without:
                self._since.setdefault(eio_sid, now_s)
            late = [eio_sid for eio_sid, since_s in self._since.items() if since_s <= oldest_s]
        self._close(late)

    def _close(self, eio_sids: list[str]) -> None:
        for eio_sid in eio_sids:
            self.gone(eio_sid)
            connection = self._server.eio.sockets.get(eio_sid)
            if connection is not None:
                connection.close(wait=False)


def harden(socketio: SocketIO, most_strangers: int, now_s: Callable[[], float]) -> Strangers:
    """Protect every connection from now on."""
    server = socketio.server
    server.eio._async = {**server.eio._async, "websocket": _Adapter}
    handle, connect = server._handle_eio_message, server._handle_eio_connect
    disconnect, strangers = server._handle_eio_disconnect, Strangers(server, most_strangers, now_s)

    def came(eio_sid: str, environ: dict[str, Any]) -> Any:
        strangers.came(eio_sid)
        return connect(eio_sid, environ)

    def went(eio_sid: str, reason: Any) -> None:
        strangers.gone(eio_sid)
        disconnect(eio_sid, reason)

    def handle_carefully(eio_sid: str, data: object) -> None:
        try:
            handle(eio_sid, data)
            strangers.heard(eio_sid)
            announced = server._binary_packet.get(eio_sid)
            if announced is None or _is_modest(announced, server.eio.max_http_buffer_size):
                return
            reason = "too many attachments"
        except Exception as error:
            # Our own events never raise; this is the library's parser at the top of a thread.
            reason = type(error).__name__
        log.warning("A message that cannot be read closes its line", extra={"reason": reason})
        server._binary_packet.pop(eio_sid, None)
        connection = server.eio.sockets.get(eio_sid)
        if connection is not None:
            connection.close(wait=False)

    server.eio.on("message", handle_carefully)
    server.eio.on("connect", came)
    server.eio.on("disconnect", went)
    return strangers


def _is_modest(announced: Any, max_bytes: int) -> bool:
    """Whether a message that still waits for attachments may go on collecting them."""
    held = sum(len(attachment) for attachment in announced.attachments)
    return bool(announced.attachment_count <= _MAX_ATTACHMENTS and held <= max_bytes)


def _is_plausible(message: object) -> bool:
    """Whether Engine.IO may look at this: it decodes some texts without catching errors."""
    if not isinstance(message, str):
        return True
    if message[:1] == "4":
        return message[1:2].isascii() and message[1:2].isdigit()
    return message[:1] in set("012356") and len(message) <= _MAX_CONTROL_CHARACTERS
