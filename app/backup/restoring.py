"""Puts a backup back: over nothing, or over what is there when that is asked for.

Everything is checked before anything is changed. Interrupted, it can be done again.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from app.access.secret import secret_key
from app.backup.archive import DATABASE, KEYS, MASTER_KEY, MEDIA, SECRET_KEY, BadBackup, Reader
from app.errors import Conflict
from app.evidence.keys import load_master_key
from app.evidence.storage import MediaStorage, check_name
from app.evidence.storage_url import open_storage
from app.settings import Settings
from app.store.copying import clear, collections, write
from app.store.engines import Engine
from app.store.occupancy import alone
from app.store.opening import open_engine
from app.store.upgrades import PRESENT, upgrade


@dataclass(frozen=True, slots=True)
class Restored:
    """What came back; `upgrades` are the steps from an older schema."""

    documents: int
    files: int
    upgrades: int


def restore_backup(settings: Settings, path: Path, *, force: bool) -> Restored:
    """Put everything of the backup in the place of this installation's data.

    Raises BadBackup, Conflict when a server runs over the data, when something is there and
    `force` is not set, or when the keys differ; OSError or CandorError when a place fails.
    """
    reader = Reader(path)
    try:
        if reader.manifest.schema > PRESENT:
            raise BadBackup(
                f"The backup has schema {reader.manifest.schema} and this version of Candor knows"
                f" {PRESENT}. Update this installation."
            )
        reader.check()
        _check_names(reader)
        with alone(settings):
            _put_keys(reader, settings)
            engine, storage = open_engine(settings), open_storage(settings)
            try:
                _make_room(engine, storage, force=force)
                return _put(reader, engine, storage)
            finally:
                engine.close()
    finally:
        reader.close()


def _put(reader: Reader, engine: Engine, storage: MediaStorage) -> Restored:
    files = documents = 0
    for name in reader.names(MEDIA):
        storage.write(name.removeprefix(MEDIA), b"".join(reader.read(name)))
        files += 1
    for name in reader.names(DATABASE):
        collection = name.removeprefix(DATABASE).removesuffix(".jsonl")
        documents += write(engine, collection, reader.documents(name))
    return Restored(documents, files, upgrade(engine))


def _make_room(engine: Engine, storage: MediaStorage, *, force: bool) -> None:
    """Media go first, so that what is left without them is seen to be incomplete."""
    there = storage.names()
    if (there or collections(engine)) and not force:
        raise Conflict(
            f"There is data in {engine.place} or {storage.place} already. Restore into an empty"
            " place (PROCTOR_DATA_DIR), or add --force to delete what is there first."
        )
    for name in there:
        storage.delete(name)
    clear(engine)


def _check_names(reader: Reader) -> None:
    for name in reader.manifest.parts:
        try:
            check_name(name)
        except ValueError:
            raise BadBackup(f"The backup holds a part that leads out of it: {name!r}.") from None
        if not name.startswith((DATABASE, MEDIA, KEYS)):
            raise BadBackup(f"The backup holds a part that is not known: {name!r}.")


def _put_keys(reader: Reader, settings: Settings) -> None:
    """Keys that are not there yet are written; others must be the same.

    Without them neither logins with a second factor nor encrypted media nor the audit could be
    read again.
    """
    held = {
        name: b"".join(reader.read(KEYS + name))
        for name in (SECRET_KEY, MASTER_KEY)
        if KEYS + name in reader.manifest.parts
    }
    file = settings.database_file.parent / "secret_key"
    if SECRET_KEY in held and not settings.secret_key and not file.exists():
        _write_new(file, held[SECRET_KEY])
    elif SECRET_KEY in held and secret_key(settings).encode() != held[SECRET_KEY]:
        raise Conflict(
            "The backup was made under another secret key. Set PROCTOR_SECRET_KEY to the one in"
            " keys/secret_key of the backup (a ZIP file), then restore again."
        )
    master = settings.master_key_file
    if MASTER_KEY in held and master is None:
        raise Conflict(
            "The backup was made with a master key. Set PROCTOR_MASTER_KEY_FILE to a file outside"
            " the data folder; it is written when it does not exist."
        )
    if MASTER_KEY in held and master is not None and not master.exists():
        _write_new(master, held[MASTER_KEY])
    if load_master_key(settings).key_id != reader.manifest.key_id:
        raise Conflict(
            "The keys here are not those of the backup: what it holds encrypted or signed could"
            " not be read. Set PROCTOR_SECRET_KEY and PROCTOR_MASTER_KEY_FILE as they were."
        )


def _write_new(file: Path, data: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as target:
        target.write(data)
