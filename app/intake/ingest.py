"""Takes what students send: checks it, gives it server time, hands it on.

Any thread may call; each session has its own lock, so one slow or hostile student never
holds up another. Pictures and sound go to the evidence ring (memory) and the mailbox, screen
events go to the monitor at once. A refused message changes nothing but counters.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from typing import Protocol

from app.clock import Clock, SessionTime
from app.errors import CandorError, Conflict, Unavailable
from app.evidence.ring import EvidenceRing
from app.intake.batch import parse_batch, parse_event
from app.intake.intake import AUDIO, CAMERA, Intake
from app.intake.lanes import late_lane
from app.intake.mailbox import LATE_FRAMES_S, LATE_SOUND_S, Mailbox, Waiting
from app.intake.state import BatchReceipt, Beginning, StreamState
from app.load.ladder import RUNGS, Rung
from app.pool import InferencePool
from app.privacy.consent import uses_audio, uses_camera
from app.records import SessionRecord
from app.settings import Settings
from detectors.messages import Mark
from scoring.model import Detector, ScreenEvent
from scoring.policy import policy_from_dict
from scoring.policy_shape import PolicyError

log = logging.getLogger(__name__)

_RING_MARGIN_S = 20.0
_FRAME_BYTES = 60_000
_OTHER_BYTES_PER_S = 200_000
_MAX_CLOSED_RINGS = 100
_JUST_STARTED_S = 5.0


class EventSink(Protocol):
    """Where screen events go: the monitor."""

    def post_event(self, session_id: str, event: ScreenEvent) -> None: ...


class Ingest:
    """The streams of all running sessions, by session id."""

    def __init__(
        self, settings: Settings, clock: Clock, pool: InferencePool, monitor: EventSink
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._pool = pool
        self._monitor = monitor
        self._lock = threading.Lock()
        self._intakes: dict[str, Intake] = {}
        self._closed_rings: OrderedDict[str, EvidenceRing] = OrderedDict()
        self._is_stopped = False
        self._rung = RUNGS[0]

    def open(self, session: SessionRecord) -> None:
        """Take what this session sends from now on, and have it analysed. Idempotent."""
        session_id = session.session_id
        with self._lock:
            if session_id in self._intakes:
                return
            time = SessionTime(session.started_at or self._clock.now(), self._clock)
            ring = self._closed_rings.pop(session_id, None) or self._new_ring(session)
            if time.now_s() > _JUST_STARTED_S:
                # The browser keeps what a server that died had in memory, and sends it again,
                # the newest first: how far back is known when the first mark is set.
                ring.await_from(float("-inf"))
                ring.hold(float("-inf"))
            fps = self._settings.analysis_fps
            late = Mailbox(fps, LATE_FRAMES_S, LATE_SOUND_S)
            mailbox = Mailbox(fps, overflow=lambda over: self._come_late(session_id, late, over))
            self._intakes[session_id] = Intake(
                time,
                ring,
                mailbox,
                lambda event: self._monitor.post_event(session_id, event),
                _takes(session),
                late,
            )
            self._intakes[session_id].pace(self._rung)
        detectors = _detectors(session)
        self._pool.open(session_id, mailbox, detectors)
        self._pool.open(late_lane(session_id), late, detectors)

    def close(self, session_id: str) -> None:
        """Take nothing more; the evidence stays until `release`. Idempotent."""
        with self._lock:
            intake = self._intakes.pop(session_id, None)
            if intake is None:
                return
            self._closed_rings[session_id] = intake.ring
            forgotten = []
            while len(self._closed_rings) > _MAX_CLOSED_RINGS:
                forgotten.append(self._closed_rings.popitem(last=False))
        self._pool.close(session_id)
        self._pool.close(late_lane(session_id))
        for forgotten_id, ring in forgotten:
            ring.clear()
            log.warning("Evidence was never released", extra={"session_id": forgotten_id})

    def release(self, session_id: str) -> None:
        """Nobody needs the evidence of this closed session any more. Idempotent."""
        with self._lock:
            ring = self._closed_rings.pop(session_id, None)
        if ring is not None:
            ring.clear()

    def stop(self) -> None:
        """Take nothing any more; evidence stays for the recorder."""
        with self._lock:
            self._is_stopped = True

    def ring(self, session_id: str) -> EvidenceRing | None:
        """The evidence of a session that is open, or closed and not yet released."""
        with self._lock:
            intake = self._intakes.get(session_id)
            return intake.ring if intake else self._closed_rings.get(session_id)

    def begin(
        self,
        session_id: str,
        count: str = "",
        offset_ms: float | None = None,
        sent_ms: float | None = None,
    ) -> Beginning:
        """A client of this session introduced itself (see `Intake.begin`).

        Raises Conflict when the session is not open.
        """
        return self._intake(session_id).begin(count, offset_ms, sent_ms)

    def settle(self, session_id: str, before_s: float) -> None:
        """What this session captured before `before_s` can be forgotten; unknown ids are
        harmless."""
        with self._lock:
            intake = self._intakes.get(session_id)
        if intake is not None:
            intake.settle(before_s)

    def probe(self, session_id: str) -> float:
        """The server's clock in Unix ms. Raises Conflict when the session is not open."""
        intake = self._intake(session_id)
        intake.charge(0)
        return intake.probe()

    def gone(self, session_id: str) -> None:
        """The connection of this session's client has closed; unknown ids are harmless."""
        with self._lock:
            intake = self._intakes.get(session_id)
        if intake is not None:
            intake.gone()

    def accept_batch(self, session_id: str, header: object, body: object) -> BatchReceipt:
        """Check and use one batch.

        Raises InvalidInput or TooLarge when it cannot be read, TooMany over the session's
        rate, Conflict when the session is not open; then nothing of it is used.
        """
        intake = self._intake(session_id)
        intake.charge(len(body) if isinstance(body, (bytes, bytearray)) else 0)
        try:
            batch = parse_batch(header, body)
        except CandorError:
            intake.refused()
            raise
        receipt = intake.take_batch(batch)
        if intake.mailbox.has_work:
            self._pool.notify(session_id)
        if intake.late.has_work:
            self._pool.notify(late_lane(session_id))
        return receipt

    def accept_event(self, session_id: str, payload: object) -> str:
        """Check one screen event and hand it to the monitor at once. Returns its id.

        Raises as `accept_batch` does, and what the monitor raises when it takes no more.
        """
        intake = self._intake(session_id)
        intake.charge(0)
        try:
            event = parse_event(payload)
        except CandorError:
            intake.refused()
            raise
        intake.take_event(event)
        return event.event_id

    def connected(self) -> int:
        """Students whose client is connected now."""
        with self._lock:
            return sum(intake.is_connected for intake in self._intakes.values())

    def pace(self, rung: Rung) -> None:
        """What is analysed of every student from now on, those that come included."""
        with self._lock:
            self._rung = rung
            intakes = list(self._intakes.values())
        for intake in intakes:
            intake.pace(rung)

    def mark(self, session_id: str, mark: Mark) -> None:
        """Tell the detectors what the student was just asked to do. Raises Conflict."""
        self._intake(session_id).mailbox.put_mark(mark)
        self._pool.notify(session_id)

    def is_unheard(self, session_id: str) -> bool:
        """Whether this session began just now and no batch of it has come yet."""
        state = self.contact(session_id)
        if state is None or state.last_batch_at_s is not None:
            return False
        return state.opened_at_s < _JUST_STARTED_S

    def contact(self, session_id: str) -> StreamState | None:
        """How the line of an open session looks; None when it is not open."""
        with self._lock:
            intake = self._intakes.get(session_id)
        return intake.state() if intake else None

    def counters(self) -> dict[str, int]:
        """Sums over the sessions that are open now."""
        with self._lock:
            intakes = list(self._intakes.values())
        sums: dict[str, int] = {"open": len(intakes)}
        for intake in intakes:
            for name, count in intake.state().counters.items():
                sums[name] = sums.get(name, 0) + count
        return sums

    def _come_late(self, session_id: str, late: Mailbox, over: Waiting) -> None:
        """What the workers had no time for while it was live waits behind everything live."""
        late.put_sampled(over)
        self._pool.notify(late_lane(session_id))

    def _intake(self, session_id: str) -> Intake:
        with self._lock:
            intake = self._intakes.get(session_id)
            is_stopped = self._is_stopped
        if is_stopped:
            raise Unavailable("The server is stopping. Keep what you have and send it again.")
        if intake is None:
            raise Conflict("The session is not running. Start it again, or create a new one.")
        return intake

    def _new_ring(self, session: SessionRecord) -> EvidenceRing:
        settings = self._settings
        keep_s = settings.pre_roll_s + settings.interval_s + settings.post_roll_s
        try:
            policy = policy_from_dict(session.policy)
            # The longer of both, so that an exam's longer intervals fit whole.
            keep_s = max(keep_s, policy.pre_roll_s + policy.interval_s + policy.post_roll_s)
        except PolicyError:
            log.warning("A policy cannot be read", extra={"session_id": session.session_id})
        keep_s += _RING_MARGIN_S
        per_s = settings.video_fps * _FRAME_BYTES + _OTHER_BYTES_PER_S
        return EvidenceRing(keep_s, int(keep_s * per_s))


def _takes(session: SessionRecord) -> frozenset[str]:
    """What the policy uses: with every detector of a device off, nothing of it is kept."""
    used = ((CAMERA, uses_camera(session.policy)), (AUDIO, uses_audio(session.policy)))
    return frozenset(name for name, is_used in used if is_used)


def _detectors(session: SessionRecord) -> frozenset[str]:
    """What the session's policy needs; every detector when the policy cannot be read."""
    try:
        needed = policy_from_dict(session.policy).detectors
    except PolicyError:
        log.exception("A policy cannot be read", extra={"session_id": session.session_id})
        needed = frozenset(Detector)
    return frozenset(str(detector) for detector in needed)
