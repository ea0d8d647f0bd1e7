"""The agent's line to the server: connects, introduces itself, sends the spool in order.

One thread (`Line.run`) owns the connection; a lost one is made again until the session ends.
"""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import socketio

from tools.agent.spool import Spool

log = logging.getLogger(__name__)

_ANSWER_WITHIN_S = 10.0
_CONNECT_WITHIN_S = 10.0
_LONGEST_PAUSE_S = 5.0
_LOOK_S = 0.5
# Refusals after which going on makes no sense; others are tried again or cost one batch.
_FINAL = {"not_authenticated", "not_allowed", "not_found", "conflict"}
_AGAIN = {"too_many", "unavailable", "error"}


@dataclass(frozen=True, slots=True)
class Capture:
    """What the server wants captured, from its answer to `start`."""

    session_id: str
    video_fps: float = 5.0
    width: int = 640
    height: int = 480
    jpeg_quality: float = 0.7
    batch_ms: float = 1000.0


class Line:
    """Sends what the spool holds until the session ends or `stop` is called."""

    def __init__(
        self, server: str, token: str, spool: Spool, *, now_ms: Callable[[], float], verify: bool
    ) -> None:
        self._server = server
        self._token = token
        self._spool = spool
        self._now_ms = now_ms
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._started = threading.Event()
        self._lost = threading.Event()
        self.capture = Capture("")
        self.cause = ""
        self.batches_sent = 0
        self.connections = 0
        # Reconnecting is done here, because `start` must come first after each connect.
        self._client = socketio.Client(reconnection=False, ssl_verify=verify)
        self._client.on("session_ended", self._session_ended)
        self._client.on("connect_error", self._refused)
        self._client.on("disconnect", lambda *_: self._lost.set())

    @property
    def is_ended(self) -> bool:
        """Whether the server ended the session or refuses this agent for good."""
        return self._ended.is_set()

    def wait_started(self, wait_s: float) -> bool:
        """Whether the server has taken this agent, waiting for it."""
        return self._started.wait(wait_s)

    def stop(self) -> None:
        """Send no more; `run` returns soon."""
        self._stop.set()

    def end_session(self) -> None:
        """Tell the server that the student ends the session."""
        try:
            self._client.call("end_session", {}, timeout=_ANSWER_WITHIN_S)
        except socketio.exceptions.SocketIOError as error:
            log.warning("The end of the session could not be told", extra={"reason": str(error)})

    def run(self) -> None:
        """Blocks until the session ended or `stop`."""
        pause_s = 0.5
        while not self._stop.is_set() and not self.is_ended:
            began_s = time.monotonic()
            try:
                self._connect()
                self._send_all()
            except (socketio.exceptions.SocketIOError, OSError) as error:
                if not self.is_ended and not self._stop.is_set():
                    log.warning("The line is down; trying again", extra={"reason": str(error)})
            finally:
                self._client.disconnect()
            if time.monotonic() - began_s > _LONGEST_PAUSE_S:
                pause_s = 0.5
            if not self.is_ended:
                self._stop.wait(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    def _connect(self) -> None:
        self._lost.clear()
        self._client.connect(
            # A proxy before several servers sends one student's connections to one by this.
            f"{self._server}/?{urlencode({'k': session_of(self._token)})}",
            auth={"token": self._token},
            transports=["websocket"],
            wait_timeout=_CONNECT_WITHIN_S,
        )
        answer = self._call("start", {"client": "agent", "capabilities": {}})
        if answer is None:
            raise socketio.exceptions.ConnectionError("the server did not take this agent")
        self._token = str(answer.get("token") or self._token)
        wanted = answer.get("capture", {})
        self.capture = Capture(
            str(answer["session_id"]),
            **{name: wanted[name] for name in Capture.__slots__[1:] if name in wanted},
        )
        next_seq = int(answer.get("next_seq", 0))
        if self.connections:
            self._spool.done(next_seq - 1)
        else:
            self._spool.count_from(next_seq)
        self.connections += 1
        self._started.set()
        log.info("Streaming", extra={"session_id": self.capture.session_id})

    def _send_all(self) -> None:
        while not self._stop.is_set() and not self.is_ended:
            batch = self._spool.oldest(_LOOK_S)
            if self._lost.is_set():
                return
            if batch is None:
                continue
            if self._call("batch", batch.message(self._now_ms())) is not None:
                self.batches_sent += 1
            self._spool.done(batch.seq)

    def _call(self, event: str, payload: object) -> dict[str, Any] | None:
        """The acknowledgement; None when this one message was refused.

        Raises SocketIOError when the line is down or the server wants a pause.
        """
        answer = self._client.call(event, payload, timeout=_ANSWER_WITHIN_S)
        if not isinstance(answer, dict):
            raise socketio.exceptions.SocketIOError("the server gave no answer")
        if answer.get("ok"):
            for part in answer.get("refused", ()):
                log.warning("A part was refused", extra={"reason": part.get("message", "")})
            return answer
        error = answer.get("error", {})
        code, message = str(error.get("code", "")), str(error.get("message", ""))
        if code in _FINAL:
            self._finish(message)
        if code in _FINAL | _AGAIN:
            raise socketio.exceptions.SocketIOError(message)
        log.warning("A message was refused", extra={"reason": message})
        return None

    def _session_ended(self, payload: object = None) -> None:
        cause = payload.get("cause", "") if isinstance(payload, dict) else ""
        self._finish(f"The session ended ({cause}).")

    def _refused(self, payload: object = None) -> None:
        inner = payload.get("data", payload) if isinstance(payload, dict) else None
        if isinstance(inner, dict) and inner.get("code") in _FINAL:
            self._finish(str(inner.get("message", "The server refused this agent.")))

    def _finish(self, cause: str) -> None:
        if not self._ended.is_set():
            self.cause = cause
            self._ended.set()


def session_of(token: str) -> str:
    """Which session a token is for, or nothing. It opens nothing."""
    payload = token.partition(".")[0]
    try:
        said = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except ValueError:
        return ""
    named = said[0] if isinstance(said, list) and said else said
    return named if isinstance(named, str) else ""
