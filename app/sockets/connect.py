"""Who is behind a Socket.IO connection: settled once, at connect.

Other modules of this package register their events with the `answers` decorator, which checks
the caller before anything of the message is looked at.
"""

from __future__ import annotations

import functools
import inspect
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import flask
from flask_socketio import ConnectionRefusedError, SocketIO

from app.access.doors import Caller, Login, is_here
from app.access.needs import Need
from app.errors import (
    CandorError,
    InvalidInput,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    Unavailable,
)
from app.ids import is_ours

if TYPE_CHECKING:
    from app.wiring import Services

__all__ = ["Caller", "Callers", "answers", "caller_of", "current_caller", "register"]

log = logging.getLogger(__name__)

Handler = Callable[..., Mapping[str, Any] | None]
LOGIN = "login"
# Events of staff that change what the server of a session holds in memory.
PASSED_ON = frozenset({"resume", "chat_seen", "decide_place"})


class Callers:
    """The connections that are open now, and who is behind each. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_sid: dict[str, Caller] = {}

    def add(self, caller: Caller) -> None:
        with self._lock:
            self._by_sid[caller.sid] = caller

    def remove(self, sid: str) -> Caller | None:
        with self._lock:
            return self._by_sid.pop(sid, None)

    def of(self, sid: str) -> Caller:
        """Raises NotAuthenticated for a connection that was never let in."""
        with self._lock:
            caller = self._by_sid.get(sid)
        if caller is None:
            raise NotAuthenticated("This connection is not open.")
        return caller

    def all(self) -> tuple[Caller, ...]:
        with self._lock:
            return tuple(self._by_sid.values())


def caller_of(sid: str) -> Caller:
    """Who is behind a connection; inside a handler only."""
    caller: Caller = flask.current_app.extensions["candor"].callers.of(sid)
    return caller


def current_caller() -> Caller:
    """Who sent the event that is being handled."""
    return caller_of(flask.request.sid)  # type: ignore[attr-defined]  # set by Flask-SocketIO


def answers(need: Need) -> Callable[[Handler], Callable[..., dict[str, Any]]]:
    """Make a function the handler of an event that needs `need`.

    A `session_id` in the first part of the message must be one the caller may ask for. The
    function gets the Caller first, then what the client sent, and returns what to add to
    the acknowledgement. A CandorError becomes a refusal; anything else is logged and refused
    with the code `error`.
    """

    def decorate(handler: Handler) -> Callable[..., dict[str, Any]]:
        signature = inspect.signature(handler)

        @functools.wraps(handler)
        def answer(*payload: Any) -> dict[str, Any]:
            caller: Caller | None = None
            try:
                caller = current_caller()
                caller = _still_let_in(caller)
                need.check(caller)
                _check_session(caller, payload)
                try:
                    signature.bind(caller, *payload)
                except TypeError:
                    raise InvalidInput("This event has the wrong number of parts.") from None
                flask.current_app.extensions["candor"].audited.event(
                    handler.__name__, caller, payload
                )
                said = _said_elsewhere(handler.__name__, caller, payload)
                if said is not None:
                    return {"ok": True, **said}
                return {"ok": True, **(handler(caller, *payload) or {})}
            except CandorError as error:
                return refusal(error.code, error.message)
            except Exception:
                log.exception(
                    "A socket event failed",
                    extra={
                        "event": handler.__name__,
                        "session_id": caller.session_id if caller else "",
                    },
                )
                return refusal("error", "The server failed on this message; the log says why.")

        answer.__dict__["need"] = need
        return answer

    return decorate


def declared_events(socketio: SocketIO) -> dict[str, Need | None]:
    """Every event a client may send, and what it needs; None where nothing was declared."""
    handlers = socketio.server.handlers.get("/", {})
    return {
        event: getattr(handler, "need", None)
        for event, handler in sorted(handlers.items())
        if event not in ("connect", "disconnect")
    }


def _check_session(caller: Caller, payload: tuple[Any, ...]) -> None:
    """A message that names a session is for those who may see that session."""
    named = payload[0].get("session_id") if payload and isinstance(payload[0], dict) else None
    if not isinstance(named, str):
        return
    caller.require_session(named)
    if caller.sees_every_exam:
        return
    services: Services = flask.current_app.extensions["candor"]
    try:
        session = services.sessions.get(named)
    except NotFound:
        raise NotAllowed("This belongs to an exam that is not assigned to you.") from None
    caller.require_exam(session.exam_id)
    if caller.kind == "student" and not is_here(session, caller.place, caller.network):
        raise NotAllowed("This session is running on another device or network.")


def _said_elsewhere(
    event: str, caller: Caller, payload: tuple[Any, ...]
) -> Mapping[str, Any] | None:
    """What the server that runs the session answers, where that is another one."""
    services: Services = flask.current_app.extensions["candor"]
    given = payload[0] if payload and isinstance(payload[0], dict) else {}
    session_id = given.get("session_id")
    if services.fleet is None or caller.kind == "student" or event not in PASSED_ON:
        return None
    if not isinstance(session_id, str) or not is_ours(session_id):
        return None
    owner = services.fleet.owner_of(session_id)
    return services.fleet.say(owner, event, session_id, given) if owner is not None else None


def refusal(code: str, message: str) -> dict[str, Any]:
    """The acknowledgement of a message that changed nothing."""
    return {"ok": False, "error": {"code": code, "message": message}}


def register(socketio: SocketIO, services: Services) -> None:
    """Let callers in and see them out. The only connect and disconnect handlers there are."""

    def connect(auth: object = None) -> None:
        try:
            services.limits.check(flask.request.remote_addr or "")
            caller = _authenticate(services, auth)
            services.limits.check_connections(caller, services.callers.all())
        except CandorError as error:
            raise ConnectionRefusedError(
                error.message, {"code": error.code, "message": error.message}
            ) from None
        sid: str = flask.request.sid  # type: ignore[attr-defined]  # set by Flask-SocketIO
        services.callers.add(replace(caller, sid=sid))

    def disconnect(*_reason: object) -> None:
        sid: str = flask.request.sid  # type: ignore[attr-defined]  # set by Flask-SocketIO
        caller = services.callers.remove(sid)
        if caller is not None:
            services.gone(caller)

    socketio.on_event("connect", connect)
    socketio.on_event("disconnect", disconnect)


def stored_login() -> Login | None:
    """The login in the browser's cookie, as far as it has the right shape."""
    stored = flask.session.get(LOGIN)
    if not isinstance(stored, dict):
        return None
    parts = [stored.get(name) for name in ("username", "stamp", "login_id")]
    texts = [part for part in parts if isinstance(part, str)]
    return Login(*texts) if len(texts) == len(parts) else None


def _authenticate(services: Services, auth: object) -> Caller:
    if services.is_closing:
        raise Unavailable("The server is stopping. Try again in a moment.")
    given = auth if isinstance(auth, dict) else {}
    token, key = given.get("token"), given.get("key")
    if token is not None:
        if not isinstance(token, str) or key is not None:
            raise NotAuthenticated("Send one token, as text.")
        network = services.places.network_of(flask.request.remote_addr or "")
        return services.doors.by_token(token, network)
    if key is not None:
        if not isinstance(key, str):
            raise NotAuthenticated("Send the key as text.")
        return services.doors.by_key(key)
    login = stored_login()
    if login is None:
        raise NotAuthenticated("Send a token or a key, or sign in.")
    return services.doors.by_login(login)


def _still_let_in(caller: Caller) -> Caller:
    """The caller as of now: a connection outlives neither its login nor its key."""
    services: Services = flask.current_app.extensions["candor"]
    doors = services.doors
    if caller.kind == "staff":
        login = stored_login()
        if login is None:
            raise NotAuthenticated("Sign in again.")
        return replace(doors.by_login(login), sid=caller.sid)
    if caller.kind == "integrator":
        return replace(doors.by_key_id(caller.name), sid=caller.sid)
    return caller
