"""Every database engine the repository is tested over, each fresh for one test."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import mongomock
from pymongo.errors import PyMongoError

from app.store.engines import Engine, is_mongo_duplicate, open_neosqlite, open_pymongo

ENGINES = ("neosqlite", "mongomock", "pymongo")
START_S = 20.0


def free_port() -> int:
    """A TCP port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def wire_server(folder: Path) -> Iterator[str]:
    """A MongoDB wire server over a SQLite file; yields its URI."""
    port = free_port()
    script = "import sys; from nx_27017.nx_27017 import main; sys.exit(main())"
    log = folder / "nx.log"
    server = subprocess.Popen(
        [
            sys.executable,
            "-c",
            script,
            "--db",
            str(folder / "nx.db"),
            "--port",
            str(port),
            "--log-file",
            str(log),
            "--pid-file",
            str(folder / "nx.pid"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + START_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=0.2).close()
                break
            except OSError:
                if server.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError("the wire server did not start") from None
                time.sleep(0.05)
        yield f"mongodb://127.0.0.1:{port}"
    finally:
        # It may wait for its clients when asked politely; the database is a temporary one.
        server.kill()
        server.wait(10)


def mongomock_engine() -> Engine:
    client: Any = mongomock.MongoClient()
    return Engine(
        name="mongodb",
        place="memory",
        database=client["proctor"],
        client=client,
        is_duplicate=is_mongo_duplicate,
        failures=(PyMongoError,),
        lock=nullcontext(),
    )


@contextmanager
def engine_of(name: str, folder: Path) -> Iterator[Engine]:
    """The named engine over a fresh database in `folder`."""
    if name == "neosqlite":
        yield open_neosqlite(folder / "proctor.db")
    elif name == "mongomock":
        yield mongomock_engine()
    else:
        with wire_server(folder) as uri:
            yield open_pymongo(uri, "proctor")
