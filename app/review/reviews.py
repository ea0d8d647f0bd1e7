"""The use cases of a review: every one appends a step, or is refused.

Two people who act at once are put in an order by the number of the step: the second one's act is
checked again against what the first has done.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.clock import Clock
from app.errors import Conflict, InvalidInput, NotFound
from app.ids import is_ours
from app.records import ClipRecord, ReviewState, SessionRecord
from app.review import case as rules
from app.review.case import Draft, case_of
from app.review.model import (
    STUDENT,
    Case,
    CaseState,
    Outcome,
    Person,
    Release,
    ReviewTerms,
    Step,
)
from app.store import Repository

log = logging.getLogger(__name__)

TRIES = 20
MOST_AT_ONCE = 50
LONGEST_APPEAL_DAYS = 365

Draw = Callable[[Case], Draft]


@dataclass(frozen=True, slots=True)
class Conduct:
    """What people have concluded about a session's flags, for the student's result. `outcome`
    is None while nothing is decided or only one of two people has spoken."""

    state: CaseState
    outcome: Outcome | None
    reason_text: str
    decided_at: datetime | None
    appeal_until_at: datetime | None
    is_final: bool


class Reviews:
    """Thread-safe."""

    def __init__(self, clock: Clock, repository: Repository) -> None:
        self._clock = clock
        self._repository = repository

    # Looking

    def case(self, session_id: str) -> Case:
        """Where the review of a session stands."""
        return case_of(session_id, self.steps(session_id), self._clip_ids(session_id))

    def steps(self, session_id: str) -> tuple[Step, ...]:
        """Everything that was done, in order."""
        return self._repository.reviewing.steps(session_id)

    def terms(self, exam_id: str) -> ReviewTerms:
        """How an exam's sessions are reviewed."""
        return self._repository.reviewing.terms(exam_id) or ReviewTerms(exam_id)

    def conduct(self, session_id: str) -> Conduct:
        """What people have concluded."""
        case = self.case(session_id)
        ruling = case.final or case.outcome
        return Conduct(
            state=case.state,
            outcome=ruling.outcome if ruling else None,
            reason_text=ruling.reason if ruling else "",
            decided_at=ruling.at if ruling else None,
            appeal_until_at=case.outcome.until_at if case.outcome and not case.final else None,
            is_final=case.final is not None,
        )

    def is_released(self, case: Case, terms: ReviewTerms) -> bool:
        """Whether the student may see the own flags and their clips now."""
        if terms.release is Release.NEVER:
            return False
        if terms.release is Release.DECIDED:
            return not case.waiting
        return case.outcome is not None or case.final is not None

    # Deciding

    def put_terms(
        self, exam_id: str, people: int, appeal_days: int, release: Release
    ) -> ReviewTerms:
        """Set how an exam is reviewed. An outcome keeps the terms it was set under."""
        if people not in (1, 2):
            raise InvalidInput("An outcome needs 1 or 2 people.")
        if not 0 <= appeal_days <= LONGEST_APPEAL_DAYS:
            raise InvalidInput(f"A student may appeal for 0 to {LONGEST_APPEAL_DAYS} days.")
        terms = ReviewTerms(exam_id, people, appeal_days, release, self._clock.now())
        self._repository.reviewing.save_terms(terms)
        return terms

    def decide(
        self,
        session_id: str,
        person: Person,
        clip_ids: Sequence[str],
        decision: ReviewState,
        reason: str,
    ) -> Case:
        """Decide about flags of one session together: those of one episode belong together."""
        chosen = list(dict.fromkeys(clip_ids))
        if not 0 < len(chosen) <= MOST_AT_ONCE:
            raise InvalidInput(f"Name 1 to {MOST_AT_ONCE} flags.")
        session = self._session(session_id)
        # Each is checked before the first is written.
        case = self.case(session_id)
        for clip_id in chosen:
            rules.decide_flag(case, person, clip_id, decision, reason)
        for clip_id in chosen:

            def draw(case: Case, clip_id: str = clip_id) -> Draft:
                return rules.decide_flag(case, person, clip_id, decision, reason)

            case = self._append(session, person, draw)
            self._repository.review_clip(clip_id, decision)
        return case

    def set_outcome(self, session_id: str, person: Person, outcome: Outcome, reason: str) -> Case:
        """Set or propose a session's outcome; see `app.review.case.set_outcome`."""
        session = self._session(session_id)
        terms, now = self.terms(session.exam_id), self._clock.now()
        return self._append(
            session,
            person,
            lambda case: rules.set_outcome(
                case, person, outcome, reason, terms, now, has_ended=not session.is_active
            ),
        )

    def say_final(self, session_id: str, person: Person, outcome: Outcome, reason: str) -> Case:
        """The final word; see `app.review.case.say_final`."""
        now = self._clock.now()
        return self._append(
            self._session(session_id),
            person,
            lambda case: rules.say_final(case, person, outcome, reason, now),
        )

    def reopen(self, session_id: str, person: Person, reason: str) -> Case:
        """Take a session's outcome back, by a step that stays in the record."""
        session = self._session(session_id)
        return self._append(session, person, lambda case: rules.reopen(case, person, reason))

    # The student

    def explain(self, session_id: str, text: str, clip_id: str = "") -> Case:
        """Keep what the student says about a flag or the session."""
        session = self._session(session_id)
        person = Person(session.user_id, STUDENT)
        return self._append(
            session, person, lambda case: rules.explain(case, person, text, clip_id)
        )

    def appeal(self, session_id: str, text: str) -> Case:
        """Keep the student's appeal."""
        session, now = self._session(session_id), self._clock.now()
        person = Person(session.user_id, STUDENT)
        return self._append(session, person, lambda case: rules.appeal(case, person, text, now))

    # How steps are kept

    def _append(self, session: SessionRecord, person: Person, draw: Draw) -> Case:
        session_id = session.session_id
        clip_ids = self._clip_ids(session_id)
        for _ in range(TRIES):
            steps = self.steps(session_id)
            draft = draw(case_of(session_id, steps, clip_ids))
            step = Step(
                session_id,
                len(steps),
                draft.kind,
                self._clock.now(),
                person.name,
                person.role,
                session.exam_id,
                draft.clip_id,
                draft.decision,
                draft.outcome,
                draft.text,
                draft.people,
                draft.until_at,
            )
            if self._repository.reviewing.append(step):
                facts = {"session_id": session_id, "step": step.kind.value}
                log.info("Review", extra=facts)
                return case_of(session_id, (*steps, step), clip_ids)
        raise Conflict("Others are deciding about this session at the same time. Try again.")

    def _session(self, session_id: str) -> SessionRecord:
        record = self._repository.session(session_id) if is_ours(session_id) else None
        if record is None:
            raise NotFound("There is no such session.")
        return record

    def _clip_ids(self, session_id: str) -> tuple[str, ...]:
        return tuple(clip.clip_id for clip in in_order(self._repository.clips(session_id)))


def in_order(clips: Sequence[ClipRecord]) -> list[ClipRecord]:
    """Clips by their intervals."""
    return sorted(clips, key=lambda clip: (clip.interval_index, clip.clip_id))
