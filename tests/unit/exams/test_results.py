"""Results: marks, release, pass or fail, what a student sees, and the CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.exams.results import Conduct
from tests.exam_parts import SECRET_SHORT, options
from tests.unit.exams.test_my_exam_api import arrive, set_up
from tests.unit.web.conftest import Bearer, Web, build_web, page_token

RIGHT = {"numeric": "9,8", "short": SECRET_SHORT.upper()}
ROSTER = "student_id,name,date_of_birth,course\nann,=Ann Lee,2004-02-29,Logic\n"


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    built = build_web(tmp_path)
    yield built
    built.services.repository.close()


def sit(web: Web, ids: dict[str, str], answers: dict[str, Any], user: str = "ann") -> Bearer:
    """A student who answers and hands in."""
    student, _ = arrive(web, user)
    for kind, value in answers.items():
        path = f"/api/my/answers/{ids[kind]}"
        assert student.put(path, {"value": value, "seq": 1}).status_code == 200
    assert student.post("/api/my/hand-in", {}).status_code == 200
    return student


def paper(web: Web) -> dict[str, Any]:
    found: dict[str, Any] = web.integrator.get("/api/exam/math/paper").json
    return found


def rows(web: Web) -> list[dict[str, Any]]:
    answer = web.integrator.get("/api/exam/math/results")
    assert answer.status_code == 200, answer.json
    found: list[dict[str, Any]] = answer.json["results"]
    return found


def mark_long(web: Web, ids: dict[str, str], points: float | None) -> Any:
    path = f"/api/exam/math/marking/{ids['long']}"
    listed = web.integrator.get(path).json["answers"]
    body = {"blind_id": listed[0]["blind_id"], "points": points, "comment": "Well said."}
    return web.integrator.put(path, body)


def test_closed_answers_are_marked_at_once_and_text_waits(web: Web) -> None:
    ids = set_up(web, pass_percent=50)
    eight = options(paper(web), "single")["eight"]
    student = sit(web, ids, {**RIGHT, "single": eight, "long": "because"})
    row = rows(web)[0]
    assert (row["points"], row["most_points"], row["waiting_answers"]) == (5, 12, 1)
    assert (row["outcome"], row["reason"]) == ("undecided", "marking")
    told = student.get("/api/my/result").json
    assert (told["state"], told["outcome"], told["questions"]) == ("waiting", None, None)


def test_a_text_is_marked_without_the_name_and_then_the_result_is_released(web: Web) -> None:
    ids = set_up(web, pass_percent=50, release="when_marked")
    student = sit(web, ids, {**RIGHT, "long": "because"})
    listed = web.integrator.get(f"/api/exam/math/marking/{ids['long']}")
    assert "ann" not in listed.text
    assert listed.json["answers"][0]["text"] == "because"
    assert mark_long(web, ids, 4.5).status_code == 400
    assert mark_long(web, ids, 4).status_code == 200
    told = student.get("/api/my/result").json
    assert (told["state"], told["points"], told["percent"]) == ("released", 7, 58.33)
    assert (told["outcome"], told["reason"]) == ("passed", "points")
    last = told["questions"][-1]
    assert (last["points"], last["comment"], last["state"]) == (4, "Well said.", "marked")
    assert mark_long(web, ids, None).status_code == 200
    assert student.get("/api/my/result").json["state"] == "waiting"


def test_a_corrected_key_regrades_at_once(web: Web) -> None:
    ids = set_up(web, release="at_once")
    student = sit(web, ids, {"short": "glucose synthesis"})
    assert student.get("/api/my/result").json["points"] == 0
    stored = paper(web)
    stored["sections"][1]["questions"][0]["accepted"].append("Glucose Synthesis")
    body = {"version": stored["version"], "sections": stored["sections"]}
    assert web.integrator.put("/api/exam/math/paper", body).status_code == 200
    assert student.get("/api/my/result").json["points"] == 1


def test_results_are_released_by_hand_and_gone_after_their_days(web: Web) -> None:
    ids = set_up(web, result_days=7)
    student = sit(web, ids, RIGHT)
    assert student.get("/api/my/result").json["state"] == "waiting"
    released = web.integrator.post("/api/exam/math/release", {})
    assert released.status_code == 200
    told = student.get("/api/my/result").json
    assert told["state"] == "released"
    assert told["until_ms"] - told["released_ms"] == 7 * 86_400_000
    web.integrator.post("/api/exam/math/release", {"release": False})
    assert student.get("/api/my/result").json["state"] == "waiting"
    web.integrator.post("/api/exam/math/release", {})
    web.clock.advance(7 * 86_400)
    gone = student.get("/api/my/result").json
    assert (gone["state"], gone["points"], gone["questions"]) == ("gone", None, None)


@pytest.mark.journey
def test_what_was_flagged_can_be_explained_until_a_date(web: Web) -> None:
    ids = set_up(web, release="at_once", contest_days=7, result_days=30)
    student = sit(web, ids, RIGHT)
    told = student.get("/api/my/flags").json
    result = student.get("/api/my/result").json
    assert (told["may_explain"], told["explain_until_ms"]) == (True, result["contest_until_ms"])
    said = student.post("/api/my/explanations", {"text": "My phone rang."})
    assert said.status_code == 200
    web.clock.advance(7 * 86_400)
    assert student.get("/api/my/flags").json["may_explain"] is False
    late = student.post("/api/my/explanations", {"text": "It was off."})
    assert (late.status_code, late.json["error"]["code"]) == (409, "conflict")


def test_only_what_the_exam_shows_is_shown(web: Web) -> None:
    ids = set_up(web, release="at_once", shows=["trust"])
    told = sit(web, ids, RIGHT).get("/api/my/result").json
    assert told["trust"] == 100
    assert told["points"] is None
    assert told["questions"] is None
    assert told["violations"] is None


def test_only_a_reviewers_decision_fails_for_conduct(web: Web) -> None:
    ids = set_up(web, release="at_once", pass_percent=10)
    student = sit(web, ids, RIGHT)
    said: list[Conduct] = [Conduct("concern", "Looked away a lot.")]
    web.services.results = type(web.services.results)(
        web.clock, web.services.repository, lambda _session_id: said[-1]
    )
    assert student.get("/api/my/result").json["outcome"] == "passed"
    said.append(Conduct(None, is_pending=True))
    told = student.get("/api/my/result").json
    assert (told["outcome"], told["reason"], told["conduct"]) == ("undecided", "review", None)
    said.append(Conduct("breach", "A phone was used."))
    told = student.get("/api/my/result").json
    assert (told["outcome"], told["reason"]) == ("failed", "conduct")
    assert told["reason_text"] == "A phone was used."


def test_a_running_session_has_no_result_yet(web: Web) -> None:
    set_up(web, release="at_once")
    student, _ = arrive(web)
    student.get("/api/my/exam")
    told = student.get("/api/my/result").json
    assert (told["state"], told["points"]) == ("running", None)


def test_who_is_on_the_roster_finds_the_own_result_again(web: Web) -> None:
    web.integrator.put("/api/exam/math/roster", {"csv": ROSTER})
    ids = set_up(web, release="at_once")
    details = {
        "exam_id": "math",
        "user_id": "ann",
        "name": "=Ann Lee",
        "date_of_birth": "2004-02-29",
        "course": "Logic",
    }
    browser = web.anyone
    headers = {"X-CSRFToken": page_token(browser, "/")}
    assert browser.post("/portal/result", json=details, headers=headers).status_code == 404
    sit(web, ids, RIGHT)
    wrong = {**details, "date_of_birth": "2004-02-28"}
    assert browser.post("/portal/result", json=wrong, headers=headers).status_code == 403
    found: Any = browser.post("/portal/result", json=details, headers=headers)
    assert found.status_code == 200
    late = web.student(found.json["token"])
    assert late.get("/api/my/result").json["points"] == 3
    assert late.get("/api/my/exam").status_code in (200, 403)
    assert late.put(f"/api/my/answers/{ids['short']}", {"value": "x", "seq": 9}).status_code in (
        403,
        409,
    )


def test_the_csv_runs_nothing_in_a_spreadsheet(web: Web) -> None:
    web.integrator.put("/api/exam/math/roster", {"csv": ROSTER})
    ids = set_up(web)
    nine = options(paper(web), "single")["nine"]
    sit(web, ids, {"long": "=HYPERLINK(1)", "single": nine})
    answer = web.integrator.get("/api/exam/math/results.csv?answers=1")
    assert answer.mimetype == "text/csv"
    found = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert found[0]["name"] == "'=Ann Lee"
    assert found[0]["q5_answer"] == "'=HYPERLINK(1)"
    assert found[0]["q1_points"] == "-0.5"
    assert found[0]["q5_points"] == ""


def test_a_student_who_was_erased_leaves_no_answer(web: Web) -> None:
    ids = set_up(web)
    sit(web, ids, {"long": "because"})
    web.clock.advance(120)
    web.services.privacy.remover.erase("ann", "system")
    assert rows(web) == []
    assert web.services.repository.papers.sittings("math") == ()
