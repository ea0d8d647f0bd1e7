"""Finds out what a write would do, without a database: for the journal.

While a thread is `recording`, its writes are noted instead of made. A write that first has to read
cannot be noted and raises Unavailable, as it would without a recording.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from app.errors import CandorError, Unavailable
from app.store.engines import Documents, Engine
from app.store.journal import Operation


class _Noted:
    """The answer to a write that was noted."""

    matched_count = 1
    deleted_count = 1


class Recorder:
    """What each thread has noted."""

    def __init__(self) -> None:
        self._local = threading.local()

    @property
    def is_on(self) -> bool:
        return getattr(self._local, "noted", None) is not None

    @contextmanager
    def recording(self) -> Iterator[list[Operation]]:
        noted: list[Operation] = []
        self._local.noted = noted
        try:
            yield noted
        finally:
            self._local.noted = None

    def note(self, operation: Operation) -> _Noted:
        self._local.noted.append(operation)
        return _Noted()


class Recorded:
    """One collection whose writes can be noted."""

    def __init__(self, name: str, inner: Documents, recorder: Recorder) -> None:
        self._name = name
        self._inner = inner
        self._recorder = recorder

    def replace_one(
        self, filter: Mapping[str, Any], replacement: dict[str, Any], upsert: bool = False
    ) -> Any:
        if self._recorder.is_on:
            return self._recorder.note(
                Operation(self._name, "replace", dict(filter), dict(replacement))
            )
        return self._inner.replace_one(filter, replacement, upsert=upsert)

    def update_one(self, filter: Mapping[str, Any], update: dict[str, Any]) -> Any:
        if self._recorder.is_on:
            return self._recorder.note(Operation(self._name, "update", dict(filter), dict(update)))
        return self._inner.update_one(filter, update)

    def delete_one(self, filter: Mapping[str, Any]) -> Any:
        if self._recorder.is_on:
            return self._recorder.note(Operation(self._name, "delete", dict(filter), {}))
        return self._inner.delete_one(filter)

    def __getattr__(self, name: str) -> Any:
        if self._recorder.is_on:
            raise Unavailable("The database does not answer.")
        return getattr(self._inner, name)


class Notes:
    """The collections of one engine, and what writes to them would do. `call` translates errors."""

    def __init__(self, engine: Engine, call: Callable[[Callable[[], Any]], Any]) -> None:
        self._engine = engine
        self._call = call
        self._recorder = Recorder()

    def collection(self, name: str) -> Documents:
        """A collection whose writes can be noted."""
        recorded: Any = Recorded(name, self._engine.collection(name), self._recorder)
        documents: Documents = recorded
        return documents

    def noted(self, write: Callable[[], object]) -> list[Operation] | None:
        """What `write` would change, without a database; None when it has to read first."""
        with self._recorder.recording() as operations:
            try:
                write()
            except CandorError:
                return None
            return operations

    def apply(self, operation: Operation) -> None:
        """Make a write that was noted. Raises Unavailable."""
        documents = self._engine.collection(operation.collection)
        self._call(lambda: apply_to(documents, operation))


def apply_to(documents: Documents, operation: Operation) -> None:
    """Make one write that was noted."""
    if operation.kind == "replace":
        documents.replace_one(operation.where, operation.body, upsert=True)
    elif operation.kind == "update":
        documents.update_one(operation.where, operation.body)
    else:
        documents.delete_one(operation.where)
