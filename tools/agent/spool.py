"""What was captured and not yet acknowledged: numbered batches, oldest dropped when full."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any

Part = tuple[float, bytes]


@dataclass(frozen=True, slots=True)
class Batch:
    """One message's worth. Instants are Unix milliseconds of this machine."""

    seq: int = 0
    frames: tuple[Part, ...] = ()
    audio: tuple[Part, ...] = ()
    events: tuple[dict[str, Any], ...] = ()
    state: dict[str, bool] = field(default_factory=dict)

    def message(self, sent_ms: float) -> tuple[dict[str, Any], bytes]:
        """Header and body as docs/protocol.md has them."""
        header = {
            "seq": self.seq,
            "sent_ms": sent_ms,
            "frames": [{"t": t_ms, "size": len(data)} for t_ms, data in self.frames],
            "audio": [{"t": t_ms, "size": len(data)} for t_ms, data in self.audio],
            "events": list(self.events),
            "state": self.state,
        }
        return header, b"".join(data for _, data in (*self.frames, *self.audio))


class Spool:
    """A bounded queue between capturing and sending. Any thread may call.

    When full the oldest batch goes, but its events move to the next one: events are never lost.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._batches: deque[Batch] = deque()
        self._changed = threading.Condition()
        self._next_seq = 0
        self.dropped = 0

    def count_from(self, seq: int) -> None:
        """Number from `seq` on, for a session that another program has sent to; call it first."""
        with self._changed:
            self._next_seq = seq

    def add(self, batch: Batch) -> None:
        """Number the batch and keep it until `done`."""
        with self._changed:
            self._batches.append(replace(batch, seq=self._next_seq))
            self._next_seq += 1
            if len(self._batches) > self._limit:
                lost = self._batches.popleft()
                heir = self._batches[0]
                self._batches[0] = replace(heir, events=(*lost.events, *heir.events))
                self.dropped += 1
            self._changed.notify_all()

    def oldest(self, wait_s: float) -> Batch | None:
        """The batch to send next, waiting up to `wait_s` for one."""
        with self._changed:
            self._changed.wait_for(lambda: bool(self._batches), wait_s)
            return self._batches[0] if self._batches else None

    def done(self, seq: int) -> None:
        """Everything up to `seq` was acknowledged or refused for good."""
        with self._changed:
            while self._batches and self._batches[0].seq <= seq:
                self._batches.popleft()
            self._changed.notify_all()

    def is_empty_within(self, wait_s: float) -> bool:
        """Whether everything was sent, waiting up to `wait_s` for it."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._batches, wait_s)
