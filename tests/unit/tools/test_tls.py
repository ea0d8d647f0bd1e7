"""The certificate is one a browser can use, and its key is nobody else's to read."""

from __future__ import annotations

import socket
import ssl
import threading
from datetime import datetime, timezone
from pathlib import Path

import pytest

from tools.tls import local_names, main, make_certificate, write_pair


def test_a_client_that_trusts_the_certificate_accepts_every_name_in_it(tmp_path: Path) -> None:
    names = ["localhost", "127.0.0.1", "exams.example.org"]
    pair = make_certificate(names, 30, datetime.now(timezone.utc))
    certificate, key = write_pair(tmp_path, *pair)
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(certificate, key)
    client_side = ssl.create_default_context(cafile=str(certificate))
    for name in names:
        here, there = socket.socketpair()
        here.settimeout(5)
        there.settimeout(5)

        def serve(end: socket.socket = there) -> None:
            with server_side.wrap_socket(end, server_side=True) as wrapped:
                wrapped.sendall(b"ok")

        thread = threading.Thread(target=serve)
        thread.start()
        with client_side.wrap_socket(here, server_hostname=name) as wrapped:
            assert wrapped.recv(2) == b"ok"
        thread.join(5)


def test_only_the_owner_may_read_the_key(tmp_path: Path) -> None:
    _, key = write_pair(tmp_path, b"certificate", b"key")
    assert key.stat().st_mode & 0o077 == 0


def test_this_machine_is_in_the_certificate() -> None:
    assert {"localhost", "127.0.0.1"} <= set(local_names())


def test_a_pair_that_is_there_is_not_replaced_unasked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--out", str(tmp_path)]) == 0
    assert "PROCTOR_TLS_CERT=" in capsys.readouterr().out
    before = (tmp_path / "candor.key").read_bytes()
    assert main(["--out", str(tmp_path)]) == 1
    assert (tmp_path / "candor.key").read_bytes() == before
    assert main(["--out", str(tmp_path), "--force"]) == 0
    assert (tmp_path / "candor.key").read_bytes() != before
