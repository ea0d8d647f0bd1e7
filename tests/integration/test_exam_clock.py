"""The exam's clock in a whole server: told over the socket, stopped by a pause, handed in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from app.exams.paper import read_paper
from app.exams.records import ExamPlan
from app.records import EndCause, PauseCause
from tests.exam_parts import PAPER
from tests.live_server import LiveServer, Student, live_server

pytestmark = pytest.mark.journey

FOUR_S = 4 / 60


def ask(server: LiveServer, token: str, method: str, path: str, body: object = None) -> Any:
    """The JSON of an answer, refusals too."""
    request = Request(
        f"{server.url}{path}",
        data=json.dumps(body).encode() if body is not None else None,
        method=method,
        headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
    )
    try:
        with urlopen(request, timeout=20) as answer:
            return json.load(answer)
    except HTTPError as refused:
        return json.load(refused)


def student_of(server: LiveServer, exam_id: str) -> tuple[Student, str]:
    session = server.new_session(exam_id=exam_id)
    student = server.student(session)
    student.client.on("exam_changed", lambda payload: student.said.put(("exam_changed", payload)))
    student.start()
    return student, session.session_id


def test_an_exam_is_answered_paused_extended_and_handed_in_by_the_server(tmp_path: Path) -> None:
    with live_server(tmp_path) as server:
        services = server.services
        services.exams.put("quick", "standard", {}, None, ExamPlan(duration_min=FOUR_S))
        paper = services.papers.put("quick", read_paper(PAPER))
        path = f"/api/my/answers/{paper.questions[3].question_id}"
        student, session_id = student_of(server, "quick")
        try:
            first = student.next_said("exam_changed")
            assert first["state"] == "open"
            told = ask(server, student.token, "GET", "/api/my/exam")
            assert abs(told["ends_ms"] - first["ends_ms"]) < 200
            saved = ask(server, student.token, "PUT", path, {"value": "a", "seq": 1})
            assert saved["seq"] == 1
            services.monitor.pause(session_id, PauseCause.BREAK)
            stopped = student.next_said("exam_changed")
            assert stopped["is_stopped"]
            services.sittings.extend(session_id, 1 / 60, "staff", "alarm")
            services.monitor.resume(session_id, PauseCause.BREAK)
            assert student.next_said("exam_changed")["left_ms"] > stopped["left_ms"]
            assert student.next_said("exam_changed")["is_stopped"] is False
            assert student.next_said("session_ended", seconds=30)["cause"] == "exam_over"
        finally:
            student.close()
        assert services.sessions.get(session_id).end_cause is EndCause.EXAM_OVER
        late = ask(server, student.token, "PUT", path, {"value": "b", "seq": 2})
        assert late["error"]["code"] == "late"
        kept = services.repository.papers.answers(session_id)
        assert [answer.value for answer in kept.values()] == ["a"]
        assert ask(server, student.token, "GET", "/api/my/result")["state"] == "waiting"
