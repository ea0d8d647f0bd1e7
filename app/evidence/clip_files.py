"""The files of one flagged interval: what they are called and in which order they are stored.

Used by the recorder's thread alone. The clip itself is written last, so that where there is a
clip, its stills, snapshots and manifest are whole too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from app.evidence.contents import file_part
from app.evidence.media import SEALED_SUFFIX, Media
from detectors.messages import Frame

MOST_STILLS = 60
CLIP_SUFFIX = ".mp4"
MANIFEST_SUFFIX = ".json"
SCREENS = "_screens"
SNAPSHOTS = "_snapshots"


@dataclass(slots=True)
class Bundle:
    """The files of one clip before they are written. `stem` is the name without `.mp4`."""

    session_id: str
    stem: str
    stored: list[tuple[str, bytes]] = field(default_factory=list)
    parts: list[dict[str, Any]] = field(default_factory=list)

    @property
    def clip_name(self) -> str:
        return self.stem + CLIP_SUFFIX


class ClipFiles:
    """The clips: one folder per student."""

    def __init__(self, media: Media) -> None:
        self._media = media

    @property
    def media(self) -> Media:
        return self._media

    def stem(self, user_id: str, started_at: datetime, score: float) -> str:
        """A free name, without its ending, for the clip of the interval begun at `started_at`.

        Raises OSError when the storage fails and ValueError for an id that cannot name a folder.
        """
        if user_id.startswith(".") or not user_id or set(user_id) & set("/\\\0"):
            raise ValueError("The student's id cannot name a folder")
        at = started_at.astimezone(timezone.utc).strftime("%Y-%m-%dT%H-%M-%S")
        first = stem = f"{user_id}/flagged_{at}_score{score:g}"
        taken = {_stem_of(name) for name in self._media.storage.names(first)}
        number = 1
        while stem in taken:
            number += 1
            stem = f"{first}-{number}"
        return stem

    def add(self, bundle: Bundle, kind: str, name: str, data: bytes) -> None:
        """Put a file into the bundle, encrypted if that is set."""
        stored_name, stored = self._media.prepared(bundle.session_id, name, data)
        bundle.stored.append((stored_name, stored))
        bundle.parts.append(file_part(kind, name, stored_name, data, stored))

    def add_stills(
        self, bundle: Bundle, screens: Sequence[Frame], from_s: float
    ) -> tuple[str, ...]:
        """Put stills into the bundle, named by their whole second in the clip; their names."""
        names: list[str] = []
        for screen in thinned(screens, MOST_STILLS):
            second = f"{bundle.stem}{SCREENS}/{max(0, int(screen.at_s - from_s)):03d}"
            name, number = f"{second}.jpg", 1
            while name in names:
                number += 1
                name = f"{second}-{number}.jpg"
            self.add(bundle, "screen", name, screen.jpeg)
            names.append(name)
        return tuple(names)

    def write(self, bundle: Bundle, manifest: str) -> None:
        """Store everything, the clip last. Raises OSError; then nothing is left."""
        storage = self._media.storage
        clip_names = {bundle.clip_name, bundle.clip_name + SEALED_SUFFIX}
        files = [(name, data) for name, data in bundle.stored if name not in clip_names]
        clips = [(name, data) for name, data in bundle.stored if name in clip_names]
        try:
            for name, data in (
                *files,
                (bundle.stem + MANIFEST_SUFFIX, manifest.encode()),
                *clips,
            ):
                storage.write(name, data)
        except BaseException:
            self.discard(bundle.stem)
            raise

    def discard(self, stem: str) -> None:
        """Remove what there is of a clip that was not finished."""
        try:
            for name in self._media.storage.names(stem):
                if _stem_of(name) == stem:
                    self._media.storage.delete(name)
        except OSError:
            # What cannot be removed now is swept at the next start.
            return

    def manifests(self, user_id: str) -> Mapping[str, str]:
        """The texts of the manifests in a student's folder, by their stem."""
        storage = self._media.storage
        found = {}
        for name in storage.names(f"{user_id}/flagged_"):
            if name.endswith(MANIFEST_SUFFIX):
                with storage.open(name) as file:
                    found[_stem_of(name)] = file.read().decode("utf-8", "replace")
        return found

    def has_clip(self, stem: str) -> bool:
        return self._media.stored_name(stem + CLIP_SUFFIX) is not None

    def sweep(self, user_ids: Iterable[str], *, is_alone: bool = True) -> int:
        """Remove what a process that died while writing has left; how many things that were.

        Unless this server `is_alone` with the storage, others may be writing there now."""
        removed = self._media.storage.sweep() if is_alone else 0
        for user_id in sorted(set(user_ids)):
            for name in self._media.storage.names(f"{user_id}/flagged_"):
                if not self.has_clip(_stem_of(name)):
                    self._media.storage.delete(name)
                    removed += 1
        return removed


def thinned(frames: Sequence[Frame], most: int) -> list[Frame]:
    """At most `most` of the frames, evenly spread, the first and the last among them."""
    if len(frames) <= most:
        return list(frames)
    step = (len(frames) - 1) / (most - 1)
    return [frames[round(index * step)] for index in range(most)]


def _stem_of(name: str) -> str:
    """`ann/flagged_x_score12` of any file that belongs to that clip."""
    folder, slash, last = name.rpartition("/")
    if "/" in folder:
        return folder.removesuffix(SCREENS).removesuffix(SNAPSHOTS)
    last = last.removesuffix(SEALED_SUFFIX)
    return folder + slash + last.removesuffix(CLIP_SUFFIX).removesuffix(MANIFEST_SUFFIX)
