"""A proctor's connection that looks at a few sessions at a time and measures how fresh they are.

Freshness is what a proctor would say of it: from the capture of a picture to the arrival of the
verdict on it. A verdict counts once, and the first one after joining does not count, because it is
as old as it was when nobody looked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tools.simulation.wire import Wire, WireError

SESSIONS_AT_A_TIME = 8
LOOK_S = 15.0
_AGAIN_S = 2.0


class Watcher:
    """Runs in the loop of the simulation."""

    def __init__(self, server: str, key: str) -> None:
        self._server = server
        self._key = key
        self._seen: dict[str, str] = {}
        self._shown: dict[str, float] = {}
        self.verdict_s: list[float] = []
        self.picture_s: list[float] = []
        self.samples: list[tuple[float, float]] = []
        self.gaps: list[tuple[float, float]] = []
        self._heard: dict[str, float] = {}
        self.updates = 0
        self.problems: list[str] = []

    async def run(self, session_ids: Sequence[str]) -> None:
        """Look at one group after another until cancelled."""
        while True:
            wire = Wire(self._told)
            try:
                await wire.connect(self._server, {"key": self._key})
                await self._rounds(wire, session_ids)
            except WireError as error:
                self.problems.append(str(error))
                await asyncio.sleep(_AGAIN_S)
            finally:
                await wire.close()

    async def _rounds(self, wire: Wire, session_ids: Sequence[str]) -> None:
        first = 0
        while True:
            group = [
                session_ids[(first + offset) % len(session_ids)]
                for offset in range(min(SESSIONS_AT_A_TIME, len(session_ids)))
            ]
            self._seen.clear()
            self._heard.clear()
            for session_id in group:
                await wire.ask("join_session", {"session_id": session_id})
            await asyncio.sleep(LOOK_S)
            for session_id in group:
                await wire.ask("leave_session", {"session_id": session_id})
            first = (first + len(group)) % len(session_ids)

    def _told(self, name: str, arguments: list[Any]) -> None:
        if name != "monitoring_update" or not arguments:
            return
        update = arguments[0]
        self.updates += 1
        seen_at = update.get("seen_at")
        session_id = update["session_id"]
        now_s = time.time()
        if session_id in self._heard:
            self.gaps.append((now_s, now_s - self._heard[session_id]))
        self._heard[session_id] = now_s
        before = self._seen.get(session_id)
        self._seen[session_id] = seen_at or ""
        if seen_at and before is not None and before != seen_at:
            age_s = now_s - datetime.fromisoformat(seen_at.replace("Z", "+00:00")).timestamp()
            self.verdict_s.append(age_s)
            self.samples.append((now_s, age_s))
