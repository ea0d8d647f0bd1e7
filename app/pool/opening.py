"""Chooses where the detectors run: here, or wherever workers offer themselves over Redis."""

from __future__ import annotations

from app.clock import Clock
from app.fleet.line import open_line
from app.pool import InferencePool
from app.pool.local import local_pool
from app.pool.remote import RemotePool
from app.settings import Settings


def open_pool(settings: Settings, clock: Clock, *, scripted: bool = False) -> InferencePool:
    """The pool that the settings ask for. `scripted` replaces detectors that run here by ones
    that follow a script."""
    if settings.redis_url:
        return RemotePool(open_line(settings), clock)
    return local_pool(settings, clock, scripted=scripted)
