"""Time zones by name."""

from __future__ import annotations

from datetime import timezone, tzinfo
from zoneinfo import ZoneInfo

UTC_NAME = "UTC"


def zone_of(name: str) -> tzinfo:
    """The zone of a name such as Europe/Berlin. Raises ValueError for one this machine lacks."""
    if name == UTC_NAME:
        # Also on a machine without a zone database.
        return timezone.utc
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, LookupError):
        raise ValueError(
            f"knows no time zone {name!r}; write one such as Europe/Berlin, or UTC"
        ) from None
