"""Tells whether a server works on the data, so that nothing replaces it underneath.

A lock on a file of the data folder: servers share it, a restore wants it alone. It goes with the
process that holds it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from app.errors import Conflict
from app.settings import Settings


class Occupancy:
    """A server's share of the data folder."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._file: IO[bytes] | None = None

    def begin(self) -> None:
        """Raises Conflict while data is being restored here."""
        self._file = _open(self._settings)
        if not _lock(self._file, is_shared=True):
            self.end()
            raise Conflict("A backup is being restored into the data folder. Start again then.")

    def end(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """While the block runs no server starts over the data. Raises Conflict when one runs."""
    with _open(settings) as file:
        if not _lock(file, is_shared=False):
            raise Conflict("A server works on this data. Stop it first.")
        yield


def _open(settings: Settings) -> IO[bytes]:
    folder = settings.database_file.parent
    folder.mkdir(parents=True, exist_ok=True)
    return os.fdopen(os.open(folder / "in_use", os.O_RDWR | os.O_CREAT, 0o600), "r+b")


def _lock(file: IO[bytes], *, is_shared: bool) -> bool:
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
