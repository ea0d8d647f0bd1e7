"""Where clips and the screen stills beside them lie on disk, and what may not be left there.

Used by the recorder's thread alone. A file is written under a hidden temporary name and renamed,
so that a name without a leading dot is always a whole file.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from datetime import datetime, timezone
from pathlib import Path

from app.evidence.clip_writer import TEMPORARY_SUFFIX, temporary_name
from detectors.messages import Frame

MOST_STILLS = 60


class ClipFiles:
    """The folder `flagged_videos`: one folder per student, readable by the server's user only."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def place(self, user_id: str, started_at: datetime, score: float) -> Path:
        """A free name for the clip of the interval that began at `started_at`.

        Creates the student's folder. Raises OSError when that is not possible and ValueError for
        an id that cannot name a folder.
        """
        if user_id in {"", ".", ".."} or "/" in user_id or "\0" in user_id or os.sep in user_id:
            raise ValueError("The student's id cannot name a folder")
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = self._root / user_id
        folder.mkdir(mode=0o700, exist_ok=True)
        at = started_at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H-%M-%S")
        stem = f"flagged_{at}_score{score:g}"
        path = folder / f"{stem}.mp4"
        number = 1
        while path.exists() or stills_folder(path).exists():
            number += 1
            path = folder / f"{stem}-{number}.mp4"
        return path

    def name(self, path: Path) -> str:
        """The path relative to the clips folder, as it is stored."""
        return path.relative_to(self._root).as_posix()

    def path(self, name: str) -> Path:
        return self._root / name

    def write_stills(self, clip: Path, screens: Sequence[Frame], from_s: float) -> tuple[str, ...]:
        """Write stills beside `clip`, named by their whole second in it; their stored names."""
        kept = thinned(screens, MOST_STILLS)
        if not kept:
            return ()
        folder = stills_folder(clip)
        temporary = temporary_name(folder)
        shutil.rmtree(temporary, ignore_errors=True)
        try:
            temporary.mkdir(mode=0o700)
            names = []
            for screen in kept:
                stem = f"{max(0, int(screen.at_s - from_s)):03d}"
                name, number = f"{stem}.jpg", 1
                while name in names:
                    number += 1
                    name = f"{stem}-{number}.jpg"
                _write_durably(temporary / name, screen.jpeg)
                names.append(name)
            os.replace(temporary, folder)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return tuple(self.name(folder / name) for name in names)

    def discard(self, clip: Path) -> None:
        """Remove what a clip that failed has left, and the student's folder if that is empty."""
        clip.unlink(missing_ok=True)
        temporary_name(clip).unlink(missing_ok=True)
        shutil.rmtree(stills_folder(clip), ignore_errors=True)
        try:
            clip.parent.rmdir()
        except OSError:
            return

    def sweep(self) -> int:
        """Remove what a process that died while writing has left; how many things that were."""
        removed = 0
        for path in sorted(self._root.glob("*/*")) if self._root.is_dir() else []:
            is_temporary = path.name.startswith(".") and path.name.endswith(TEMPORARY_SUFFIX)
            if is_temporary or (_is_stills_folder(path) and not _clip_of(path).exists()):
                if path.is_dir():
                    shutil.rmtree(path, ignore_errors=True)
                else:
                    path.unlink(missing_ok=True)
                removed += 1
        return removed


def stills_folder(clip: Path) -> Path:
    """The folder of the screen stills that belong to `clip`."""
    return clip.with_name(f"{clip.stem}_screens")


def thinned(frames: Sequence[Frame], most: int) -> list[Frame]:
    """At most `most` of the frames, evenly spread, the first and the last among them."""
    if len(frames) <= most:
        return list(frames)
    step = (len(frames) - 1) / (most - 1)
    return [frames[round(index * step)] for index in range(most)]


def _is_stills_folder(path: Path) -> bool:
    return path.name.startswith("flagged_") and path.name.endswith("_screens") and path.is_dir()


def _clip_of(stills: Path) -> Path:
    return stills.with_name(f"{stills.name.removesuffix('_screens')}.mp4")


def _write_durably(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
