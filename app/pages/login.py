"""Signing in and out of the admin pages."""

from __future__ import annotations

import secrets

import flask
from werkzeug.wrappers import Response

from app.access.accounts import stamp_of
from app.access.needs import OPEN, SIGNED_IN
from app.access.roles import REVIEWER
from app.errors import NotAuthenticated, TooMany
from app.records import StaffRecord
from app.sockets.connect import LOGIN, stored_login
from app.web.routes import Call, Route

HOME = "/admin"
HOME_OF = {REVIEWER: "/admin/clips"}
HALF = "half"
HALF_LASTS_S = 300.0


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
    form, services = flask.request.form, call.services
    username, next_path = form.get("username", "").strip(), form.get("next", "")
    address = flask.request.remote_addr or ""
    half = _half(call) if "code" in form else None
    try:
        if half is None:
            staff = services.accounts.sign_in(username, form.get("password", ""), address)
            if staff.totp:
                flask.session.clear()
                flask.session[HALF] = {
                    "username": staff.username,
                    "stamp": stamp_of(staff),
                    "at": services.clock.now().timestamp(),
                }
                return _form(next_path=next_path, needs_code=True), 200
        else:
            staff = services.desk.begin_login(half, form.get("code", ""), address)
    except (NotAuthenticated, TooMany) as error:
        if isinstance(error, NotAuthenticated):
            claimed = half.username if half else username
            call.services.audited.login(claimed, flask.request.remote_addr or "", is_good=False)
        asks_code = half is not None
        page = _form(error.message, username[:64], next_path, needs_code=asks_code)
        return page, error.status
    login = call.services.doors.login_of(staff, secrets.token_hex(8))
    flask.session.clear()
    flask.session.permanent = True
    call.services.audited.login(staff.username, flask.request.remote_addr or "", is_good=True)
    flask.session[LOGIN] = {
        "username": login.username,
        "stamp": login.stamp,
        "login_id": login.login_id,
    }
    home = HOME_OF.get(staff.role, HOME)
    return flask.redirect(_next(next_path, home), 303)


def _half(call: Call) -> StaffRecord | None:
    """Who has given the right password and still owes the code; None after five minutes."""
    stored = flask.session.get(HALF)
    if not isinstance(stored, dict):
        return None
    age_s = call.services.clock.now().timestamp() - float(stored.get("at", 0.0))
    if not 0 <= age_s <= HALF_LASTS_S:
        return None
    try:
        return call.services.accounts.staff(str(stored["username"]), str(stored["stamp"]))
    except NotAuthenticated:
        return None


def sign_out(call: Call) -> Response:
    """Ends the login and closes the live connections it opened."""
    services = call.services
    services.doors.logins.end(call.by.login_id)
    for caller in services.callers.all():
        if caller.kind == "staff" and caller.login_id == call.by.login_id:
            services.disconnect(caller.sid)
    flask.session.clear()
    return flask.redirect("/login", 303)


def _form(
    error: str = "", username: str = "", next_path: str = "", *, needs_code: bool = False
) -> str:
    return flask.render_template(
        "login.html",
        error=error,
        username=username,
        next=_next(next_path) if next_path else "",
        needs_code=needs_code,
    )


def _next(path: str, home: str = HOME) -> str:
    """Where to go after signing in: a path of this site only."""
    is_ours = path.startswith("/") and path[1:2] not in ("/", "\\") and path.isprintable()
    return path if is_ours and "\\" not in path else home


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
