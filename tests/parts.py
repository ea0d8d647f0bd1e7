"""Stand-ins for the parts that work on running sessions, and services built around them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from argon2 import PasswordHasher

from app.access.accounts import Accounts
from app.access.doors import Doors
from app.access.secret import secret_key
from app.access.tokens import Tokens
from app.clock import Clock
from app.errors import Unavailable
from app.evidence.keys import load_master_key
from app.evidence.media import open_media
from app.exams.terms import Exams
from app.intake.mailbox import Mailbox
from app.records import EndCause, PauseCause, SessionRecord
from app.sessions import Sessions
from app.settings import Settings
from app.sockets.connect import Callers
from app.store import Repository, open_repository
from app.wiring import Services
from detectors.messages import DetectorStatus
from scoring.model import Scores

CHEAP_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@dataclass
class FakeIngest:
    """Remembers which sessions are open."""

    opened: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    is_stopped: bool = False

    def open(self, session: SessionRecord) -> None:
        self.opened.append(session.session_id)

    def close(self, session_id: str) -> None:
        self.closed.append(session_id)

    def counters(self) -> dict[str, int]:
        return {"batches": 3}

    def connected(self) -> int:
        return len(self.opened) - len(self.closed)

    def pace(self, rung: object) -> None:
        """Nothing is taken in."""

    def stop(self) -> None:
        self.is_stopped = True


@dataclass
class FakeMonitor:
    """Stores final scores at the end, as the real one does."""

    repository: Repository
    opened: list[SessionRecord] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    is_broken: bool = False
    pauses: dict[str, dict[PauseCause, datetime | None]] = field(default_factory=dict)

    def pause(self, session_id: str, cause: PauseCause, until_at: datetime | None = None) -> None:
        self.pauses.setdefault(session_id, {})[cause] = until_at

    def resume(self, session_id: str, *causes: PauseCause) -> None:
        for cause in causes or (PauseCause.PROCTOR, PauseCause.WARNING_LIMIT):
            self.pauses.get(session_id, {}).pop(cause, None)

    def open(self, session: SessionRecord) -> None:
        self.opened.append(session)

    def end(self, session_id: str) -> None:
        self.ended.append(session_id)
        if self.is_broken:
            raise Unavailable("The database does not answer.")
        self.repository.update_session(session_id, total_score=12.0)

    def release(self, session_id: str) -> bool:
        self.released.append(session_id)
        return True

    def views(self) -> tuple[()]:
        """Nobody is scored here."""
        return ()

    def counters(self) -> dict[str, int]:
        return {"monitor_waiting": 0}

    def view(self, session_id: str) -> None:
        """Nothing is known of this moment."""

    def post_result(self, result: object) -> None:
        """Nothing is scored."""

    def start(self) -> None:
        """Nothing runs."""

    def stop(self) -> None:
        """Nothing runs."""


@dataclass
class FakePool:
    """Knows two detectors, one of which is off unless `is_whole`; remembers what it serves."""

    is_whole: bool = False
    served: dict[str, Mailbox] = field(default_factory=dict)

    def open(self, session_id: str, mailbox: Mailbox, detectors: frozenset[str]) -> None:
        self.served[session_id] = mailbox

    def close(self, session_id: str) -> None:
        self.served.pop(session_id, None)

    def notify(self, session_id: str) -> None:
        """Nothing runs."""

    def start(self, on_result: object) -> None:
        """Nothing runs."""

    def stop(self) -> None:
        """Nothing runs."""

    def statuses(self) -> tuple[DetectorStatus, ...]:
        return (
            DetectorStatus("face", True, "blazeface"),
            DetectorStatus("objects", True, "yolov8n")
            if self.is_whole
            else DetectorStatus("objects", False, "", "Run ./setup.sh to fetch the model."),
        )

    def counters(self) -> dict[str, int]:
        return {"worker_restarts": 1}

    def costs(self) -> dict[str, float]:
        return {}


@dataclass
class FakeLive:
    """Remembers whom it was told to forget and what ended."""

    forgotten: list[str] = field(default_factory=list)
    over: list[tuple[str, EndCause]] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    said: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)
    wishes: dict[str, list[str]] = field(default_factory=dict)

    def acted(self, session_id: str, exam_id: str, payload: dict[str, Any]) -> None:
        self.told.append({"session_id": session_id, "exam_id": exam_id, **payload})

    def check_in(self, session_id: str, stage: str) -> None:
        """Nobody looks."""

    def asks(self, session_id: str, wishes: Iterable[str], source: str = "desk") -> None:
        self.wishes[session_id] = list(wishes)

    def to_student(self, session_id: str, event: str, payload: dict[str, Any]) -> None:
        self.said.append((session_id, event, payload))

    def forget(self, sid: str) -> None:
        self.forgotten.append(sid)

    def counters(self) -> dict[str, int]:
        return {}

    def ended(self, session_id: str, cause: EndCause) -> None:
        self.over.append((session_id, cause))

    def start(self) -> None:
        """Nothing runs."""

    def stop(self) -> None:
        """Nothing runs."""


def build_around_fakes(
    settings: Settings,
    clock: Clock,
    emit: Callable[..., None],
    disconnect: Callable[[str], None],
) -> Services:
    """Services with a real store, accounts, tokens and sessions; nothing analyses or records."""
    repository = open_repository(settings)
    accounts = Accounts(repository, clock, CHEAP_HASHER)
    tokens = Tokens(secret_key(settings), clock, settings.join_token_min)
    ingest, monitor, live = FakeIngest(), FakeMonitor(repository), FakeLive()
    scores: dict[str, Scores] = {}
    exams = Exams(settings, clock, repository)
    sessions = Sessions(clock, repository, ingest, monitor, exams.terms, scores.get)
    sessions.when_ended(live.ended)
    return Services(
        settings=settings,
        clock=clock,
        repository=repository,
        accounts=accounts,
        tokens=tokens,
        doors=Doors(accounts, tokens, repository),
        callers=Callers(),
        pool=cast(Any, FakePool()),
        live=cast(Any, live),
        recorder=cast(Any, FakeLive()),
        monitor=cast(Any, monitor),
        ingest=cast(Any, ingest),
        sessions=sessions,
        exams=exams,
        media=open_media(settings, repository, clock, load_master_key(settings)),
        first_credentials=accounts.prepare(settings),
        disconnect=disconnect,
        emit=emit,
    )
