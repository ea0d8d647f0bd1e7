"""The review over REST: flags, outcome, the student's answer, the record and the audit."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.audit.log import Search
from app.records import ReviewState
from app.review.model import Outcome, Person
from tests.unit.reports.a_session import finished_session
from tests.unit.reports.test_reports import text_of
from tests.unit.web.conftest import Bearer, Web, build_web, json_of, page_token

pytestmark = pytest.mark.room

PEOPLE = {"rita": "reviewer", "rolf": "reviewer", "pia": "proctor", "max": "exam_manager"}
FLAGS, OUTCOME, FINAL, REOPEN = (
    f"/api/session/s1/review/{each}" for each in ("flags", "outcome", "final", "reopen")
)


class Staff:
    """A person of the staff at a browser."""

    def __init__(self, web: Web, name: str) -> None:
        self.client = web.anyone
        form = {
            "username": name,
            "password": "a-password",
            "csrf_token": page_token(self.client),
        }
        assert self.client.post("/login", data=form).status_code == 303
        self.headers = {"X-CSRFToken": page_token(self.client, "/")}

    def get(self, path: str) -> Any:
        return json_of(self.client.get(path))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self.client.post(path, json=body, headers=self.headers)

    def put(self, path: str, body: dict[str, Any]) -> Any:
        return self.client.put(path, json=body, headers=self.headers)

    def decide(self, decision: str = "confirmed", reason: str = "seen") -> Any:
        body = {"clip_ids": ["c-s1"], "decision": decision, "reason": reason}
        return self.post(FLAGS, body)

    def conclude(self, outcome: str, path: str = OUTCOME) -> Any:
        return self.post(path, {"outcome": outcome, "reason": "A phone lay on the desk."})


@pytest.fixture
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    built = build_web(tmp_path_factory.mktemp("review"))
    services = built.services
    finished_session(services.repository, services.settings, services.media)
    services.repository.review_clip("c-s1", ReviewState.UNREVIEWED)
    for name, role in PEOPLE.items():
        exams = ["math"] if role == "proctor" else []
        services.desk.add(name, "a-password", role, exams)
    yield built
    services.repository.close()


def student(web: Web) -> Bearer:
    return Bearer(web.anyone, web.services.tokens.stream("s1"))


def test_the_queue_and_the_session_say_what_waits_and_why_it_was_flagged(web: Web) -> None:
    rita = Staff(web, "rita")
    (exam,) = rita.get("/api/review/exams")["exams"]
    assert (exam["exam_id"], exam["flags"], exam["waiting"], exam["due"]) == ("math", 1, 1, 0)
    (queued,) = rita.get("/api/exam/math/review")["sessions"]
    assert queued["review"]["state"] == "open"
    assert [flag["decision"] for flag in queued["flags"]] == ["unreviewed"]
    found = rita.get("/api/session/s1/review")
    (episode,) = found["episodes"]
    (flag,) = episode["flags"]
    assert flag["reasons"][0]["sentence"] == (
        "A phone in the picture from 0:10 to 0:18 (8.0 s), seen with 87 % confidence: 10 points."
    )
    assert flag["looks"][0]["label"] == "center"
    assert found["may"]["decide"] == ""
    assert found["may"]["outcome"] == "One flag has not been decided."
    assert found["steps"] == []


def test_two_people_the_student_and_a_third_leave_every_step_in_the_record(web: Web) -> None:
    rita, rolf, manager = Staff(web, "rita"), Staff(web, "rolf"), Staff(web, "max")
    assert rita.decide().status_code == 200
    refused = rita.conclude("concern")
    assert refused.status_code == 403
    assert "Another person" in json_of(refused)["error"]["message"]
    assert json_of(rolf.conclude("concern"))["review"]["state"] == "decided"
    ann = student(web)
    mine = json_of(ann.get("/api/my/flags"))
    assert (mine["state"], mine["outcome"], mine["may_appeal"]) == ("decided", "concern", True)
    assert "phone" in mine["flags"][0]["rules"]
    assert ann.post("/api/my/explanations", {"text": "My phone is my clock."}).status_code == 200
    assert ann.post("/api/my/appeals", {"text": "It was only a clock."}).status_code == 200
    assert ann.post("/api/my/appeals", {"text": "Once more."}).status_code == 409
    assert rolf.conclude("clear", FINAL).status_code == 403
    final = json_of(manager.conclude("clear", FINAL))["review"]
    assert (final["state"], final["final"]["outcome"]) == ("final", "clear")
    assert rita.decide("dismissed").status_code == 409
    assert rita.conclude("breach").status_code == 409
    steps = rita.get("/api/session/s1/review")["steps"]
    assert [(step["kind"], step["actor"]) for step in steps] == [
        ("flag", "rita"),
        ("outcome", "rolf"),
        ("explanation", "ann"),
        ("appeal", "ann"),
        ("final", "max"),
    ]
    assert [step["number"] for step in steps] == list(range(5))
    actions = [entry.action for entry in web.services.audit.search(Search(), 50)]
    for action in ("decide_flags", "set_outcome", "explanation", "appeal", "say_final"):
        assert action in actions
    assert web.services.audit.verify().is_whole


def test_the_final_word_is_changed_only_by_reopening_which_is_a_manager_s(web: Web) -> None:
    rita, rolf, manager = Staff(web, "rita"), Staff(web, "rolf"), Staff(web, "max")
    rita.decide("dismissed", "a poster")
    rolf.conclude("clear")
    assert rolf.conclude("clear", FINAL).status_code == 200
    assert rita.post(REOPEN, {"reason": "new facts"}).status_code == 403
    assert manager.post(REOPEN, {"reason": " "}).status_code == 400
    assert json_of(manager.post(REOPEN, {"reason": "new facts"}))["review"]["state"] == "ready"
    assert json_of(rolf.conclude("concern"))["review"]["outcome"]["outcome"] == "concern"
    kinds = [step["kind"] for step in rita.get("/api/session/s1/review")["steps"]]
    assert kinds == ["flag", "outcome", "final", "reopened", "outcome"]


def test_keys_and_students_decide_nothing_and_a_proctor_no_outcome(web: Web) -> None:
    body = {"clip_ids": ["c-s1"], "decision": "confirmed", "reason": ""}
    conclusion = {"outcome": "breach", "reason": "-"}
    for client in (web.integrator, student(web)):
        assert client.post(FLAGS, body).status_code in (401, 403)
        for path in (OUTCOME, FINAL, REOPEN):
            assert client.post(path, conclusion).status_code in (401, 403)
    proctor = Staff(web, "pia")
    assert proctor.decide().status_code == 200
    assert proctor.conclude("breach").status_code == 403
    steps = web.services.reviews.steps("s1")
    assert [(step.actor, step.role) for step in steps] == [("pia", "proctor")]


def test_an_appeal_after_the_deadline_is_refused(web: Web) -> None:
    Staff(web, "max").put("/api/exam/math/review-terms", {"people": 2, "appeal_days": 3})
    Staff(web, "rita").decide()
    Staff(web, "rolf").conclude("breach")
    web.clock.advance(timedelta(days=3, seconds=1).total_seconds())
    ann = student(web)
    assert json_of(ann.get("/api/my/flags"))["may_appeal"] is False
    refused = ann.post("/api/my/appeals", {"text": "Too late?"})
    assert (refused.status_code, json_of(refused)["error"]["code"]) == (409, "late")
    assert json_of(Staff(web, "rolf").conclude("breach", FINAL))["review"]["state"] == "final"


def test_a_student_sees_own_flags_when_the_exam_releases_them_and_never_another_s(
    web: Web,
) -> None:
    services = web.services
    finished_session(services.repository, services.settings, services.media, "s2", "bob")
    ann = student(web)
    before = json_of(ann.get("/api/my/flags"))
    assert (before["is_released"], before["flags"]) == (False, [])
    assert (before["state"], before["outcome"]) == ("in_review", None)
    part = "/api/my/media/c-s1/snapshot-1.jpg"
    assert ann.get(part).status_code == 404
    Staff(web, "rita").decide()
    assert json_of(ann.get("/api/my/flags"))["flags"] == []
    Staff(web, "rolf").conclude("concern")
    (flag,) = json_of(ann.get("/api/my/flags"))["flags"]
    url = flag["snapshots"][0]["url"]
    assert web.anyone.get(url).get_data().startswith(b"\xff\xd8")
    assert ann.get(part).status_code == 200
    assert ann.get("/api/my/media/c-s2/snapshot-1.jpg").status_code == 404
    assert web.anyone.get(url.replace("c-s1", "c-s2")).status_code == 403
    assert web.anyone.get(url.replace("/api/my/media", "/api/media")).status_code == 403
    web.clock.advance(3 * 86_400)
    assert web.anyone.get(url).status_code == 403
    terms = {"people": 2, "appeal_days": 7, "release": "never"}
    Staff(web, "max").put("/api/exam/math/review-terms", terms)
    assert json_of(ann.get("/api/my/flags"))["flags"] == []
    assert ann.get(part).status_code == 404


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (FLAGS, {"clip_ids": [], "decision": "confirmed"}),
        (FLAGS, {"clip_ids": ["c-s1"], "decision": "guilty"}),
        (FLAGS, {"clip_ids": ["c-s1"], "decision": "dismissed", "reason": ""}),
        (FLAGS, {"clip_ids": ["c-s1"] * 51, "decision": "confirmed"}),
        (OUTCOME, {"outcome": "guilty", "reason": "-"}),
        (OUTCOME, {"outcome": "clear"}),
        (OUTCOME, {"outcome": {"$ne": ""}, "reason": "-"}),
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_no_step(
    web: Web, path: str, body: dict[str, Any]
) -> None:
    assert Staff(web, "rita").post(path, body).status_code == 400
    assert web.services.reviews.steps("s1") == ()


def test_a_flag_of_another_session_is_not_decided_through_this_one(web: Web) -> None:
    services = web.services
    finished_session(services.repository, services.settings, None, "s2", "bob")
    body = {"clip_ids": ["c-s1", "c-s2"], "decision": "confirmed", "reason": "-"}
    assert Staff(web, "rita").post(FLAGS, body).status_code == 404
    assert services.reviews.steps("s1") == ()


def test_of_two_who_act_at_once_the_second_is_checked_against_the_first(web: Web) -> None:
    reviews = web.services.reviews
    rita, rolf = Person("rita", "reviewer"), Person("rolf", "reviewer")
    reviews.decide("s1", rita, ["c-s1"], ReviewState.CONFIRMED, "")
    store = web.services.repository.reviewing
    raced: list[Any] = []
    append = store.append

    def append_after_another(step: Any) -> bool:
        if not raced:
            raced.append(step)
            assert append(replace(step, actor="max", outcome=Outcome.CLEAR))
        return append(step)

    store.append = append_after_another  # type: ignore[method-assign]
    case = reviews.set_outcome("s1", rolf, Outcome.CONCERN, "seen")
    assert [step.actor for step in reviews.steps("s1")] == ["rita", "max", "rolf"]
    assert case.outcome is not None
    assert case.outcome.outcome is Outcome.CONCERN


def test_the_rates_follow_what_people_decided(web: Web) -> None:
    rita = Staff(web, "rita")
    assert rita.get("/api/review/rates")["rules"] == []
    rita.decide()
    rates = rita.get("/api/review/rates")
    (phone,) = rates["rules"]
    assert (phone["name"], phone["rate"], phone["suggested"]) == ("phone", 1.0, None)
    assert "Too few" in phone["says"]
    assert [each["name"] for each in rates["detectors"]] == ["objects"]
    (exam,) = rates["exams"]
    assert (exam["confirmed"], exam["dismissed"]) == (1, 0)
    assert rita.get("/api/exam/math/review/rates")["rules"] == rates["rules"]


def test_what_is_erased_leaves_no_step(web: Web) -> None:
    Staff(web, "rita").decide()
    web.services.repository.erasure.forget_session("s1")
    assert web.services.reviews.steps("s1") == ()


def test_reports_show_the_review_the_outcome_and_every_step(web: Web) -> None:
    Staff(web, "rita").decide("confirmed", "A phone lay there.")
    Staff(web, "rolf").conclude("concern")
    student(web).post("/api/my/explanations", {"text": "My phone is <my> clock."})
    report = json_of(web.integrator.get("/api/session/s1/report.json"))["report"]
    assert report["review"]["outcome"]["outcome"] == "concern"
    assert [step["kind"] for step in report["steps"]] == ["flag", "outcome", "explanation"]
    table = web.integrator.get("/api/session/s1/report.csv").get_data(as_text=True)
    rows = list(csv.DictReader(io.StringIO(table)))
    phone = next(row for row in rows if row["event"] == "phone")
    assert (phone["flag_review"], phone["session_outcome"]) == ("confirmed", "concern")
    assert {row["session_outcome"] for row in rows} == {"concern"}
    assert {row["flag_review"] for row in rows} == {"confirmed", ""}
    for moment, row in zip(report["timeline"], rows, strict=True):
        assert moment["flag_review"] == row["flag_review"]
    paper = web.integrator.get("/api/session/s1/report.pdf").get_data()
    for words in ("Outcome: Concern", "By rolf", "My phone is <my> clock.", "A phone lay there."):
        assert words in text_of(paper)
    whole = text_of(web.integrator.get("/api/exam/math/report.pdf").get_data())
    assert "concern" in whole
    conduct = web.services.reviews.conduct("s1")
    assert (conduct.outcome, conduct.is_final) == (Outcome.CONCERN, False)
