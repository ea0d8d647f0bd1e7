"""Runs the application in gunicorn: one process, threads, started and stopped in order.

Everything that lives (threads, worker processes, the database) is made in gunicorn's worker,
after the fork.
"""

from __future__ import annotations

import errno
import ipaddress
import logging
import os
import selectors
import signal
import socket
import ssl
import sys
import threading
from functools import partial
from types import FrameType
from typing import TYPE_CHECKING, Any

from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.workers.gthread import ThreadWorker

from app import create_app
from app.clock import SystemClock
from app.errors import CandorError, SettingsError
from app.settings import Settings, load_settings
from app.web.greeting import Greeting
from app.web.logs import set_up_logs
from app.web.patience import Patience, bound_unread

if TYPE_CHECKING:
    from flask import Flask

    from app.wiring import Services

log = logging.getLogger(__name__)

# The parts' own limits end a stop much earlier; this is for a machine that hangs.
STOP_S = 45
LAST_ANSWERS_S = 2.0
WORKER_SILENT_S = 120
SPARE_CONNECTIONS = 200
FIRST_BYTE_S = 5.0
# One in so many threads may wait for clients that have not sent all of their request.
SHARE_OF_SLOW = 4


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """Our application as gunicorn runs it."""

    def __init__(self, settings: Settings, *, scripted: bool = False) -> None:
        self.settings = settings
        self.services: Services | None = None
        self._scripted = scripted
        super().__init__()

    def load_config(self) -> None:
        settings = self.settings
        options: dict[str, Any] = {
            "bind": [f"{_bracketed(settings.host)}:{settings.port}"],
            "workers": 1,
            "worker_class": "app.web.server.StoppingWorker",
            "threads": settings.web_threads,
            "worker_connections": settings.web_threads + SPARE_CONNECTIONS,
            "timeout": WORKER_SILENT_S,
            "graceful_timeout": STOP_S,
            # A start that fails says why in one sentence of ours; see `load`.
            "loglevel": "critical",
            "control_socket_disable": True,
            "proc_name": "candor",
            "worker_exit": _worker_exit,
        }
        if settings.is_tls:
            options["certfile"] = str(settings.tls_cert)
            options["keyfile"] = str(settings.tls_key)
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Flask:
        """Runs in the worker. A start that fails ends the whole server."""
        try:
            set_up_logs(self.settings.logs_path, self.settings.log_level)
            _log_through_ours()
            app = create_app(self.settings, scripted=self._scripted)
            services: Services = app.extensions["candor"]
            self.services = services
            services.start()
        except (CandorError, OSError) as error:
            _say(f"Candor cannot start: {error}")
            sys.exit(Arbiter.APP_LOAD_ERROR)
        Greeting(self.settings, services, partial(print, flush=True)).start()
        return app


class StoppingWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """Ends live connections and our services as soon as it is told to stop.

    A WebSocket holds its thread for life, so waiting for connections to end by themselves
    would wait for the students. No thread waits long for a client that is slow to ask.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        most = max(1, self.cfg.threads // SHARE_OF_SLOW)
        self._patience = Patience(most, SystemClock().monotonic_s)

    def enqueue_req(self, conn: Any) -> None:
        """A new connection gets a thread when its first byte is there."""
        if conn.initialized or conn.data_ready:
            super().enqueue_req(conn)
            return
        bound_unread(conn.sock)
        conn.sock.setblocking(False)
        conn.timeout = SystemClock().monotonic_s() + FIRST_BYTE_S
        self.pending_conns.append(conn)
        readable = partial(self.on_pending_socket_readable, conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, readable)

    def handle(self, conn: Any) -> Any:
        self._patience.begin(conn)
        try:
            return super().handle(conn)
        finally:
            self._patience.end(conn)

    def handle_request(self, req: Any, conn: Any) -> Any:
        names = {name.upper() for name, value in req.headers if value != "0"}
        has_body = bool(names & {"CONTENT-LENGTH", "TRANSFER-ENCODING"})
        self._patience.head_is_read(conn, has_body=has_body)
        return super().handle_request(req, conn)

    def murder_pending(self) -> None:
        """Called about once a second."""
        super().murder_pending()
        self._patience.enforce()

    def init_signals(self) -> None:
        """Ctrl-C reaches every process of the terminal; the arbiter tells us in its own way.

        The detector workers inherit the ignoring, so none dies halfway through its start.
        """
        super().init_signals()
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if self.alive:
            threading.Thread(target=self._stop_services, name="candor-stop", daemon=True).start()
        super().handle_exit(sig, frame)

    def handle_quit(self, sig: int, frame: FrameType | None) -> None:
        self.handle_exit(sig, frame)

    def _stop_services(self) -> None:
        if self.app.services is not None:
            self.app.services.stop()
        # What still holds a thread now is a client that neither speaks nor hangs up.
        threading.Event().wait(LAST_ANSWERS_S)
        logging.shutdown()
        os._exit(0)


def main(*, scripted: bool = False) -> int:
    """Read the settings, check what can be checked before the fork, and serve until stopped.

    Returns a process exit code; a problem is one sentence on stderr.
    """
    try:
        settings = load_settings()
        check_address(settings)
        check_certificate(settings)
    except SettingsError as error:
        _say(f"Candor cannot start: {error}")
        return 2
    Server(settings, scripted=scripted).run()
    return 0


def check_address(settings: Settings) -> None:
    """Raise SettingsError when the address is taken, not ours, or unfit for debugging."""
    host, port = settings.host, settings.port
    if settings.debug and not is_loopback(host):
        raise SettingsError(
            f"FLASK_DEBUG shows the program's inside and FLASK_HOST={host} lets others see it."
            " Set FLASK_DEBUG=false, or FLASK_HOST=127.0.0.1."
        )
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except socket.gaierror:
        raise SettingsError(
            f"FLASK_HOST={host} is not an address of this machine. Use 127.0.0.1 for this"
            " machine only, or 0.0.0.0 for every network it is in."
        ) from None
    except OSError as error:
        raise SettingsError(_why_not(error, host, port)) from None


def check_certificate(settings: Settings) -> None:
    """Raise SettingsError when the TLS files cannot be used."""
    if settings.tls_cert is None or settings.tls_key is None:
        return
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(
            f"PROCTOR_TLS_CERT and PROCTOR_TLS_KEY cannot be used ({error}). Make a local"
            " certificate with: ./run.sh tls"
        ) from None


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return (
            f"Port {port} on {host} is in use. Stop the program that uses it, or choose another"
            " port with FLASK_PORT."
        )
    if error.errno == errno.EACCES:
        return f"Port {port} needs more rights. Choose one from 1024 on with FLASK_PORT."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"FLASK_HOST={host} is not an address of this machine."
    return f"Port {port} on {host} cannot be opened ({os.strerror(error.errno or 0)})."


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _log_through_ours() -> None:
    """What gunicorn says in the worker goes to our files."""
    logger = logging.getLogger("gunicorn.error")
    logger.handlers.clear()
    logger.propagate = True
    logger.setLevel(logging.WARNING)


def _worker_exit(_arbiter: Arbiter, worker: StoppingWorker) -> None:
    services = worker.app.services
    if services is not None:
        services.stop()
    logging.shutdown()


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
