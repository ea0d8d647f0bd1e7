"""Overviews of an exam and of a student, the state of the machine, and what Prometheus reads."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.pages.overviews import incidents, trust_bands
from app.records import SessionState, TraceRecord
from app.web.factory import ROUTES
from scoring.model import EventKind
from scoring.stream import Happening
from scoring.trace import encode
from tests.records import NOON, a_session, a_violation
from tests.unit.web.conftest import Web, json_of, page_token

pytestmark = pytest.mark.room


def test_an_exam_shows_who_is_where_and_who_is_missing(web: Web) -> None:
    session_id = web.create("ann", "math")["session_id"]
    web.services.sessions.start(session_id)
    web.services.repository.save_violation(a_violation(session_id))
    page = web.staff().get("/admin/overview/math").get_data(as_text=True)
    assert "In the exam" in page
    assert f'href="/api/session/{session_id}/report.pdf"' in page
    assert "Nobody in the picture" in page
    assert web.staff().get("/admin/overview/nothing").status_code == 404


def test_a_student_is_shown_across_the_exams_the_caller_may_see(web: Web) -> None:
    web.create("ann", "math")
    web.create("ann", "art")
    page = web.staff().get("/admin/student/ann").get_data(as_text=True)
    assert ">math</a>" in page
    assert ">art</a>" in page
    web.services.desk.add("carol", "a-password", "proctor", ("art",))
    carol = web.anyone
    form = {"username": "carol", "password": "a-password", "csrf_token": page_token(carol)}
    assert carol.post("/login", data=form).status_code == 303
    page = carol.get("/admin/student/ann").get_data(as_text=True)
    assert ">art</a>" in page
    assert ">math</a>" not in page
    assert carol.get("/admin/student/ben").status_code == 404


def test_incidents_are_counted_over_time_between_the_first_and_the_last() -> None:
    found = [a_violation(start_s=seconds) for seconds in (0, 30, 3_600)]
    bars = incidents(found, 12)
    assert sum(bar.count for bar in bars) == 3
    assert bars[0].count == 2
    assert bars[-1].count == 1
    assert bars[0].height == 100
    assert incidents([]) == []


def test_trust_is_counted_in_bands_of_those_who_began() -> None:
    begun = a_session(state=SessionState.RUNNING)
    sessions = [
        a_session(),
        replace(begun, started_at=NOON, trust=95.0),
        replace(begun, started_at=NOON + timedelta(minutes=1), trust=40.0),
    ]
    assert [(bar.label, bar.count) for bar in trust_bands(sessions)] == [
        ("90-100", 1),
        ("75-89", 0),
        ("50-74", 0),
        ("0-49", 1),
    ]


def test_prometheus_reads_figures_with_a_key_and_nobody_reads_them_without(web: Web) -> None:
    session_id = web.create("ann-who-is-nobodys-business", "math")["session_id"]
    assert web.anyone.get("/metrics").status_code == 401
    answer = web.integrator.get("/metrics")
    assert answer.mimetype == "text/plain"
    text = answer.get_data(as_text=True)
    assert 'candor_sessions{state="created"} 1.0' in text
    assert 'candor_detector_on{detector="objects"} 0.0' in text
    assert "candor_worker_restarts 1.0" in text
    assert "candor_store_up 1.0" in text
    assert "ann-who" not in text
    assert session_id not in text


def test_a_server_without_a_ready_worker_is_up_and_not_ready(web: Web) -> None:
    assert web.anyone.get("/healthz").status_code == 200
    answer = web.anyone.get("/readyz")
    assert answer.status_code == 503
    assert json_of(answer)["error"]["code"] == "unavailable"


def test_the_machine_says_its_versions_and_how_much_room_is_left(web: Web) -> None:
    told = web.integrator.get("/api/machine").json
    assert told["versions"]["python"]
    assert 0 < told["disk"]["free_bytes"] <= told["disk"]["size_bytes"]


def test_every_route_of_the_room_is_declared_for_somebody() -> None:
    names = {route.name for route in ROUTES if not route.needs.is_open}
    pages = {"admin_exam_overview", "admin_student_overview"}
    assert {"act", "act_on_exam", "metrics", *pages} <= names


def test_what_the_browser_reported_is_listed_once_and_in_order(web: Web) -> None:
    session_id = web.create("ann", "math")["session_id"]
    web.services.sessions.start(session_id)
    events = [
        Happening(9_000, EventKind.FOCUS_RETURNED, "e2"),
        Happening(4_000, EventKind.TAB_HIDDEN, "e1"),
    ]
    for index, known in enumerate((events[:1], events)):
        web.services.repository.save_trace(TraceRecord(session_id, index, encode(known)))
    path = f"/api/session/{session_id}/screen-events"
    told = json_of(web.staff().get(path))
    assert told["count"] == 2
    assert [(each["kind"], each["at_s"]) for each in told["events"]] == [
        ("tab_hidden", 4.0),
        ("focus_returned", 9.0),
    ]
    web.services.repository.save_trace(TraceRecord(session_id, 2, b"no block"))
    assert web.staff().get(path).status_code == 503
    assert web.staff().get("/api/session/s_nobody/screen-events").status_code == 404
