"""Where media lies: one interface, and the local folder that is the default.

A name is relative, with slashes: `<student>/<file>`. A name that can be seen is a whole file.
Any thread may read; a name is written by one thread only.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import BinaryIO, Protocol

TEMPORARY_SUFFIX = ".part"


class MediaStorage(Protocol):
    """Holds files by name. Every method raises OSError when the place fails."""

    @property
    def place(self) -> str:
        """The folder or URL, for messages."""
        ...

    def write(self, name: str, data: bytes) -> None:
        """Store the whole file, or leave nothing under that name. Replaces an older one."""
        ...

    def open(self, name: str) -> BinaryIO:
        """Open for reading from any position. Raises FileNotFoundError."""
        ...

    def size(self, name: str) -> int:
        """Bytes as stored. Raises FileNotFoundError."""
        ...

    def exists(self, name: str) -> bool: ...

    def delete(self, name: str) -> None:
        """Remove a file; harmless when there is none."""
        ...

    def names(self, prefix: str = "") -> list[str]:
        """The names of all files that begin with `prefix`, sorted."""
        ...

    def sweep(self) -> int:
        """Remove what a process that died while writing has left; how many things."""
        ...


def check_name(name: str) -> str:
    """The name itself. Raises ValueError for one that could lead out of the storage."""
    parts = name.split("/")
    if "\0" in name or "\\" in name or any(not p or p.startswith(".") for p in parts):
        raise ValueError("This is not a name of a stored file")
    return name


class LocalFolder:
    """A folder on this machine: one folder per student, readable by the server's user only.

    A file is written under a hidden temporary name, synced and renamed.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def place(self) -> str:
        return str(self._root)

    def write(self, name: str, data: bytes) -> None:
        path = self._path(name)
        self._make(path.parent)
        temporary = path.with_name(f".{path.name}{TEMPORARY_SUFFIX}")
        try:
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        _sync(path.parent)

    def open(self, name: str) -> BinaryIO:
        return self._inside(name).open("rb")

    def size(self, name: str) -> int:
        return self._inside(name).stat().st_size

    def exists(self, name: str) -> bool:
        try:
            return self._inside(name).is_file()
        except FileNotFoundError:
            return False

    def delete(self, name: str) -> None:
        path = self._path(name)
        path.unlink(missing_ok=True)
        for folder in path.parents:
            if folder == self._root:
                return
            try:
                folder.rmdir()
            except OSError:
                return

    def names(self, prefix: str = "") -> list[str]:
        top = self._root / prefix.rpartition("/")[0]
        found = (path for path in top.rglob("*") if path.is_file()) if top.is_dir() else ()
        names = (path.relative_to(self._root).as_posix() for path in found)
        return sorted(n for n in names if n.startswith(prefix) and not _is_temporary(n))

    def sweep(self) -> int:
        found = list(self._root.rglob(f".*{TEMPORARY_SUFFIX}"))
        for path in found:
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        return len(found)

    def _path(self, name: str) -> Path:
        return self._root / check_name(name)

    def _inside(self, name: str) -> Path:
        """The path of a file to read, unless a link leads out of the folder."""
        path = self._path(name)
        if not path.resolve().is_relative_to(self._root.resolve()):
            raise FileNotFoundError(name)
        return path

    def _make(self, folder: Path) -> None:
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = self._root
        for part in folder.relative_to(self._root).parts:
            made = made / part
            made.mkdir(mode=0o700, exist_ok=True)


def _is_temporary(name: str) -> bool:
    return any(p.startswith(".") and p.endswith(TEMPORARY_SUFFIX) for p in name.split("/"))


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
