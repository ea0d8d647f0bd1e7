"""Questions from one server to another, over Redis, with answers and a time limit.

Each server reads one stream of questions, and answers on threads of a small pool.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, cast

from app.actions.records import ActionRecord, Actor, Order
from app.clock import Clock
from app.errors import CandorError, Unavailable
from app.fleet.codec import decode, encode
from app.fleet.line import Line, LineDown

log = logging.getLogger(__name__)

ASK_S = 8.0
WAIT_S = 0.25
KEPT_S = 30.0
MOST_QUESTIONS = 2_000
MOST_ANSWERS = 4
AGAIN_S = 0.3
JOIN_S = 5.0
ANSWERERS = 8


@dataclass(frozen=True, slots=True)
class Release:
    """Store this session as it is and let go of it."""

    session_id: str


@dataclass(frozen=True, slots=True)
class Act:
    """Carry an order out."""

    session_id: str
    actor: Actor
    order: Order


@dataclass(frozen=True, slots=True)
class Said:
    """An event of somebody's connection to another server; `payload` is JSON."""

    event: str
    session_id: str
    payload: str


@dataclass(frozen=True, slots=True)
class Request:
    """A request of REST as it came to another server."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    address: str
    scheme: str


@dataclass(frozen=True, slots=True)
class Response:
    """What it was answered."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Done:
    """Nothing more to say; `payload` is JSON."""

    payload: str = "{}"


@dataclass(frozen=True, slots=True)
class Acted:
    """An order was carried out."""

    record: ActionRecord


@dataclass(frozen=True, slots=True)
class Refused:
    """The question was refused."""

    code: str
    status: int
    message: str


Question = Release | Act | Said | Request
Answer = Done | Acted | Response | Refused
QUESTIONS = (Release, Act, Said, Request)
ANSWERS = (Done, Acted, Response, Refused)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A question and where its answer is waited for."""

    call: str
    question: bytes


class Post:
    """Asks other servers and answers them."""

    def __init__(
        self, line: Line, clock: Clock, me: str, answer: Callable[[Question], Answer]
    ) -> None:
        """`answer` may raise CandorError."""
        self._line = line
        self._clock = clock
        self._me = me
        self._answer = answer
        self._is_stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="fleet-post", daemon=True)
        self._answerers = ThreadPoolExecutor(ANSWERERS, thread_name_prefix="fleet-answer")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._is_stopping.set()
        if self._thread.is_alive():
            self._thread.join(JOIN_S)
        self._answerers.shutdown(wait=False, cancel_futures=True)

    def ask(self, member_id: str, question: Question, within_s: float = ASK_S) -> Answer:
        """The answer. Raises what the other server raised, or Unavailable."""
        call = secrets.token_hex(8)
        answers = self._line.name("reply", call)
        deadline_s = self._clock.monotonic_s() + within_s
        try:
            envelope = encode(Envelope(call, encode(question)))
            self._line.push(self._line.name("to", member_id), envelope, MOST_QUESTIONS, KEPT_S)
            while self._clock.monotonic_s() < deadline_s and not self._is_stopping.is_set():
                for _, data in self._line.pull(answers, "0", WAIT_S):
                    self._line.forget(answers)
                    answer: Any = decode(data, *ANSWERS)
                    if isinstance(answer, Refused):
                        raise _error(answer)
                    return cast(Answer, answer)
        except LineDown:
            raise Unavailable("The servers cannot reach each other. Try again soon.") from None
        raise Unavailable("The server that runs this session does not answer. Try again soon.")

    def _run(self) -> None:
        name, after = self._line.name("to", self._me), "0"
        while not self._is_stopping.is_set():
            try:
                found = self._line.pull(name, after, WAIT_S)
                for entry_id, data in found:
                    after = entry_id
                    self._answerers.submit(self._reply, data)
                self._line.trim(name, [entry_id for entry_id, _ in found])
            except LineDown:
                after = "0"
                self._is_stopping.wait(AGAIN_S)
            except Exception:
                log.exception("A question of another server was not taken")

    def _reply(self, data: bytes) -> None:
        try:
            envelope = decode(data, Envelope)
            answer = self._answered(envelope.question)
            answers = self._line.name("reply", envelope.call)
            self._line.push(answers, encode(answer), MOST_ANSWERS, KEPT_S)
        except (CandorError, LineDown) as error:
            log.warning("A question was not answered", extra={"reason": str(error)})
        except Exception:
            log.exception("A question was not answered")

    def _answered(self, data: bytes) -> Answer:
        try:
            question: Any = decode(data, *QUESTIONS)
            return self._answer(question)
        except CandorError as error:
            return Refused(error.code, error.status, error.message)
        except Exception:
            log.exception("A question of another server failed")
            return Refused("error", 500, "The server failed on this; its log says why.")


def _error(refused: Refused) -> CandorError:
    error = CandorError(refused.message)
    error.code, error.status = refused.code, refused.status
    return error
