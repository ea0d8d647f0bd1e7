"""The one thread that owns all scoring state.

Results and events are posted into a bounded inbox by any thread; `step` takes them out, scores
them, and hands what changed to the store, the recorder and the live rooms. No other thread
touches a track. What is shown outside is an immutable `SessionView`.
"""

from __future__ import annotations

import logging
import threading
from collections import defaultdict, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from app.clock import Clock
from app.errors import Conflict, Unavailable
from app.intake.lanes import is_late, session_of
from app.intake.state import StreamState
from app.monitoring.outbox import Outbox, WaitsOnDisk
from app.monitoring.pausing import Pausing
from app.monitoring.surroundings import (
    Flags,
    NewScorer,
    Scorer,
    Shows,
    Stored,
    Stores,
    Surroundings,
)
from app.monitoring.track import Track
from app.monitoring.views import SessionView
from app.records import PauseCause, SessionRecord
from app.settings import Settings
from detectors.messages import AnalysisResult
from scoring.model import Scores, ScreenEvent
from scoring.policy import Policy
from scoring.session import SessionScorer
from scoring.trace import TraceError

log = logging.getLogger(__name__)

TICK_S = 0.25
# Without anything posted, the passing of time is scored this often.
QUIET_S = 1.0
MOST_RESULTS = 5_000
END_S = 10.0
JOIN_S = 10.0
CONTACT_S = 1.0
ASK_AGAIN_S = 60.0


class Cuts(Flags, Protocol):
    """The recorder, as far as the monitor drives it."""

    def cut_due(self) -> None: ...


class Publishes(Shows, Protocol):
    """The live rooms, as far as the monitor feeds them."""

    def publish(self, view: SessionView) -> None: ...


def take_up(policy: Policy, stored: Stored, at_s: float) -> Scorer:
    """A scorer that goes on from what is stored, at second `at_s` of the session: from what was
    observed, or where that cannot be read from the ledger."""
    if stored.is_replayable:
        try:
            return SessionScorer.from_trace(policy, stored.trace, at_s)
        except TraceError:
            log.exception("A stored trace cannot be read; going on from the ledger")
    return SessionScorer(policy, stored.ledger, at_s)


class Monitor:
    """Scores every running session. `open`, `end`, `post_*` and `view` are for any thread."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        repository: Stores,
        recorder: Cuts,
        live: Publishes,
        contact: Callable[[str], StreamState | None],
        on_abandoned: Callable[[str], object],
        new_scorer: NewScorer = take_up,
        on_warning_limit: Callable[[str], object] = repr,
        on_pause_over: Callable[[str, PauseCause], object] = lambda _session_id, _cause: None,
        settle: Callable[[str, float], object] = lambda _session_id, _before_s: None,
        waits: WaitsOnDisk | None = None,
        quiet_s: float = QUIET_S,
    ) -> None:
        """`contact` answers how a session's line is; `on_abandoned` is called on a thread of its
        own for a session nobody has heard of for `abandon_min`, `on_warning_limit` likewise for
        one that its policy ends because of too many warnings, `on_pause_over` likewise when a
        pause has ended because its time was up; `settle` is told before which second of a
        session nothing is needed any more."""
        self._quiet_s = quiet_s
        self._abandon_s = settings.abandon_min * 60
        self._clock = clock
        self._recorder = recorder
        self._live = live
        self._contact = contact
        self._on_abandoned = on_abandoned
        self._outbox = Outbox("monitor-store", clock, waits=waits)
        self._around = Surroundings(
            clock,
            repository,
            self._outbox,
            recorder,
            live,
            new_scorer,
            self._end_soon,
            self._pause_over,
            settle,
        )
        self._on_warning_limit = on_warning_limit
        self._on_pause_over = on_pause_over
        self._steered: deque[tuple[str, Callable[[Pausing], None]]] = deque()
        self._lock = threading.Lock()
        self._results: deque[AnalysisResult] = deque()
        self._events: deque[tuple[str, ScreenEvent]] = deque()
        self._opened: deque[Track] = deque()
        self._ending: dict[str, Future[Scores | None]] = {}
        self._leaving: dict[str, Future[Scores | None]] = {}
        self._open_ids: set[str] = set()
        self._views: dict[str, SessionView] = {}
        self._dropped_results = 0
        self._tracks: dict[str, Track] = {}
        self._tick_due_s = 0.0
        self._wake = threading.Event()
        self._is_stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._callers = ThreadPoolExecutor(1, thread_name_prefix="abandoned")

    # Any thread

    def start(self) -> None:
        """Begin to score."""
        self._outbox.start()
        self._thread = threading.Thread(target=self._run, name="monitor", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Score what has been posted, store the running sessions as they are, and end."""
        self._is_stopping.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(JOIN_S)
        self._callers.shutdown(wait=False, cancel_futures=True)
        self._outbox.stop()

    def open(self, session: SessionRecord) -> None:
        """Score a running session from now on. Idempotent.

        What is stored of it is taken up again, so that a restart of the server goes on where it
        was. Raises Unavailable when the store does not answer.
        """
        session_id = session.session_id
        with self._lock:
            if session_id in self._open_ids:
                return
        track = Track(session, self._around)
        view = track.view()
        with self._lock:
            if session_id in self._open_ids:
                return
            self._open_ids.add(session_id)
            self._opened.append(track)
            self._views[session_id] = view
        self._live.publish(view)
        self._wake.set()

    def end(self, session_id: str) -> Scores | None:
        """End scoring and return the final numbers once everything is stored.

        None for a session that is not open. Raises Unavailable when that takes too long.
        """
        deadline_s = self._clock.monotonic_s() + END_S
        ending = self.request_end(session_id)
        try:
            scores = ending.result(END_S)
        except FutureTimeoutError:
            raise Unavailable("The session is still being scored. Try again in a moment.") from None
        left_s = max(0.0, deadline_s - self._clock.monotonic_s())
        if scores is not None and not self._outbox.flush(session_id, left_s):
            log.error("The end of a session is not stored yet", extra={"session_id": session_id})
        return scores

    def release(self, session_id: str) -> bool:
        """Store a session as it is and score it no longer here, for another server goes on with
        it. Whether everything is stored."""
        with self._lock:
            if session_id not in self._open_ids:
                return True
            leaving = self._leaving.setdefault(session_id, Future())
        self._wake.set()
        try:
            leaving.result(END_S)
        except FutureTimeoutError:
            return False
        return self._outbox.flush(session_id, END_S)

    def request_end(self, session_id: str) -> Future[Scores | None]:
        """Ask for the end of a session's scoring; `step` answers."""
        with self._lock:
            if session_id not in self._open_ids:
                nothing: Future[Scores | None] = Future()
                nothing.set_result(None)
                return nothing
            ending = self._ending.setdefault(session_id, Future())
        self._wake.set()
        return ending

    def post_result(self, result: AnalysisResult) -> None:
        """Take a worker's answer. When the inbox is full the oldest answer is dropped."""
        if is_late(result.session_id):
            # What was seen before what is live is not what is to be shown now.
            session_id = session_of(result.session_id)
            result = replace(result, session_id=session_id, overlay=None, thumbnail=b"", heard=())
        with self._lock:
            if result.session_id not in self._open_ids:
                return
            if len(self._results) >= MOST_RESULTS:
                self._results.popleft()
                self._dropped_results += 1
            self._results.append(result)
        if result.heard:
            self._live.heard(result.session_id, result.heard)
        self._wake.set()

    def post_event(self, session_id: str, event: ScreenEvent) -> None:
        """Take a screen event; none is ever dropped. Raises Unavailable when it is not scored."""
        with self._lock:
            if session_id not in self._open_ids:
                raise Unavailable("This session is not being scored. Send the event again.")
            self._events.append((session_id, event))
        self._wake.set()

    def pause(self, session_id: str, cause: PauseCause, until_at: datetime | None = None) -> None:
        """Score nothing until `resume` or `until_at`. Raises Conflict when it is not open."""
        self._steer(session_id, lambda pausing: pausing.pause(cause, until_at))

    def resume(self, session_id: str, *causes: PauseCause) -> None:
        """Score again after a pause; harmless without one. Without causes those that a proctor
        ends: the proctor's own and the warning limit's. Raises Conflict when it is not open."""
        ended = causes or (PauseCause.PROCTOR, PauseCause.WARNING_LIMIT)
        self._steer(session_id, lambda pausing: pausing.resume(*ended))

    def _steer(self, session_id: str, change: Callable[[Pausing], None]) -> None:
        with self._lock:
            if session_id not in self._open_ids:
                raise Conflict("This session is not running.")
            self._steered.append((session_id, change))
        self._wake.set()

    def view(self, session_id: str) -> SessionView | None:
        """The newest view of a session that is open."""
        with self._lock:
            return self._views.get(session_id)

    def views(self) -> tuple[SessionView, ...]:
        """The newest view of every session that is open."""
        with self._lock:
            return tuple(self._views.values())

    def is_stored(self, session_id: str) -> bool:
        """Whether everything that was found of a session has reached the store."""
        return self._outbox.waiting(session_id) == 0

    def counters(self) -> dict[str, int]:
        with self._lock:
            return {
                "monitor_sessions": len(self._open_ids),
                "monitor_waiting": len(self._results) + len(self._events),
                "monitor_dropped_results": self._dropped_results,
                "monitor_unstored": self._outbox.waiting(),
                "monitor_given_up": self._outbox.given_up,
            }

    # The monitor's thread

    def step(self) -> None:
        """Score what has been posted and, now and then, the passing of time."""
        with self._lock:
            opened = [self._opened.popleft() for _ in range(len(self._opened))]
            results, self._results = self._results, deque()
            events, self._events = self._events, deque()
            steered = [self._steered.popleft() for _ in range(len(self._steered))]
            ending, self._ending = self._ending, {}
            leaving, self._leaving = self._leaving, {}
        for track in opened:
            self._tracks[track.session_id] = track
        for session_id, change in steered:
            if session_id in self._tracks:
                change(self._tracks[session_id].pausing)
        changed = {session_id for session_id, _ in steered}
        posted = defaultdict[str, list[AnalysisResult | ScreenEvent]](list)
        for result in results:
            posted[result.session_id].append(result)
        for session_id, event in events:
            posted[session_id].append(event)
        is_tick = self._clock.monotonic_s() >= self._tick_due_s
        if is_tick:
            self._tick_due_s = self._clock.monotonic_s() + TICK_S
            self._recorder.cut_due()
        for session_id, track in list(self._tracks.items()):
            is_quiet = session_id not in posted and session_id not in changed
            if not is_quiet or (is_tick and track.unscored_s() >= self._quiet_s):
                self._advance(track, posted.get(session_id, []))
        for session_id, future in ending.items():
            self._finish(session_id, future)
        for session_id, future in leaving.items():
            self._finish(session_id, future, goes_on=True)

    def _advance(self, track: Track, posted: list[AnalysisResult | ScreenEvent]) -> None:
        try:
            if track.contact_due_s <= self._clock.monotonic_s():
                track.contact_due_s = self._clock.monotonic_s() + CONTACT_S
                track.heard(self._contact(track.session_id))
                self._watch(track)
            if track.advance(posted):
                self._show(track)
        except Exception:
            log.exception("A session was not scored", extra={"session_id": track.session_id})

    def _show(self, track: Track) -> None:
        view = track.view()
        with self._lock:
            self._views[track.session_id] = view
        self._live.publish(view)

    def _watch(self, track: Track) -> None:
        """Report a session nobody has heard of for too long, again each minute until it ends."""
        now_s = self._clock.monotonic_s()
        if track.silent_s() < self._abandon_s or now_s < track.abandon_due_s:
            return
        track.abandon_due_s = now_s + ASK_AGAIN_S
        log.info("Session abandoned", extra={"session_id": track.session_id})
        self._callers.submit(self._abandon, track.session_id)

    def _end_soon(self, session_id: str) -> None:
        self._callers.submit(self._end_at_limit, session_id)

    def _end_at_limit(self, session_id: str) -> None:
        try:
            self._on_warning_limit(session_id)
        except Exception:
            log.exception("A session was not ended", extra={"session_id": session_id})

    def _pause_over(self, session_id: str, cause: PauseCause) -> None:
        self._callers.submit(self._tell_pause_over, session_id, cause)

    def _tell_pause_over(self, session_id: str, cause: PauseCause) -> None:
        try:
            self._on_pause_over(session_id, cause)
        except Exception:
            log.exception("The end of a pause was not told", extra={"session_id": session_id})

    def _abandon(self, session_id: str) -> None:
        try:
            self._on_abandoned(session_id)
        except Exception:
            log.exception("An abandoned session was not ended", extra={"session_id": session_id})

    def _finish(
        self, session_id: str, future: Future[Scores | None], *, goes_on: bool = False
    ) -> None:
        track = self._tracks.pop(session_id, None)
        scores = None
        try:
            if track is not None and goes_on:
                track.store_now()
            elif track is not None:
                scores = track.finish()
                self._show(track)
        except Exception:
            log.exception("A session's end was not scored", extra={"session_id": session_id})
        with self._lock:
            self._open_ids.discard(session_id)
            self._views.pop(session_id, None)
        future.set_result(scores)

    def _run(self) -> None:
        while not self._is_stopping.is_set():
            try:
                self.step()
            except Exception:
                log.exception("A step of scoring failed")
            self._wake.wait(TICK_S)
            self._wake.clear()
        self.step()
        for track in self._tracks.values():
            track.store_now()
