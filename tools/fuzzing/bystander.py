"""A student who only works: whatever is sent to the server, this session must not feel it."""

from __future__ import annotations

import threading
import time
from typing import Any

import cv2
import numpy as np
import socketio

from tools.fuzzing.report import Report

ACK_S = 30
EVERY_S = 1.0


class Bystander:
    """Sends a good batch a second from a thread and keeps count of the answers."""

    def __init__(self, url: str, token: str, report: Report) -> None:
        self._report = report
        self._stopping = threading.Event()
        self._client = socketio.Client(reconnection=False, handle_sigint=False)
        self._client.connect(url, auth={"token": token}, transports=["websocket"])
        done, jpeg = cv2.imencode(".jpg", np.full((48, 64, 3), 90, np.uint8))
        if not done:
            raise RuntimeError("The picture could not be made")
        self._jpeg = jpeg.tobytes()
        self.accepted = 0
        self._thread = threading.Thread(target=self._run, name="bystander", daemon=True)

    def start(self) -> None:
        answer = self._client.call("start", {"client": "agent"}, timeout=ACK_S)
        if not answer["ok"]:
            raise RuntimeError(f"The other session did not start: {answer}")
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(2 * ACK_S)
        self._client.disconnect()

    def _run(self) -> None:
        seq = 0
        while not self._stopping.wait(EVERY_S):
            now_ms = time.time() * 1000
            header = {
                "seq": seq,
                "sent_ms": now_ms,
                "frames": [{"t": now_ms, "size": len(self._jpeg)}],
                "state": {"visible": True, "camera": True},
            }
            try:
                answer: Any = self._client.call("batch", (header, self._jpeg), timeout=ACK_S)
            except socketio.exceptions.SocketIOError as error:
                self._report.fault(f"The other session lost its line: {type(error).__name__}")
                return
            if not answer["ok"] or answer.get("refused"):
                self._report.fault(f"The other session was refused: {str(answer)[:200]}")
            else:
                self.accepted += 1
            seq += 1
