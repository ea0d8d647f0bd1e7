"""Builds the web application around the services."""

from __future__ import annotations

import logging
import mimetypes
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import flask
from flask_socketio import SocketIO
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix

from app.access.secret import secret_key
from app.api import actions as actions_api
from app.api import audit as audit_api
from app.api import checkin as checkin_api
from app.api import exams as exams_api
from app.api import machine as machine_api
from app.api import metrics as metrics_api
from app.api import my_exam as my_exam_api
from app.api import my_result as my_result_api
from app.api import my_review as my_review_api
from app.api import openapi
from app.api import papers as papers_api
from app.api import phone as phone_api
from app.api import places as places_api
from app.api import reports as reports_api
from app.api import results as results_api
from app.api import reviews as reviews_api
from app.api import roster as roster_api
from app.api import sessions as sessions_api
from app.api import shown as shown_api
from app.api import videos as videos_api
from app.clock import Clock, SystemClock
from app.errors import (
    CandorError,
    InvalidInput,
    NotAuthenticated,
    NotFound,
    TooLarge,
)
from app.fleet.parts import DRAWN_HERE, lend
from app.languages.choice import add_languages
from app.monitoring.looking import ROOM
from app.pages import admin, editor, editor_results, login, overviews, people, portal
from app.pages import review as review_page
from app.pages import roster as roster_page
from app.settings import PROJECT_ROOT, Settings
from app.sockets.actions import register as register_actions
from app.sockets.connect import register as register_doors
from app.sockets.connect import stored_login
from app.sockets.proctor import register as register_proctors
from app.sockets.student import register as register_students
from app.sockets.transport import harden
from app.version import PRODUCT, VERSION
from app.web.routes import bind, csrf, error_body
from app.wiring import Services, build_services

log = logging.getLogger(__name__)

LARGEST_BODY_BYTES = 1_000_000
LARGEST_SOCKET_MESSAGE_BYTES = 8_000_000

ROUTES = (
    *portal.ROUTES,
    *checkin_api.ROUTES,
    *phone_api.ROUTES,
    *shown_api.ROUTES,
    *login.ROUTES,
    *admin.ROUTES,
    *review_page.ROUTES,
    *overviews.ROUTES,
    *sessions_api.ROUTES,
    *videos_api.ROUTES,
    *exams_api.ROUTES,
    *papers_api.ROUTES,
    *my_exam_api.ROUTES,
    *my_result_api.ROUTES,
    *results_api.ROUTES,
    *reports_api.ROUTES,
    *reviews_api.ROUTES,
    *my_review_api.ROUTES,
    *machine_api.ROUTES,
    *metrics_api.ROUTES,
    *audit_api.ROUTES,
    *people.ROUTES,
    *roster_page.ROUTES,
    *editor.ROUTES,
    *editor_results.ROUTES,
    *roster_api.ROUTES,
    *places_api.ROUTES,
    *actions_api.ROUTES,
    *openapi.ROUTES,
)

PERMISSIONS = (
    "camera=(self), microphone=(self), display-capture=(self), fullscreen=(self),"
    " screen-wake-lock=(self), geolocation=()"
)

Build = Callable[[Settings, Clock, Callable[..., None], Callable[[str], None]], Services]


def build_app(
    settings: Settings,
    clock: Clock | None = None,
    build: Build = build_services,
) -> flask.Flask:
    """The application with everything built and nothing running.

    `app.extensions["candor"]` holds the Services (call their `start` and `stop`) and
    `app.extensions["socketio"]` the Socket.IO server. Raises CandorError when a part cannot be
    built.
    """
    for extension in (".js", ".mjs"):
        mimetypes.add_type("text/javascript", extension)
    app = flask.Flask(
        "candor",
        static_folder=str(PROJECT_ROOT / "static"),
        template_folder=str(PROJECT_ROOT / "templates"),
    )
    app.debug = settings.debug
    app.url_map.merge_slashes = False
    _configure(app, settings)
    socketio = SocketIO(
        async_mode="threading",
        async_handlers=False,
        max_http_buffer_size=LARGEST_SOCKET_MESSAGE_BYTES,
        cors_allowed_origins=_origin_check(settings) if settings.other_origins else None,
    )
    queue = {"message_queue": settings.redis_url, "channel": f"candor:{settings.db_name}:rooms"}
    socketio.init_app(app, **(queue if settings.is_fleet else {}))
    clock = clock or SystemClock()
    strangers = harden(socketio, max(1, settings.web_threads // 4), clock.monotonic_s)

    def emit(event: str, payload: object, room: str) -> None:
        if not settings.is_fleet:
            socketio.emit(event, payload, to=room)
        elif room != ROOM:
            socketio.emit(event, payload, to=room, ignore_queue=event in DRAWN_HERE)
        else:
            lend(services.fleet, event, payload)

    def disconnect(sid: str) -> None:
        socketio.server.disconnect(sid)

    services = build(settings, clock, emit, disconnect)
    app.extensions["candor"] = services
    services.watch.also(strangers.close_late)
    for register in (register_doors, register_students, register_proctors, register_actions):
        register(socketio, services)
    csrf.init_app(app)
    bind(app, ROUTES, services)
    if services.fleet is not None:
        services.fleet.serve(app)
    app.extensions["candor_openapi"] = openapi.document_of(ROUTES)
    _add_context(app, services)
    add_languages(app)
    _answer_errors(app)
    app.after_request(_add_headers)
    if settings.public_url.startswith("https://"):
        app.after_request(_insist_on_tls)
    if settings.trusted_proxies:
        hops = settings.trusted_proxies
        app.wsgi_app = ProxyFix(  # type: ignore[method-assign]  # how Flask adds middleware
            app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops
        )
    return app


def _configure(app: flask.Flask, settings: Settings) -> None:
    app.config.update(
        SECRET_KEY=secret_key(settings),
        SESSION_COOKIE_NAME="candor",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.is_tls or settings.public_url.startswith("https://"),
        PERMANENT_SESSION_LIFETIME=timedelta(hours=settings.login_max_h),
        MAX_CONTENT_LENGTH=LARGEST_BODY_BYTES,
        TEMPLATES_AUTO_RELOAD=settings.debug,
        # Checked by hand after authentication; a page may stay open for a whole exam; and
        # pages send no Referer, which the strict check would ask for.
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
        WTF_CSRF_SSL_STRICT=False,
    )


def _origin_check(settings: Settings) -> Callable[[str | None, dict[str, Any]], bool]:
    """Pages of this host and of the named other origins may connect."""
    named = {*settings.other_origins, settings.public_url.rstrip("/")} - {""}

    def is_allowed(origin: str | None, environ: dict[str, Any]) -> bool:
        own = f"{environ.get('wsgi.url_scheme')}://{environ.get('HTTP_HOST')}"
        return origin is None or origin == own or origin in named

    return is_allowed


def _add_context(app: flask.Flask, services: Services) -> None:
    @app.context_processor
    def context() -> dict[str, Any]:
        return {"product": PRODUCT, "version": VERSION, "staff": _staff(services)}


def _staff(services: Services) -> dict[str, str] | None:
    login = stored_login()
    if login is None:
        return None
    try:
        caller = services.doors.by_login(login)
    except CandorError:
        return None
    return {"username": caller.name, "role": caller.role}


def _answer_errors(app: flask.Flask) -> None:
    @app.errorhandler(CandorError)
    def refused(error: CandorError) -> flask.typing.ResponseReturnValue:
        if error.status >= 500:
            log.error("A request failed", extra={"code": error.code, "reason": error.message})
        return _error(error)

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> flask.typing.ResponseReturnValue:
        status = error.code or 500
        if status < 400:
            return error
        return _error(_of_http(status))

    @app.errorhandler(Exception)
    def broken(error: Exception) -> flask.typing.ResponseReturnValue:
        log.error(
            "A request broke", exc_info=error, extra={"endpoint": flask.request.endpoint or ""}
        )
        return _error(CandorError("The server failed on this request; its log says why."))


def _of_http(status: int) -> CandorError:
    error: CandorError
    if status == 404:
        error = NotFound("There is nothing here.")
    elif status == 413:
        error = TooLarge(f"At most {LARGEST_BODY_BYTES // 1_000_000} MB may be sent at once.")
    elif status == 405:
        error = InvalidInput("This address does not answer that method.")
    elif status < 500:
        error = InvalidInput("This request could not be understood.")
    else:
        error = CandorError("The server failed on this request; its log says why.")
    error.status = status
    return error


def _error(error: CandorError) -> flask.typing.ResponseReturnValue:
    if not _is_page():
        response = flask.jsonify(error_body(error))
        if error.status == 401:
            response.headers["WWW-Authenticate"] = 'Bearer realm="candor"'
        return response, error.status
    is_get = flask.request.method == "GET"
    if isinstance(error, NotAuthenticated):
        wish = flask.request.full_path.rstrip("?") if is_get else ""
        return flask.redirect(flask.url_for("login", next=wish or None))
    page = flask.render_template(
        "error.html", status=error.status, title=_title(error.status), message=error.message
    )
    return page, error.status


def _title(status: int) -> str:
    titles = {403: "Not allowed", 404: "Not found", 503: "Not available"}
    return titles.get(status, "That did not work")


def _is_page() -> bool:
    path = flask.request.path
    if path == "/api/docs":
        return True
    plain = ("/api/", "/portal/", "/static/", "/healthz", "/readyz", "/metrics", "/socket.io")
    return not path.startswith(plain)


def _add_headers(response: flask.Response) -> flask.Response:
    headers = response.headers
    headers["Content-Security-Policy"] = _content_security_policy()
    headers["X-Content-Type-Options"] = "nosniff"
    headers["Referrer-Policy"] = "no-referrer"
    headers["Permissions-Policy"] = PERMISSIONS
    headers["X-Frame-Options"] = "DENY"
    # The portal has to know whether the window of an exam held elsewhere is still open.
    is_portal = flask.request.path == "/"
    opener = "same-origin-allow-popups" if is_portal else "same-origin"
    headers["Cross-Origin-Opener-Policy"] = opener
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    if response.mimetype == "text/html":
        headers.setdefault("Cache-Control", "no-store")
    return response


def _insist_on_tls(response: flask.Response) -> flask.Response:
    # Only for a public name: browsers would keep it for every port of localhost.
    response.headers["Strict-Transport-Security"] = "max-age=31536000"
    return response


def _content_security_policy() -> str:
    host = flask.request.host
    sockets = f" ws://{host} wss://{host}" if re.fullmatch(r"[A-Za-z0-9.:\[\]-]+", host) else ""
    frames = " ".join(flask.g.get("frames", ()))
    framed = f" frame-src {frames};" if frames else ""
    return (
        f"default-src 'none';{framed} script-src 'self'; style-src 'self';"
        " img-src 'self' blob: data:;"
        f" media-src 'self' blob:; connect-src 'self'{sockets}; worker-src 'self' blob:;"
        " font-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    )
