"""The composition root: builds every long-lived part once and says in which order they run."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from app.access.accounts import Accounts, FirstCredentials
from app.access.closing import close_all
from app.access.connection_watch import ConnectionWatch
from app.access.doors import Caller, Doors
from app.access.keys import Keys
from app.access.limits import Limits
from app.access.media_links import MediaLinks
from app.access.places import Places, place_payload
from app.access.rosters import Rosters
from app.access.secret import secret_key
from app.access.staff_desk import StaffDesk
from app.access.tokens import Tokens
from app.actions.parts import open_actions
from app.audit.doors import AuditedDoors
from app.audit.log import AuditLog
from app.checkin.parts import open_checkins
from app.clock import Clock
from app.evidence.keys import load_master_key
from app.evidence.manifest import Signer
from app.evidence.media import Media, open_media
from app.evidence.recorder import Recorder
from app.evidence.ring import EvidenceRing
from app.exams.paper import PaperDesk
from app.exams.pictures import Pictures
from app.exams.practice import Practice
from app.exams.results import Conduct, Results, conduct_of
from app.exams.sittings import Sittings
from app.exams.terms import Exams
from app.exams.timing import Face
from app.fleet.fleet import Fleet
from app.fleet.parts import open_fleet
from app.fleet.rooms import SharedRooms
from app.intake.ingest import Ingest
from app.intake.lanes import is_phone
from app.load.parts import open_load
from app.monitoring.live import LiveRooms
from app.monitoring.monitor import Monitor
from app.pool import InferencePool
from app.pool.opening import open_pool
from app.privacy.parts import open_privacy
from app.records import EndCause
from app.review.reviews import Reviews
from app.sessions import Sessions
from app.settings import Settings
from app.sockets.connect import Callers
from app.store import Repository, open_repository
from app.store.journal import Journal, StoreJournal
from app.store.occupancy import Occupancy
from detectors.messages import AnalysisResult
from scoring.model import Scores

log = logging.getLogger(__name__)

Emit = Callable[[str, object, str], None]
WhenGone = Callable[[Caller], None]


@dataclass
class Services:
    """Every long-lived part of the server. Made by `build_services`, ended by `stop`."""

    settings: Settings
    clock: Clock
    repository: Repository
    accounts: Accounts
    tokens: Tokens
    doors: Doors
    callers: Callers
    pool: InferencePool
    live: LiveRooms
    recorder: Recorder
    monitor: Monitor
    ingest: Ingest
    sessions: Sessions
    exams: Exams
    media: Media
    first_credentials: FirstCredentials
    disconnect: Callable[[str], None]
    emit: Emit
    journal: StoreJournal | None = None
    is_closing: bool = False
    fleet: Fleet | None = None
    _when_gone: list[WhenGone] = field(default_factory=list)
    _is_running: bool = False
    _stopping: threading.Lock = field(default_factory=threading.Lock)
    _started_s: float = 0.0

    def __post_init__(self) -> None:
        settings = self.settings
        self.places = Places(self.clock, secret_key(settings))
        self.limits = Limits(self.clock, settings.client_rate, settings.web_threads)
        self.desk = StaffDesk(self.accounts, self.doors.logins, self.repository, settings)
        self.keys = Keys(self.repository, self.clock)
        self.rosters = Rosters(self.repository.people, self.clock)
        self.watch = ConnectionWatch(self.doors, self.callers, self.disconnect)
        self.doors.logins.limit(settings.login_idle_min, settings.login_max_h)
        self.audit = AuditLog(self.repository.trail, load_master_key(settings), self.clock)
        self.audited = AuditedDoors(self.audit, self.repository, self.clock)
        self.occupancy = Occupancy(settings)
        self.media_links = MediaLinks(
            self.clock, secret_key(settings), self.doors, settings.media_link_min
        )
        parts = (self.pool, self.ingest, self.live, self.callers)
        self.load = open_load(settings, self.clock, *parts, self.emit)
        self.reviews = Reviews(self.clock, self.repository)
        self.privacy = open_privacy(settings, self.repository, self.media, self.audit, self.clock)
        self.papers = PaperDesk(self.repository.papers, self.clock)
        self.pictures = Pictures(self.repository.papers)
        self.results = Results(self.clock, self.repository, self._conduct)
        practice = Practice(self.clock, self.repository, self.privacy.remover)
        self.sittings = Sittings(
            self.clock,
            self.repository,
            tell=self._tell_exam,
            end=self.sessions.end,
            pauses=self._pauses,
            chore=practice.tick,
        )
        steered = (self.monitor, self.ingest, self.pool, self.live, self.sittings)
        days_of = self.privacy.retention.days_of
        check_in = open_checkins(self.clock, self.repository, self.media, *steered, days_of)
        self.checkins, self.showing = check_in.checkins, check_in.showing
        self.actions = open_actions(
            self.repository,
            self.live,
            self.monitor,
            self.sessions,
            self.exams,
            self.audit,
            self.clock,
            exam_clock=self.sittings,
            admission=self.checkins,
        )
        if self.settings.is_fleet:
            self.fleet = open_fleet(self)
        self.sessions.before_new(self.sittings.check_new)
        self.sessions.before_new(lambda _user_id, _exam_id: self.load.check_new())
        self.sessions.when_started(self.sittings.started)
        self.sessions.when_started(self.checkins.started)
        self.sessions.when_ended(self.sittings.ended)
        self.sessions.when_ended(practice.ended)
        self.sessions.when_ended(self.checkins.ended)

    def _take_result(self, result: AnalysisResult) -> None:
        if is_phone(result.session_id):
            # What a phone shows of the room belongs to check-in and is never scored.
            self.showing.cameras.observe(result)
            return
        self.monitor.post_result(result)
        self.checkins.observe(result)

    def _conduct(self, session_id: str) -> Conduct:
        return conduct_of(self.reviews.conduct(session_id))

    def _pauses(self, session_id: str) -> tuple[str, ...] | None:
        view = self.monitor.view(session_id)
        return view.pauses if view else None

    def _tell_exam(self, session_id: str, face: Face) -> None:
        """Show a student's page the exam's clock."""
        self.emit("exam_changed", face.payload(), f"student:{session_id}")

    def decide_place(self, session_id: str, request_id: str, *, approve: bool) -> dict[str, Any]:
        """Let a waiting device take a running session over, or not. Raises NotFound."""
        decided = self.places.decide(session_id, request_id, approve=approve)
        payload = place_payload(decided)
        self.live.place_asked(session_id, payload)
        return payload

    def ring(self, session_id: str) -> EvidenceRing | None:
        """The evidence of a session that runs here, or is looked at from here."""
        ring = self.ingest.ring(session_id)
        return self.fleet.mirror.ring(session_id) if ring is None and self.fleet else ring

    def uptime_s(self) -> float:
        """Seconds since `start`."""
        return self.clock.monotonic_s() - self._started_s if self._is_running else 0.0

    def counters(self) -> dict[str, int]:
        """What was dropped, refused, restarted and so on since the start, for the admin page."""
        taken_in = {f"ingest_{name}": count for name, count in self.ingest.counters().items()}
        return {
            **taken_in,
            **(self.journal.counters() if self.journal is not None else {}),
            **self.pool.counters(),
            **self.monitor.counters(),
            **self.recorder.counters(),
            **self.live.counters(),
            **self.limits.counters(),
            **self.load.counters(),
        }

    def when_gone(self, callback: WhenGone) -> None:
        """Call back when a Socket.IO connection that was let in has closed."""
        self._when_gone.append(callback)

    def gone(self, caller: Caller) -> None:
        self.live.forget(caller.sid)
        for callback in self._when_gone:
            callback(caller)

    def start(self) -> None:
        """Start the threads and worker processes and take up the sessions that were running."""
        self.occupancy.begin()
        self._is_running = True
        self._started_s = self.clock.monotonic_s()
        if self.journal is not None:
            self.journal.drain()
        if self.fleet is not None:
            self.fleet.join()
        self.recorder.start()
        self.live.start()
        self.watch.start()
        self.monitor.start()
        self.pool.start(self._take_result)
        self.load.start()
        self.privacy.sweeper.start()
        reopened = self.sessions.reopen()
        for view in self.monitor.views():
            self.actions.board.refresh(view.session_id)
        self.sittings.start()
        if self.fleet is not None:
            self.fleet.begin()
        log.info(
            "Server started",
            extra={"engine": self.repository.engine_name, "sessions_reopened": reopened},
        )

    def stop(self) -> None:
        """Sockets, ingest, pool, monitor, recorder, store: each finishes what it holds.

        Called again, it returns when the first call is through. A part that fails to stop is
        logged and does not keep the others from stopping.
        """
        self.is_closing = True
        with self._stopping:
            if self._is_running:
                self._is_running = False
                self._stop_parts()

    def _stop_parts(self) -> None:
        fleet = self.fleet
        steps: tuple[tuple[str, Callable[[], object]], ...] = (
            ("fleet", fleet.stop if fleet else bool),
            ("watch", self.watch.stop),
            ("load", self.load.stop),
            ("retention", self.privacy.sweeper.stop),
            ("exam clock", self.sittings.stop),
            ("sockets", lambda: close_all(self.callers.all(), self.disconnect, self.clock)),
            ("ingest", self.ingest.stop),
            ("pool", self.pool.stop),
            ("monitor", self.monitor.stop),
            ("recorder", self.recorder.stop),
            ("live", self.live.stop),
            ("place in the fleet", fleet.leave if fleet else bool),
            ("store", self.repository.close),
            ("data folder", self.occupancy.end),
        )
        for part, stop in steps:
            try:
                stop()
            except Exception:
                log.exception("A part did not stop", extra={"part": part})
        log.info("Server stopped")


def build_services(
    settings: Settings,
    clock: Clock,
    emit: Emit,
    disconnect: Callable[[str], None],
    *,
    scripted: bool = False,
) -> Services:
    """Build every part; nothing runs before `start`.

    `emit(event, payload, room)` sends to a Socket.IO room, `disconnect(sid)` closes a connection.
    `scripted` replaces the detectors by ones that follow a script, for tests. Raises CandorError
    when the store cannot be had.
    """
    repository = open_repository(settings)
    try:
        return _build(settings, clock, emit, disconnect, repository, scripted)
    except BaseException:
        repository.close()
        raise


def _build(
    settings: Settings,
    clock: Clock,
    emit: Emit,
    disconnect: Callable[[str], None],
    repository: Repository,
    scripted: bool,
) -> Services:
    accounts = Accounts(repository, clock)
    first_credentials = accounts.prepare(settings)
    tokens = Tokens(secret_key(settings), clock, settings.join_token_min)
    # The parts know each other in a circle; these are named before they are made.
    ingest: Ingest
    sessions: Sessions
    services: Services
    pool = open_pool(settings, clock, scripted=scripted)
    live = (SharedRooms if settings.is_fleet else LiveRooms)(
        emit,
        clock,
        evidence=lambda session_id: services.ring(session_id),
        want_thumbnails=pool.want_thumbnails,
        want_sound=pool.want_sound,
        group_of=repository.people.group_of,
    )
    journal = StoreJournal(repository.notes, Journal(settings.journal_path))
    master = load_master_key(settings)
    media = open_media(settings, repository, clock, master)
    recorder = Recorder(
        settings,
        clock,
        repository,
        evidence=lambda session_id: ingest.ring(session_id),
        live=live,
        release=lambda session_id: ingest.release(session_id),
        media=media,
        signer=Signer(master),
        is_stored=lambda session_id: monitor.is_stored(session_id),
        waits=journal,
    )
    monitor = Monitor(
        settings,
        clock,
        repository,
        recorder,
        live,
        contact=lambda session_id: ingest.contact(session_id),
        on_abandoned=lambda session_id: sessions.end(session_id, EndCause.ABANDONED),
        on_warning_limit=lambda session_id: sessions.end(session_id, EndCause.WARNING_LIMIT),
        on_pause_over=lambda session_id, cause: services.actions.talk.pause_over(session_id, cause),
        settle=lambda session_id, before_s: ingest.settle(session_id, before_s),
        waits=journal,
    )
    ingest = Ingest(settings, clock, pool, monitor)

    def scores(session_id: str) -> Scores | None:
        view = monitor.view(session_id)
        return view.scores if view else None

    exams = Exams(settings, clock, repository)
    sessions = Sessions(clock, repository, ingest, monitor, exams.terms, scores)
    sessions.when_ended(live.ended)
    sessions.when_ended(recorder.seal)
    services = Services(
        settings=settings,
        clock=clock,
        repository=repository,
        accounts=accounts,
        tokens=tokens,
        doors=Doors(accounts, tokens, repository),
        callers=Callers(),
        pool=pool,
        live=live,
        recorder=recorder,
        monitor=monitor,
        ingest=ingest,
        sessions=sessions,
        exams=exams,
        media=media,
        first_credentials=first_credentials,
        disconnect=disconnect,
        emit=emit,
        journal=journal,
    )
    return services
