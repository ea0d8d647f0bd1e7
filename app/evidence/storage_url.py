"""Media at any URL that `fsspec` understands, and the choice between that and a local folder.

Object stores show a file only when it is whole; elsewhere a file is written under a temporary
name and moved. The libraries behind a URL (s3fs for s3://) are installed by who uses it.
"""

from __future__ import annotations

import posixpath
from pathlib import Path
from typing import Any, BinaryIO, cast

import fsspec

from app.errors import SettingsError
from app.evidence.storage import TEMPORARY_SUFFIX, LocalFolder, MediaStorage, check_name
from app.settings import Settings

WHOLE_OR_NOTHING = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "az", "memory"})
LOCAL = frozenset({"file", "local"})


def open_storage(settings: Settings) -> MediaStorage:
    """PROCTOR_MEDIA_URL, or the clips folder. Raises SettingsError for a URL nobody can open."""
    if not settings.media_url:
        return LocalFolder(settings.clips_path)
    return storage_at(settings.media_url)


def storage_at(url: str) -> MediaStorage:
    """The storage of a URL. Raises SettingsError when it cannot be used."""
    try:
        system, root = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise SettingsError(
            f"PROCTOR_MEDIA_URL cannot be used: {error}. docs/evidence.md names what each kind of"
            " storage needs."
        ) from None
    protocols = {system.protocol} if isinstance(system.protocol, str) else set(system.protocol)
    if protocols & LOCAL:
        return LocalFolder(Path(root))
    return UrlStorage(system, root, moves=not protocols & WHOLE_OR_NOTHING)


class UrlStorage:
    """A folder or bucket behind `fsspec`. With `moves` a file grows under a temporary name."""

    def __init__(self, system: Any, root: str, *, moves: bool) -> None:
        self._system = system
        self._root = root.rstrip("/")
        self._moves = moves

    @property
    def place(self) -> str:
        return str(self._system.unstrip_protocol(self._root))

    def write(self, name: str, data: bytes) -> None:
        path = self._path(name)
        if not self._moves:
            self._system.pipe_file(path, data)
            return
        folder, _, last = path.rpartition("/")
        temporary = f"{folder}/.{last}{TEMPORARY_SUFFIX}"
        self._system.makedirs(folder, exist_ok=True)
        try:
            self._system.pipe_file(temporary, data)
            self._system.mv(temporary, path)
        finally:
            if self._system.exists(temporary):
                self._system.rm_file(temporary)

    def open(self, name: str) -> BinaryIO:
        return cast(BinaryIO, self._system.open(self._path(name), "rb"))

    def size(self, name: str) -> int:
        return int(self._system.size(self._path(name)))

    def exists(self, name: str) -> bool:
        return bool(self._system.isfile(self._path(name)))

    def delete(self, name: str) -> None:
        try:
            self._system.rm_file(self._path(name))
        except FileNotFoundError:
            return

    def names(self, prefix: str = "") -> list[str]:
        top = posixpath.join(self._root, prefix.rpartition("/")[0]).rstrip("/")
        try:
            found = self._system.find(top)
        except FileNotFoundError:
            return []
        names = [str(path)[len(self._root) :].lstrip("/") for path in found]
        return sorted(n for n in names if n.startswith(prefix) and "/." not in f"/{n}")

    def sweep(self) -> int:
        if not self._moves:
            return 0
        found = [p for p in self._system.find(self._root) if p.endswith(TEMPORARY_SUFFIX)]
        for path in found:
            self._system.rm_file(path)
        return len(found)

    def _path(self, name: str) -> str:
        return f"{self._root}/{check_name(name)}"
