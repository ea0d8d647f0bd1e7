"""The disk of one chaos run: a folder or, where it is to be full for a while, a small one in
memory that is mounted there.
"""

from __future__ import annotations

import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

SIZE_MB = 64
# Files by which the server is told: every write takes so long; the wall clock is off by so much.
SLOW, WALL = "slow", "wall"
SLOW_S = 0.4
_PART_BYTES = 65_536
_FILLING = "filling"


class Disk:
    """Where the server keeps everything. Mounting needs root."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._is_mounted = False
        folder.mkdir()

    def mount(self) -> None:
        """Raises CalledProcessError without the rights for it."""
        mount = shutil.which("mount") or "mount"
        size = f"size={SIZE_MB}m"
        subprocess.run([mount, "-t", "tmpfs", "-o", size, "tmpfs", str(self.folder)], check=True)
        self._is_mounted = True

    def fill(self) -> None:
        """Leave no byte free."""
        with (self.folder / _FILLING).open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(_PART_BYTES))

    def empty(self) -> None:
        """Make room again."""
        (self.folder / _FILLING).unlink(missing_ok=True)

    def slow(self) -> None:
        """From now on every write that is to last takes `SLOW_S` of the machine."""
        (self.folder / SLOW).touch()

    def quicken(self) -> None:
        (self.folder / SLOW).unlink(missing_ok=True)

    def set_wall(self, jump_s: int) -> None:
        """The server's wall clock jumps by so many seconds."""
        (self.folder / WALL).write_text(str(jump_s), encoding="ascii")

    def unmount(self) -> None:
        if self._is_mounted:
            umount = shutil.which("umount") or "umount"
            subprocess.run([umount, "-l", str(self.folder)], check=True)
            self._is_mounted = False
