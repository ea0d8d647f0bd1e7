"""What an exam grants a student, from `PUT /api/exam` to the score of that student's session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from app.ledgers import first_difference, policy_of, replayed
from app.monitoring.monitor import Monitor, take_up
from app.records import PauseCause, SessionRecord, SessionState
from detectors.messages import AnalysisResult
from scoring.model import Detector, Observation
from tests.unit.app.test_monitor import FakeLive, FakeRecorder
from tests.unit.reports.a_session import finished_session
from tests.unit.web.conftest import Bearer, Web, build_web, json_of

# From second to second, what every student of these tests does.
SPEECH, LOOK, HELPER, VOICES = (4, 9), (14, 20), (32, 37), (44, 50)
EVERYTHING = {"speech", "looking_away", "several_faces", "several_voices"}


@pytest.fixture
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    built = build_web(tmp_path_factory.mktemp("terms"))
    yield built
    built.services.repository.close()


def set_up(web: Web, grants: dict[str, Any], policy: Any = "standard") -> None:
    client = web.integrator
    body = {"policy": policy, "overlays": {"ann": grants}}
    answer = client.client.put(
        "/api/exam/math", json=body, headers={"Authorization": f"Bearer {client.secret}"}
    )
    assert answer.status_code == 200, answer.get_data(as_text=True)


class Sitting:
    """A student's session through the API, scored by the real monitor."""

    def __init__(self, web: Web, user_id: str = "ann") -> None:
        self.web, self.services, self.clock = web, web.services, web.clock
        self.session_id = web.create(user_id)["session_id"]
        self.session = self.services.sessions.start(self.session_id)
        self.second = 0.0
        self.live = FakeLive()
        self.monitor = self.start_monitor()

    def start_monitor(self) -> Monitor:
        stored = self.services.repository.session(self.session_id)
        assert stored is not None
        monitor = Monitor(
            self.services.settings,
            self.clock,
            self.services.repository,
            FakeRecorder(),
            self.live,
            lambda _: None,
            lambda _: None,
            new_scorer=take_up,
        )
        monitor.open(stored)
        return monitor

    def act(self, to_s: float) -> None:
        while self.second < to_s:
            seen = _seen(self.second)
            self.monitor.post_result(AnalysisResult(1, self.session_id, seen))
            self.clock.advance(0.5)
            self.second += 0.5
            self.step()

    def step(self) -> None:
        self.monitor.step()
        self.monitor._outbox.write_due()

    def end(self, at_s: float = 60.0) -> SessionRecord:
        """Let the session end; its stored record. What is stored is what a replay gives."""
        self.act(at_s)
        self.monitor.request_end(self.session_id)
        self.step()
        repository = self.services.repository
        repository.update_session(self.session_id, state=SessionState.ENDED)
        stored = repository.session(self.session_id)
        assert stored is not None
        ledger = replayed(repository, stored)
        assert first_difference(repository, stored, ledger) is None
        return stored

    def details(self) -> dict[str, Any]:
        path = f"/api/session/{self.session_id}/details"
        found: dict[str, Any] = json_of(self.web.integrator.get(path))
        return found

    def rules(self) -> set[str]:
        """The rules of the violations that the API shows."""
        return {each["rule"] for each in self.details()["violations"]}


def _seen(at_s: float) -> tuple[Observation, ...]:
    def during(span: tuple[int, int], loud: str, quiet: str) -> tuple[str]:
        return (loud if span[0] <= at_s < span[1] else quiet,)

    return (
        Observation(Detector.FACE, at_s, during(HELPER, "several", "one"), 0.9),
        Observation(Detector.GAZE, at_s, during(LOOK, "left", "center"), 0.9),
        Observation(Detector.SPEECH, at_s, during(SPEECH, "speech", "quiet"), 0.9, span_s=0.5),
        Observation(Detector.VOICE, at_s, during(VOICES, "several", "own"), 0.9, span_s=0.5),
    )


@pytest.mark.parametrize(
    ("grants", "forgiven"),
    [
        ({}, set()),
        ({"gaze_off": True}, {"looking_away"}),
        ({"reading_aloud_allowed": True}, {"speech"}),
        ({"helper_allowed": True}, {"speech", "several_faces", "several_voices"}),
        ({"extra_time_min": 15}, set()),
        (
            {"gaze_off": True, "helper_allowed": True, "reading_aloud_allowed": True},
            EVERYTHING,
        ),
    ],
    ids=["nothing", "gaze off", "reading aloud", "a helper", "extra time", "all"],
)
def test_what_a_student_is_granted_is_no_violation_and_everything_else_is(
    web: Web, grants: dict[str, Any], forgiven: set[str]
) -> None:
    set_up(web, grants)
    sitting = Sitting(web)
    stored = sitting.end()
    assert sitting.rules() == EVERYTHING - forgiven
    assert (stored.total_score == 0) == (forgiven == EVERYTHING)
    rules = sitting.details()["session"]["policy"]["rules"]
    assert all(not rules[rule]["is_on"] for rule in forgiven)


def test_another_student_of_the_exam_is_granted_nothing(web: Web) -> None:
    set_up(web, {"gaze_off": True, "helper_allowed": True})
    sitting = Sitting(web, "bob")
    sitting.end()
    assert sitting.rules() == EVERYTHING


def test_gaze_off_stops_the_gaze_itself_and_the_focus_alert(web: Web) -> None:
    set_up(web, {"gaze_off": True})
    sitting = Sitting(web)
    stored = sitting.end()
    policy = policy_of(stored)
    assert Detector.GAZE in policy.detectors_off
    assert policy.focus_alert_below == 0
    assert "gaze" not in stored.coverage


def test_the_grants_hold_over_any_policy_of_the_exam(web: Web) -> None:
    set_up(web, {"reading_aloud_allowed": True}, policy="strict")
    sitting = Sitting(web)
    sitting.end()
    assert sitting.details()["session"]["policy"]["name"] == "strict"
    assert "speech" not in sitting.rules()


def test_a_grant_after_the_start_changes_no_running_session(web: Web) -> None:
    set_up(web, {})
    sitting = Sitting(web)
    set_up(web, {"gaze_off": True})
    sitting.end()
    assert "looking_away" in sitting.rules()


def test_a_granted_break_is_not_scored_and_its_replay_is_the_live_ledger(web: Web) -> None:
    sitting = Sitting(web)
    sitting.act(13)
    until_at = sitting.clock.now() + timedelta(minutes=10)
    sitting.monitor.pause(sitting.session_id, PauseCause.BREAK, until_at)
    sitting.act(39)
    sitting.monitor.resume(sitting.session_id, PauseCause.BREAK)
    stored = sitting.end()
    assert sitting.rules() == {"speech", "several_voices"}
    assert stored.coverage["face"] == pytest.approx(1.0, abs=0.04)


def test_a_break_that_ends_by_the_clock_is_scored_up_to_it_and_after_it(web: Web) -> None:
    sitting = Sitting(web)
    sitting.act(13)
    until_at = sitting.clock.now() + timedelta(seconds=17)
    sitting.monitor.pause(sitting.session_id, PauseCause.BREAK, until_at)
    sitting.end()
    assert sitting.rules() == {"speech", "several_faces", "several_voices"}


def test_a_break_over_a_restart_of_the_server_replays_to_what_was_scored(web: Web) -> None:
    sitting = Sitting(web)
    sitting.act(13)
    sitting.monitor.pause(sitting.session_id, PauseCause.BREAK)
    sitting.act(18)
    sitting.monitor = sitting.start_monitor()
    sitting.act(39)
    sitting.monitor.resume(sitting.session_id, PauseCause.BREAK)
    sitting.end()
    assert sitting.rules() == {"speech", "several_voices"}


def test_a_session_paused_by_proctor_and_break_goes_on_when_both_are_over(web: Web) -> None:
    sitting = Sitting(web)
    sitting.act(13)
    sitting.monitor.pause(sitting.session_id, PauseCause.BREAK)
    sitting.act(15)
    sitting.monitor.pause(sitting.session_id, PauseCause.PROCTOR)
    sitting.act(31)
    sitting.monitor.resume(sitting.session_id, PauseCause.BREAK)
    sitting.act(39)
    sitting.monitor.resume(sitting.session_id)
    sitting.end()
    assert sitting.rules() == {"speech", "several_voices"}


def test_resume_by_rest_reaches_the_monitor_and_refuses_what_does_not_run(web: Web) -> None:
    session_id = web.create()["session_id"]
    resumed: list[str] = []

    class Monitoring:
        def resume(self, session_id: str) -> None:
            resumed.append(session_id)

    web.services.monitor = Monitoring()  # type: ignore[assignment]
    answer = web.integrator.post("/api/session/resume", {"session_id": session_id})
    assert answer.status_code == 200
    assert json_of(answer)["session_id"] == session_id
    assert resumed == [session_id]
    unknown = web.integrator.post("/api/session/resume", {"session_id": "s_none"})
    assert unknown.status_code == 404
    student = Bearer(web.anyone, web.services.tokens.stream(session_id))
    assert student.post("/api/session/resume", {"session_id": session_id}).status_code == 403
    assert resumed == [session_id]


def test_snapshots_have_an_address_only_where_an_interval_was_flagged(web: Web) -> None:
    services = web.services
    finished_session(services.repository, services.settings, services.media)
    found = json_of(web.integrator.get("/api/session/s1/details"))["violations"]
    urls = {each["rule"]: each["snapshot_url"] for each in found}
    assert {rule for rule, url in urls.items() if url} == {"phone"}
    assert web.integrator.get(urls["phone"]).get_data().startswith(b"\xff\xd8")
    (clip,) = services.repository.clips("s1")
    services.repository.save_clip(replace(clip, snapshots=()))
    again = json_of(web.integrator.get("/api/session/s1/details"))["violations"]
    assert {each["snapshot_url"] for each in again} == {""}
