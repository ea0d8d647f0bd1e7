"""A practice exam keeps nothing; walk-in and the focus score are as the plan says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.exams.practice import KEPT_S, Practice
from app.exams.results import Conduct, conduct_of
from app.privacy.records import HoldRecord
from app.records import EndCause
from app.review.model import CaseState, Outcome
from app.review.reviews import Conduct as Ruling
from tests.unit.exams.test_my_exam_api import arrive, set_up
from tests.unit.web.conftest import Web, build_web, page_token


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    built = build_web(tmp_path)
    yield built
    built.services.repository.close()


def test_a_practice_session_is_gone_some_minutes_after_its_end(web: Web) -> None:
    ids = set_up(web, is_practice=True)
    services = web.services
    practice = Practice(web.clock, services.repository, services.privacy.remover)
    services.sessions.when_ended(practice.ended)
    student, session_id = arrive(web)
    student.put(f"/api/my/answers/{ids['long']}", {"value": "because", "seq": 1})
    student.post("/api/my/hand-in", {})
    practice.tick()
    assert services.repository.session(session_id) is not None
    web.clock.advance(KEPT_S)
    practice.tick()
    assert services.repository.session(session_id) is None
    assert services.repository.papers.answers(session_id) == {}
    assert services.repository.papers.sittings("math") == ()
    again, _ = arrive(web)
    assert again.get("/api/my/exam").json["state"] == "open"


def test_a_held_practice_session_stays(web: Web) -> None:
    set_up(web, is_practice=True)
    services = web.services
    practice = Practice(web.clock, services.repository, services.privacy.remover)
    _, session_id = arrive(web)
    services.repository.trail.save_hold(
        HoldRecord("session", session_id, "a case", web.clock.now())
    )
    services.sessions.end(session_id, EndCause.STUDENT)
    practice.ended(session_id, EndCause.STUDENT)
    web.clock.advance(KEPT_S * 2)
    practice.tick()
    assert services.repository.session(session_id) is not None


def test_a_practice_that_a_restart_forgot_is_due_for_the_sweep_at_once(web: Web) -> None:
    set_up(web, is_practice=True)
    _, session_id = arrive(web)
    web.services.sessions.end(session_id, EndCause.STUDENT)
    due = web.services.privacy.retention.due()
    assert [session.session_id for session in due] == [session_id]
    assert web.services.privacy.retention.days_of("math") == 0


@pytest.mark.parametrize(
    ("installation", "plan", "is_open"),
    [("true", None, True), ("true", False, False), ("false", True, True), ("false", None, False)],
)
def test_a_plan_opens_or_closes_typing_an_id(
    tmp_path: Path, installation: str, plan: bool | None, is_open: bool
) -> None:
    web = build_web(tmp_path, PROCTOR_WALK_IN=installation)
    set_up(web, walk_in=plan)
    browser = web.anyone
    headers = {"X-CSRFToken": page_token(browser, "/")}
    body = {"user_id": "ann", "exam_id": "math"}
    answer = browser.post("/portal/session", json=body, headers=headers)
    assert (answer.status_code == 200) is is_open
    web.services.repository.close()


def test_the_focus_score_is_shown_only_where_the_plan_says_so(web: Web) -> None:
    set_up(web, shows_focus=True)
    _, session_id = arrive(web)
    assert web.services.sessions.get(session_id).shows_focus
    set_up_again = web.integrator.put("/api/exam/math", {"policy": "standard", "plan": {}})
    assert set_up_again.status_code == 200
    _, other = arrive(web, "bob")
    assert not web.services.sessions.get(other).shows_focus


def test_flags_nobody_looked_at_keep_no_result_back() -> None:
    def ruling(state: CaseState, outcome: Outcome | None = None) -> Conduct:
        return conduct_of(Ruling(state, outcome, "why", None, None, is_final=False))

    assert not ruling(CaseState.OPEN).is_pending
    assert ruling(CaseState.PROPOSED).is_pending
    assert ruling(CaseState.APPEALED, Outcome.BREACH).outcome == "breach"
    assert ruling(CaseState.DECIDED, Outcome.CLEAR).outcome == "clear"
