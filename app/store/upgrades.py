"""Brings what an older version stored up to the present one, step by step, at the start.

The database says which schema it has. A step may be interrupted and done again. A database of a
newer version is left alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from app.clock import SystemClock
from app.errors import Unavailable
from app.store.documents import iso
from app.store.engines import Engine

log = logging.getLogger(__name__)

META, THE_SCHEMA = "meta", {"_id": "schema"}
OLDEST = 1
MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Upgrade:
    """What leads to a version from the one before it."""

    to: int
    says: str
    do: Callable[[Engine], int]


def _date_rosters(engine: Engine) -> int:
    """Rows of rosters count their retention from the day they were brought in."""
    now = iso(SystemClock().now())
    rows = engine.collection("roster_rows")
    undated = [row for row in rows.find({}).limit(MOST) if not row.get("listed_at")]
    for row in undated:
        rows.update_one({"_id": row["_id"]}, {"$set": {"listed_at": now}})
    return len(undated)


UPGRADES = (Upgrade(2, "rows of rosters have a day", _date_rosters),)
PRESENT = UPGRADES[-1].to


def schema_of(engine: Engine) -> int | None:
    """The version of what is stored; None for an empty database."""
    found = engine.collection(META).find_one(THE_SCHEMA)
    if found:
        return int(found["version"])
    return OLDEST if _holds_anything(engine) else None


def upgrade(engine: Engine) -> int:
    """Bring the database to the present schema; how many steps it took.

    Raises Unavailable when it was written by a newer version.
    """
    version = schema_of(engine)
    if version is None:
        _save(engine, PRESENT)
        return 0
    if version > PRESENT:
        raise Unavailable(
            f"The database has schema {version} and this version of Candor knows {PRESENT}."
            " Update this installation."
        )
    steps = [each for each in UPGRADES if each.to > version]
    for step in steps:
        changed = step.do(engine)
        _save(engine, step.to)
        log.info("Database upgraded", extra={"schema": step.to, "documents": changed})
    return len(steps)


def _save(engine: Engine, version: int) -> None:
    document: dict[str, Any] = {**THE_SCHEMA, "version": version}
    engine.collection(META).replace_one(THE_SCHEMA, document, upsert=True)


def _holds_anything(engine: Engine) -> bool:
    return any(
        engine.collection(name).find_one({}) is not None
        for name in engine.collection_names()
        if name != META
    )
