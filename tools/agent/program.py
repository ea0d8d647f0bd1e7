"""Captures at the server's pace and fills the spool; the line sends it."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tools.agent.line import Line
from tools.agent.pictures import Pictures, encode_jpeg
from tools.agent.sounds import RATE, SAMPLE_BYTES, Sounds
from tools.agent.spool import Batch, Part, Spool

# Batches kept while the line is down: one a second, and the server takes nothing older.
SPOOL_LIMIT = 45
_JOIN_S = 15.0


@dataclass(frozen=True, slots=True)
class PlannedEvent:
    """A screen event to report at a second of the stream, for demonstrations and tests."""

    at_s: float
    kind: str


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a stream."""

    cause: str
    batches_sent: int
    batches_dropped: int
    connections: int


class Agent:
    """One student's stream. `run` blocks; `stop` may be called from any thread."""

    def __init__(
        self,
        server: str,
        token: str,
        pictures: Pictures | None,
        sounds: Sounds | None,
        events: Sequence[PlannedEvent] = (),
        *,
        verify: bool = True,
    ) -> None:
        self._pictures = pictures
        self._sounds = sounds
        self._events = sorted(events, key=lambda event: event.at_s)
        self._zero_ms = time.time() * 1000
        self._zero_s = time.monotonic()
        self._spool = Spool(SPOOL_LIMIT)
        self.line = Line(server, token, self._spool, now_ms=self._now_ms, verify=verify)
        self._stop = threading.Event()

    def stop(self) -> None:
        self._stop.set()

    def run(self, seconds: float | None = None, end_session: bool = False) -> Report:
        """Stream for `seconds` (or until stopped or ended), send what is left, and report."""
        thread = threading.Thread(target=self.line.run, name="agent-line", daemon=True)
        thread.start()
        try:
            while not (self.line.wait_started(0.2) or self.line.is_ended or self._stop.is_set()):
                pass
            if self.line.capture.session_id:
                self._capture(seconds)
                if not self.line.is_ended:
                    self._spool.is_empty_within(_JOIN_S)
                    if end_session:
                        self.line.end_session()
        finally:
            self.line.stop()
            thread.join(_JOIN_S)
            for source in (self._pictures, self._sounds):
                if source is not None:
                    source.close()
        return Report(
            self.line.cause, self.line.batches_sent, self._spool.dropped, self.line.connections
        )

    def _now_ms(self) -> float:
        """This machine's clock as Unix milliseconds, which never steps back."""
        return self._zero_ms + (time.monotonic() - self._zero_s) * 1000

    def _capture(self, seconds: float | None) -> None:
        wanted = self.line.capture
        begin_s = time.monotonic()
        begin_ms = self._now_ms()
        planned = list(self._events)
        frames: list[Part] = []
        next_batch_s, frame = wanted.batch_ms / 1000, 0
        while True:
            at_s = frame / wanted.video_fps
            if self._stop.wait(max(0.0, begin_s + at_s - time.monotonic())) or self.line.is_ended:
                break
            late_s = time.monotonic() - begin_s - at_s
            if late_s > 1:
                # The machine was too slow or asleep: what was missed is gone.
                frame += int(late_s * wanted.video_fps)
                continue
            picture = self._pictures.at(at_s) if self._pictures else None
            if picture is not None:
                jpeg = encode_jpeg(picture, wanted.width, wanted.height, wanted.jpeg_quality)
                frames.append((begin_ms + at_s * 1000, jpeg))
            frame += 1
            if frame / wanted.video_fps >= next_batch_s:
                due = [event for event in planned if event.at_s <= next_batch_s]
                planned = planned[len(due) :]
                self._add(begin_ms, next_batch_s, frames, due)
                frames = []
                next_batch_s = max(next_batch_s + wanted.batch_ms / 1000, frame / wanted.video_fps)
            if seconds is not None and frame / wanted.video_fps >= seconds:
                break

    def _add(
        self, begin_ms: float, at_s: float, frames: list[Part], due: list[PlannedEvent]
    ) -> None:
        audio: tuple[Part, ...] = ()
        pcm = self._sounds.until(at_s) if self._sounds else b""
        if pcm:
            span_ms = len(pcm) / SAMPLE_BYTES / RATE * 1000
            audio = ((begin_ms + at_s * 1000 - span_ms, pcm),)
        self._spool.add(
            Batch(
                frames=tuple(frames),
                audio=audio,
                events=tuple(_event(begin_ms, event) for event in due),
                state={
                    "visible": True,
                    "focused": True,
                    "fullscreen": True,
                    "camera": self._pictures is not None,
                    "microphone": self._sounds is not None,
                    "screen": False,
                },
            )
        )


def _event(begin_ms: float, event: PlannedEvent) -> dict[str, Any]:
    instant_ms = begin_ms + event.at_s * 1000
    return {"id": f"agent-{instant_ms:.0f}-{event.kind}", "kind": event.kind, "t": instant_ms}
