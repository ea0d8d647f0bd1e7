"""A review to what REST answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from app.access.doors import Caller
from app.access.media_links import Links
from app.access.needs import FLAGS_DECIDE, OUTCOME_SET, REVIEW_REOPEN, Need
from app.api.review_models import (
    CasePart,
    DecisionPart,
    EpisodePart,
    FlagPart,
    LookPart,
    MayPart,
    QueueFlag,
    ReasonPart,
    ReviewedSession,
    RulingPart,
    StepPart,
    TermsPart,
    WordsPart,
)
from app.api.shapes import clip_of
from app.errors import CandorError, Conflict
from app.records import ReviewState, SessionRecord
from app.review import case as rules
from app.review.episodes import Episode, Flag
from app.review.looks import looks_of
from app.review.model import Case, Outcome, Person, ReviewTerms, Ruling, Step, Words


def person_of(caller: Caller) -> Person:
    """The person who asks; nobody for a key, which is no person."""
    return Person(caller.name if caller.kind == "staff" else "", caller.role)


def terms_of(terms: ReviewTerms) -> TermsPart:
    return TermsPart(
        people=terms.people, appeal_days=terms.appeal_days, release=terms.release.value
    )


def case_part(case: Case) -> CasePart:
    return CasePart(
        state=case.state.value,
        waiting=len(case.waiting),
        flags=len(case.waiting) + len(case.flags),
        proposal=_ruling(case.proposal),
        outcome=_ruling(case.outcome),
        final=_ruling(case.final),
        explanations=[_words(each) for each in case.explanations],
        appeals=[_words(each) for each in case.appeals],
    )


def _ruling(ruling: Ruling | None) -> RulingPart | None:
    if ruling is None:
        return None
    return RulingPart(
        outcome=ruling.outcome.value,
        by=ruling.by,
        at=ruling.at,
        reason=ruling.reason,
        until_at=ruling.until_at,
    )


def _words(words: Words) -> WordsPart:
    return WordsPart(text=words.text, at=words.at, clip_id=words.clip_id)


def step_part(step: Step) -> StepPart:
    return StepPart(
        number=step.number,
        kind=step.kind.value,
        at=step.at,
        actor=step.actor,
        role=step.role,
        clip_id=step.clip_id,
        decision=step.decision.value if step.decision else None,
        outcome=step.outcome.value if step.outcome else None,
        text=step.text,
        until_at=step.until_at,
    )


def session_part(session: SessionRecord) -> ReviewedSession:
    return ReviewedSession(
        session_id=session.session_id,
        user_id=session.user_id,
        exam_id=session.exam_id,
        state=session.state.value,
        started_at=session.started_at,
        ended_at=session.ended_at,
        flagged_intervals=session.flagged_intervals,
        trust=session.trust,
        coverage=session.coverage,
    )


def may_part(
    case: Case, caller: Caller, terms: ReviewTerms, session: SessionRecord, now: datetime
) -> MayPart:
    """Why this caller may not decide, set an outcome, say the final word, reopen."""
    person = person_of(caller)

    def why(need: Need, attempt: Callable[[], object]) -> str:
        try:
            need.check(caller)
            attempt()
        except CandorError as error:
            return error.message
        return ""

    standing = case.outcome.outcome if case.outcome else Outcome.CLEAR
    return MayPart(
        decide=why(FLAGS_DECIDE, lambda: _may_decide(case)),
        outcome=why(
            OUTCOME_SET,
            lambda: rules.set_outcome(
                case,
                person,
                Outcome.CONCERN,
                "-",
                terms,
                now,
                has_ended=not session.is_active,
            ),
        ),
        final=why(OUTCOME_SET, lambda: rules.say_final(case, person, standing, "-", now)),
        reopen=why(REVIEW_REOPEN, lambda: rules.reopen(case, person, "-")),
    )


def _may_decide(case: Case) -> None:
    if case.outcome is not None or case.final is not None:
        raise Conflict("This session has an outcome. Reopen its review to change a decision.")


def episode_part(
    episode: Episode,
    case: Case,
    session: SessionRecord,
    blocks: Sequence[bytes],
    links: Links,
) -> EpisodePart:
    return EpisodePart(
        number=episode.number,
        flags=[_flag(flag, case, session, blocks, links) for flag in episode.flags],
    )


def _flag(
    flag: Flag, case: Case, session: SessionRecord, blocks: Sequence[bytes], links: Links
) -> FlagPart:
    clip = flag.clip
    zero = session.started_at or session.created_at

    def second(at: datetime) -> float:
        return round((at - zero) / timedelta(seconds=1), 3)

    from_s, to_s = second(clip.from_at), second(clip.to_at)
    decision = case.flags.get(clip.clip_id)
    interval = flag.interval
    return FlagPart(
        clip=clip_of(clip, links),
        decision=None
        if decision is None
        else DecisionPart(
            decision=decision.decision.value,
            by=decision.by,
            at=decision.at,
            reason=decision.reason,
        ),
        from_s=from_s,
        to_s=to_s,
        trigger_s=second(clip.trigger_at),
        start_s=interval.start_s if interval else from_s,
        end_s=interval.end_s if interval else to_s,
        reasons=[
            ReasonPart(
                violation_id=each.violation.violation_id,
                rule=each.violation.rule.value,
                start_s=each.violation.start_s,
                end_s=each.violation.end_s,
                confidence=each.violation.peak_confidence,
                points=each.points,
                sentence=each.sentence,
            )
            for each in flag.reasons
        ],
        looks=[
            LookPart(
                at_s=look.at_s, label=look.label, yaw_deg=look.yaw_deg, pitch_deg=look.pitch_deg
            )
            for look in looks_of(blocks, from_s, to_s)
        ],
    )


def queue_flags(episodes: Sequence[Episode], case: Case) -> list[QueueFlag]:
    found = []
    for episode in episodes:
        for flag in episode.flags:
            clip = flag.clip
            decision = case.flags.get(clip.clip_id)
            found.append(
                QueueFlag(
                    clip_id=clip.clip_id,
                    episode=episode.number,
                    status=clip.status.value,
                    score=clip.score,
                    rules=list(clip.rules),
                    flagged_at=clip.flagged_at,
                    decision=(decision.decision if decision else ReviewState.UNREVIEWED).value,
                )
            )
    return found
