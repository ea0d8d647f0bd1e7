"""Media encrypted in chunks, so that any part can be read without the parts before it.

A file is a header (mark, chunk size, session, salt) and chunks of AES-256-GCM. The file's key is
derived from the session's key and the salt; a chunk's nonce is its number and whether it is the
last; the header is authenticated with each chunk. So chunks cannot be altered, reordered, cut
off or moved to another file without notice.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from typing_extensions import Buffer

MARK = b"CANDOR1\n"
CHUNK = 65_536
TAG = 16
SALT = 16
KEY = 32
_FIXED = struct.Struct(">8sIH")


@dataclass(frozen=True, slots=True)
class Header:
    """What stands in the clear before the chunks."""

    session_id: str
    chunk: int
    salt: bytes

    def pack(self) -> bytes:
        name = self.session_id.encode()
        return _FIXED.pack(MARK, self.chunk, len(name)) + name + self.salt


def seal(key: bytes, session_id: str, data: bytes, chunk: int = CHUNK) -> bytes:
    """Encrypt a whole file under the session's 32-byte key."""
    header = Header(session_id, chunk, os.urandom(SALT))
    clear = header.pack()
    cipher = _cipher(key, header)
    sealed = [clear]
    count = _chunks(len(data), chunk)
    for number in range(count):
        part = data[number * chunk : (number + 1) * chunk]
        sealed.append(cipher.encrypt(_nonce(number, number == count - 1), part, clear))
    return b"".join(sealed)


def read_header(file: BinaryIO) -> Header:
    """The header at the file's start. Raises OSError when it is none."""
    fixed = file.read(_FIXED.size)
    if len(fixed) == _FIXED.size and fixed.startswith(MARK):
        _, chunk, length = _FIXED.unpack(fixed)
        rest = file.read(length + SALT)
        if len(rest) == length + SALT and chunk > 0:
            return Header(rest[:length].decode("utf-8", "replace"), chunk, rest[length:])
    raise OSError("This file is not encrypted media, or its beginning was altered")


def open_sealed(file: BinaryIO, key_of: Callable[[str], bytes]) -> BinaryIO:
    """Read an encrypted file as if it were plain. `key_of` finds the key of a session.

    Reading raises OSError where the file was altered. Closing closes `file` too.
    """
    header = read_header(file)
    return io.BufferedReader(_Plain(file, header, key_of(header.session_id)), CHUNK)


class _Plain(io.RawIOBase):
    """Decrypts the chunk that is asked for and remembers it."""

    def __init__(self, file: BinaryIO, header: Header, key: bytes) -> None:
        super().__init__()
        self._file = file
        self._clear = header.pack()
        self._chunk = header.chunk
        self._cipher = _cipher(key, header)
        body = file.seek(0, io.SEEK_END) - len(self._clear)
        self._count = max(1, -(-body // (header.chunk + TAG)))
        self._size = max(0, body - self._count * TAG)
        self._at = 0
        self._held = -1
        self._plain = b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        if self._at >= self._size and self._size:
            return 0
        number, offset = divmod(self._at, self._chunk)
        part = self._decrypted(number)[offset : offset + len(view)]
        view[: len(part)] = part
        self._at += len(part)
        return len(part)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()

    def _decrypted(self, number: int) -> bytes:
        if number != self._held:
            self._file.seek(len(self._clear) + number * (self._chunk + TAG))
            sealed = self._file.read(self._chunk + TAG)
            nonce = _nonce(number, number == self._count - 1)
            try:
                self._plain = self._cipher.decrypt(nonce, sealed, self._clear)
            except InvalidTag:
                raise OSError("The encrypted file was altered, or its key is another") from None
            self._held = number
        return self._plain


def _cipher(key: bytes, header: Header) -> AESGCM:
    derive = HKDF(SHA256(), KEY, header.salt, b"candor media file")
    return AESGCM(derive.derive(key))


def _nonce(number: int, is_last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([is_last])


def _chunks(size: int, chunk: int) -> int:
    return max(1, -(-size // chunk))
