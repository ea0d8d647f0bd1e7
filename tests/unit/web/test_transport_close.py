"""Hanging up on a client that has gone first."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest
import simple_websocket

from app.sockets.transport import _Adapter


class Gone:
    """A WebSocket that looks open and whose socket is closed."""

    connected = True

    def __init__(self, fault: Exception) -> None:
        self.event = threading.Event()
        self.sock = socket.socket()
        self.sock.close()
        self._fault = fault

    def close(self) -> None:
        raise self._fault


class Limits:
    max_http_buffer_size = 1


@pytest.mark.parametrize("fault", [OSError(9, "gone"), simple_websocket.ConnectionClosed(1006)])
def test_closing_a_line_whose_client_is_gone_is_no_fault(fault: Exception) -> None:
    adapter = _Adapter(lambda _adapter: None, Limits())
    gone: Any = Gone(fault)
    adapter._ws = gone
    adapter.close()
