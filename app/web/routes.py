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
from app.errors import CandorError, InvalidInput, NotAllowed, NotAuthenticated
from app.sockets.connect import stored_login
from app.wiring import Services

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LONGEST_SHOWN_PROBLEMS = 5

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
    """One operation. `callers` empty means open to everybody (`security: []`).

    `path` is written as in OpenAPI: `/api/session/{session_id}/details`; a name that ends in
    `filepath` also matches slashes. `answer` None means that `media` is sent as it is.
    """

    method: str
    path: str
    name: str
    summary: str
    handle: Handle
    callers: tuple[CallerKind, ...] = ()
    body: type[BaseModel] | None = None
    answer: type[BaseModel] | None = None
    media: str = "application/json"
    form: bool = False
    is_page: bool = False
    refusals: Mapping[int, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)

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
        caller, by_cookie = _let_in(route, services)
        if route.method not in SAFE_METHODS and (by_cookie or not route.callers):
            _check_page()
        body = _read(route.body) if route.body else None
        answer = route.handle(Call(services, caller, path, body))
        if isinstance(answer, BaseModel):
            response = flask.make_response(answer.model_dump_json())
            response.mimetype = "application/json"
            response.headers["Cache-Control"] = "no-store"
            return response
        result: flask.typing.ResponseReturnValue = answer
        return result

    return view


def _let_in(route: Route, services: Services) -> tuple[Caller | None, bool]:
    """The caller, and whether the browser's cookie (rather than a header) says so."""
    if not route.callers:
        return None, False
    header = flask.request.headers.get("Authorization")
    by_cookie = header is None or route.is_page
    if by_cookie:
        login = stored_login()
        if login is None:
            raise NotAuthenticated("Sign in, or send Authorization: Bearer <key>.")
        caller = services.doors.by_login(login)
    else:
        caller = services.doors.by_bearer(_bearer(header or ""))
    if caller.kind not in route.callers:
        raise NotAllowed("This key or token does not open this.")
    for name in ("session_id",):
        if name in route.names:
            caller.require_session((flask.request.view_args or {})[name])
    return caller, by_cookie


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
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise InvalidInput(sentences(error)) from None


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
