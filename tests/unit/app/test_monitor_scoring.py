"""The monitor over the real scorer: late results, a restart, the end of a session."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.errors import Conflict
from app.ledgers import first_difference, replayed
from app.monitoring.monitor import Monitor, take_up
from app.records import SessionRecord, SessionState, TraceRecord
from app.settings import Settings
from app.store import Repository, open_repository
from detectors.messages import AnalysisResult
from scoring.model import Detector, EventKind, Observation, Rule, ScreenEvent
from scoring.policy import policy_to_dict, standard_policy
from tests.fakes import FakeClock
from tests.unit.app.test_monitor import FakeLive, FakeRecorder

LAG_S = 1.0


class Exam:
    """One session under the standard policy, in time that the test lets pass."""

    def __init__(self, repository: Repository, settings: Settings) -> None:
        self.clock = FakeClock()
        self.repository = repository
        self.settings = settings
        self.recorder = FakeRecorder()
        self.live = FakeLive()
        now = self.clock.now()
        self.record = SessionRecord(
            "s1",
            "ann",
            "math",
            SessionState.RUNNING,
            now,
            now,
            policy=policy_to_dict(standard_policy()),
        )
        repository.add_session(self.record)
        self.second = 0.0
        self.start()

    def start(self) -> None:
        self.monitor = Monitor(
            self.settings,
            self.clock,
            self.repository,
            self.recorder,
            self.live,
            lambda session_id: None,
            lambda session_id: None,
            take_up,
        )
        self.monitor.open(self.record)

    def watch(self, to_s: float, *absences: tuple[float, float]) -> None:
        """Two looks a second at a student who is absent in these spans; each comes late."""
        while self.second < to_s:
            self.clock.advance(0.5)
            self.second += 0.5
            at_s = self.second - LAG_S
            is_absent = any(start <= at_s < end for start, end in absences)
            seen = Observation(Detector.FACE, at_s, ("none" if is_absent else "one",), 0.9)
            self.monitor.post_result(AnalysisResult(1, "s1", (seen,)))
            self.monitor.step()
            self.monitor._outbox.write_due()

    def end(self) -> None:
        self.monitor.request_end("s1")
        self.monitor.step()
        self.monitor._outbox.write_due()


@pytest.fixture
def exam(tmp_path: Path) -> Iterator[Exam]:
    settings = Settings.model_validate({"PROCTOR_DATA_DIR": tmp_path})
    repository = open_repository(settings)
    yield Exam(repository, settings)
    repository.close()


@pytest.mark.journey
def test_ten_minutes_without_a_screen_event_give_no_point_and_one_gives_four(exam: Exam) -> None:
    exam.watch(600)
    record = exam.repository.session("s1")
    assert record is not None
    assert record.total_score == 0
    exam.monitor.post_event("s1", ScreenEvent("left", EventKind.WINDOW_BLUR, 600.0))
    exam.watch(605)
    exam.end()
    rules = [each.violation.rule for each in exam.repository.violations("s1")]
    assert rules == [Rule.FOCUS_CHANGE]
    record = exam.repository.session("s1")
    assert record is not None
    assert record.total_score == 4


def test_an_absence_across_a_boundary_flags_the_second_interval_once(exam: Exam) -> None:
    exam.watch(75, (26, 29), (31, 34))
    exam.end()
    assert exam.recorder.flags == [("s1", 1, 5.0, 5.0)]
    first, second, _ = exam.repository.intervals("s1")
    assert (first.interval.score, first.interval.is_flagged) == (9.0, False)
    assert (second.interval.score, second.interval.flag_score) == (9.0, 18.0)
    assert [v.violation.rule for v in exam.repository.violations("s1")] == [Rule.NO_FACE] * 2
    record = exam.repository.session("s1")
    assert record is not None
    assert (record.total_score, record.flagged_intervals) == (18.0, 1)


def test_the_rise_of_a_score_is_seen_within_two_seconds_of_its_cause(exam: Exam) -> None:
    exam.watch(20, (10, 20))
    rise = next(view for view in exam.live.views if view.scores.interval_score > 0)
    assert rise.at_s <= 12 + 2


def test_a_screen_event_is_scored_in_the_same_step(exam: Exam) -> None:
    exam.watch(5)
    exam.monitor.post_event("s1", ScreenEvent("e1", EventKind.PASTE, 5.0))
    exam.monitor.post_event("s1", ScreenEvent("e1", EventKind.PASTE, 5.0))
    exam.clock.advance(0.1)
    exam.monitor.step()
    view = exam.monitor.view("s1")
    assert view is not None
    assert view.scores.interval_score == 5.0
    assert [mark.points for mark in view.marks] == [5.0]


def test_a_restart_goes_on_with_totals_and_flags_and_leaves_the_gap_unobserved(
    exam: Exam,
) -> None:
    exam.watch(50, (26, 29), (31, 34))
    exam.clock.advance(45)
    exam.second += 45
    exam.start()
    view = exam.monitor.view("s1")
    assert view is not None
    assert (view.scores.total_score, view.scores.flagged_intervals) == (18.0, 1)
    exam.watch(125, (105, 108))
    exam.end()
    assert exam.recorder.flags == [("s1", 1, 5.0, 5.0)]
    intervals = [record.interval for record in exam.repository.intervals("s1")]
    assert [i.index for i in intervals] == [0, 1, 2, 3, 4]
    assert [i.score for i in intervals] == [9.0, 9.0, 0.0, 9.0, 0.0]
    assert all(i.is_closed for i in intervals)
    assert dict(intervals[2].coverage)["face"] == 0.0
    # 20 s of it were seen; a crash may take the last 5 s, which were not stored yet.
    assert 14 / 30 <= dict(intervals[1].coverage)["face"] <= 20 / 30
    record = exam.repository.session("s1")
    assert record is not None
    assert (record.total_score, record.flagged_intervals) == (27.0, 1)


def test_what_was_captured_before_anything_was_stored_still_counts_after_a_restart(
    exam: Exam,
) -> None:
    for _ in range(6):
        exam.clock.advance(1)
        exam.monitor.step()
        exam.monitor._outbox.write_due()
    exam.clock.advance(34)
    exam.second = 40.0
    exam.start()
    exam.monitor.step()
    late = tuple(
        Observation(Detector.FACE, at / 2, ("none" if 10 <= at / 2 < 13 else "one",), 0.9)
        for at in range(80)
    )
    exam.monitor.post_result(AnalysisResult(1, "s1", late))
    exam.watch(70)
    exam.end()
    (stored,) = exam.repository.violations("s1")
    assert (stored.violation.rule, stored.violation.start_s) == (Rule.NO_FACE, 10.0)
    first, second, _ = (record.interval for record in exam.repository.intervals("s1"))
    assert (first.score, first.is_closed) == (9.0, True)
    assert dict(first.coverage)["face"] > 0.95
    assert dict(second.coverage)["face"] > 0.95


def test_a_violation_that_lasts_when_the_server_dies_ends_where_it_was_last_seen(
    exam: Exam,
) -> None:
    exam.watch(16, (10, 60))
    exam.clock.advance(60)
    exam.second += 60
    exam.start()
    exam.watch(80)
    exam.end()
    (stored,) = exam.repository.violations("s1")
    assert stored.violation.end_s is not None
    assert 12 <= stored.violation.end_s <= 17


def test_what_was_observed_is_stored_and_replays_to_the_stored_ledger(exam: Exam) -> None:
    exam.watch(75, (26, 29), (31, 34), (70, 75))
    exam.monitor.post_event("s1", ScreenEvent("e1", EventKind.PASTE, 74.0))
    exam.end()
    record = exam.repository.session("s1")
    assert record is not None
    ended = replace(record, state=SessionState.ENDED)
    ledger = replayed(exam.repository, ended)
    assert len(ledger.violations) == 4
    assert first_difference(exam.repository, ended, ledger) is None


def test_a_session_that_a_restart_cut_in_two_replays_to_the_stored_ledger(exam: Exam) -> None:
    exam.watch(40, (26, 29), (31, 34), (39, 60))
    exam.clock.advance(20)
    exam.second += 20
    exam.start()
    exam.monitor._outbox.write_due()
    exam.watch(100, (90, 93))
    exam.end()
    record = exam.repository.session("s1")
    assert record is not None
    ended = replace(record, state=SessionState.ENDED)
    assert first_difference(exam.repository, ended, replayed(exam.repository, ended)) is None


def test_a_difference_is_named(exam: Exam) -> None:
    exam.watch(40, (26, 29))
    exam.end()
    record = exam.repository.session("s1")
    assert record is not None
    ended = replace(record, state=SessionState.ENDED)
    ledger = replayed(exam.repository, ended)
    (stored,) = exam.repository.violations("s1")
    altered = replace(stored, violation=replace(stored.violation, observations=99))
    exam.repository.save_violation(altered)
    difference = first_difference(exam.repository, ended, ledger)
    assert difference is not None
    assert difference.what == f"violation {stored.violation.violation_id}"
    exam.repository.save_violation(stored)
    difference = first_difference(exam.repository, replace(ended, trust=99.9), ledger)
    assert difference is not None
    assert difference.what == "session's trust"
    exam.repository.save_trace(TraceRecord("s1", 0, b"not a trace"))
    with pytest.raises(Conflict, match="damaged"):
        replayed(exam.repository, ended)


def test_an_end_on_the_boundary_of_two_intervals_leaves_nothing_of_the_second(exam: Exam) -> None:
    exam.watch(60)
    exam.monitor.step()
    exam.end()
    assert [each.interval.index for each in exam.repository.intervals("s1")] == [0, 1]
    record = exam.repository.session("s1")
    assert record is not None
    ended = replace(record, state=SessionState.ENDED)
    assert first_difference(exam.repository, ended, replayed(exam.repository, ended)) is None
