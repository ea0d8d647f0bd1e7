"""What an order must say before anything is done. Pure; raises InvalidInput with the remedy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from app.actions.records import (
    FROM_STUDENT,
    LONGEST_CHAT,
    LONGEST_REASON,
    LONGEST_TEXT,
    ActionKind,
    Order,
)
from app.errors import InvalidInput

MOST_MINUTES = 240.0
ORDERS = tuple(kind for kind in ActionKind if kind not in FROM_STUDENT)
NEEDS_TEXT = frozenset({ActionKind.MESSAGE, ActionKind.WARNING})
NEEDS_REASON = frozenset(
    {
        ActionKind.PAUSE,
        ActionKind.EXTRA_TIME,
        ActionKind.END,
        ActionKind.REFUSE,
        ActionKind.BREAK_REFUSED,
        ActionKind.CALL,
        ActionKind.NOTE,
    }
)
# The student reads the reason of these where no other text is given.
READS_REASON = frozenset(
    {
        ActionKind.PAUSE,
        ActionKind.EXTRA_TIME,
        ActionKind.END,
        ActionKind.REFUSE,
        ActionKind.BREAK_REFUSED,
    }
)


@dataclass(frozen=True, slots=True)
class Canned:
    """A text that is ready to be sent."""

    kind: ActionKind
    label: str
    text: str


CANNED = (
    Canned(ActionKind.WARNING, "Look at the screen", "Please keep your eyes on the exam."),
    Canned(
        ActionKind.WARNING,
        "Stay in view",
        "Please stay in front of your camera, with your face in view.",
    ),
    Canned(
        ActionKind.WARNING, "Put the phone away", "A phone can be seen. Please put it out of reach."
    ),
    Canned(
        ActionKind.WARNING,
        "Nobody else",
        "Another person can be seen or heard. Please take the exam alone.",
    ),
    Canned(ActionKind.WARNING, "Silence", "Talking can be heard. Please work in silence."),
    Canned(
        ActionKind.WARNING, "Stay on this page", "Please keep the exam's page open and in front."
    ),
    Canned(
        ActionKind.MESSAGE,
        "More light",
        "Your picture is too dark to be judged. Please turn on a light in front of you.",
    ),
    Canned(
        ActionKind.MESSAGE,
        "Move the camera",
        "Your face is not well in view. Please move the camera or your chair a little.",
    ),
    Canned(ActionKind.MESSAGE, "All is well", "All is well. Please go on."),
    Canned(ActionKind.MESSAGE, "One moment", "I have read it and will be right with you."),
    Canned(
        ActionKind.SCAN,
        "Show the room",
        "Please show the room with your camera: the desk, below"
        " it, and all around you. Then go on.",
    ),
)
_SCAN_TEXT = CANNED[-1].text


def order_of(given: Mapping[str, object]) -> Order:
    """An order as somebody sent it: `kind`, `text`, `reason`, `minutes`."""
    kind = given.get("kind")
    if not isinstance(kind, str) or kind not in {each.value for each in ORDERS}:
        raise InvalidInput(f"The kind is one of {', '.join(each.value for each in ORDERS)}.")
    text = words(given.get("text"), "The text", LONGEST_TEXT)
    reason = words(given.get("reason"), "The reason", LONGEST_REASON)
    return checked(Order(ActionKind(kind), text, reason, _minutes(given.get("minutes"))))


def checked(order: Order) -> Order:
    """The order with what follows from it filled in."""
    kind, text, reason, minutes = order.kind, order.text, order.reason, order.minutes
    if kind in NEEDS_TEXT and not text:
        raise InvalidInput("Write what the student shall read.")
    if kind in NEEDS_REASON and not reason:
        raise InvalidInput("Give a reason.")
    if kind is ActionKind.EXTRA_TIME and minutes is None:
        raise InvalidInput("Say how many minutes.")
    if kind is ActionKind.SCAN and not text:
        text = _SCAN_TEXT
    if kind in READS_REASON and not text:
        text = reason
    return Order(kind, text, reason, minutes)


def chat_of(given: object) -> tuple[str, str]:
    """A student's word and the page's own number for it."""
    named = given if isinstance(given, Mapping) else {}
    text = words(named.get("text"), "The text", LONGEST_CHAT)
    if not text:
        raise InvalidInput("Write something first.")
    number = named.get("id")
    if number is not None and (not isinstance(number, str) or not 0 < len(number) <= 64):
        raise InvalidInput("The id is text of at most 64 characters.")
    return text, number or ""


def words(value: object, what: str, most: int) -> str:
    """Text that people wrote: line breaks stay, other control characters go."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidInput(f"{what} is text.")
    text = "".join(each for each in value if each == "\n" or each.isprintable()).strip()
    if len(text) > most:
        raise InvalidInput(f"{what} is longer than {most} characters.")
    return text


def _minutes(value: object) -> float | None:
    if value is None:
        return None
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not 0 < value <= MOST_MINUTES:  # type: ignore[arg-type,operator]  # a number by then
        raise InvalidInput(f"The minutes are a number above 0, at most {MOST_MINUTES:g}.")
    return float(value)  # type: ignore[arg-type]  # a number by then
