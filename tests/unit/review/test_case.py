"""The review as a state machine: who may do what when, and what never happens."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import CandorError, Conflict, InvalidInput, NotAllowed, NotFound
from app.records import ReviewState
from app.review import case as rules
from app.review.case import Draft, TooLate, case_of
from app.review.model import (
    STUDENT,
    Case,
    CaseState,
    Outcome,
    Person,
    ReviewTerms,
    Step,
    StepKind,
)

pytestmark = pytest.mark.room

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=timezone.utc)
ANNA, BERT, CARL = (Person(name, "reviewer") for name in ("anna", "bert", "carl"))
SAM = Person("sam", STUDENT)
TWO, ONE = ReviewTerms("math", people=2, appeal_days=7), ReviewTerms("math", people=1)
CONFIRMED, DISMISSED = ReviewState.CONFIRMED, ReviewState.DISMISSED


class Review:
    """A session's review that is kept as the store keeps it."""

    def __init__(self, *clip_ids: str, terms: ReviewTerms = TWO) -> None:
        self.clip_ids, self.terms = clip_ids, terms
        self.steps: list[Step] = []
        self.now = NOW
        self.has_ended = True

    @property
    def case(self) -> Case:
        return case_of("s1", self.steps, self.clip_ids)

    def keep(self, person: Person, draft: Draft) -> Case:
        self.steps.append(
            Step(
                "s1",
                len(self.steps),
                draft.kind,
                self.now,
                person.name,
                person.role,
                "math",
                draft.clip_id,
                draft.decision,
                draft.outcome,
                draft.text,
                draft.people,
                draft.until_at,
            )
        )
        return self.case

    def decide(
        self, person: Person, clip_id: str, decision: ReviewState = CONFIRMED, why: str = "seen"
    ) -> Case:
        return self.keep(person, rules.decide_flag(self.case, person, clip_id, decision, why))

    def outcome(self, person: Person, outcome: Outcome, why: str = "seen") -> Case:
        draft = rules.set_outcome(
            self.case, person, outcome, why, self.terms, self.now, has_ended=self.has_ended
        )
        return self.keep(person, draft)

    def final(self, person: Person, outcome: Outcome, why: str = "weighed") -> Case:
        return self.keep(person, rules.say_final(self.case, person, outcome, why, self.now))

    def appeal(self, text: str = "It was my cat.") -> Case:
        return self.keep(SAM, rules.appeal(self.case, SAM, text, self.now))

    def explain(self, text: str = "My cat.", clip_id: str = "") -> Case:
        return self.keep(SAM, rules.explain(self.case, SAM, text, clip_id))

    def reopen(self, person: Person) -> Case:
        return self.keep(person, rules.reopen(self.case, person, "new facts"))


def decided(outcome: Outcome = Outcome.CONCERN) -> Review:
    review = Review("c1")
    review.decide(ANNA, "c1")
    review.outcome(BERT, outcome)
    return review


def test_the_whole_way_from_a_flag_to_the_final_word() -> None:
    review = Review("c1", "c2")
    assert review.case.state is CaseState.OPEN
    review.decide(ANNA, "c1")
    assert review.case.waiting == ("c2",)
    assert review.decide(ANNA, "c2", DISMISSED, "a poster").state is CaseState.READY
    case = review.outcome(BERT, Outcome.CONCERN)
    assert case.state is CaseState.DECIDED
    assert case.outcome is not None
    assert (case.outcome.by, case.outcome.until_at) == ("bert", NOW + timedelta(days=7))
    review.explain("My cat walked by.", "c1")
    assert review.appeal().state is CaseState.APPEALED
    case = review.final(CARL, Outcome.CLEAR)
    assert case.state is CaseState.FINAL
    assert case.final is not None
    assert (case.final.outcome, case.final.by) == (Outcome.CLEAR, "carl")
    assert [step.actor for step in review.steps] == [
        "anna",
        "anna",
        "bert",
        "sam",
        "sam",
        "carl",
    ]


def test_who_confirmed_a_flag_does_not_set_the_outcome_where_two_are_wanted() -> None:
    review = Review("c1", "c2")
    review.decide(ANNA, "c1")
    review.decide(BERT, "c2", DISMISSED)
    with pytest.raises(NotAllowed, match="Another person"):
        review.outcome(ANNA, Outcome.BREACH)
    assert review.outcome(BERT, Outcome.BREACH).state is CaseState.DECIDED


def test_who_alone_dismissed_every_flag_does_not_clear_the_session_alone() -> None:
    review = Review("c1")
    review.decide(ANNA, "c1", DISMISSED)
    with pytest.raises(NotAllowed):
        review.outcome(ANNA, Outcome.CLEAR)
    assert review.outcome(BERT, Outcome.CLEAR).outcome is not None


def test_one_person_is_enough_where_the_exam_says_so() -> None:
    review = Review("c1", terms=ONE)
    review.decide(ANNA, "c1")
    assert review.outcome(ANNA, Outcome.CONCERN).state is CaseState.DECIDED


def test_without_flags_a_second_person_must_say_the_same() -> None:
    review = Review()
    assert review.outcome(ANNA, Outcome.CONCERN).state is CaseState.PROPOSED
    assert review.outcome(ANNA, Outcome.CONCERN).outcome is None
    assert review.outcome(BERT, Outcome.CLEAR).outcome is None
    case = review.outcome(ANNA, Outcome.CLEAR)
    assert case.outcome is not None
    assert case.outcome.outcome is Outcome.CLEAR


def test_nobody_without_a_name_and_no_student_decides_anything() -> None:
    review = decided()
    nobody = Person("", "reviewer")
    for person in (nobody, SAM):
        with pytest.raises(NotAllowed):
            review.outcome(person, Outcome.CLEAR)
        with pytest.raises(NotAllowed):
            review.final(person, Outcome.CONCERN)
        with pytest.raises(NotAllowed):
            review.reopen(person)
        with pytest.raises(NotAllowed):
            rules.decide_flag(Review("c9").case, person, "c9", CONFIRMED, "")
    with pytest.raises(NotAllowed):
        rules.explain(review.case, ANNA, "in the student's name")
    with pytest.raises(NotAllowed):
        rules.appeal(review.case, ANNA, "in the student's name", NOW)


def test_no_outcome_while_flags_wait_or_the_session_runs() -> None:
    review = Review("c1", "c2", "c3")
    review.decide(ANNA, "c1")
    with pytest.raises(Conflict, match="2 flags"):
        review.outcome(BERT, Outcome.CLEAR)
    review.decide(ANNA, "c2")
    review.decide(ANNA, "c3", ReviewState.UNCLEAR, "too dark")
    review.has_ended = False
    with pytest.raises(Conflict, match="not ended"):
        review.outcome(BERT, Outcome.CLEAR)


def test_a_decision_can_be_changed_and_taken_back_until_there_is_an_outcome() -> None:
    review = Review("c1")
    review.decide(ANNA, "c1")
    review.decide(BERT, "c1", DISMISSED, "a poster")
    assert review.case.flags["c1"].by == "bert"
    review.decide(BERT, "c1", ReviewState.UNREVIEWED, "wrong button")
    assert review.case.state is CaseState.OPEN
    review.decide(ANNA, "c1")
    review.outcome(BERT, Outcome.BREACH)
    with pytest.raises(Conflict, match="Reopen"):
        review.decide(ANNA, "c1", DISMISSED)
    assert len(review.steps) == 5


def test_dismissing_and_not_being_able_to_tell_want_a_reason() -> None:
    review = Review("c1")
    for decision in (DISMISSED, ReviewState.UNCLEAR):
        with pytest.raises(InvalidInput, match="why"):
            review.decide(ANNA, "c1", decision, "  ")
    with pytest.raises(NotFound):
        review.decide(ANNA, "c2")


def test_an_appeal_after_the_deadline_is_refused() -> None:
    review = decided()
    review.now = NOW + timedelta(days=7)
    assert rules.may_appeal(review.case, review.now)
    review.now += timedelta(seconds=1)
    with pytest.raises(TooLate):
        review.appeal()
    assert TooLate.code == "late"


def test_there_is_one_appeal_for_each_outcome_and_none_against_a_clear_one() -> None:
    review = decided()
    review.appeal()
    with pytest.raises(Conflict, match="already"):
        review.appeal()
    with pytest.raises(Conflict, match="nothing"):
        decided(Outcome.CLEAR).appeal()
    with pytest.raises(Conflict, match="nothing"):
        Review("c1").appeal()


def test_the_final_word_waits_until_the_student_cannot_appeal_any_more() -> None:
    review = decided()
    with pytest.raises(Conflict, match="may still appeal"):
        review.final(BERT, Outcome.CONCERN)
    review.now += timedelta(days=8)
    with pytest.raises(Conflict, match="Nobody has appealed"):
        review.final(BERT, Outcome.BREACH)
    assert review.final(BERT, Outcome.CONCERN).state is CaseState.FINAL
    assert decided(Outcome.CLEAR).final(BERT, Outcome.CLEAR).state is CaseState.FINAL


def test_another_person_answers_the_appeal() -> None:
    review = decided()
    review.appeal()
    with pytest.raises(NotAllowed, match="Another person"):
        review.final(BERT, Outcome.CLEAR)
    with pytest.raises(Conflict, match="appeal"):
        review.outcome(CARL, Outcome.CLEAR)
    assert review.final(ANNA, Outcome.CLEAR).final is not None


def test_after_the_final_word_nothing_changes_but_by_a_step_that_reopens() -> None:
    review = decided()
    review.now += timedelta(days=8)
    review.final(CARL, Outcome.CONCERN)
    before = list(review.steps)
    attempts: list[Callable[[], Case]] = [
        lambda: review.decide(ANNA, "c1", DISMISSED),
        lambda: review.outcome(ANNA, Outcome.CLEAR),
        lambda: review.final(ANNA, Outcome.CLEAR),
        lambda: review.appeal(),
        lambda: review.explain(),
    ]
    for attempt in attempts:
        with pytest.raises(Conflict):
            attempt()
    assert review.steps == before
    case = review.reopen(ANNA)
    assert case.state is CaseState.READY
    assert review.steps[: len(before)] == before
    assert review.steps[-1].kind is StepKind.REOPENED
    assert review.outcome(BERT, Outcome.CLEAR).state is CaseState.DECIDED


def test_a_new_outcome_gives_a_new_deadline_and_a_new_appeal() -> None:
    review = decided()
    review.now += timedelta(days=3)
    case = review.outcome(CARL, Outcome.BREACH)
    assert case.outcome is not None
    assert case.outcome.until_at == NOW + timedelta(days=10)
    assert review.appeal().is_appealed


def test_explanations_are_plain_text_of_some_length_and_number() -> None:
    review = Review("c1")
    assert review.explain(" a\x00b\nc ", "c1").explanations[0].text == "ab\nc"
    for text in ("", " \x07 ", "x" * 4_001):
        with pytest.raises(InvalidInput):
            review.explain(text)
    with pytest.raises(NotFound):
        review.explain("text", "c2")
    for _ in range(19):
        review.explain()
    with pytest.raises(Conflict):
        review.explain()


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([ONE, TWO]))
def test_whatever_people_try_the_promises_hold(seed: int, terms: ReviewTerms) -> None:
    rng = random.Random(seed)
    review = Review(*(f"c{n}" for n in range(rng.randrange(3))), terms=terms)
    people = [ANNA, BERT, CARL, Person("", "reviewer"), SAM]
    for _ in range(40):
        person, outcome = rng.choice(people), rng.choice(list(Outcome))
        clip_id = f"c{rng.randrange(3)}"
        decision = rng.choice(list(ReviewState))
        before = list(review.steps)
        case = review.case
        attempts: list[Callable[[], Case]] = [
            partial(review.decide, person, clip_id, decision),
            partial(review.outcome, person, outcome),
            partial(review.final, person, outcome),
            partial(review.reopen, person),
            review.appeal,
            review.explain,
        ]
        try:
            rng.choice(attempts)()
        except CandorError:
            assert review.steps == before
            continue
        finally:
            review.now += timedelta(days=rng.choice([0, 0, 0, 1, 9]))
        step = review.steps[-1]
        assert review.steps[:-1] == before
        assert step.actor
        if case.final is not None:
            assert step.kind is StepKind.REOPENED
        if step.kind in (StepKind.OUTCOME, StepKind.FINAL):
            assert not Person(step.actor, step.role).is_student
        if step.kind is StepKind.OUTCOME and terms.people == 2:
            staff = {each.actor for each in review.steps if each.role != STUDENT}
            assert len(staff) >= 2
            assert step.actor not in case.confirmers
        if step.kind is StepKind.APPEAL:
            assert case.outcome is not None
            assert case.outcome.until_at is not None
            assert step.at <= case.outcome.until_at


def test_the_terms_an_outcome_was_set_under_stay_its_terms() -> None:
    review = decided()
    review.terms = replace(TWO, appeal_days=0, people=1)
    review.now = NOW + timedelta(days=6)
    review.appeal()
    with pytest.raises(NotAllowed):
        review.final(BERT, Outcome.CLEAR)
