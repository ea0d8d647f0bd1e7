"""The whole database as plain documents, and back, whichever engine holds it."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app.errors import Unavailable
from app.store.engines import Engine, open_neosqlite
from app.store.upgrades import META

AT_ONCE = 500
EVERYTHING = 100_000_000
# Written last: a copy that broke off has none.
LAST = (META,)


@contextmanager
def still(engine: Engine) -> Iterator[Engine]:
    """The database at one instant, while others write to it.

    Of an embedded file it is a copy that SQLite makes; a MongoDB server is read as it goes, each
    collection in turn.
    """
    if engine.name != "neosqlite":
        yield engine
        return
    with tempfile.TemporaryDirectory(prefix="candor-copy-") as folder:
        file = Path(folder) / "copy.db"
        try:
            with sqlite3.connect(engine.place, timeout=10) as source:
                target = sqlite3.connect(file)
                source.backup(target)
                target.close()
            source.close()
        except sqlite3.Error as error:
            raise Unavailable(f"The database file cannot be copied ({error}).") from error
        copy = open_neosqlite(file)
        try:
            yield copy
        finally:
            copy.close()


def collections(engine: Engine) -> list[str]:
    """The names of the collections that hold anything, in the order to write them."""
    found = [
        name
        for name in sorted(engine.collection_names())
        if engine.collection(name).find_one({}) is not None
    ]
    return [name for name in found if name not in LAST] + [n for n in found if n in LAST]


def documents(engine: Engine, name: str) -> Iterator[dict[str, Any]]:
    """Every document of a collection."""
    for found in engine.collection(name).find({}).limit(EVERYTHING):
        yield dict(found)


def write(engine: Engine, name: str, found: Iterable[dict[str, Any]]) -> int:
    """Put documents into a collection; how many. One that is there already is replaced."""
    count = 0
    with engine.lock:
        for document in found:
            engine.collection(name).replace_one({"_id": document["_id"]}, document, upsert=True)
            count += 1
    return count


def clear(engine: Engine) -> None:
    """Delete every document."""
    with engine.lock:
        for name in engine.collection_names():
            for found in list(documents(engine, name)):
                engine.collection(name).delete_one({"_id": found["_id"]})
        engine.compact()
