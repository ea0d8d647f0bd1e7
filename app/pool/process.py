"""A detector worker as a spawned process with a pipe."""

from __future__ import annotations

import multiprocessing
import signal
from multiprocessing.connection import Connection
from typing import Any, Protocol

from detectors.entry import WorkerConfig, run_worker

_END_S = 1.0


class Pipe(Protocol):
    """Both ways to a worker; `recv` raises EOFError or OSError when the worker is gone."""

    def send(self, message: Any, /) -> None: ...

    def recv(self) -> Any: ...

    def close(self) -> None: ...


class Worker(Protocol):
    """A process, or what stands for one in a test or elsewhere. Owned by one thread; any may
    `kill`."""

    @property
    def connection(self) -> Pipe: ...

    @property
    def pid(self) -> int: ...

    def is_alive(self) -> bool: ...

    def was_killed(self) -> bool:
        """Whether something outside ended it (SIGKILL), and not what it was looking at."""
        ...

    def kill(self) -> None:
        """End it at once; whoever waits at its pipe is woken by its closing."""
        ...

    def dismiss(self, timeout_s: float) -> None:
        """Close the pipe, wait for it to end, kill it when it does not."""
        ...


class SpawnedWorker:
    """Starts `detectors.entry.run_worker` in a fresh interpreter.

    The process is spawned, never forked: the server has threads.
    """

    def __init__(self, config: WorkerConfig, name: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=run_worker, args=(theirs, config), name=name, daemon=True
        )
        try:
            self._process.start()
        except BaseException:
            self._connection.close()
            raise
        finally:
            theirs.close()

    @property
    def connection(self) -> Connection:
        return self._connection

    @property
    def pid(self) -> int:
        return self._process.pid or 0

    def is_alive(self) -> bool:
        return self._process.is_alive()

    def was_killed(self) -> bool:
        self._process.join(_END_S)
        return self._process.exitcode == -signal.SIGKILL

    def kill(self) -> None:
        self._process.kill()

    def dismiss(self, timeout_s: float) -> None:
        self._connection.close()
        self._process.join(timeout_s)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(timeout_s)
