"""The two engines behind the repository, reduced to what it uses.

Both speak the same small part of the MongoDB API. The differences stay here: how a duplicate
key shows, which errors mean "the database does not answer", and whether calls need a lock.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import neosqlite
from pymongo import MongoClient
from pymongo.errors import DuplicateKeyError, OperationFailure, PyMongoError

from app.errors import Unavailable

SERVER_SELECTION_MS = 5_000
CALL_MS = 10_000
LOCKED_FILE_S = 10.0


class Cursor(Protocol):
    """The answer of `find`."""

    def sort(self, key: Any, direction: int) -> Cursor: ...
    def limit(self, count: int) -> Cursor: ...
    def __iter__(self) -> Any: ...


class Documents(Protocol):
    """One collection, as both engines offer it."""

    def insert_one(self, document: dict[str, Any]) -> Any: ...
    def replace_one(
        self, filter: Mapping[str, Any], replacement: dict[str, Any], upsert: bool = False
    ) -> Any: ...
    def update_one(self, filter: Mapping[str, Any], update: dict[str, Any]) -> Any: ...
    def delete_one(self, filter: Mapping[str, Any]) -> Any: ...
    def find_one(self, filter: Mapping[str, Any]) -> Any: ...
    def find(self, filter: Mapping[str, Any]) -> Any: ...
    def count_documents(self, filter: Mapping[str, Any]) -> int: ...
    def estimated_document_count(self) -> int: ...
    def distinct(self, key: str) -> Any: ...
    def create_index(self, keys: str, unique: bool = False) -> Any: ...


@dataclass(frozen=True)
class Engine:
    """An open database and what the repository must know about it."""

    name: str
    place: str
    database: Any
    client: Any
    is_duplicate: Callable[[Exception], bool]
    failures: tuple[type[Exception], ...]
    lock: AbstractContextManager[Any]

    def collection(self, name: str) -> Documents:
        documents: Documents = self.database[name]
        return documents

    def index(self, name: str, fields: Iterable[str], unique: Iterable[str] = ()) -> None:
        """Create single-field indexes; harmless when they exist."""
        documents = self.collection(name)
        for field in fields:
            documents.create_index(field)
        for field in unique:
            documents.create_index(field, unique=True)

    def collection_names(self) -> list[str]:
        names: list[str] = list(self.database.list_collection_names())
        return names

    def compact(self) -> None:
        """Rewrite an embedded file without its deleted pages, its write-ahead log included.

        A MongoDB server reuses freed space in its own time; its operator sees to it.
        """
        if self.name == "neosqlite":
            connection: sqlite3.Connection = self.client.db
            connection.commit()
            connection.execute("VACUUM")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def close(self) -> None:
        with self.lock:
            self.client.close()


def open_neosqlite(file: Path) -> Engine:
    """Open (or create, readable by its owner only) the embedded database file.

    Raises Unavailable when the file cannot be opened.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
        connection = neosqlite.Connection(str(file), check_same_thread=False, timeout=LOCKED_FILE_S)
        # A deleted key of encrypted media must not linger in the file's free pages.
        connection.db.execute("PRAGMA secure_delete = ON")
    except (OSError, sqlite3.Error) as error:
        raise Unavailable(
            f"The database file {file} cannot be opened ({error}). Check that the folder is"
            " writable, or set PROCTOR_DATA_DIR to one that is."
        ) from error
    return Engine(
        name="neosqlite",
        place=str(file),
        database=connection,
        client=connection,
        is_duplicate=lambda error: isinstance(error, sqlite3.IntegrityError),
        failures=(sqlite3.Error,),
        lock=threading.RLock(),
    )


def open_pymongo(uri: str, db_name: str) -> Engine:
    """Connect to a MongoDB server. Raises Unavailable when none answers within 5 s."""
    place = _without_password(uri)
    try:
        client: MongoClient[dict[str, Any]] = MongoClient(
            uri,
            serverSelectionTimeoutMS=SERVER_SELECTION_MS,
            connectTimeoutMS=SERVER_SELECTION_MS,
            socketTimeoutMS=CALL_MS,
            appname="candor",
        )
        client.admin.command("ping")
    except PyMongoError as error:
        raise Unavailable(
            f"No MongoDB answers at {place}. Check MONGO_URI, or leave it empty to use the"
            " embedded database."
        ) from error
    return Engine(
        name="mongodb",
        place=place,
        database=client[db_name],
        client=client,
        is_duplicate=is_mongo_duplicate,
        failures=(PyMongoError,),
        lock=nullcontext(),
    )


def is_mongo_duplicate(error: Exception) -> bool:
    """Whether a unique key exists already. Wire servers over SQLite send no error code."""
    return isinstance(error, DuplicateKeyError) or (
        isinstance(error, OperationFailure) and "UNIQUE constraint failed" in str(error)
    )


def _without_password(uri: str) -> str:
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
