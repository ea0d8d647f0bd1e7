"""Flags that belong together, and each flag's reasons in sentences.

Flags of one session that share a violation (an absence from one interval into the next) are one
episode: they are looked at and decided together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from app.records import ClipRecord, ViolationRecord
from app.reports.words import duration_words, number_words, rule_words
from app.review.reviews import in_order
from scoring.model import IntervalScore, Point, Violation


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a flag was raised: one violation with the points it added to the flagged interval and
    to the checks before it that counted, and a sentence that says it."""

    violation: Violation
    points: float
    sentence: str


@dataclass(frozen=True, slots=True)
class Flag:
    """One flagged interval with its clip."""

    clip: ClipRecord
    interval: IntervalScore | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Episode:
    """Flags that share violations, in time order."""

    number: int
    flags: tuple[Flag, ...]


def flags_of(
    clips: Sequence[ClipRecord],
    intervals: Iterable[IntervalScore],
    violations: Iterable[ViolationRecord],
) -> list[Flag]:
    """A session's flags in time order, each with its reasons, the weightiest first."""
    by_index = {interval.index: interval for interval in intervals}
    known = {record.violation.violation_id: record.violation for record in violations}
    return [
        Flag(
            clip,
            by_index.get(clip.interval_index),
            tuple(_reasons(_points(by_index, clip.interval_index), known)),
        )
        for clip in in_order(clips)
    ]


def episodes_of(flags: Sequence[Flag]) -> list[Episode]:
    """The flags, those together that follow each other and share a violation."""
    groups: list[list[Flag]] = []
    for flag in flags:
        if groups and _share(groups[-1][-1], flag):
            groups[-1].append(flag)
        else:
            groups.append([flag])
    return [Episode(number, tuple(group)) for number, group in enumerate(groups, start=1)]


def _share(one: Flag, other: Flag) -> bool:
    mine = {reason.violation.violation_id for reason in one.reasons}
    return any(reason.violation.violation_id in mine for reason in other.reasons)


def _points(intervals: Mapping[int, IntervalScore], index: int) -> list[Point]:
    """The points that made a flag: those of its interval and, where these alone do not reach
    what it was flagged with, those of the interval before it that a check could reach."""
    interval = intervals.get(index)
    if interval is None:
        return []
    points = list(interval.points)
    before = intervals.get(index - 1)
    if before is not None and not before.is_flagged and (interval.flag_score or 0) > interval.score:
        points = [*before.points, *points]
    return points


def _reasons(points: Sequence[Point], known: Mapping[str, Violation]) -> list[Reason]:
    sums: dict[str, float] = {}
    for point in points:
        sums[point.violation_id] = sums.get(point.violation_id, 0.0) + point.points
    reasons = [
        Reason(known[violation_id], total, sentence_of(known[violation_id], total))
        for violation_id, total in sums.items()
        if violation_id in known
    ]
    return sorted(reasons, key=lambda each: (-each.points, each.violation.start_s))


def sentence_of(violation: Violation, points: float) -> str:
    """`Nobody in the picture from 0:26 to 0:29 (3.0 s), seen with 93 % confidence: 9 points.`"""
    start, end = _clock(violation.start_s), violation.end_s
    if end is None:
        when = f"from {start} on"
    elif end > violation.start_s:
        when = f"from {start} to {_clock(end)} ({duration_words(end - violation.start_s)})"
    else:
        when = f"at {start}"
    is_seen = not violation.event_id
    sure = f", seen with {violation.peak_confidence:.0%} confidence" if is_seen else ""
    unit = "point" if points == 1 else "points"
    words = f"{rule_words(violation.rule.value)} {when}{sure}: {number_words(points)} {unit}."
    return words.replace("%", " %")


def _clock(at_s: float) -> str:
    hours, rest = divmod(int(at_s), 3600)
    minutes, seconds = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
