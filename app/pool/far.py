"""What a server and a host of detector workers say to each other over Redis.

A host keeps the card of each worker alive (`WORKERS` names them all). A server that uses a worker
has a link to it: it appends to the worker's stream of work, at most one request at a time, and
reads the answers from a stream of its own. Streams and cards go by themselves when nobody keeps
them.
"""

from __future__ import annotations

from dataclasses import dataclass

from app.fleet.line import Line
from detectors.messages import (
    AnalysisRequest,
    AnalysisResult,
    CloseSession,
    DetectorStatus,
)

CARD_S = 4.0
BEAT_S = 1.0
STREAM_S = 120.0
# A server has one request in hand at a worker; this is room for many servers.
MOST_TODO = 200
MOST_ANSWERS = 8
WAIT_S = 0.25


@dataclass(frozen=True, slots=True)
class Card:
    """A worker that is there: where it runs and what it can do."""

    worker_id: str
    host: str
    pid: int
    statuses: tuple[DetectorStatus, ...]


@dataclass(frozen=True, slots=True)
class Todo:
    """Something for a worker; the answer goes to the link."""

    link: str
    request: AnalysisRequest | None = None
    closed: CloseSession | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """The worker ended before it answered. `is_blameless` unless the request may be why."""

    request_id: int
    is_blameless: bool


Answer = AnalysisResult | Lost


def card_name(line: Line, worker_id: str) -> str:
    return line.name("worker", worker_id)


def workers_name(line: Line) -> str:
    return line.name("workers")


def todo_name(line: Line, worker_id: str) -> str:
    return line.name("todo", worker_id)


def answers_name(line: Line, link: str) -> str:
    return line.name("answers", link)
