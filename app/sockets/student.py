"""What a student's browser or an agent may say: `start`, `batch`, `screen_event`, `end_session`.

`docs/protocol.md` describes the messages. A session has one connection at a time. A newer one of
the same device on the same network takes the older one's place; another waits for a proctor.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import flask
from flask_socketio import SocketIO, join_room
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.access.doors import is_here
from app.access.needs import ARRIVE, STREAM
from app.access.places import PlaceRefused, PlaceWaits, digest_of, new_place, place_payload
from app.errors import Conflict, InvalidInput, TooMany
from app.intake.rates import TokenBucket
from app.intake.state import BatchReceipt, Beginning
from app.monitoring.rooms import student_room
from app.privacy.consent import (
    LONGEST_VERSION,
    NONE_STATED,
    collected,
    uses_audio,
    uses_camera,
)
from app.records import EndCause, SessionRecord, SessionState
from app.settings import Settings
from app.sockets.connect import Caller, answers

if TYPE_CHECKING:
    from app.wiring import Services

log = logging.getLogger(__name__)

JPEG_QUALITY = 80
SCREEN_INTERVAL_S = 5
SCREEN_WIDTH = 1280
BATCH_MS = 1000
_STARTS_PER_S, _STARTS_BURST = 0.5, 60.0
_FAREWELL_S = 0.3


class StartMessage(BaseModel):
    """The payload of `start`."""

    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")

    client: Literal["browser", "agent"]
    capabilities: dict[str, Any] | None = None
    consent: str | None = Field(None, max_length=LONGEST_VERSION)
    count: str = Field("", max_length=64)
    offset_ms: float | None = Field(None, ge=-1e14, le=1e14, allow_inf_nan=False)
    sent_ms: float | None = Field(None, ge=0, le=1e14, allow_inf_nan=False)


@dataclass(slots=True)
class _Seat:
    sid: str
    starts: TokenBucket


class Seats:
    """Which connection speaks for which session. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seats: dict[str, _Seat] = {}

    def take(self, session_id: str, sid: str, now_s: float) -> str | None:
        """Give the session to `sid`; returns the connection that had it before, if another.

        Raises TooMany when a session is taken again and again.
        """
        with self._lock:
            seat = self._seats.get(session_id)
            if seat is None:
                seat = _Seat("", TokenBucket(_STARTS_PER_S, _STARTS_BURST, now_s))
                self._seats[session_id] = seat
            if not seat.starts.take(1, now_s):
                raise TooMany("This session is started too often. Wait a minute.")
            before, seat.sid = seat.sid, sid
            return before if before not in ("", sid) else None

    def require(self, session_id: str, sid: str) -> None:
        """Raises Conflict unless `sid` speaks for the session."""
        with self._lock:
            seat = self._seats.get(session_id)
        if seat is None or not seat.sid:
            raise Conflict("Send `start` before anything else.")
        if seat.sid != sid:
            raise Conflict("Another connection has taken this session over.")

    def is_taken(self, session_id: str) -> bool:
        """Whether a connection speaks for the session now."""
        with self._lock:
            seat = self._seats.get(session_id)
            return seat is not None and bool(seat.sid)

    def leave(self, session_id: str, sid: str) -> bool:
        """The connection has closed; True when it spoke for the session."""
        with self._lock:
            seat = self._seats.get(session_id)
            if seat is None or seat.sid != sid:
                return False
            seat.sid = ""
            return True

    def end(self, session_id: str) -> None:
        """The session is over."""
        with self._lock:
            self._seats.pop(session_id, None)


def register(socketio: SocketIO, services: Services) -> None:
    """Answer the events of students and agents."""
    seats = Seats()

    @answers(ARRIVE)
    def start(caller: Caller, payload: object) -> Mapping[str, Any]:
        message = _read_start(payload)
        session_id = caller.session_id
        with services.places.moving(session_id):
            place = _place_of(services, caller, seats)
            if services.sessions.get(session_id).state is SessionState.CREATED:
                services.load.check_new()
            _receive_consent(services, session_id, message)
            if services.fleet is not None:
                services.fleet.claim(session_id)
            replaced = seats.take(session_id, caller.sid, services.clock.monotonic_s())
            session = services.sessions.start(session_id)
            if services.fleet is not None:
                services.fleet.took_up(session_id)
            digest = digest_of(place)
            if (session.place, session.network) != (digest, caller.network):
                services.repository.update_session(session_id, place=digest, network=caller.network)
        services.callers.add(replace(caller, place=place, is_elsewhere=False))
        beginning = services.ingest.begin(
            session_id, message.count, message.offset_ms, message.sent_ms
        )
        join_room(student_room(session_id))
        if replaced is not None:
            log.info("A newer connection took over", extra={"session_id": session_id})
            _say_goodbye(socketio, services, replaced, session_id, "replaced")
        services.actions.talk.arrived(session_id)
        return _started(services, session, beginning, place)

    @answers(STREAM)
    def batch(caller: Caller, header: object, body: object = None) -> Mapping[str, Any]:
        seats.require(caller.session_id, caller.sid)
        return _receipt(services.ingest.accept_batch(caller.session_id, header, body))

    @answers(STREAM)
    def screen_event(caller: Caller, payload: object) -> Mapping[str, Any]:
        seats.require(caller.session_id, caller.sid)
        return {"id": services.ingest.accept_event(caller.session_id, payload)}

    @answers(STREAM)
    def probe(caller: Caller, _payload: object = None) -> Mapping[str, Any]:
        seats.require(caller.session_id, caller.sid)
        return {"server_ms": services.ingest.probe(caller.session_id)}

    @answers(STREAM)
    def end_session(caller: Caller, _payload: object = None) -> None:
        seats.require(caller.session_id, caller.sid)
        services.sessions.end(caller.session_id, EndCause.STUDENT)

    def gone(caller: Caller) -> None:
        if caller.kind == "student" and seats.leave(caller.session_id, caller.sid):
            services.ingest.gone(caller.session_id)

    def ended(session_id: str, cause: EndCause) -> None:
        seats.end(session_id)
        services.places.forget(session_id)
        services.actions.talk.forget(session_id)
        for caller in services.callers.all():
            if caller.kind != "student" or caller.session_id != session_id:
                continue
            # The student's own `end_session` is acknowledged before its line is closed.
            timer = threading.Timer(
                _FAREWELL_S, _say_goodbye, (socketio, services, caller.sid, session_id, cause.value)
            )
            timer.name, timer.daemon = "student-farewell", True
            timer.start()

    def released(session_id: str) -> None:
        """Another server runs the session: whoever is still connected here is replaced there."""
        seats.end(session_id)
        for caller in services.callers.all():
            if caller.kind == "student" and caller.session_id == session_id:
                _say_goodbye(socketio, services, caller.sid, session_id, "replaced")

    if services.fleet is not None:
        services.fleet.when_released(released)
    socketio.on_event("start", start)
    socketio.on_event("batch", batch)
    socketio.on_event("screen_event", screen_event)
    socketio.on_event("probe", probe)
    socketio.on_event("end_session", end_session)
    services.when_gone(gone)
    services.sessions.when_ended(ended)


def _place_of(services: Services, caller: Caller, seats: Seats) -> str:
    """The device this connection is or becomes; raises PlaceWaits until a proctor agrees."""
    session = services.sessions.get(caller.session_id)
    if is_here(session, caller.place, caller.network):
        return caller.place or new_place()
    if (
        not caller.place
        and caller.network == session.network
        and not seats.is_taken(caller.session_id)
        and services.ingest.is_unheard(caller.session_id)
    ):
        # The answer to the first `start`, with the device's own token, was lost on the way.
        return new_place()
    is_same_device = bool(caller.place) and digest_of(caller.place) == session.place
    reason = "network" if is_same_device else "device"
    device = f"{caller.place}\n{caller.network}\n{_user_agent()}"
    request, is_new = services.places.ask(caller.session_id, device, reason)
    if request.state == "approved":
        return caller.place if is_same_device else new_place()
    if request.state == "refused":
        raise PlaceRefused(
            "Your proctor did not let this device in. Continue on the device you started with."
        )
    if is_new:
        log.info("Another place asks for a session", extra={"session_id": caller.session_id})
        services.live.place_asked(caller.session_id, place_payload(request))
    raise PlaceWaits(
        "This session is running on another device or network. Your proctor has been asked to"
        " let this one in; keep this page open."
    )


def _receive_consent(services: Services, session_id: str, message: StartMessage) -> None:
    """Keep the receipt before the first frame. Raises NotAllowed for a browser without one."""
    session = services.sessions.get(session_id)
    terms = services.exams.terms(session.exam_id, session.user_id)
    is_browser = message.client == "browser"
    services.privacy.consents.give(
        session,
        message.consent or ("" if is_browser else NONE_STATED),
        "student" if is_browser else "agent",
        collected(terms.policy, terms.capture_screen, services.settings),
    )


def _user_agent() -> str:
    return (flask.request.headers.get("User-Agent") or "")[:300]


def _read_start(payload: object) -> StartMessage:
    try:
        return StartMessage.model_validate(payload)
    except (ValidationError, RecursionError):
        raise InvalidInput('`start` needs {client: "browser" or "agent"}.') from None


def _started(
    services: Services, session: SessionRecord, beginning: Beginning, place: str
) -> Mapping[str, Any]:
    started_at = session.started_at or services.clock.now()
    return {
        "session_id": session.session_id,
        "user_id": session.user_id,
        "exam_id": session.exam_id,
        "token": services.tokens.stream(session.session_id, place),
        "server_ms": services.clock.now().timestamp() * 1000,
        "started_ms": started_at.timestamp() * 1000,
        "next_seq": beginning.next_seq,
        "run": beginning.run,
        "capture": _capture(services.settings, session),
        "pace": services.load.state().pace(),
    }


def _capture(settings: Settings, session: SessionRecord) -> Mapping[str, Any]:
    screen = session.capture_screen
    return {
        "video_fps": settings.video_fps,
        "width": 640,
        "height": 480,
        "jpeg_quality": JPEG_QUALITY,
        "screen": settings.capture_screen if screen is None else screen,
        "camera": uses_camera(session.policy),
        "audio": uses_audio(session.policy),
        "screen_interval_s": SCREEN_INTERVAL_S,
        "screen_width": SCREEN_WIDTH,
        "sample_rate": 16_000,
        "batch_ms": BATCH_MS,
    }


def _receipt(receipt: BatchReceipt) -> Mapping[str, Any]:
    answer: dict[str, Any] = {
        "seq": receipt.seq,
        "server_ms": receipt.server_ms,
        "next_seq": receipt.next_seq,
        "settled_seq": receipt.settled_seq,
        "settled_ms": receipt.settled_ms,
        "offset_ms": receipt.offset_ms,
    }
    if receipt.refused:
        answer["refused"] = [
            {"part": r.part, "index": r.index, "code": r.code, "message": r.message}
            for r in receipt.refused
        ]
    return answer


def _say_goodbye(
    socketio: SocketIO, services: Services, sid: str, session_id: str, cause: str
) -> None:
    """Tell one connection that its session is over for it, and close it."""
    socketio.emit("session_ended", {"session_id": session_id, "cause": cause}, to=sid)
    services.disconnect(sid)
