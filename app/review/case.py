"""The state machine of a session's review. Pure: the present and the steps so far are arguments.

Steps are only ever added. An outcome needs a person, and where the exam wants two, a second one:
whoever confirmed a flag does not set the outcome. After the final word nothing changes but by a
step that reopens the case, which stays in the record like every other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.errors import Conflict, InvalidInput, NotAllowed, NotFound
from app.records import ReviewState
from app.review.model import (
    STUDENT,
    Case,
    FlagDecision,
    Outcome,
    Person,
    ReviewTerms,
    Ruling,
    Step,
    StepKind,
    Words,
)

LONGEST_REASON = 1_000
LONGEST_WORDS = 4_000
MOST_EXPLANATIONS = 20


class TooLate(Conflict):
    """The time for it is over."""

    code = "late"


@dataclass(frozen=True, slots=True)
class Draft:
    """A step before it has its number, instant and session."""

    kind: StepKind
    clip_id: str = ""
    decision: ReviewState | None = None
    outcome: Outcome | None = None
    text: str = ""
    people: int = 0
    until_at: datetime | None = None


def case_of(session_id: str, steps: Iterable[Step], clip_ids: Collection[str] = ()) -> Case:
    """What the steps, in their order, amount to. `clip_ids` are the session's flags."""
    case = Case(session_id)
    for step in steps:
        case = _after(case, step)
    waiting = tuple(each for each in clip_ids if each not in case.flags)
    return replace(case, waiting=waiting)


def _after(case: Case, step: Step) -> Case:
    case = replace(case, steps=case.steps + 1)
    if step.kind is StepKind.FLAG:
        flags = dict(case.flags)
        if step.decision in (None, ReviewState.UNREVIEWED):
            flags.pop(step.clip_id, None)
        elif step.decision is not None:
            flags[step.clip_id] = FlagDecision(step.decision, step.actor, step.at, step.text)
        return replace(case, flags=flags, proposal=None)
    if step.kind is StepKind.REOPENED:
        return replace(case, proposal=None, outcome=None, final=None, is_appealed=False)
    if step.kind in (StepKind.EXPLANATION, StepKind.APPEAL):
        words = Words(step.number, step.text, step.at, step.clip_id)
        if step.kind is StepKind.EXPLANATION:
            return replace(case, explanations=(*case.explanations, words))
        return replace(case, appeals=(*case.appeals, words), is_appealed=True)
    if step.outcome is None:
        return case
    ruling = Ruling(step.outcome, step.actor, step.at, step.text, step.people, step.until_at)
    if step.kind is StepKind.PROPOSED:
        return replace(case, proposal=ruling)
    if step.kind is StepKind.OUTCOME:
        return replace(case, proposal=None, outcome=ruling, is_appealed=False)
    return replace(case, final=ruling)


def decide_flag(
    case: Case, person: Person, clip_id: str, decision: ReviewState, reason: str
) -> Draft:
    """Confirm, dismiss or leave open one flag; `UNREVIEWED` takes a decision back.

    Raises Conflict once the session has an outcome, NotFound for a flag it does not have.
    """
    _need_staff(person)
    if clip_id not in case.waiting and clip_id not in case.flags:
        raise NotFound("This session has no such flag.")
    if case.final is not None or case.outcome is not None:
        raise Conflict("This session has an outcome. Reopen its review to change a decision.")
    text = _reason(reason)
    if decision is not ReviewState.CONFIRMED and not text:
        raise InvalidInput("Say why, in a few words.")
    return Draft(StepKind.FLAG, clip_id=clip_id, decision=decision, text=text)


def set_outcome(
    case: Case,
    person: Person,
    outcome: Outcome,
    reason: str,
    terms: ReviewTerms,
    at: datetime,
    *,
    has_ended: bool,
) -> Draft:
    """Set a session's outcome, or replace one that nobody has appealed against.

    Where two people are wanted and nobody has decided about a flag, the first person's outcome
    is a proposal that stands when a second person says the same. Raises Conflict when flags are
    undecided, the session runs, or the case is final; NotAllowed when a second person is needed.
    """
    _need_staff(person)
    text = _need_reason(reason)
    if case.final is not None:
        raise Conflict("The final word is said. Reopen the review to change it.")
    if case.is_appealed:
        raise Conflict("The student has appealed. The final word answers the appeal.")
    if not has_ended:
        raise Conflict("The session has not ended.")
    if case.waiting:
        count = len(case.waiting)
        raise Conflict(
            "One flag has not been decided." if count == 1 else f"{count} flags are undecided."
        )
    if terms.people > 1:
        if person.name in case.confirmers:
            raise NotAllowed(
                "You confirmed a flag of this session. Another person sets the outcome."
            )
        others = case.deciders - {person.name}
        if not others and case.deciders:
            raise NotAllowed("You decided about every flag. Another person sets the outcome.")
        if not others and not _is_seconded(case, person, outcome):
            return Draft(StepKind.PROPOSED, outcome=outcome, text=text, people=terms.people)
    until_at = at + timedelta(days=terms.appeal_days)
    return Draft(
        StepKind.OUTCOME, outcome=outcome, text=text, people=terms.people, until_at=until_at
    )


def _is_seconded(case: Case, person: Person, outcome: Outcome) -> bool:
    known = case.proposal
    return known is not None and known.by != person.name and known.outcome is outcome


def explain(case: Case, person: Person, text: str, clip_id: str = "") -> Draft:
    """The student's own words about a flag or the session, until the final word."""
    _need_student(person)
    if clip_id and clip_id not in case.waiting and clip_id not in case.flags:
        raise NotFound("This session has no such flag.")
    if case.final is not None:
        raise Conflict("The decision is final. Ask the organiser of the exam.")
    if len(case.explanations) >= MOST_EXPLANATIONS:
        raise Conflict(f"There are {MOST_EXPLANATIONS} explanations already.")
    return Draft(StepKind.EXPLANATION, clip_id=clip_id, text=_words(text))


def appeal(case: Case, person: Person, text: str, at: datetime) -> Draft:
    """The student asks for another look. Raises TooLate after the outcome's deadline."""
    _need_student(person)
    outcome = case.outcome
    if case.final is not None:
        raise Conflict("The decision is final. Ask the organiser of the exam.")
    if outcome is None or outcome.outcome is Outcome.CLEAR:
        raise Conflict("There is nothing to appeal against.")
    if case.is_appealed:
        raise Conflict("You have appealed already. A person will answer.")
    if outcome.until_at is None or at > outcome.until_at:
        raise TooLate("The time for an appeal is over.")
    return Draft(StepKind.APPEAL, text=_words(text))


def say_final(case: Case, person: Person, outcome: Outcome, reason: str, at: datetime) -> Draft:
    """The final word. After an appeal it may differ from the outcome, and where two people were
    wanted it comes from another person than the outcome. Without one it is the outcome itself,
    when the student cannot appeal any more."""
    _need_staff(person)
    text = _need_reason(reason)
    standing = case.outcome
    if case.final is not None:
        raise Conflict("The final word is said. Reopen the review to change it.")
    if standing is None:
        raise Conflict("There is no outcome yet.")
    if case.is_appealed:
        if standing.people > 1 and person.name == standing.by:
            raise NotAllowed("You set the outcome. Another person answers the appeal.")
    elif outcome is not standing.outcome:
        raise Conflict(
            "Nobody has appealed. Set another outcome first, which the student can answer."
        )
    elif standing.outcome is not Outcome.CLEAR and (
        standing.until_at is not None and at <= standing.until_at
    ):
        raise Conflict("The student may still appeal.")
    return Draft(StepKind.FINAL, outcome=outcome, text=text, people=standing.people)


def reopen(case: Case, person: Person, reason: str) -> Draft:
    """Take the outcome back, so that flags and outcome can be decided anew."""
    _need_staff(person)
    if case.outcome is None and case.final is None:
        raise Conflict("This review has no outcome that could be taken back.")
    return Draft(StepKind.REOPENED, text=_need_reason(reason))


def may_appeal(case: Case, at: datetime) -> bool:
    """Whether the student could appeal now."""
    try:
        appeal(case, Person("", STUDENT), "-", at)
    except Conflict:
        return False
    return True


def may_explain(case: Case) -> bool:
    """Whether the student could explain now."""
    return case.final is None and len(case.explanations) < MOST_EXPLANATIONS


def _need_staff(person: Person) -> None:
    if not person.name or person.is_student:
        raise NotAllowed("Only a person of the staff, signed in by name, decides this.")


def _need_student(person: Person) -> None:
    if not person.is_student:
        raise NotAllowed("Only the student can say this.")


def _reason(text: str) -> str:
    cleaned = " ".join(text.split())
    if len(cleaned) > LONGEST_REASON:
        raise InvalidInput(f"A reason has at most {LONGEST_REASON} characters.")
    return cleaned


def _need_reason(text: str) -> str:
    cleaned = _reason(text)
    if not cleaned:
        raise InvalidInput("Say why, in a few words.")
    return cleaned


def _words(text: str) -> str:
    cleaned = "".join(each for each in text if each.isprintable() or each == "\n").strip()
    if not cleaned or len(cleaned) > LONGEST_WORDS:
        raise InvalidInput(f"Write 1 to {LONGEST_WORDS} characters.")
    return cleaned
