"""What a student's page is told over REST, and what it is never told."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from app.access.places import digest_of
from tests.exam_parts import PAPER, SECRET_GUIDE, SECRET_NUMBER, SECRET_SHORT, question_ids
from tests.unit.web.conftest import Bearer, Web, build_web


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    built = build_web(tmp_path)
    yield built
    built.services.repository.close()


def set_up(web: Web, paper: dict[str, Any] | None = None, **plan: Any) -> dict[str, str]:
    answer = web.integrator.put(
        "/api/exam/math", {"policy": "standard", "plan": {"duration_min": 60, **plan}}
    )
    assert answer.status_code == 200, answer.json
    answer = web.integrator.put("/api/exam/math/paper", paper or PAPER)
    assert answer.status_code == 200, answer.json
    return question_ids(answer.json)


def arrive(web: Web, user: str = "ann") -> tuple[Bearer, str]:
    created = web.create(user)
    web.services.sessions.start(created["session_id"])
    return web.student(web.services.tokens.stream(created["session_id"])), created["session_id"]


def test_a_monitor_only_exam_has_nothing_to_show(web: Web) -> None:
    student, _ = arrive(web)
    told = student.get("/api/my/exam").json
    assert (told["state"], told["sections"], told["ends_ms"]) == ("none", [], None)


def test_a_student_is_shown_the_questions_without_keys_and_answers_them(web: Web) -> None:
    ids = set_up(web, title="Nature", intro="Good *luck*", paging="one")
    student, _ = arrive(web)
    told = student.get("/api/my/exam").json
    assert (told["state"], told["title"], told["paging"]) == ("open", "Nature", "one")
    assert told["left_ms"] == 3_600_000
    assert told["sections"][0]["questions"][0]["blocks"] == [
        {
            "kind": "paragraph",
            "parts": [
                {"kind": "text", "text": "What is "},
                {"kind": "math", "text": "2^3"},
                {"kind": "text", "text": "?"},
            ],
        }
    ]
    path = f"/api/my/answers/{ids['short']}"
    body = {"value": "sugar", "seq": 1, "is_flagged": True, "place": ids["short"]}
    saved = student.put(path, body)
    assert saved.json["seq"] == 1
    again = student.get("/api/my/exam").json
    assert again["answers"][ids["short"]]["value"] == "sugar"
    assert again["answers"][ids["short"]]["is_flagged"] is True
    assert again["place"] == ids["short"]


def test_keys_are_in_nothing_a_student_can_ask_for(web: Web) -> None:
    ids = set_up(web)
    student, session_id = arrive(web)
    student.put(f"/api/my/answers/{ids['short']}", {"value": "x", "seq": 1})
    seen = [student.get("/api/my/exam").text]
    rules = [
        rule
        for rule in web.app.url_map.iter_rules()
        if "GET" in (rule.methods or ()) and rule.endpoint != "static"
    ]
    for rule in rules:
        path = rule.rule.replace("<session_id>", session_id).replace("<exam_id>", "math")
        seen.append(student.get(path.replace("<question_id>", ids["short"])).text)
        seen.append(web.anyone.get(path).text)
    student.post("/api/my/hand-in", {})
    seen.append(student.get("/api/my/exam").text)
    assert len(seen) > 40
    for text in seen:
        for secret in ("is_right", "accepted", SECRET_GUIDE, SECRET_SHORT, str(SECRET_NUMBER)):
            if "openapi" not in text and "<h1>API" not in text:
                assert secret not in text, text[:200]


def test_each_student_has_an_own_order_that_stays(web: Web) -> None:
    many = [
        {
            "kind": "single",
            "text": f"Question {number}",
            "options": [{"text": str(n), "is_right": n == 3} for n in range(8)],
        }
        for number in range(12)
    ]
    set_up(
        web,
        {"version": 0, "sections": [{"questions": many}]},
        shuffle_questions=True,
        shuffle_options=True,
    )
    orders = []
    for user in ("ann", "bob"):
        student, _ = arrive(web, user)
        first, second = (student.get("/api/my/exam").json["sections"] for _ in range(2))
        assert first == second
        orders.append([question["text"] for question in first[0]["questions"]])
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])


@pytest.mark.journey
def test_the_clients_clock_moves_nothing(web: Web) -> None:
    ids = set_up(web)
    student, _ = arrive(web)
    before = student.get("/api/my/exam").json["ends_ms"]
    body = {"value": "x", "seq": 1}
    late = {"Date": "Mon, 01 Jan 2035 00:00:00 GMT", "X-Client-Time": "0"}
    assert student.put(f"/api/my/answers/{ids['short']}", body, headers=late).status_code == 200
    extra = student.put(f"/api/my/answers/{ids['short']}", {**body, "saved_ms": 1})
    assert extra.status_code == 400
    assert student.get("/api/my/exam").json["ends_ms"] == before


@pytest.mark.journey
def test_an_answer_after_the_end_is_late_though_the_session_is_over(web: Web) -> None:
    ids = set_up(web)
    student, session_id = arrive(web)
    web.clock.advance(3601)
    web.services.sittings.tick()
    refused = student.put(f"/api/my/answers/{ids['short']}", {"value": "x", "seq": 1})
    assert (refused.status_code, refused.json["error"]["code"]) == (409, "late")
    told = student.get("/api/my/exam").json
    assert (told["state"], told["sections"]) == ("over", [])
    assert web.services.sessions.get(session_id).end_cause == "exam_over"
    late = web.services.repository.papers.answers(session_id, late=True)
    assert late[ids["short"]].value == "x"


@pytest.mark.journey
def test_of_two_devices_only_the_one_the_session_runs_on_can_answer(web: Web) -> None:
    ids = set_up(web)
    created = web.create()
    session_id = created["session_id"]
    web.services.sessions.start(session_id)
    old = web.student(web.services.tokens.stream(session_id, "old-device"))
    new = web.student(web.services.tokens.stream(session_id, "new-device"))
    web.services.repository.update_session(session_id, place=digest_of("old-device"))
    body = {"value": "x", "seq": 1}
    path = f"/api/my/answers/{ids['short']}"
    assert old.put(path, body).status_code == 200
    assert new.put(path, {**body, "seq": 2}).status_code == 403
    web.services.repository.update_session(session_id, place=digest_of("new-device"))
    assert new.put(path, {**body, "seq": 3}).status_code == 200
    assert old.put(path, {**body, "seq": 4}).status_code == 403
    assert new.get("/api/my/exam").json["answers"][ids["short"]]["seq"] == 3


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"value": "x"},
        {"value": "x", "seq": 0},
        {"value": "x", "seq": 1.5},
        {"value": "x", "seq": True},
        {"value": "x", "seq": 2**60},
        {"value": {"$gt": ""}, "seq": 1},
        {"value": [["x"]], "seq": 1},
        {"value": 3, "seq": 1},
        {"value": "x", "seq": 1, "place": "p" * 65},
        {"value": "x", "seq": 1, "points": 100},
    ],
)
def test_a_malformed_answer_is_refused(web: Web, body: dict[str, Any]) -> None:
    ids = set_up(web)
    student, _ = arrive(web)
    assert student.put(f"/api/my/answers/{ids['short']}", body).status_code == 400
    assert student.get("/api/my/exam").json["answers"] == {}


@pytest.mark.parametrize("text", ["\0", "\ud800", "a\0b", "\u202e", "<script>", "=1+1"])
def test_any_text_is_kept_or_cleaned(web: Web, text: str) -> None:
    ids = set_up(web)
    student, _ = arrive(web)
    assert student.put(f"/api/my/answers/{ids['long']}", {"value": text, "seq": 1}).status_code in (
        200,
        400,
    )
    assert student.get("/api/my/exam").status_code == 200


def test_time_can_be_given_over_rest(web: Web) -> None:
    set_up(web)
    student, session_id = arrive(web)
    before = student.get("/api/my/exam").json["ends_ms"]
    path = f"/api/session/{session_id}/extend"
    answer = web.integrator.post(path, {"minutes": 5, "reason": "alarm"})
    assert answer.status_code == 200
    assert student.get("/api/my/exam").json["ends_ms"] == before + 300_000
    for wrong in ({"minutes": 0}, {"minutes": -1}, {"minutes": 1e9}, {"minutes": "5"}):
        assert web.integrator.post(path, wrong).status_code == 400
    nan = web.anyone.post(
        path,
        data='{"minutes": NaN}',
        headers={"Authorization": f"Bearer {web.integrator.secret}"},
    )
    assert nan.status_code == 400


def png(width: int = 8, height: int = 6, form: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "red").save(file, form)
    return file.getvalue()


def add_picture(web: Web, data: bytes) -> Any:
    return web.anyone.post(
        "/api/exam/math/pictures",
        data=data,
        headers={"Authorization": f"Bearer {web.integrator.secret}"},
    )


def test_a_picture_is_drawn_anew_and_shown_to_those_who_sit_the_exam_only(web: Web) -> None:
    web.integrator.put("/api/exam/math", {"policy": "standard"})
    hidden = b"<script>alert(1)</script>"
    added = add_picture(web, png() + hidden)
    assert added.status_code == 200
    picture_id = added.json["picture_id"]
    paper = json.loads(json.dumps(PAPER))
    paper["sections"][0]["questions"][0] |= {"picture_id": picture_id, "picture_alt": "red"}
    set_up(web, paper)
    student, _ = arrive(web)
    told = student.get("/api/my/exam").json["sections"][0]["questions"][0]["picture"]
    assert (told["alt"], told["width"], told["height"]) == ("red", 8, 6)
    answer = student.get(told["url"])
    assert answer.mimetype == "image/png"
    assert hidden not in answer.data
    web.create("bob", "art")
    stranger = web.student(web.create("bob", "art")["token"])
    assert stranger.get(told["url"]).status_code == 404
    assert web.anyone.get(told["url"]).status_code == 401
    student.post("/api/my/hand-in", {})
    assert student.get(told["url"]).status_code == 404


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GIF89a",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        png()[:40],
        png(5000, 5000),
        b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
    ],
    ids=["empty", "header", "svg", "cut", "bomb", "zeros"],
)
def test_what_is_no_picture_is_refused(web: Web, data: bytes) -> None:
    assert add_picture(web, data).status_code == 400


def test_questions_come_in_over_rest_when_all_of_them_can_be_taken(web: Web) -> None:
    path = "/api/exam/math/paper/import"
    good = {"format": "gift", "text": "Two is prime. {T}\n\nSay why. {}"}
    dry = web.integrator.post(path, {**good, "dry_run": True}).json
    assert (dry["is_stored"], dry["questions"]) == (False, 2)
    bad = web.integrator.post(path, {**good, "text": good["text"] + "\n\nBroken"}).json
    assert (bad["is_stored"], bad["problems"][0]["line"]) == (False, 5)
    assert web.integrator.post(path, good).json["is_stored"]
    assert web.integrator.post(path, good).json["is_stored"]
    sections = web.integrator.get("/api/exam/math/paper").json["sections"]
    assert [len(section["questions"]) for section in sections] == [2, 2]
    assert web.integrator.post(path, {**good, "format": "docx"}).status_code == 400
    bomb = '<!DOCTYPE q [<!ENTITY a "ha">]><quiz><question>&a;</question></quiz>'
    assert web.integrator.post(path, {"format": "moodle", "text": bomb}).status_code == 400
