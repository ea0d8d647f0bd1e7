"""What the people at one server look at, as others are told it."""

from __future__ import annotations

from dataclasses import dataclass

# Stands for the other servers where a connection is named.
ROOM = "fleet"


@dataclass(frozen=True, slots=True)
class Wish:
    """Whether anybody looks at all, and what of whom."""

    is_some: bool = False
    frames: tuple[str, ...] = ()
    thumbnails: tuple[str, ...] = ()
    sounds: tuple[str, ...] = ()
