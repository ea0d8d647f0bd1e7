"""Signing in and out of the admin pages."""

from __future__ import annotations

import secrets

import flask
from werkzeug.wrappers import Response

from app.access.needs import OPEN, SIGNED_IN
from app.errors import NotAuthenticated, TooMany
from app.sockets.connect import LOGIN, stored_login
from app.web.routes import Call, Route

HOME = "/admin"


def login_page(call: Call) -> str | Response:
    login = stored_login()
    if login is not None:
        try:
            call.services.doors.by_login(login)
        except NotAuthenticated:
            flask.session.pop(LOGIN, None)
        else:
            return flask.redirect(_next(flask.request.args.get("next", "")))
    return _form(next_path=flask.request.args.get("next", ""))


def sign_in(call: Call) -> Response | tuple[str, int]:
    form = flask.request.form
    username, next_path = form.get("username", "").strip(), form.get("next", "")
    try:
        staff = call.services.accounts.sign_in(
            username, form.get("password", ""), flask.request.remote_addr or ""
        )
    except (NotAuthenticated, TooMany) as error:
        if isinstance(error, NotAuthenticated):
            call.services.audited.login(username, flask.request.remote_addr or "", is_good=False)
        return _form(error.message, username[:64], next_path), error.status
    login = call.services.doors.login_of(staff, secrets.token_hex(8))
    flask.session.clear()
    flask.session.permanent = True
    call.services.audited.login(staff.username, flask.request.remote_addr or "", is_good=True)
    flask.session[LOGIN] = {
        "username": login.username,
        "stamp": login.stamp,
        "login_id": login.login_id,
    }
    return flask.redirect(_next(next_path), 303)


def sign_out(call: Call) -> Response:
    """Ends the login and closes the live connections it opened."""
    services = call.services
    for caller in services.callers.all():
        if caller.kind == "staff" and caller.login_id == call.by.login_id:
            services.disconnect(caller.sid)
    flask.session.clear()
    return flask.redirect("/login", 303)


def _form(error: str = "", username: str = "", next_path: str = "") -> str:
    return flask.render_template(
        "login.html", error=error, username=username, next=_next(next_path) if next_path else ""
    )


def _next(path: str) -> str:
    """Where to go after signing in: a path of this site only."""
    is_ours = path.startswith("/") and path[1:2] not in ("/", "\\") and path.isprintable()
    return path if is_ours and "\\" not in path else HOME


ROUTES = (
    Route("GET", "/login", "login", "The page to sign in", login_page, OPEN, media="text/html"),
    Route(
        "POST",
        "/login",
        "sign_in",
        "Sign in",
        sign_in,
        OPEN,
        media="text/html",
        form=True,
        refusals={401: "Wrong user name or password.", 429: "Too many attempts."},
    ),
    Route(
        "POST",
        "/logout",
        "sign_out",
        "Sign out",
        sign_out,
        needs=SIGNED_IN,
        media="text/html",
        form=True,
        is_page=True,
    ),
)
