"""The master key of evidence and the keys of sessions that follow from nothing but chance.

A session's key is made when its first file is encrypted and is stored wrapped by the master key.
Deleting the wrapped key makes the session's media unreadable for good.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.access.secret import secret_key
from app.clock import Clock
from app.errors import NotFound, SettingsError, Unavailable
from app.records import MediaKeyRecord
from app.settings import Settings

KEY_BYTES = 32
NONCE_BYTES = 12
SHORTEST = 32

GONE = "The key of this session's media was deleted: it can no longer be read."
OTHER_MASTER = (
    "This session's media was encrypted under another master key than the one in"
    " PROCTOR_MASTER_KEY_FILE."
)


@dataclass(frozen=True, slots=True)
class MasterKey:
    """Keys for single purposes are derived from `secret`."""

    secret: bytes

    def derive(self, purpose: str) -> bytes:
        """32 bytes that tell nothing about the secret or about other purposes."""
        return HKDF(SHA256(), KEY_BYTES, None, f"candor {purpose}".encode()).derive(self.secret)

    @property
    def key_id(self) -> str:
        """Names the key without telling it."""
        return hashlib.sha256(self.derive("name")).hexdigest()[:16]


def load_master_key(settings: Settings) -> MasterKey:
    """The key in PROCTOR_MASTER_KEY_FILE, or one that follows from the server's secret.

    Raises SettingsError when the file cannot be used, or lies where a copy of the data takes it
    along, or when encryption is on without one.
    """
    file = settings.master_key_file
    if file is not None:
        return MasterKey(_read(file, settings.data_path))
    if settings.media_encryption:
        raise SettingsError(
            "PROCTOR_MEDIA_ENCRYPTION is on, but PROCTOR_MASTER_KEY_FILE names no file. Make one"
            " outside the data folder with: openssl rand -hex 32 > FILE"
        )
    return MasterKey(secret_key(settings).encode())


def _read(file: Path, data_path: Path) -> bytes:
    if file.resolve().is_relative_to(data_path.resolve()):
        raise SettingsError(
            f"PROCTOR_MASTER_KEY_FILE ({file}) lies inside the data folder ({data_path}). Whoever"
            " copies the data would have the key too: move it to another place."
        )
    try:
        secret = file.read_bytes().strip()
    except OSError as error:
        raise SettingsError(
            f"PROCTOR_MASTER_KEY_FILE ({file}) cannot be read: {error.strerror}. Make one with:"
            " openssl rand -hex 32 > FILE"
        ) from None
    if len(secret) < SHORTEST:
        raise SettingsError(
            f"PROCTOR_MASTER_KEY_FILE ({file}) must hold at least {SHORTEST} characters."
        )
    return secret


class KeepsKeys(Protocol):
    """Where wrapped keys are stored."""

    def add_media_key(self, record: MediaKeyRecord) -> bool: ...

    def media_key(self, session_id: str) -> MediaKeyRecord | None: ...

    def delete_media_key(self, session_id: str) -> bool: ...


class SessionKeys:
    """The key of each session. Keeps none in memory, so that a deleted one is gone. Thread-safe."""

    def __init__(self, store: KeepsKeys, master: MasterKey, clock: Clock) -> None:
        self._store = store
        self._master = master
        self._clock = clock

    def key(self, session_id: str) -> bytes:
        """Raises NotFound when the key was deleted, Unavailable when it cannot be unwrapped."""
        record = self._store.media_key(session_id)
        if record is None:
            raise NotFound(GONE)
        try:
            wrapped = base64.b64decode(record.wrapped)
            nonce, sealed = wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:]
            return self._wrapper().decrypt(nonce, sealed, session_id.encode())
        except (InvalidTag, ValueError, binascii.Error):
            raise Unavailable(OTHER_MASTER) from None

    def key_for_writing(self, session_id: str) -> bytes:
        """The session's key, made when there is none yet."""
        if self._store.media_key(session_id) is None:
            nonce, made = os.urandom(NONCE_BYTES), os.urandom(KEY_BYTES)
            sealed = self._wrapper().encrypt(nonce, made, session_id.encode())
            wrapped = base64.b64encode(nonce + sealed).decode("ascii")
            # Another server may have been first; the stored key is the key.
            self._store.add_media_key(
                MediaKeyRecord(session_id, wrapped, self._master.key_id, self._clock.now())
            )
        return self.key(session_id)

    def forget_key(self, session_id: str) -> bool:
        """Make all encrypted media of the session unreadable for good; whether there was a key."""
        return self._store.delete_media_key(session_id)

    def _wrapper(self) -> AESGCM:
        return AESGCM(self._master.derive("wrapping of session keys"))
