"""One session's stream: its clock, its counts, its limits, and what it has sent so far.

`Intake` belongs to `app.intake.ingest`; every method takes the session's own lock.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from app.clock import SessionTime
from app.errors import CandorError, TooLarge, TooMany
from app.evidence.ring import EvidenceRing
from app.intake.batch import (
    MAX_SOUND_S,
    PCM_BYTES_PER_S,
    Batch,
    BrowserState,
    EventPart,
    check_sound,
    parse_event,
)
from app.intake.capture_time import CaptureTime, InOrder
from app.intake.jpeg import FRAME_MAX_BYTES, SCREEN_MAX_BYTES, inspect_jpeg
from app.intake.mailbox import Mailbox
from app.intake.rates import TokenBucket
from detectors.messages import Frame, Sound
from scoring.model import ScreenEvent

_BATCHES_PER_S, _BATCHES_BURST = 20.0, 1_500.0
_BYTES_PER_S, _BYTES_BURST = 2_000_000.0, 60_000_000.0
_EVENTS_PER_S, _EVENTS_BURST = 10.0, 200.0
_EVENT_MAX_AGE_S = 600.0
_MAX_EVENT_IDS = 5_000
_MAX_BACK_S = 5.0
_SLOW_AFTER_S = 3.5
_DOWN_AFTER_S = 10.0
_SLOW_DELAY_S = 2.0


class Line(str, Enum):
    """How a student's line looks from here. Technical trouble never adds points."""

    GOOD = "good"
    SLOW = "slow"
    DOWN = "down"

    __str__ = str.__str__


@dataclass(frozen=True, slots=True)
class Refusal:
    """One part of a batch that was not used; the rest was."""

    part: str
    index: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class BatchReceipt:
    """The answer to a batch; `next_seq` is the first one not received yet."""

    seq: int
    next_seq: int
    server_ms: float
    refused: tuple[Refusal, ...] = ()
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class StreamState:
    """What is known of a session's line. Instants are seconds of the session."""

    line: Line
    opened_at_s: float
    last_contact_at_s: float
    last_batch_at_s: float | None
    last_frame_at_s: float | None
    delay_s: float
    browser: BrowserState
    counters: dict[str, int] = field(default_factory=dict)


CAMERA, AUDIO = "camera", "audio"
EVERYTHING = frozenset({CAMERA, AUDIO})


class Intake:
    """Checks and times the parts of one session's batches and events.

    `post_event` hands an event on at once; when it raises a CandorError the event counts as
    not received.
    """

    def __init__(
        self,
        time: SessionTime,
        ring: EvidenceRing,
        mailbox: Mailbox,
        post_event: Callable[[ScreenEvent], None],
        takes: frozenset[str] = EVERYTHING,
    ) -> None:
        """`takes` names what the session's policy uses; the rest is thrown away unread."""
        now_s = time.now_s()
        self._takes = takes
        self.ring = ring
        self.mailbox = mailbox
        self._time = time
        self._post_event = post_event
        self._lock = threading.Lock()
        self._capture = CaptureTime()
        self._frame_order = InOrder(_MAX_BACK_S)
        self._sound_order = InOrder(_MAX_BACK_S)
        self._next_seq = 0
        self._may_restart = False
        self._event_ids: OrderedDict[str, None] = OrderedDict()
        self._batches = TokenBucket(_BATCHES_PER_S, _BATCHES_BURST, now_s)
        self._bytes = TokenBucket(_BYTES_PER_S, _BYTES_BURST, now_s)
        self._events = TokenBucket(_EVENTS_PER_S, _EVENTS_BURST, now_s)
        self._counters: Counter[str] = Counter()
        self._opened_at_s = now_s
        self._last_contact_s = now_s
        self._is_gone = True
        self._last_batch_s: float | None = None
        self._last_frame_s: float | None = None
        self._browser = BrowserState()

    def begin(self) -> int:
        """A client introduced itself: its clock is learnt anew. Returns the next seq."""
        with self._lock:
            self._capture.forget()
            self._may_restart = True
            self._touch(self._time.now_s())
            return self._next_seq

    def gone(self) -> None:
        """The client's connection has closed."""
        with self._lock:
            self._is_gone = True

    def charge(self, size: int) -> None:
        """Count one message of `size` bytes. Raises TooMany over the session's rate."""
        with self._lock:
            now_s = self._time.now_s()
            self._counters["messages"] += 1
            if not (self._batches.take(1, now_s) and self._bytes.take(size, now_s)):
                self._counters["over_rate"] += 1
                raise TooMany("Too much is sent at once. Wait a second and go on.")

    def refused(self) -> None:
        """Count a message that could not be read."""
        with self._lock:
            self._counters["refused_messages"] += 1

    def take_batch(self, batch: Batch, server_ms: float) -> BatchReceipt:
        """Use what is good in `batch`; a repeated one is acknowledged and not used again."""
        with self._lock:
            now_s = self._time.now_s()
            self._touch(now_s)
            if self._may_restart and batch.seq == 0 and self._next_seq > 1:
                self._next_seq = 0
            self._may_restart = False
            if batch.seq < self._next_seq:
                self._counters["repeated_batches"] += 1
                return BatchReceipt(batch.seq, self._next_seq, server_ms, is_repeat=True)
            self._capture.received(batch.sent_ms, now_s)
            self._next_seq = batch.seq + 1
            self._last_batch_s = now_s
            self._browser = batch.state
            refused = (
                *self._take_events(batch, now_s),
                *self._take_frames(batch, now_s),
                *self._take_sounds(batch, now_s),
                *self._take_screens(batch, now_s),
            )
            self._counters["batches"] += 1
            self._counters["refused_parts"] += len(refused)
            return BatchReceipt(batch.seq, self._next_seq, server_ms, refused)

    def take_event(self, event: EventPart) -> None:
        """Hand one screen event on, once. Raises TooMany, InvalidInput, Unavailable."""
        with self._lock:
            now_s = self._time.now_s()
            self._touch(now_s)
            self._take_event(event, now_s)

    def state(self) -> StreamState:
        """The line as it is now."""
        with self._lock:
            counters = dict(self._counters)
            counters["dropped_frames"] = self.mailbox.dropped_frames
            counters["dropped_sound_s"] = round(self.mailbox.dropped_sound_s)
            counters["dropped_evidence"] = self.ring.dropped
            return StreamState(
                line=self._line(),
                opened_at_s=self._opened_at_s,
                last_contact_at_s=self._last_contact_s,
                last_batch_at_s=self._last_batch_s,
                last_frame_at_s=self._last_frame_s,
                delay_s=self._capture.delay_s,
                browser=self._browser,
                counters=counters,
            )

    def _touch(self, now_s: float) -> None:
        self._last_contact_s = now_s
        self._is_gone = False

    def _line(self) -> Line:
        silent_s = self._time.now_s() - self._last_contact_s
        if self._is_gone or silent_s > _DOWN_AFTER_S:
            return Line.DOWN
        if silent_s > _SLOW_AFTER_S or self._capture.delay_s > _SLOW_DELAY_S:
            return Line.SLOW
        return Line.GOOD

    def _take_frames(self, batch: Batch, now_s: float) -> list[Refusal]:
        refused, frames = [], []
        for part in batch.frames if CAMERA in self._takes else ():
            try:
                inspect_jpeg(part.data, FRAME_MAX_BYTES)
                at_s = self._frame_order.place(self._capture.at_s(part.t_ms, now_s), now_s)
            except CandorError as error:
                refused.append(Refusal("frames", part.index, error.code, error.message))
                continue
            frames.append(Frame(at_s, part.data))
            self.ring.add_frame(at_s, part.data)
            self._last_frame_s = at_s
        self.mailbox.put(frames=frames)
        self._counters["frames"] += len(frames)
        return refused

    def _take_sounds(self, batch: Batch, now_s: float) -> list[Refusal]:
        refused, sounds, total_s = [], [], 0.0
        for part in batch.sounds if AUDIO in self._takes else ():
            try:
                check_sound(part.data)
                span_s = len(part.data) / PCM_BYTES_PER_S
                if total_s + span_s > MAX_SOUND_S:
                    raise TooLarge(f"At most {MAX_SOUND_S:.0f} s of sound are taken in a batch.")
                at_s, pcm = _from_start(self._capture.at_s(part.t_ms, now_s, span_s), part.data)
                at_s = self._sound_order.place(at_s, now_s)
            except CandorError as error:
                refused.append(Refusal("audio", part.index, error.code, error.message))
                continue
            total_s += span_s
            sounds.append(Sound(at_s, pcm))
            self.ring.add_sound(at_s, pcm)
        self.mailbox.put(sounds=sounds)
        self._counters["sounds"] += len(sounds)
        return refused

    def _take_screens(self, batch: Batch, now_s: float) -> list[Refusal]:
        refused = []
        for part in batch.screens:
            try:
                inspect_jpeg(part.data, SCREEN_MAX_BYTES)
                self.ring.add_screen(self._capture.at_s(part.t_ms, now_s), part.data)
            except CandorError as error:
                refused.append(Refusal("screen", part.index, error.code, error.message))
                continue
            self._counters["screens"] += 1
        return refused

    def _take_events(self, batch: Batch, now_s: float) -> list[Refusal]:
        refused = []
        for index, raw in enumerate(batch.events):
            try:
                self._take_event(parse_event(raw), now_s)
            except CandorError as error:
                refused.append(Refusal("events", index, error.code, error.message))
        return refused

    def _take_event(self, event: EventPart, now_s: float) -> None:
        if event.event_id in self._event_ids:
            self._counters["repeated_events"] += 1
            return
        if not self._events.take(1, now_s):
            self._counters["over_rate"] += 1
            raise TooMany("Too many screen events at once. Wait a second and send them again.")
        at_s = self._capture.at_s(event.t_ms, now_s, max_age_s=_EVENT_MAX_AGE_S)
        self._post_event(ScreenEvent(event.event_id, event.kind, at_s))
        self._event_ids[event.event_id] = None
        if len(self._event_ids) > _MAX_EVENT_IDS:
            self._event_ids.popitem(last=False)
        self._counters["events"] += 1


def _from_start(at_s: float, pcm: bytes) -> tuple[float, bytes]:
    """Sound without what was heard before the session's second 0."""
    if at_s >= 0:
        return at_s, pcm
    return 0.0, pcm[2 * round(-at_s * PCM_BYTES_PER_S / 2) :]
