"""The door of scoring: observations, events and breaks become exact, orderable records.

Times become whole milliseconds, confidences percents and measures whole steps right here, so
that a live session and its replay from storage compute with the very same numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from scoring.model import LABELS, Break, Detector, EventKind, Observation, ScreenEvent
from scoring.policy_shape import NEUTRAL_LABELS

DETECTORS: tuple[Detector, ...] = tuple(Detector)
DETECTOR_INDEX: dict[Detector, int] = {each: index for index, each in enumerate(DETECTORS)}

# The step a measure is kept in; what is not named here is kept in hundredths.
MEASURE_STEPS: dict[str, float] = {"yaw": 1.0, "pitch": 1.0, "faces": 1.0, "persons": 1.0}
DEFAULT_STEP = 0.01

# A head turned up to FACING_DEG still faces the screen; from AVERTED_DEG on it does not at all.
FACING_DEG = 15.0
AVERTED_DEG = 45.0
HEAD_UNKNOWN = -1


@dataclass(frozen=True, eq=False, slots=True)
class Look:
    """What an observation says, without its instant and confidence. One object per meaning:
    compare with `is`. `head` is how far the head faces the screen, in quarters (0-4), or -1."""

    detector: int
    labels: tuple[str, ...]
    is_judgeable: bool
    reason: str
    head: int

    @property
    def is_neutral(self) -> bool:
        """No policy can raise a rule on it, so its confidence is of no account."""
        return NEUTRAL_LABELS.issuperset(self.labels)

    @property
    def key(self) -> tuple[int, tuple[str, ...], bool, str, int]:
        return (self.detector, self.labels, self.is_judgeable, self.reason, self.head)

    def __reduce__(self) -> tuple[object, ...]:
        return (look_of, self.key)


class Sighting(NamedTuple):
    """One observation of a detector. `span_ms` is 0 for a frame. `percent` is the confidence; it
    is 100 where confidence is of no account."""

    at_ms: int
    look: Look
    percent: int
    span_ms: int
    measures: tuple[tuple[str, int], ...]


class Happening(NamedTuple):
    """One screen event."""

    at_ms: int
    kind: EventKind
    event_id: str


class BreakMark(NamedTuple):
    """A break begins or ends."""

    at_ms: int
    begins: bool


Record = Sighting | Happening | BreakMark
Key = tuple[int, int, str]

_BREAK_RANK = -2
_EVENT_RANKS: dict[EventKind, int] = {each: rank for rank, each in enumerate(EventKind)}
# A return before the next loss at the same millisecond: two changes of focus, not one.
_EVENT_RANKS[EventKind.FOCUS_RETURNED] = -1

_looks: dict[tuple[int, tuple[str, ...], bool, str, int], Look] = {}


def look_of(
    detector: int, labels: tuple[str, ...], is_judgeable: bool, reason: str, head: int
) -> Look:
    """The one object of this meaning."""
    key = (detector, labels, is_judgeable, reason, head)
    look = _looks.get(key)
    if look is None:
        look = _looks.setdefault(key, Look(*key))
    return look


def record_of(item: Observation | ScreenEvent | Break) -> Record:
    """Quantise an item. Raises ValueError when its instant is not a finite number."""
    if isinstance(item, Observation):
        return _sighting(item)
    if isinstance(item, ScreenEvent):
        return Happening(round(item.at_s * 1000), item.kind, item.event_id)
    return BreakMark(round(item.at_s * 1000), item.begins)


def key_of(record: Record) -> Key:
    """The place of a record in time. Two records of one key are duplicates."""
    if isinstance(record, Sighting):
        return (record.at_ms, record.look.detector, "")
    if isinstance(record, Happening):
        return (record.at_ms, _EVENT_RANKS[record.kind], record.event_id)
    return (record.at_ms, _BREAK_RANK, "" if record.begins else "end")


def prefers(new: Record, old: Record) -> bool:
    """Whether `new` stands instead of `old`, which has the same key but may differ in content.

    The choice does not depend on which came first.
    """
    if isinstance(new, Sighting) and isinstance(old, Sighting):
        return (new.look.key, *new[2:]) > (old.look.key, *old[2:])
    return False


def _sighting(item: Observation) -> Sighting:
    detector = DETECTOR_INDEX[item.detector]
    measures = _measures(item.measures) if item.measures else ()
    head = HEAD_UNKNOWN
    if item.detector is Detector.GAZE and item.judgeable and measures:
        head = _head(measures)
    key = (detector, item.labels, item.judgeable, item.reason, head)
    look = _looks.get(key) or _new_look(key, item.detector)
    span_ms = round(item.span_s * 1000) if item.span_s > 0 else 0
    percent = 100 if look.is_neutral else min(100, max(0, round(item.confidence * 100)))
    return Sighting(round(item.at_s * 1000), look, percent, span_ms, measures)


def _new_look(key: tuple[int, tuple[str, ...], bool, str, int], detector: Detector) -> Look:
    index, labels, is_judgeable, reason, head = key
    known = tuple(sorted(LABELS[detector].intersection(labels))) if is_judgeable else ()
    look = look_of(index, known, is_judgeable, reason[:40] if not is_judgeable else "", head)
    if len(_looks) < 10_000:
        _looks[key] = look
    return look


def _measures(measures: tuple[tuple[str, float], ...]) -> tuple[tuple[str, int], ...]:
    return tuple(
        sorted(
            (name, round(value / MEASURE_STEPS.get(name, DEFAULT_STEP)))
            for name, value in measures
            if math.isfinite(value)
        )
    )


def _head(measures: tuple[tuple[str, int], ...]) -> int:
    turns = [abs(value) for name, value in measures if name in {"yaw", "pitch"}]
    if not turns:
        return HEAD_UNKNOWN
    share = (AVERTED_DEG - max(turns)) / (AVERTED_DEG - FACING_DEG)
    return round(4 * min(1.0, max(0.0, share)))
