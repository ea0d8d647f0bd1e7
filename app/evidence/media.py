"""Media by its plain name, whether or not it is encrypted where it lies.

An encrypted file has `.enc` after its name. What is read is decided by what is there, so that
the setting can be changed while older media stays readable.
"""

from __future__ import annotations

import hashlib
from typing import BinaryIO

from app.clock import Clock
from app.evidence.keys import KeepsKeys, MasterKey, SessionKeys
from app.evidence.sealed import open_sealed, seal
from app.evidence.storage import MediaStorage
from app.evidence.storage_url import open_storage
from app.settings import Settings

SEALED_SUFFIX = ".enc"


class Media:
    """Clips, stills, snapshots, and pictures of check-in. Any thread may read.

    The recorder's thread writes what belongs to clips, check-in what students agreed to show.
    """

    def __init__(self, storage: MediaStorage, keys: SessionKeys, *, encrypts: bool) -> None:
        self.storage = storage
        self.keys = keys
        self.encrypts = encrypts

    def prepared(self, session_id: str, name: str, data: bytes) -> tuple[str, bytes]:
        """The name and the bytes as they are to be stored."""
        if not self.encrypts:
            return name, data
        return name + SEALED_SUFFIX, seal(self.keys.key_for_writing(session_id), session_id, data)

    def stored_name(self, name: str) -> str | None:
        """The name under which a file lies, or None when there is none."""
        for stored in (name, name + SEALED_SUFFIX):
            if self.storage.exists(stored):
                return stored
        return None

    def open(self, name: str) -> BinaryIO:
        """Read the plain bytes from any position.

        Raises FileNotFoundError, NotFound when the key was deleted, and OSError, also while
        reading, when an encrypted file was altered.
        """
        stored = self.stored_name(name)
        if stored is None:
            raise FileNotFoundError(name)
        file = self.storage.open(stored)
        if stored == name:
            return file
        try:
            return open_sealed(file, self.keys.key)
        except BaseException:
            file.close()
            raise

    def delete(self, name: str) -> None:
        """Remove a file in either form; harmless when there is none."""
        self.storage.delete(name)
        self.storage.delete(name + SEALED_SUFFIX)


def sha256_of(file: BinaryIO) -> str:
    """The SHA-256 of what is left to read, in hex."""
    digest = hashlib.sha256()
    while part := file.read(1 << 20):
        digest.update(part)
    return digest.hexdigest()


def open_media(settings: Settings, store: KeepsKeys, clock: Clock, master: MasterKey) -> Media:
    """The media that the settings name. Raises SettingsError."""
    keys = SessionKeys(store, master, clock)
    return Media(open_storage(settings), keys, encrypts=settings.media_encryption)
