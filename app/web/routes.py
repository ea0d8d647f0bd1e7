"""A route is declared once: the server is bound from it and the OpenAPI document drawn from it.

The order at every door: who is it, may they, did this browser's page send it (CSRF), is what
they sent well-formed, and only then the use case.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import flask
from flask_wtf.csrf import CSRFError, CSRFProtect
from pydantic import BaseModel, ValidationError

from app.access.doors import Caller, CallerKind
from app.access.media_links import SIGNATURE, LinkExpired
from app.access.needs import Need
from app.errors import CandorError, InvalidInput, NotAllowed, NotAuthenticated
from app.fleet.fleet import PASSED_ON
from app.ids import is_ours
from app.sockets.connect import stored_login
from app.wiring import Services

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LONGEST_SHOWN_PROBLEMS = 5
LONGEST_PATH = 300

csrf = CSRFProtect()


@dataclass(frozen=True, slots=True)
class Call:
    """One request that was let in. `caller` is None on an open route."""

    services: Services
    caller: Caller | None
    path: Mapping[str, str]
    body: Any = None

    @property
    def by(self) -> Caller:
        """The caller of a route that is not open."""
        if self.caller is None:
            raise NotAuthenticated("Sign in, or send a key.")
        return self.caller


Handle = Callable[[Call], Any]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation. `needs` has no default: whoever adds a route says who may use it.

    `path` is written as in OpenAPI: `/api/session/{session_id}/details`; a name that ends in
    `filepath` also matches slashes. `answer` None means that `media` is sent as it is; `takes` is
    the media type of a body that the handler reads itself.
    """

    method: str
    path: str
    name: str
    summary: str
    handle: Handle
    needs: Need
    body: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    media: str = "application/json"
    form: bool = False
    takes: str = ""
    is_page: bool = False
    refusals: Mapping[int, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)

    @property
    def callers(self) -> tuple[CallerKind, ...]:
        """The kinds of callers that can pass; none means open (`security: []`)."""
        return self.needs.callers

    @property
    def names(self) -> tuple[str, ...]:
        """The names in the path."""
        return tuple(re.findall(r"{(\w+)}", self.path))

    @property
    def rule(self) -> str:
        """The path as Flask writes it."""
        return re.sub(
            r"{(\w+)}",
            lambda m: f"<path:{m[1]}>" if m[1].endswith("filepath") else f"<{m[1]}>",
            self.path,
        )


def bind(app: flask.Flask, routes: Sequence[Route], services: Services) -> None:
    """Serve the routes."""
    for route in routes:
        app.add_url_rule(route.rule, route.name, _view(route, services), methods=[route.method])


def _view(route: Route, services: Services) -> Callable[..., flask.typing.ResponseReturnValue]:
    def view(**path: str) -> flask.typing.ResponseReturnValue:
        services.limits.check(flask.request.remote_addr or "")
        caller, by_cookie = _let_in(route, services)
        owner = _owner_elsewhere(route, services, caller, path)
        if owner is not None and services.fleet is not None:
            return services.fleet.pass_on(owner, flask.request)
        if route.method not in SAFE_METHODS and (by_cookie or not route.callers):
            _check_page()
        body = _read(route.body) if route.body else None
        answer = route.handle(Call(services, caller, path, body))
        if _is_done(answer):
            sent = body or flask.request.form
            services.audited.request(route.method, route.name, caller, path, sent, answer)
        if isinstance(answer, BaseModel):
            response = flask.make_response(answer.model_dump_json())
            response.mimetype = "application/json"
            response.headers["Cache-Control"] = "no-store"
            return response
        result: flask.typing.ResponseReturnValue = answer
        return result

    return view


def _owner_elsewhere(
    route: Route, services: Services, caller: Caller | None, path: Mapping[str, str]
) -> str | None:
    """The other server that runs the session a request is about."""
    if services.fleet is None or route.is_page or PASSED_ON in flask.request.environ:
        return None
    own = caller.session_id if caller is not None else ""
    session_id = path.get("session_id") or own
    return services.fleet.owner_of(session_id) if is_ours(session_id) else None


def _is_done(answer: object) -> bool:
    """Whether a handler did what was asked; a form that was refused comes back with a status."""
    return not (isinstance(answer, tuple) and isinstance(answer[1], int) and answer[1] >= 400)


def _let_in(route: Route, services: Services) -> tuple[Caller | None, bool]:
    """The caller, and whether the browser's cookie (rather than a header) says so."""
    if route.needs.is_open:
        return None, False
    if route.needs.is_signed and SIGNATURE in flask.request.args:
        try:
            return _by_address(route, services), False
        except LinkExpired as expired:
            try:
                return _by_secret(route, services)
            except (NotAuthenticated, NotAllowed):
                raise expired from None
    return _by_secret(route, services)


def _by_address(route: Route, services: Services) -> Caller:
    """The caller for whom the address was signed."""
    named = flask.request.view_args or {}
    caller = services.media_links.caller(named["clip_id"], named["part"], flask.request.args)
    route.needs.check(caller)
    _check_names(caller, named, services)
    return caller


def _by_secret(route: Route, services: Services) -> tuple[Caller, bool]:
    """The caller of a header or a cookie, and whether it is a cookie."""
    header = flask.request.headers.get("Authorization")
    by_cookie = header is None or route.is_page
    if by_cookie:
        login = stored_login()
        if login is None:
            raise NotAuthenticated("Sign in, or send Authorization: Bearer <key>.")
        caller = services.doors.by_login(login)
    else:
        secret = _bearer(header or "")
        caller = _by_bearer(route, services, secret)
    route.needs.check(caller)
    _check_names(caller, flask.request.view_args or {}, services)
    return caller, by_cookie


def _by_bearer(route: Route, services: Services, secret: str) -> Caller:
    """The caller of a header. A phone's secret opens the phone's routes and no others."""
    unknown: NotAuthenticated | None = None
    if route.needs.phone:
        try:
            return services.showing.cameras.caller(secret)
        except NotAuthenticated as error:
            unknown = error
    network = services.places.network_of(flask.request.remote_addr or "")
    try:
        return services.doors.by_bearer(secret, network, is_after_end=route.needs.is_after_end)
    except NotAuthenticated:
        # What the phone's page says of a link that is over helps more than "no such key".
        if unknown is not None:
            raise unknown from None
        raise


def _check_names(caller: Caller, named: Mapping[str, str], services: Services) -> None:
    """What the path names must be of this caller's session or exams. Raises NotAllowed.

    What does not exist is as closed as what is not the caller's own.
    """
    if "session_id" in named:
        caller.require_session(named["session_id"])
    if caller.sees_every_exam or caller.kind == "student":
        return
    for name in named.keys() & EXAM_OF.keys():
        caller.require_exam(EXAM_OF[name](services, named[name]))


def _exam_of_session(services: Services, session_id: str) -> str:
    record = services.repository.session(session_id) if is_ours(session_id) else None
    return record.exam_id if record else ""


def _exam_of_clip(services: Services, clip_id: str) -> str:
    record = services.repository.clip(clip_id) if is_ours(clip_id) else None
    return record.exam_id if record else ""


def _exam_of_file(services: Services, path: str) -> str:
    is_sane = len(path) <= LONGEST_PATH and path.isprintable()
    record = services.repository.clip_of_file(path) if is_sane else None
    return record.exam_id if record else ""


EXAM_OF: dict[str, Callable[[Services, str], str]] = {
    "session_id": _exam_of_session,
    "video_id": _exam_of_clip,
    "clip_id": _exam_of_clip,
    "filepath": _exam_of_file,
    "exam_id": lambda _services, exam_id: exam_id,
}


def _bearer(header: str) -> str:
    scheme, _, secret = header.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise NotAuthenticated("Send Authorization: Bearer <key>.")
    return secret.strip()


def _check_page() -> None:
    try:
        csrf.protect()
    except CSRFError:
        raise NotAllowed(
            "This page is too old, or the request did not come from it. Reload the page and"
            " try again."
        ) from None


def _read(model: type[BaseModel]) -> BaseModel:
    try:
        given = flask.request.get_json(force=True, silent=True)
    except RecursionError:
        given = None
    if not isinstance(given, dict):
        raise InvalidInput("Send a JSON object.")
    refuse_operators(given)
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise InvalidInput(sentences(error)) from None


def refuse_operators(given: object) -> None:
    """Raise InvalidInput for keys a database could take for an operator or a path."""
    waiting = [given]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if any(key.startswith("$") or "\0" in key for key in value):
                raise InvalidInput("Names may not begin with $.")
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def sentences(error: ValidationError) -> str:
    """What is wrong, field by field."""
    lines = []
    for problem in error.errors()[:LONGEST_SHOWN_PROBLEMS]:
        where = ".".join(str(part) for part in problem["loc"])
        what = problem["msg"].removeprefix("Value error, ")
        lines.append(f"{where}: {what}." if where else f"{what}.")
    return " ".join(lines)


def error_body(error: CandorError) -> dict[str, Any]:
    return {"success": False, "error": {"code": error.code, "message": error.message}}
