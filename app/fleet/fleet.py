"""This server as one of several: which sessions run here, and how the others are asked.

Whoever is asked about a session that runs elsewhere passes the question on to its owner, which
answers as if it had been asked itself. A session whose owner died comes to the server that is asked
next, or after some seconds to any.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

import flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from app.actions.records import ActionRecord, Actor, Order
from app.errors import CandorError, Unavailable
from app.fleet.line import Line
from app.fleet.mirror import Mirror, Rooms
from app.fleet.ownership import Ownership
from app.fleet.post import (
    Act,
    Acted,
    Answer,
    Done,
    Post,
    Question,
    Release,
    Request,
    Response,
    Said,
)
from app.records import SessionState

if TYPE_CHECKING:
    from app.wiring import Services

log = logging.getLogger(__name__)

GIVEN_UP = 70
RELEASE_S = 1.5
CLIPS_S = 3.0
PASSED_ON = "candor.passed_on"
# What belongs to one connection between two machines, and not to what is said.
HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade", "te"})

Handler = Callable[[str, object], Mapping[str, Any] | None]


class Fleet:
    """Made with the services and started by them; `serve` makes it known to the web application."""

    def __init__(self, services: Services, rooms: Rooms, line: Line) -> None:
        self._services = services
        self._line = line
        self._app: flask.Flask | None = None
        self._events: dict[str, Handler] = {}
        self._when_released: list[Callable[[str], object]] = []
        self.ownership = Ownership(
            services.repository.members,
            services.clock,
            self._ask_release,
            self._claimed,
            lambda: os._exit(GIVEN_UP),
            self._running,
            self._is_over,
            self._take_up,
        )
        me = self.ownership.member_id
        self.post = Post(line, services.clock, me, self._answer)
        self.mirror = Mirror(
            line,
            me,
            self.ownership.others,
            rooms,
            services.monitor.views,
            services.ingest.ring,
            self._is_running,
        )

    def serve(self, app: flask.Flask) -> None:
        """Answer passed-on requests with this application."""
        self._app = app

    def when_released(self, callback: Callable[[str], object]) -> None:
        """Call back when a session that ran here goes to another server."""
        self._when_released.append(callback)

    def answers(self, event: str, handler: Handler) -> None:
        """Let `handler(session_id, payload)` answer an event that others pass on."""
        self._events[event] = handler

    def join(self) -> None:
        """Be there, and take what no living server runs. Before anything else starts."""
        self._line.check()
        self.ownership.join()
        self.ownership.start()
        self.post.start()
        unsealed = self._services.repository.unsealed_sessions()
        for session_id in [*self._running(), *(each.session_id for each in unsealed)]:
            self.ownership.claim_free(session_id)

    def begin(self) -> None:
        """Everything runs: show it to the others."""
        self.mirror.start()

    def stop(self) -> None:
        """Take nothing more."""
        self.ownership.stop()
        self.mirror.stop()
        self.post.stop()

    def leave(self) -> None:
        """Everything is stored."""
        self.ownership.leave()
        self._line.close()

    # What the rest of this server asks

    def is_mine(self, session_id: str) -> bool:
        return self._services.repository.members.owner(session_id) == self.ownership.member_id

    def claim(self, session_id: str) -> None:
        """Run a session here from now on. Raises Unavailable."""
        self.ownership.claim(session_id)

    def owner_of(self, session_id: str) -> str | None:
        """The other server that runs a session; None when it runs here or nowhere.

        One whose server died is taken up here.
        """
        owner = self.ownership.owner(session_id)
        if owner is None:
            record = self._services.repository.session(session_id)
            if record is None or not record.is_running:
                return None
            if self.ownership.claim_free(session_id):
                self._take_up(session_id)
                return None
            owner = self.ownership.owner(session_id)
        return None if owner == self.ownership.member_id else owner

    def act(self, owner: str, actor: Actor, session_id: str, order: Order) -> ActionRecord:
        """Have another server carry an order out."""
        answer = self.post.ask(owner, Act(session_id, actor, order))
        if not isinstance(answer, Acted):
            raise Unavailable("Another server answered something it was not asked.")
        return answer.record

    def say(self, owner: str, event: str, session_id: str, payload: object) -> dict[str, Any]:
        """Pass an event on."""
        answer = self.post.ask(owner, Said(event, session_id, json.dumps(payload)))
        found = json.loads(answer.payload) if isinstance(answer, Done) else {}
        return found if isinstance(found, dict) else {}

    def pass_on(self, owner: str, request: flask.Request) -> flask.Response:
        """Have another server answer a request of REST."""
        question = Request(
            request.method,
            request.full_path.rstrip("?"),
            tuple((name, value) for name, value in request.headers if _is_of_message(name)),
            request.get_data(cache=True),
            request.remote_addr or "",
            request.scheme,
        )
        answer = self.post.ask(owner, question)
        if not isinstance(answer, Response):
            raise Unavailable("Another server answered something it was not asked.")
        return flask.Response(answer.body, answer.status, list(answer.headers))

    # What others ask

    def _answer(self, question: Question) -> Answer:
        if isinstance(question, Release):
            self._release(question.session_id)
            return Done()
        if isinstance(question, Act):
            desk = self._services.actions.desk
            return Acted(desk.act(question.actor, question.session_id, question.order))
        if isinstance(question, Said):
            return Done(json.dumps(self._said(question)))
        return self._responded(question)

    def _said(self, said: Said) -> Mapping[str, Any]:
        handler = self._events.get(said.event)
        if handler is None:
            raise Unavailable("The servers do not run the same version.")
        return handler(said.session_id, json.loads(said.payload)) or {}

    def _responded(self, question: Request) -> Response:
        app = self._app
        if app is None:
            raise Unavailable("This server is starting. Try again in a moment.")
        path, _, query = question.path.partition("?")
        builder = EnvironBuilder(
            path=path,
            query_string=query,
            method=question.method,
            headers=list(question.headers),
            data=question.body,
        )
        environ = builder.get_environ()
        environ["REMOTE_ADDR"] = question.address
        environ["wsgi.url_scheme"] = question.scheme
        environ[PASSED_ON] = True
        inner = flask.Flask.wsgi_app.__get__(app)
        body, status, headers = run_wsgi_app(inner, environ, buffered=True)
        kept = tuple((name, value) for name, value in headers if _is_of_message(name))
        return Response(int(status.split()[0]), kept, b"".join(body))

    # Coming and going of sessions

    def _ask_release(self, owner: str, session_id: str) -> bool:
        try:
            self.post.ask(owner, Release(session_id), RELEASE_S)
        except CandorError as error:
            log.warning("A session was not given back", extra={"reason": error.message})
            return False
        return True

    def _release(self, session_id: str) -> None:
        """Store it as it is, let go of it, say so."""
        services = self._services
        if not self.is_mine(session_id):
            return
        for callback in self._when_released:
            callback(session_id)
        services.sessions.release(session_id)
        services.recorder.let_go(session_id, CLIPS_S)
        self.mirror.expect(session_id)
        self.ownership.give_back(session_id)
        log.info("Session runs elsewhere now", extra={"session_id": session_id})

    def _claimed(self, session_id: str) -> None:
        """Its server died: what it left unfinished is settled before it goes on."""
        self._services.recorder.settle(session_id.__eq__)

    def took_up(self, session_id: str) -> None:
        """A session runs here now: show what its student waits for, and watch its time."""
        self._services.actions.board.refresh(session_id)
        self._services.sittings.started(session_id)

    def _take_up(self, session_id: str) -> None:
        if self._is_running(session_id):
            self._services.sessions.take_up(session_id)
            self.took_up(session_id)
        else:
            self._services.recorder.seal(session_id)

    def _is_running(self, session_id: str) -> bool:
        record = self._services.repository.session(session_id)
        return record is not None and record.is_running

    def _is_over(self, session_id: str) -> bool:
        record = self._services.repository.session(session_id)
        return record is None or (not record.is_active and bool(record.seal))

    def _running(self) -> Collection[str]:
        found = self._services.repository.sessions(SessionState.RUNNING)
        return [session.session_id for session in found]


def _is_of_message(name: str) -> bool:
    return name.lower() not in HOP_BY_HOP
