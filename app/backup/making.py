"""Makes a backup while the server runs: the database at one instant, then media, then keys."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from app.access.secret import secret_key
from app.backup.archive import (
    KEYS,
    MASTER_KEY,
    MEDIA,
    PART_BYTES,
    SECRET_KEY,
    Manifest,
    Writer,
)
from app.clock import Clock
from app.evidence.keys import load_master_key
from app.evidence.storage import MediaStorage
from app.evidence.storage_url import open_storage
from app.settings import Settings
from app.store.copying import collections, documents, still
from app.store.opening import open_engine
from app.store.upgrades import PRESENT, schema_of
from app.version import VERSION


@dataclass(frozen=True, slots=True)
class Made:
    """What went into a backup. `gone` counts media that were deleted meanwhile."""

    documents: int
    files: int
    gone: int
    size_bytes: int


def make_backup(settings: Settings, clock: Clock, out: Path, *, with_keys: bool) -> Made:
    """Write everything of this installation to `out`, which must not exist yet.

    Raises FileExistsError, OSError, or CandorError when the database cannot be read.
    """
    handle = os.open(out, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w+b") as file:
            engine = open_engine(settings)
            try:
                manifest = Manifest(
                    clock.now().isoformat(),
                    VERSION,
                    schema_of(engine) or PRESENT,
                    engine.name,
                    load_master_key(settings).key_id,
                )
                writer, count = Writer(file, manifest), _Count()
                with still(engine) as copy:
                    for name in collections(copy):
                        writer.add_documents(name, count.each(documents(copy, name)))
            finally:
                engine.close()
            # Read after the database: every clip that it knows is there by now.
            files, gone = _add_media(writer, open_storage(settings))
            if with_keys:
                _add_keys(writer, settings)
            writer.finish()
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        out.unlink(missing_ok=True)
        raise
    return Made(count.documents, files, gone, out.stat().st_size)


class _Count:
    """Counts what passes."""

    def __init__(self) -> None:
        self.documents = 0

    def each(self, found: Iterator[dict[str, object]]) -> Iterator[dict[str, object]]:
        for document in found:
            self.documents += 1
            yield document


def _add_media(writer: Writer, storage: MediaStorage) -> tuple[int, int]:
    files = gone = 0
    for name in storage.names():
        try:
            source = storage.open(name)
        except FileNotFoundError:
            gone += 1
            continue
        with source:
            writer.add(MEDIA + name, _pieces(source), is_packed=True)
        files += 1
    return files, gone


def _pieces(source: BinaryIO) -> Iterator[bytes]:
    while piece := source.read(PART_BYTES):
        yield piece


def _add_keys(writer: Writer, settings: Settings) -> None:
    writer.add(KEYS + SECRET_KEY, [secret_key(settings).encode()])
    if settings.master_key_file is not None:
        writer.add(KEYS + MASTER_KEY, [settings.master_key_file.read_bytes()])
