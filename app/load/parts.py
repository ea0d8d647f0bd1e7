"""Builds the watch over the machine's load from the parts it looks at and tells."""

from __future__ import annotations

import math
from collections.abc import Callable

from app.clock import Clock
from app.load.state import LoadState
from app.load.watch import LoadWatch, TakesIn, Works
from app.monitoring.live import LiveRooms
from app.monitoring.rooms import student_room
from app.pool.local import cores
from app.settings import Settings
from app.sockets.connect import Callers


def open_load(
    settings: Settings,
    clock: Clock,
    pool: Works,
    ingest: TakesIn,
    live: LiveRooms,
    callers: Callers,
    emit: Callable[[str, object, str], None],
) -> LoadWatch:
    """`emit(event, payload, room)` sends to a Socket.IO room."""

    def tell(state: LoadState) -> None:
        """Tell those who look, and ask the students' browsers for what is used."""
        live.announce("load", state.payload())
        for caller in callers.all():
            if caller.kind == "student":
                emit("pace", state.pace(), student_room(caller.session_id))

    return LoadWatch(
        clock,
        pool,
        ingest,
        LoadState(settings.analysis_fps, settings.video_fps),
        refuses=settings.when_full == "refuse",
        memory=settings.costs_path,
        cores=math.inf if settings.redis_url else cores(),
        when_moved=tell,
    )
