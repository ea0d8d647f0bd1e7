"""What a browser or an agent sends about once a second, checked and cut into parts.

Pure: no clock, no state. `docs/protocol.md` describes the message; anything that does not fit
raises InvalidInput or TooLarge with a sentence, and nothing else is ever raised.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.errors import InvalidInput, TooLarge
from scoring.model import EventKind

MAX_BODY_BYTES = 2_000_000
MAX_FRAMES = 30
MAX_SCREENS = 3
MAX_SOUNDS = 50
MAX_EVENTS = 50
MAX_ABSENCES = 20
MOST_LEAD = 16

_Instant = Annotated[float, Field(ge=0, le=1e14, allow_inf_nan=False)]
_EVENT_ID = re.compile(r"[\x21-\x7e]{1,64}")


class _Edge(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


_Model = TypeVar("_Model", bound=_Edge)


class PartHeader(_Edge):
    """Where one part of the body was captured (client's Unix ms) and how long it is."""

    t: _Instant
    size: Annotated[int, Field(ge=1, le=MAX_BODY_BYTES)]


class SoundHeader(PartHeader):
    """One piece of sound: how it is coded, and how many packets only lead into it."""

    codec: Literal["pcm", "opus"] = "pcm"
    lead: Annotated[int, Field(ge=0, le=MOST_LEAD)] = 0


class BrowserState(_Edge):
    """What the page knows about itself; None where it did not say."""

    visible: bool | None = None
    focused: bool | None = None
    fullscreen: bool | None = None
    camera: bool | None = None
    microphone: bool | None = None
    screen: bool | None = None


class HeardHeader(_Edge):
    """What the client heard of the server's clock, and when by its own."""

    server_ms: _Instant
    t: _Instant


class AbsenceHeader(_Edge):
    """A stretch in which the page could not capture, and why."""

    from_ms: _Instant
    to_ms: _Instant
    cause: Literal["asleep", "frozen", "camera_off", "thinned"]


class BatchHeader(_Edge):
    """The header of a batch as it stands on the wire."""

    seq: Annotated[int, Field(ge=0, le=2**53)]
    sent_ms: _Instant
    frames: Annotated[list[PartHeader], Field(max_length=MAX_FRAMES)] = []
    audio: Annotated[list[SoundHeader], Field(max_length=MAX_SOUNDS)] = []
    screen: Annotated[list[PartHeader], Field(max_length=MAX_SCREENS)] = []
    events: Annotated[list[Any], Field(max_length=MAX_EVENTS)] = []
    state: BrowserState = BrowserState()
    oldest_ms: _Instant | None = None
    heard: HeardHeader | None = None
    absences: Annotated[list[AbsenceHeader], Field(max_length=MAX_ABSENCES)] = []


class EventHeader(_Edge):
    """One screen event as it stands on the wire."""

    id: Annotated[str, Field(min_length=1, max_length=64)]
    kind: str
    t: _Instant


@dataclass(frozen=True, slots=True)
class Part:
    """One picture or one piece of sound with its place in the header's list."""

    index: int
    t_ms: float
    data: bytes


@dataclass(frozen=True, slots=True)
class SoundPart(Part):
    """One piece of sound, as it was coded."""

    codec: str = "pcm"
    lead: int = 0


@dataclass(frozen=True, slots=True)
class EventPart:
    """One screen event with the client's instant of it."""

    event_id: str
    kind: EventKind
    t_ms: float


@dataclass(frozen=True, slots=True)
class Absence:
    """A stretch of the client's clock in which the page could not capture, and why."""

    from_ms: float
    to_ms: float
    cause: str


@dataclass(frozen=True, slots=True)
class Batch:
    """A well-formed batch; pictures and events are not looked into yet.

    `oldest_ms` is when the oldest part was captured that the client still has to send; `heard`
    is what it heard of the server's clock (Unix ms), and when by its own.
    """

    seq: int
    sent_ms: float
    frames: tuple[Part, ...]
    sounds: tuple[SoundPart, ...]
    screens: tuple[Part, ...]
    events: tuple[object, ...]
    state: BrowserState
    oldest_ms: float | None = None
    heard: tuple[float, float] | None = None
    absences: tuple[Absence, ...] = ()


def parse_batch(header: object, body: object) -> Batch:
    """Check a batch's header and cut its body.

    Raises InvalidInput, or TooLarge when it is over a limit of the protocol.
    """
    if body is None:
        body = b""
    if not isinstance(body, (bytes, bytearray)):
        raise InvalidInput("The body of a batch is binary.")
    if len(body) > MAX_BODY_BYTES:
        raise TooLarge(
            f"The batch has {len(body):,} bytes; at most {MAX_BODY_BYTES:,} are taken. "
            "Send less in one batch."
        )
    head = _validated(BatchHeader, header, "header")
    sizes = [part.size for parts in (head.frames, head.audio, head.screen) for part in parts]
    if sum(sizes) != len(body):
        raise InvalidInput(
            f"The header announces {sum(sizes):,} bytes and the body has {len(body):,}."
        )
    whole = bytes(body)
    frames, position = _cut(whole, 0, head.frames)
    sounds, position = _cut(whole, position, head.audio)
    screens, _ = _cut(whole, position, head.screen)
    return Batch(
        head.seq,
        head.sent_ms,
        frames,
        tuple(
            SoundPart(part.index, part.t_ms, part.data, sound.codec, sound.lead)
            for part, sound in zip(sounds, head.audio, strict=True)
        ),
        screens,
        tuple(head.events),
        head.state,
        head.oldest_ms,
        (head.heard.server_ms, head.heard.t) if head.heard else None,
        tuple(Absence(each.from_ms, each.to_ms, each.cause) for each in head.absences),
    )


def parse_event(payload: object) -> EventPart:
    """Check one screen event. Raises InvalidInput."""
    event = _validated(EventHeader, payload, "event")
    if not _EVENT_ID.fullmatch(event.id):
        raise InvalidInput("The id of an event is 1 to 64 visible ASCII characters.")
    try:
        kind = EventKind(event.kind)
    except ValueError:
        known = ", ".join(sorted(str(kind) for kind in EventKind))
        raise InvalidInput(f"The kind of an event is one of: {known}.") from None
    return EventPart(event.id, kind, event.t)


def _cut(body: bytes, position: int, headers: Sequence[PartHeader]) -> tuple[tuple[Part, ...], int]:
    parts = []
    for index, head in enumerate(headers):
        parts.append(Part(index, head.t, body[position : position + head.size]))
        position += head.size
    return tuple(parts), position


def _validated(model: type[_Model], value: object, what: str) -> _Model:
    try:
        return model.model_validate(value)
    except (ValidationError, RecursionError, OverflowError) as error:
        raise _explain(error, what) from None


def _explain(error: Exception, what: str) -> InvalidInput:
    if not isinstance(error, ValidationError):
        return InvalidInput(f"The {what} cannot be read.")
    problem = error.errors(include_url=False, include_input=False, include_context=False)[0]
    where = ".".join([what, *(str(part)[:40] for part in problem["loc"])])
    return InvalidInput(f"{where}: {problem['msg']}.")
