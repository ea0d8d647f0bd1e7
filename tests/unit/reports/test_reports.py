"""Reports hold the numbers that REST answers, from one fixture, and open everywhere."""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import timezone
from typing import Any

import pytest

from app.errors import Conflict
from app.records import SessionState
from app.reports.pdf import Zoned, session_pdf
from app.reports.report import report_of
from app.reports.rescoring import rescored
from app.reports.table import COLUMNS, harmless
from scoring.policy import standard_policy
from tests.fakes import FakeClock
from tests.records import a_session
from tests.unit.reports.a_session import LENGTH_S, finished_session
from tests.unit.web.conftest import Web, build_web, json_of


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    built = build_web(tmp_path_factory.mktemp("reports"), PROCTOR_REPORT_TIMEZONE="Asia/Kolkata")
    services = built.services
    finished_session(services.repository, services.settings, services.media)
    finished_session(services.repository, services.settings, None, "s2", "bob")
    yield built
    services.repository.close()


def details(web: Web) -> dict[str, Any]:
    found: dict[str, Any] = json_of(web.integrator.get("/api/session/s1/details"))
    return found


def report_json(web: Web) -> dict[str, Any]:
    found: dict[str, Any] = json_of(web.integrator.get("/api/session/s1/report.json"))["report"]
    return found


def table(web: Web, path: str = "/api/session/s1/report.csv") -> list[dict[str, str]]:
    text = web.integrator.get(path).get_data(as_text=True)
    return list(csv.DictReader(io.StringIO(text)))


def text_of(pdf: bytes) -> str:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (poppler-utils) is not installed")
    done = subprocess.run(["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True)
    return done.stdout.decode("utf-8")


def test_the_json_report_holds_the_numbers_of_the_api(web: Web) -> None:
    report, found = report_json(web), details(web)
    rules = {each["rule"] for each in found["violations"]}
    assert rules == {"phone", "no_face", "clipboard", "looking_away"}
    for name in ("session", "violations", "intervals", "clips", "coverage"):
        assert report[name] == found[name]
    assert report["session_start"] == found["session"]["started_at"]
    assert sorted(each["risk_delta"] for each in report["risk_history"]) == [5, 5, 6, 15]
    unseen = report["unobserved_s"]["face"]
    assert unseen == pytest.approx(LENGTH_S * (1 - found["coverage"]["face"]))
    assert 12 <= unseen <= 15


def test_the_csv_has_the_named_columns_and_the_rows_of_the_json_timeline(web: Web) -> None:
    answer = web.integrator.get("/api/session/s1/report.csv")
    assert answer.mimetype == "text/csv"
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.get_data(as_text=True).splitlines()[0] == ",".join(COLUMNS)
    for row, moment in zip(table(web), report_json(web)["timeline"], strict=True):
        for name in ("time_24h", "event", "snapshot_url"):
            assert row[name] == moment[name]
        for name in ("unix_time", "risk_delta", "risk_total"):
            assert float(row[name]) == pytest.approx(moment[name], abs=0.005)
        for name in ("phone_detected", "looking_away"):
            assert row[name] == str(moment[name]).lower()
        assert row["face_count"] == str(moment["face_count"])


def test_the_timeline_says_what_was_seen_at_each_rise(web: Web) -> None:
    by_event = {row["event"]: row for row in table(web)}
    phone, absence = by_event["phone"], by_event["no_face"]
    assert (phone["phone_detected"], phone["face_count"], phone["risk_total"]) == (
        "true",
        "1",
        "15",
    )
    assert (absence["phone_detected"], absence["face_count"]) == ("false", "0")
    assert by_event["looking_away"]["looking_away"] == "true"
    # 09:00 UTC is half past two in the zone of the report; the risk of a phone rises after 5 s.
    assert phone["time_24h"] == "14:30:15"
    assert absence["snapshot_url"] == ""
    assert web.integrator.get(phone["snapshot_url"]).status_code == 200


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_cell_that_a_spreadsheet_would_run_is_made_harmless(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"
    assert harmless("ann@school") == "ann@school"


def test_the_pdf_says_who_when_what_and_what_a_flag_is(web: Web) -> None:
    answer = web.integrator.get("/api/session/s1/report.pdf")
    assert answer.mimetype == "application/pdf"
    text, found = text_of(answer.data), details(web)
    session = found["session"]
    for words in (
        "Exam session of ann",
        "All times in Asia/Kolkata",
        "2026-03-02 14:30:00",
        "A flag is a request for a person to look",
        "Time that was not observed scores nothing",
        "confirmed by a person",
        "A phone in the picture",
        "nothing could be said about a face",
        f"{session['total_score']:g}",
        f"{session['coverage']['face']:.1%}",
        session["session_id"],
    ):
        assert words in text, words
    for each in found["violations"]:
        assert f"{each['observations']} observations" in text
        assert f"confidence {each['confidence']:.0%}" in text
    for interval in found["intervals"]:
        for point in interval["points"]:
            assert f"{point['points']:g} points at" in text
    images = subprocess.run(["pdfimages", "-list", "-"], input=answer.data, capture_output=True)
    assert images.stdout.decode().count(" image ") == 1


def test_the_reports_of_an_exam_hold_all_its_sessions(web: Web) -> None:
    whole = json_of(web.integrator.get("/api/exam/math/report.json"))
    assert [each["session"]["user_id"] for each in whole["sessions"]] == ["ann", "bob"]
    rows = table(web, "/api/exam/math/report.csv")
    assert len(rows) == sum(len(each["timeline"]) for each in whole["sessions"])
    assert {row["user_id"] for row in rows} == {"ann", "bob"}
    text = text_of(web.integrator.get("/api/exam/math/report.pdf").data)
    assert "2 sessions" in text
    assert "bob" in text
    assert web.integrator.get("/api/exam/none/report.csv").status_code == 404


@pytest.mark.parametrize("form", ["csv", "json", "pdf"])
def test_a_report_is_for_staff_and_keys_and_never_for_a_student(web: Web, form: str) -> None:
    mine = web.create("eve", "other")
    token = web.student(mine["token"])
    for path in (f"/api/session/{mine['session_id']}", "/api/exam/other"):
        assert token.get(f"{path}/report.{form}").status_code == 403
        assert web.anyone.get(f"{path}/report.{form}").status_code == 401
        assert web.staff().get(f"{path}/report.{form}").status_code == 200
        assert web.integrator.get(f"{path}/report.{form}").status_code == 200


def test_a_session_that_never_began_has_a_report_that_says_nothing_happened(web: Web) -> None:
    repository = web.services.repository
    empty = a_session("s9", exam_id="empty")
    repository.add_session(empty)
    now = FakeClock().now()
    report = report_of(repository, empty, now)
    assert (report.length_s, report.moments) == (0.0, ())
    pdf = session_pdf(report, Zoned(timezone.utc, "UTC"), lambda _: None, now)
    assert "Nothing was noticed" in text_of(pdf)


def test_letters_that_the_fonts_lack_and_markup_do_no_harm(web: Web) -> None:
    session = web.services.repository.session("s1")
    assert session is not None
    report = report_of(web.services.repository, session, FakeClock().now())
    report = replace(report, session=replace(session, user_id="\u65e5\u672c<b>&"))
    now = FakeClock().now()
    pdf = session_pdf(report, Zoned(timezone.utc, "UTC"), lambda _: None, now)
    assert "??<b>&" in text_of(pdf)


def test_a_session_is_scored_again_without_media_and_nothing_is_stored(web: Web) -> None:
    before = details(web)
    path = "/api/session/s1/rescore"
    answer = json_of(web.integrator.post(path, {"policy": "practice"}))
    comparison = answer["comparison"]
    assert comparison["before"]["total_score"] == before["session"]["total_score"]
    assert comparison["after"]["flagged"] == []
    assert comparison["lost"] == comparison["before"]["flagged"] != []
    same = json_of(web.integrator.post(path, {"policy": before["session"]["policy"]}))
    assert not same["comparison"]["is_changed"]
    assert same["intervals"] == before["intervals"]
    assert details(web) == before


def test_an_exam_is_scored_again_and_goes_on_behind_a_session(web: Web) -> None:
    path = "/api/exam/math/rescore"
    body: dict[str, Any] = {"policy": {"rules": {"phone": {"is_on": False}}}}
    whole = json_of(web.integrator.post(path, body))
    assert (whole["is_complete"], whole["next_after"]) == (True, None)
    assert [each["session_id"] for each in whole["sessions"]] == ["s1", "s2"]
    assert all("phone" not in each["after"]["violations"] for each in whole["sessions"])
    rest = json_of(web.integrator.post(path, {**body, "after": "s1"}))
    assert [each["session_id"] for each in rest["sessions"]] == ["s2"]


def test_what_cannot_be_scored_again_is_refused_with_a_reason(web: Web) -> None:
    for body, status in (
        ({"policy": "no-such"}, 404),
        ({"policy": {"interval_s": "x"}}, 400),
        ({"policy": {"check_s": 7}}, 400),
        ({}, 400),
    ):
        assert web.integrator.post("/api/session/s1/rescore", body).status_code == status
    session = web.services.repository.session("s1")
    assert session is not None
    running = replace(session, state=SessionState.RUNNING)
    with pytest.raises(Conflict, match="has ended"):
        rescored(web.services.repository, running, standard_policy())


def test_an_exam_is_set_up_and_read_and_frozen_into_the_next_session(web: Web) -> None:
    path = "/api/exam/physics"
    assert web.integrator.get(path).status_code == 404
    body = {"policy": "strict", "overlays": {"eve": {"gaze_off": True}}, "capture_screen": False}
    headers = {"Authorization": f"Bearer {web.integrator.secret}"}
    assert web.anyone.put(path, json=body, headers=headers).status_code == 200
    stored = json_of(web.integrator.get(path))
    assert {name: stored[name] for name in body} == body
    assert web.anyone.put(path, json={"polcy": "x"}, headers=headers).status_code == 400
    started = web.services.sessions.start(web.create("eve", "physics")["session_id"])
    assert started.policy["name"] == "strict"
    assert started.policy["detectors_off"] == ["gaze"]
    assert started.capture_screen is False
