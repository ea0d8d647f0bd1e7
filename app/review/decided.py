"""Gathers what people decided, with the points of each rule and detector, for the rates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from app.errors import CandorError
from app.ledgers import policy_of
from app.records import ClipRecord, ReviewState, SessionRecord
from app.review.episodes import Flag, flags_of
from app.review.rates import DecidedFlag
from app.store import Repository
from scoring.policy import Policy, standard_policy

# Older decisions than this many say little about today's detectors.
MOST_DECIDED = 5_000
BROWSER = "browser"
_DECIDED = (ReviewState.CONFIRMED, ReviewState.DISMISSED)


@dataclass(frozen=True, slots=True)
class ExamCount:
    """How many flags of an exam were confirmed, dismissed and could not be told."""

    exam_id: str
    confirmed: int
    dismissed: int
    unclear: int


@dataclass(frozen=True, slots=True)
class Decided:
    """The decided flags by rule and by detector, the count of each exam in the order of their
    first decided flag, and the points that the newest session's policy gives each rule."""

    by_rule: tuple[DecidedFlag, ...]
    by_detector: tuple[DecidedFlag, ...]
    exams: tuple[ExamCount, ...]
    points: dict[str, float]


def decided_flags(repository: Repository, clips: Iterable[ClipRecord]) -> Decided:
    """What people decided about these clips, newest first and at most `MOST_DECIDED`."""
    reviewed = [clip for clip in clips if clip.review is not ReviewState.UNREVIEWED]
    by_session: dict[str, list[ClipRecord]] = {}
    for clip in reviewed[:MOST_DECIDED]:
        by_session.setdefault(clip.session_id, []).append(clip)
    by_rule: list[DecidedFlag] = []
    by_detector: list[DecidedFlag] = []
    points: dict[str, float] = {}
    for session_id, those in by_session.items():
        session = repository.session(session_id)
        if session is None:
            continue
        policy = _policy(session)
        points = points or {rule.value: each.points for rule, each in policy.rules.items()}
        intervals = [record.interval for record in repository.intervals(session_id)]
        for flag in flags_of(those, intervals, repository.violations(session_id)):
            if flag.clip.review not in _DECIDED:
                continue
            is_confirmed = flag.clip.review is ReviewState.CONFIRMED
            exam_id = flag.clip.exam_id
            by_rule.append(DecidedFlag(exam_id, is_confirmed, _rules(flag)))
            by_detector.append(DecidedFlag(exam_id, is_confirmed, _detectors(flag, policy)))
    return Decided(tuple(by_rule), tuple(by_detector), _counted(reviewed), points)


def _counted(clips: list[ClipRecord]) -> tuple[ExamCount, ...]:
    exams = dict.fromkeys(clip.exam_id for clip in reversed(clips))

    def count(exam_id: str, review: ReviewState) -> int:
        return sum(clip.exam_id == exam_id and clip.review is review for clip in clips)

    return tuple(
        ExamCount(
            exam_id,
            count(exam_id, ReviewState.CONFIRMED),
            count(exam_id, ReviewState.DISMISSED),
            count(exam_id, ReviewState.UNCLEAR),
        )
        for exam_id in exams
    )


def _rules(flag: Flag) -> dict[str, float]:
    sums: dict[str, float] = {}
    for reason in flag.reasons:
        name = reason.violation.rule.value
        sums[name] = sums.get(name, 0.0) + reason.points
    return sums


def _detectors(flag: Flag, policy: Policy) -> dict[str, float]:
    """The points of a rule go to the detectors that can raise it, in equal parts."""
    sums: dict[str, float] = {}
    for reason in flag.reasons:
        detectors = [str(each) for each in policy.rule(reason.violation.rule).labels] or [BROWSER]
        for name in detectors:
            sums[name] = sums.get(name, 0.0) + reason.points / len(detectors)
    return sums


def _policy(session: SessionRecord) -> Policy:
    try:
        return policy_of(session)
    except CandorError:
        return standard_policy()
