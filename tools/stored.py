"""Opens the stored sessions for the programs that read them, beside a running server or not."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from app.errors import CandorError, NotFound
from app.ids import is_ours
from app.records import SessionRecord
from app.settings import Settings, load_settings
from app.store import Repository, open_repository


@contextmanager
def opened(settings: Settings | None = None) -> Iterator[tuple[Settings, Repository]]:
    """The settings in force and the repository they name. Raises CandorError."""
    settings = settings or load_settings()
    repository = open_repository(settings)
    try:
        yield settings, repository
    finally:
        repository.close()


def session_of(repository: Repository, session_id: str) -> SessionRecord:
    """Raises NotFound."""
    record = repository.session(session_id) if is_ours(session_id) else None
    if record is None:
        raise NotFound(f"There is no session {session_id}.")
    return record


def told(work: Callable[[], int], failure: int = 2) -> int:
    """What `work` returns; an expected error becomes one line and `failure`."""
    try:
        return work()
    except CandorError as error:
        print(error.message, file=sys.stderr)
        return failure
