"""The part of a session's PDF that says what people made of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from reportlab.platypus import Spacer

from app.reports import words
from app.reports.paper import heading, line, soft
from app.review.model import Case, CaseState, Ruling, Words

Moment = Callable[[datetime | None], str]

STATES = {
    CaseState.NOTHING: "Nothing was flagged, and nobody has set an outcome.",
    CaseState.OPEN: "Flags wait for a person to look at them. There is no outcome.",
    CaseState.READY: "People have decided about every flag. There is no outcome yet.",
    CaseState.PROPOSED: "One person has proposed an outcome; a second person has not agreed yet.",
    CaseState.DECIDED: "People have set an outcome.",
    CaseState.APPEALED: "The student has appealed. A person will answer.",
    CaseState.FINAL: "The final word is said.",
}
OUTCOMES = {
    "clear": "Clear: nothing to hold against the student",
    "concern": "Concern: something to talk about",
    "breach": "Breach: a rule was broken",
}


def decisions(case: Case, moment: Moment) -> list[Any]:
    """State, outcome, what the student says, and the final word."""
    story: list[Any] = [heading("Review and outcome"), line(STATES[case.state])]
    for flag in case.flags.values():
        decided = words.REVIEWS.get(flag.decision.value, flag.decision.value)
        why = f": {flag.reason}" if flag.reason else ""
        story.append(soft(f"A flag, {decided} ({flag.by}, {moment(flag.at)}){why}"))
    if case.outcome is None and case.proposal is not None:
        story += _ruling("Proposed", case.proposal, moment)
    if case.outcome is not None:
        story += _ruling("Outcome", case.outcome, moment)
        if case.outcome.until_at is not None and case.final is None:
            story.append(soft(f"The student may appeal until {moment(case.outcome.until_at)}."))
    for said in case.explanations:
        story += _words("The student explains", said, moment)
    for said in case.appeals:
        story += _words("The student appeals", said, moment)
    if case.final is not None:
        story += _ruling("Final", case.final, moment)
    return [*story, Spacer(0, 4)]


def _ruling(what: str, ruling: Ruling, moment: Moment) -> list[Any]:
    outcome = OUTCOMES[ruling.outcome.value]
    return [
        line(f"<b>{what}: {outcome}</b>, {moment(ruling.at)}"),
        soft(f"By {ruling.by}: {ruling.reason}"),
    ]


def _words(what: str, said: Words, moment: Moment) -> list[Any]:
    return [line(f"{what}, {moment(said.at)}:"), soft(said.text)]
