"""The file of a backup: a ZIP of documents, media and keys, with the SHA-256 of each part.

`database/<collection>.jsonl` holds a document a line, `media/<name>` the files as they are stored
(encrypted ones stay so), `keys/` what signs and unlocks, and `manifest.json`, written last, names
all of them.
"""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from app.errors import CandorError

FORMAT = "candor-backup-1"
MANIFEST = "manifest.json"
DATABASE, MEDIA, KEYS = "database/", "media/", "keys/"
SECRET_KEY, MASTER_KEY = "secret_key", "master_key"
PART_BYTES = 1 << 20
LARGEST_MANIFEST_BYTES = 200_000_000


class BadBackup(CandorError):
    """The file is no backup, or not whole."""

    code = "bad_backup"


@dataclass(frozen=True, slots=True)
class Part:
    """One entry of the archive."""

    sha256: str
    size_bytes: int


@dataclass
class Manifest:
    """What a backup holds. `key_id` names the master key without telling it."""

    created_at: str
    version: str
    schema: int
    engine: str
    key_id: str
    format: str = FORMAT
    parts: dict[str, Part] = field(default_factory=dict)


class Writer:
    """Writes one archive; `finish` makes it one."""

    def __init__(self, file: IO[bytes], manifest: Manifest) -> None:
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1)
        self.manifest = manifest

    def add(self, name: str, parts: Iterable[bytes], *, is_packed: bool = False) -> int:
        """Write an entry; how many bytes it has. `is_packed` is not compressed again."""
        digest, size = hashlib.sha256(), 0
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_STORED if is_packed else zipfile.ZIP_DEFLATED
        info.external_attr = 0o600 << 16
        with self._zip.open(info, "w", force_zip64=True) as entry:
            for part in parts:
                digest.update(part)
                size += len(part)
                entry.write(part)
        self.manifest.parts[name] = Part(digest.hexdigest(), size)
        return size

    def add_documents(self, collection: str, documents: Iterable[dict[str, Any]]) -> None:
        lines = (
            json.dumps(each, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"
            for each in documents
        )
        self.add(f"{DATABASE}{collection}.jsonl", lines)

    def finish(self) -> None:
        text = json.dumps(asdict(self.manifest), indent=1, sort_keys=True)
        self._zip.writestr(MANIFEST, text)
        self._zip.close()


class Reader:
    """Reads an archive. Raises BadBackup when it is none or when a part was altered."""

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
            if self._zip.getinfo(MANIFEST).file_size > LARGEST_MANIFEST_BYTES:
                raise BadBackup("The list of its parts is too long.")
            found = json.loads(self._zip.read(MANIFEST))
            parts = {str(name): Part(**part) for name, part in found.pop("parts").items()}
            self.manifest = Manifest(**found, parts=parts)
        except (OSError, zipfile.BadZipFile, KeyError, ValueError, TypeError, AttributeError):
            raise BadBackup(f"{path} is not a whole backup of Candor.") from None
        if self.manifest.format != FORMAT:
            raise BadBackup(f"{path} has the format {self.manifest.format}; this reads {FORMAT}.")

    def close(self) -> None:
        self._zip.close()

    def names(self, prefix: str) -> list[str]:
        """The parts whose names begin so, as they were written."""
        return [name for name in self.manifest.parts if name.startswith(prefix)]

    def check(self) -> None:
        """Read every part. Raises BadBackup for what is missing, altered or too much."""
        entries = set(self._zip.namelist()) - {MANIFEST}
        if entries != self.manifest.parts.keys():
            raise BadBackup("The backup does not hold the parts that it lists.")
        for name, part in self.manifest.parts.items():
            digest = hashlib.sha256()
            for piece in self.read(name):
                digest.update(piece)
            if digest.hexdigest() != part.sha256:
                raise BadBackup(f"{name} was altered after the backup was made.")

    def read(self, name: str) -> Iterator[bytes]:
        """The bytes of a part, in pieces; never more than it lists."""
        left = self.manifest.parts[name].size_bytes
        try:
            with self._zip.open(name) as entry:
                while piece := entry.read(min(PART_BYTES, left + 1)):
                    left -= len(piece)
                    if left < 0:
                        raise BadBackup(f"{name} is longer than the backup lists.")
                    yield piece
        except (zipfile.BadZipFile, KeyError, OSError) as error:
            raise BadBackup(f"{name} cannot be read from the backup.") from error

    def documents(self, name: str) -> Iterator[dict[str, Any]]:
        """The documents of a part below `database/`."""
        rest = b""
        for piece in self.read(name):
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                yield json.loads(line)
