"""One session's stream: its clock, its counts, its limits, and what it has sent so far.

`Intake` belongs to `app.intake.ingest`; every method takes the session's own lock.
"""

from __future__ import annotations

import secrets
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import replace

from app.clock import SessionTime
from app.errors import CandorError, TooLarge, TooMany
from app.evidence.ring import EvidenceRing
from app.intake.batch import Batch, BrowserState, EventPart, parse_event
from app.intake.capture_time import CaptureTime, InOrder
from app.intake.jpeg import FRAME_MAX_BYTES, SCREEN_MAX_BYTES, inspect_jpeg
from app.intake.mailbox import Mailbox
from app.intake.rates import TokenBucket
from app.intake.receipts import Receipts
from app.intake.seen import Seen
from app.intake.sounds import MAX_SOUND_S, from_start, read_sound, span_ms
from app.intake.state import AbsenceSpan, BatchReceipt, Beginning, Line, Refusal, StreamState
from app.load.ladder import Rung
from detectors.messages import Frame
from scoring.model import ScreenEvent

_BATCHES_PER_S, _BATCHES_BURST = 20.0, 1_500.0
_BYTES_PER_S, _BYTES_BURST = 2_000_000.0, 60_000_000.0
_EVENTS_PER_S, _EVENTS_BURST = 10.0, 200.0
_EVENT_MAX_AGE_S = 3600.0
_MAX_EVENT_IDS = 5_000
_MAX_BACK_S = 5.0
_SLOW_AFTER_S = 3.5
_DOWN_AFTER_S = 10.0
_SLOW_DELAY_S = 2.0
# Beyond this much that waits to be analysed, what comes late is asked for again later.
_MOST_LATE_S = 30.0
_MOST_ABSENCES = 500


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
        late: Mailbox | None = None,
    ) -> None:
        """`takes` names what the session's policy uses; the rest is thrown away unread. `late`
        takes what comes after newer things."""
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
        self.late = late or Mailbox(1.0)
        self._run = secrets.token_hex(8)
        self._receipts = Receipts()
        self._count = ""
        self._may_restart = False
        self._settled_s = float("-inf")
        self._complete_s = float("-inf")
        self._has_spool = False
        self._seen = Seen()
        self._absences: OrderedDict[AbsenceSpan, None] = OrderedDict()
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

    def begin(
        self, count: str = "", offset_ms: float | None = None, sent_ms: float | None = None
    ) -> Beginning:
        """A client introduced itself: its clock is learnt anew.

        `count` names its numbering; without one, a batch 0 that follows begins a new one.
        `offset_ms` is what the last receipt said that it got; `sent_ms` is its clock now, so that
        an event that comes before any batch has its time.
        """
        with self._lock:
            if not count or count != self._count:
                self._capture.forget()
                if offset_ms is not None:
                    self._capture.hint(offset_ms / 1000 - self._started_ms() / 1000)
            if count and count != self._count:
                self._receipts = Receipts()
            self._count = count
            self._has_spool = bool(count)
            self._may_restart = not count
            self.ring.await_from(self._complete_s if self._has_spool else None)
            now_s = self._time.now_s()
            if sent_ms is not None:
                self._capture.received(sent_ms, now_s)
            self._touch(now_s)
            return Beginning(self._receipts.next_seq, self._run)

    def settle(self, before_s: float) -> None:
        """What was captured before `before_s` is scored, stored, and needed for no clip."""
        with self._lock:
            self._settled_s = before_s
            self._receipts.settle(before_s)
            self.ring.hold(before_s)

    @property
    def is_connected(self) -> bool:
        """Whether a client speaks for this session now."""
        return not self._is_gone

    def pace(self, rung: Rung) -> None:
        """What is analysed of both lanes from now on."""
        for box in (self.mailbox, self.late):
            box.pace(rung.rate, rung.patience)

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

    def take_batch(self, batch: Batch) -> BatchReceipt:
        """Use what is good in `batch`; a repeated one is acknowledged and not used again.

        Raises TooMany when it comes late and much that came late waits already.
        """
        with self._lock:
            now_s = self._time.now_s()
            self._touch(now_s)
            if self._may_restart and batch.seq == 0 and self._receipts.next_seq > 1:
                self._receipts = Receipts()
            self._may_restart = False
            if self._receipts.has(batch.seq):
                self._counters["repeated_batches"] += 1
                self._learn_progress(batch, now_s)
                return self._receipt(batch.seq, now_s, is_repeat=True)
            is_late = not self._receipts.is_live(batch.seq)
            if is_late and self.late.waiting_s > _MOST_LATE_S:
                self._counters["postponed"] += 1
                raise TooMany("Much that came late is still being looked at. Send it again.")
            self._capture.received(batch.sent_ms, now_s)
            if batch.heard is not None:
                server_ms, t_ms = batch.heard
                self._capture.heard((server_ms - self._started_ms()) / 1000, t_ms, now_s)
            self._last_batch_s = now_s
            if not is_late:
                self._browser = batch.state
            refused = (
                *self._take_events(batch, now_s),
                *self._take_frames(batch, now_s, is_late),
                *self._take_sounds(batch, now_s, is_late),
                *self._take_screens(batch, now_s),
            )
            self._note_absences(batch)
            self._receipts.take(batch.seq, self._until_s(batch, now_s))
            self._learn_progress(batch, now_s)
            self._counters["batches"] += 1
            self._counters["late_batches"] += is_late
            self._counters["refused_parts"] += len(refused)
            return self._receipt(batch.seq, now_s, refused)

    def probe(self) -> float:
        """The client asks whether anybody is there. Returns the server's clock, in Unix ms."""
        with self._lock:
            now_s = self._time.now_s()
            self._touch(now_s)
            return self._server_ms(now_s)

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
            boxes = (self.mailbox, self.late)
            counters["dropped_frames"] = sum(box.dropped_frames for box in boxes)
            counters["dropped_sound_s"] = round(sum(box.dropped_sound_s for box in boxes))
            counters["thinned_frames"] = sum(box.thinned_frames for box in boxes)
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
                complete_s=self._complete_s,
                pending_from_s=min(box.pending_from_s for box in boxes),
                seen=self._seen.spans,
                absences=tuple(self._absences),
                clock_lies=self._capture.lies,
            )

    def _receipt(
        self, seq: int, now_s: float, refused: tuple[Refusal, ...] = (), *, is_repeat: bool = False
    ) -> BatchReceipt:
        offset_s = self._capture.offset_s
        return BatchReceipt(
            seq,
            self._receipts.next_seq,
            self._server_ms(now_s),
            refused,
            is_repeat,
            self._receipts.settled_seq,
            self._capture.client_ms(self._settled_s) if self._settled_s > 0 else None,
            None if offset_s is None else offset_s * 1000 + self._started_ms(),
        )

    def _started_ms(self) -> float:
        return self._time.instant(0.0).timestamp() * 1000

    def _server_ms(self, now_s: float) -> float:
        return self._started_ms() + now_s * 1000

    def _until_s(self, batch: Batch, now_s: float) -> float:
        """When the last thing in a batch was captured."""
        ends = [part.t_ms for part in (*batch.frames, *batch.screens)]
        ends += [part.t_ms + span_ms(part) for part in batch.sounds]
        offset_s = self._capture.offset_s or 0.0
        return min(now_s, max(ends) / 1000 + offset_s) if ends else now_s

    def _learn_progress(self, batch: Batch, now_s: float) -> None:
        """Up to when everything has arrived, as the client says or as far as was seen."""
        offset_s = self._capture.offset_s
        if self._has_spool and batch.oldest_ms is not None and offset_s is not None:
            self._complete_s = min(now_s, batch.oldest_ms / 1000 + offset_s)
        elif self._last_frame_s is not None or not self._has_spool:
            self._complete_s = self._last_frame_s if self._last_frame_s is not None else now_s
        self.ring.await_from(self._complete_s if self._has_spool else None)

    def _note_absences(self, batch: Batch) -> None:
        offset_s = self._capture.offset_s or 0.0
        for each in batch.absences:
            from_s = max(0.0, each.from_ms / 1000 + offset_s)
            to_s = each.to_ms / 1000 + offset_s
            if to_s > from_s:
                span = AbsenceSpan(round(from_s, 3), round(to_s, 3), each.cause)
                self._absences[span] = None
        while len(self._absences) > _MOST_ABSENCES:
            self._absences.popitem(last=False)

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

    def _take_frames(self, batch: Batch, now_s: float, is_late: bool) -> list[Refusal]:
        refused, frames = [], []
        for part in batch.frames if CAMERA in self._takes else ():
            try:
                inspect_jpeg(part.data, FRAME_MAX_BYTES)
                at_s = self._capture.at_s(part.t_ms, now_s)
                if not is_late:
                    at_s = self._frame_order.place(at_s, now_s)
            except CandorError as error:
                refused.append(Refusal("frames", part.index, error.code, error.message))
                continue
            frames.append(Frame(at_s, part.data))
            self.ring.add_frame(at_s, part.data)
            self._seen.add(at_s, at_s)
            if not is_late:
                self._last_frame_s = at_s
        (self.late if is_late else self.mailbox).put(frames=frames)
        self._counters["frames"] += len(frames)
        return refused

    def _take_sounds(self, batch: Batch, now_s: float, is_late: bool) -> list[Refusal]:
        refused, sounds, total_s = [], [], 0.0
        for part in batch.sounds if AUDIO in self._takes else ():
            try:
                sound = read_sound(part)
                span_s = sound.span_s
                if total_s + span_s > MAX_SOUND_S:
                    raise TooLarge(f"At most {MAX_SOUND_S:.0f} s of sound are taken in a batch.")
                sound = from_start(sound, self._capture.at_s(part.t_ms, now_s, span_s))
                if not is_late:
                    sound = replace(sound, at_s=self._sound_order.place(sound.at_s, now_s))
            except CandorError as error:
                refused.append(Refusal("audio", part.index, error.code, error.message))
                continue
            total_s += span_s
            sounds.append(sound)
            self.ring.add_sound(sound)
            if CAMERA not in self._takes:
                self._seen.add(sound.at_s, sound.at_s + sound.span_s)
        (self.late if is_late else self.mailbox).put(sounds=sounds)
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
