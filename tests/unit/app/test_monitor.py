"""The monitor: results and events become scores, records, flags and views, on one thread."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.clock import SessionTime
from app.errors import Conflict, Unavailable
from app.intake.batch import BrowserState
from app.intake.state import Line, StreamState
from app.monitoring.monitor import MOST_RESULTS, QUIET_S, Monitor
from app.monitoring.surroundings import Stored
from app.monitoring.views import Mark, SessionView
from app.records import PauseCause, SessionRecord, SessionState
from app.settings import Settings
from app.store import Repository, open_repository
from detectors.messages import AnalysisResult, DetectorFault, Heard, Overlay
from scoring.model import (
    Alert,
    AlertRaised,
    Break,
    Change,
    Detector,
    EventKind,
    IntervalChanged,
    IntervalScore,
    Item,
    Ledger,
    Observation,
    Point,
    RiskEvent,
    Rule,
    Scores,
    ScreenEvent,
    Violation,
    ViolationChanged,
    ViolationWithdrawn,
)
from scoring.policy import Policy, policy_to_dict, standard_policy
from scoring.session import TraceBlock
from tests.fakes import FakeClock


@dataclass
class ScriptedScorer:
    """Says what it is told to say, and remembers what it was given."""

    policy: Policy
    stored: Stored
    at_s: float
    given: list[Item] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    script: list[Change | Exception] = field(default_factory=list)
    last_words: list[Change] = field(default_factory=list)
    scores: Scores = field(default_factory=Scores)
    running_interval: IntervalScore = field(default_factory=lambda: IntervalScore(0, 0.0, 30.0))
    ended_s: float | None = None
    trace: list[TraceBlock] = field(default_factory=list)

    @property
    def risk_events(self) -> tuple[RiskEvent, ...]:
        return self.stored.ledger.risk

    def update(self, items: Iterable[Item], now_s: float) -> tuple[Change, ...]:
        self.given.extend(items)
        self.times.append(now_s)
        script, self.script = self.script, []
        changes = []
        for change in script:
            if isinstance(change, Exception):
                raise change
            changes.append(change)
        return tuple(changes)

    def end(self, at_s: float) -> tuple[Change, ...]:
        self.ended_s = at_s
        return tuple(self.last_words)

    def take_trace(self) -> list[TraceBlock]:
        trace, self.trace = self.trace, []
        return trace

    def ledger(self) -> Ledger:
        return self.stored.ledger


@dataclass
class FakeRecorder:
    flags: list[tuple[str, int, float, float]] = field(default_factory=list)
    ended: list[tuple[str, float]] = field(default_factory=list)
    withdrawn: list[tuple[str, int]] = field(default_factory=list)
    learnt: list[tuple[int, tuple[RiskEvent, ...]]] = field(default_factory=list)
    resumed: list[tuple[str, int]] = field(default_factory=list)
    needed_s: float = float("inf")
    cuts: int = 0

    def learn(self, session_id: str, interval: IntervalScore, risen: tuple[RiskEvent, ...]) -> None:
        self.learnt.append((interval.index, risen))

    def withdraw(self, session_id: str, interval_index: int) -> None:
        self.withdrawn.append((session_id, interval_index))

    def flag(
        self,
        session: SessionRecord,
        time: SessionTime,
        interval: IntervalScore,
        pre_roll_s: float,
        post_roll_s: float,
    ) -> None:
        self.flags.append((session.session_id, interval.index, pre_roll_s, post_roll_s))

    def end_session(self, session_id: str, at_s: float) -> None:
        self.ended.append((session_id, at_s))

    def resume(
        self,
        session: SessionRecord,
        time: SessionTime,
        flagged: Sequence[IntervalScore],
        pre_roll_s: float,
        post_roll_s: float,
    ) -> None:
        self.resumed += [(session.session_id, interval.index) for interval in flagged]

    def needed_from_s(self, session_id: str) -> float:
        return self.needed_s

    def cut_due(self) -> None:
        self.cuts += 1


@dataclass
class FakeLive:
    views: list[SessionView] = field(default_factory=list)
    violations: list[tuple[str, Mark]] = field(default_factory=list)
    flags: list[tuple[str, int, datetime]] = field(default_factory=list)
    thumbnails: list[tuple[str, bytes]] = field(default_factory=list)
    sounds: list[Heard] = field(default_factory=list)
    limits: list[dict[str, Any]] = field(default_factory=list)

    def publish(self, view: SessionView) -> None:
        self.views.append(view)

    def violation(self, session_id: str, mark: Mark) -> None:
        self.violations.append((session_id, mark))

    def flagged(self, session_id: str, interval: IntervalScore, at: datetime) -> None:
        self.flags.append((session_id, interval.index, at))

    def warning_limit(self, session_id: str, at: datetime, payload: dict[str, Any]) -> None:
        self.limits.append(payload)

    def heard(self, session_id: str, heard: Sequence[Heard]) -> None:
        self.sounds.extend(heard)

    def thumbnail(self, session_id: str, jpeg: bytes, at: datetime) -> None:
        self.thumbnails.append((session_id, jpeg))


class Room:
    """A monitor over a real store, whose thread is the test itself."""

    def __init__(self, repository: Repository, settings: Settings) -> None:
        self.clock = FakeClock()
        self.repository = repository
        self.settings = settings
        self.recorder = FakeRecorder()
        self.live = FakeLive()
        self.streams: dict[str, StreamState] = {}
        self.abandoned: list[str] = []
        self.was_abandoned = threading.Event()
        self.ended_at_limit: list[str] = []
        self.was_ended = threading.Event()
        self.settled: list[tuple[str, float]] = []
        self.over: list[tuple[str, PauseCause]] = []
        self.was_over = threading.Event()
        self.scorers: dict[str, ScriptedScorer] = {}
        self.monitor = self.another_monitor()

    def another_monitor(self, quiet_s: float = 0.0) -> Monitor:
        made: list[ScriptedScorer] = []

        def make(policy: Policy, stored: Stored, at_s: float) -> ScriptedScorer:
            made.append(ScriptedScorer(policy, stored, at_s))
            self.latest = made[-1]
            return made[-1]

        def abandon(session_id: str) -> None:
            self.abandoned.append(session_id)
            self.was_abandoned.set()

        def end(session_id: str) -> None:
            self.ended_at_limit.append(session_id)
            self.was_ended.set()

        def tell_over(session_id: str, cause: PauseCause) -> None:
            self.over.append((session_id, cause))
            self.was_over.set()

        return Monitor(
            self.settings,
            self.clock,
            self.repository,
            self.recorder,
            self.live,
            self.streams.get,
            abandon,
            make,
            on_warning_limit=end,
            settle=lambda session_id, before_s: self.settled.append((session_id, before_s)),
            on_pause_over=tell_over,
            quiet_s=quiet_s,
        )

    def open(self, session_id: str = "s1", action: str = "notify") -> ScriptedScorer:
        session = SessionRecord(
            session_id,
            f"user-{session_id}",
            "math",
            SessionState.RUNNING,
            self.clock.now(),
            self.clock.now(),
            policy={**policy_to_dict(standard_policy()), "warning_action": action},
        )
        self.repository.add_session(session)
        self.monitor.open(session)
        self.scorers[session_id] = self.latest
        return self.latest

    def tick(self, seconds: float = 0.25) -> None:
        self.clock.advance(seconds)
        self.monitor.step()

    def store(self) -> None:
        self.monitor._outbox.write_due()

    def hears(self, session_id: str, at_s: float, line: Line = Line.GOOD) -> None:
        browser = BrowserState()
        self.streams[session_id] = StreamState(line, 0.0, at_s, at_s, at_s, 0.1, browser)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    settings = Settings.model_validate({"PROCTOR_DATA_DIR": tmp_path, "PROCTOR_ABANDON_MIN": 10})
    repository = open_repository(settings)
    yield Room(repository, settings)
    repository.close()


def seen(at_s: float = 1.0) -> Observation:
    return Observation(Detector.FACE, at_s, ("none",))


def result(session_id: str = "s1", **changes: Any) -> AnalysisResult:
    return replace(AnalysisResult(1, session_id, (seen(),)), **changes)


def absence(end_s: float | None = None) -> Violation:
    return Violation("no_face-1000", Rule.NO_FACE, 1.0, end_s, 0.9, 4)


def interval(index: int = 0, score: float = 9.0, **changes: Any) -> IntervalScore:
    point = Point(Rule.NO_FACE, 9.0, 0, 3.0, 1.0, 3.0, 0.9, "no_face-1000", 4)
    made = IntervalScore(index, index * 30.0, index * 30.0 + 30, score, (point,))
    return replace(made, **changes)


def test_results_and_events_reach_the_scorer_of_their_session_with_the_time(room: Room) -> None:
    one, two = room.open("s1"), room.open("s2")
    event = ScreenEvent("e1", EventKind.PASTE, 0.5)
    room.monitor.post_result(result("s1"))
    room.monitor.post_event("s2", event)
    room.tick(2.0)
    assert one.given == [seen()]
    assert two.given == [event]
    assert one.times == [2.0]


def test_time_passes_once_a_second_without_new_data(room: Room) -> None:
    room.monitor = room.another_monitor(QUIET_S)
    scorer = room.open()
    for _ in range(24):
        room.tick(0.125)
    assert scorer.times == [0.125, 1.125, 2.125]
    assert room.recorder.cuts == 12


def test_news_are_scored_at_once_and_not_only_at_the_next_tick(room: Room) -> None:
    scorer = room.open()
    room.tick()
    room.monitor.post_result(result())
    room.tick(0.01)
    assert scorer.given == [seen()]


def test_a_violation_is_stored_and_shown_when_it_begins_and_when_it_ends(room: Room) -> None:
    scorer = room.open()
    scorer.script = [ViolationChanged(absence())]
    scorer.running_interval = interval()
    room.tick()
    room.store()
    (stored,) = room.repository.violations("s1")
    assert stored.ended_at is None
    assert stored.started_at == room.live.views[0].started_at + timedelta(seconds=1)
    scorer.script = [ViolationChanged(replace(absence(), observations=9))]
    room.tick()
    scorer.script = [ViolationChanged(absence(4.5))]
    room.tick()
    room.store()
    (stored,) = room.repository.violations("s1")
    assert stored.violation.end_s == 4.5
    assert [mark.violation.end_s for _, mark in room.live.violations] == [None, 4.5]
    assert room.live.violations[0][1].points == 9.0


def test_a_violation_that_grows_is_stored_now_and_then(room: Room) -> None:
    scorer = room.open()
    writes = []
    for observations in range(4, 12):
        scorer.script = [ViolationChanged(replace(absence(), observations=observations))]
        room.tick(0.5)
        room.store()
        writes.append(room.repository.violations("s1")[0].violation.observations)
    assert writes == [4, 4, 4, 4, 4, 9, 9, 9]


def test_a_withdrawn_violation_is_taken_back_everywhere(room: Room) -> None:
    scorer = room.open()
    scorer.script = [ViolationChanged(absence())]
    room.tick()
    room.store()
    scorer.script = [ViolationWithdrawn(absence())]
    room.tick()
    room.store()
    assert room.repository.violations("s1") == ()
    view = room.monitor.view("s1")
    assert view is not None
    assert (view.marks, view.last) == ((), None)


def test_a_flag_is_stored_shown_and_recorded_once(room: Room) -> None:
    scorer = room.open()
    flagged = interval(score=13.0, flag_score=13.0, flagged_at_s=6.0, trigger_at_s=5.5)
    scorer.script = [IntervalChanged(flagged, newly_flagged=True)]
    room.tick()
    scorer.script = [IntervalChanged(replace(flagged, score=17.0))]
    room.tick()
    room.store()
    assert room.recorder.flags == [("s1", 0, 5.0, 5.0)]
    started_at = room.live.views[0].started_at
    assert room.live.flags == [("s1", 0, started_at + timedelta(seconds=6))]
    (stored,) = room.repository.intervals("s1")
    assert (stored.interval.score, stored.interval.flag_score) == (17.0, 13.0)


def test_a_flag_that_late_observations_took_back_is_withdrawn(room: Room) -> None:
    scorer = room.open()
    flagged = interval(score=13.0, flag_score=13.0, flagged_at_s=6.0, trigger_at_s=5.5)
    scorer.script = [IntervalChanged(flagged, newly_flagged=True)]
    room.tick()
    scorer.script = [IntervalChanged(interval(score=4.0)), IntervalChanged(interval(score=4.0))]
    room.tick()
    room.store()
    assert room.recorder.withdrawn == [("s1", 0)]
    assert not room.repository.intervals("s1")[0].interval.is_flagged


def test_coverage_alone_is_stored_now_and_then_but_a_score_at_once(room: Room) -> None:
    scorer = room.open()
    stored = []
    for step in range(1, 25):
        scorer.running_interval = interval(score=0.0, points=(), coverage=(("face", 1.0),))
        room.tick(0.5)
        room.store()
        intervals = room.repository.intervals("s1")
        stored.append(intervals[0].interval.coverage[0][1] if intervals else None)
        if step == 23:
            scorer.script = [IntervalChanged(interval(score=4.0, coverage=(("face", 1.0),)))]
    assert stored[8] is None
    assert stored[9] == stored[18] == pytest.approx(5 / 30)
    assert stored[19] == stored[22] == pytest.approx(10 / 30)
    assert stored[23] == pytest.approx(12 / 30)


def test_coverage_of_a_running_interval_is_stored_as_a_share_of_its_whole_length(
    room: Room,
) -> None:
    scorer = room.open()
    running = interval(coverage=(("face", 0.8),))
    scorer.running_interval = running
    room.tick(15)
    room.store()
    assert dict(room.repository.intervals("s1")[0].interval.coverage) == {"face": 0.4}
    scorer.running_interval = interval(1, score=0.0, points=())
    scorer.script = [IntervalChanged(replace(running, is_closed=True))]
    room.tick(19)
    room.store()
    assert dict(room.repository.intervals("s1")[0].interval.coverage) == {"face": 0.8}


def test_running_scores_are_stored_every_other_second_at_most(room: Room) -> None:
    scorer = room.open()
    stored = []
    for score in range(1, 9):
        scorer.scores = Scores(total_score=float(score), risk_temporary=1.0, risk_permanent=2.0)
        room.tick(0.5)
        room.store()
        record = room.repository.session("s1")
        assert record is not None
        stored.append(record.total_score)
    assert stored == [0.0, 0.0, 0.0, 0.0, 5.0, 5.0, 5.0, 5.0]
    final = room.repository.session("s1")
    assert final is not None
    assert final.risk == 3.0


def test_the_view_shows_the_scores_and_what_the_detectors_saw(room: Room) -> None:
    scorer = room.open()
    scorer.scores = Scores(interval_score=9.0)
    scorer.running_interval = interval()
    scorer.script = [
        ViolationChanged(absence()),
        AlertRaised(Alert("no_face", 0.1), warnings=1),
    ]
    room.hears("s1", 0.2, Line.SLOW)
    overlay = Overlay(at_s=0.2, faces=0)
    fault = DetectorFault("gaze", "model missing")
    room.monitor.post_result(result(overlay=overlay, faults=(fault,), thumbnail=b"small"))
    room.tick()
    view = room.monitor.view("s1")
    assert view is not None
    assert view == room.live.views[-1]
    assert view.scores.interval_score == 9.0
    assert view.overlay == overlay
    assert view.faults == (fault,)
    assert view.line == "slow"
    assert [mark.points for mark in view.marks] == [9.0]
    assert [warned.kind for warned in view.warned] == ["no_face"]
    assert room.live.thumbnails == [("s1", b"small")]
    room.monitor.post_result(result())
    room.tick(11)
    view = room.monitor.view("s1")
    assert view is not None
    assert view.faults == ()
    assert view.warned == ()


def test_an_older_verdict_never_replaces_a_newer_one(room: Room) -> None:
    room.open()
    room.monitor.post_result(result(overlay=Overlay(at_s=2.0, faces=1)))
    room.monitor.post_result(result(overlay=Overlay(at_s=1.0, faces=2)))
    room.tick()
    view = room.monitor.view("s1")
    assert view is not None
    assert view.overlay is not None
    assert view.overlay.faces == 1


def test_a_full_inbox_drops_the_oldest_results_and_no_event(room: Room) -> None:
    scorer = room.open()
    for number in range(MOST_RESULTS + 10):
        room.monitor.post_result(result(observations=(seen(float(number)),)))
    for number in range(MOST_RESULTS + 10):
        room.monitor.post_event("s1", ScreenEvent(str(number), EventKind.COPY, 1.0))
    assert room.monitor.counters()["monitor_dropped_results"] == 10
    room.tick()
    assert scorer.given[0] == seen(10.0)
    assert sum(isinstance(item, ScreenEvent) for item in scorer.given) == MOST_RESULTS + 10


def test_an_event_of_a_session_that_is_not_scored_is_refused(room: Room) -> None:
    with pytest.raises(Unavailable, match="not being scored"):
        room.monitor.post_event("unknown", ScreenEvent("e", EventKind.COPY, 1.0))
    room.monitor.post_result(result("unknown"))
    room.tick()


def test_a_session_whose_scoring_fails_does_not_stop_the_others(room: Room) -> None:
    broken, sound = room.open("s1"), room.open("s2")
    broken.script = [ValueError("fault")]
    room.monitor.post_result(result("s2"))
    room.tick()
    assert sound.given == [seen()]
    room.tick()
    assert len(broken.times) == 2


def test_a_store_that_fails_for_a_while_loses_nothing(room: Room) -> None:
    scorer = room.open()
    save = room.repository.save_violation

    def fail(record: object) -> None:
        raise Unavailable("no answer")

    room.repository.save_violation = fail  # type: ignore[method-assign]
    scorer.script = [ViolationChanged(absence())]
    room.tick()
    room.store()
    assert room.repository.violations("s1") == ()
    room.repository.save_violation = save  # type: ignore[method-assign]
    room.tick(1)
    room.store()
    assert len(room.repository.violations("s1")) == 1


def test_the_end_scores_what_was_posted_and_stores_the_final_numbers(room: Room) -> None:
    scorer = room.open()
    scorer.last_words = [
        ViolationChanged(absence(12.0)),
        IntervalChanged(
            interval(score=13.0, end_s=12.0, flag_score=13.0, is_closed=True), newly_flagged=True
        ),
    ]
    room.clock.advance(12)
    room.monitor.post_result(result())
    ending = room.monitor.request_end("s1")
    scorer.scores = Scores(total_score=13.0, flagged_intervals=1)
    room.monitor.step()
    room.store()
    assert ending.result(0) == scorer.scores
    assert scorer.given == [seen()]
    assert scorer.ended_s == 12.0
    assert room.recorder.flags == [("s1", 0, 5.0, 5.0)]
    assert room.recorder.ended == [("s1", 12.0)]
    assert room.monitor.view("s1") is None
    record = room.repository.session("s1")
    assert record is not None
    assert (record.total_score, record.flagged_intervals) == (13.0, 1)
    assert room.repository.intervals("s1")[0].interval.is_closed
    room.tick()
    assert room.monitor.request_end("s1").result(0) is None


def test_end_waits_until_everything_is_stored(room: Room) -> None:
    room.monitor.start()
    try:
        scorer = room.open()
        scorer.scores = Scores(total_score=9.0)
        scorer.last_words = [ViolationChanged(absence(1.5))]
        assert room.monitor.end("s1") == scorer.scores
        assert len(room.repository.violations("s1")) == 1
        record = room.repository.session("s1")
        assert record is not None
        assert record.total_score == 9.0
    finally:
        room.monitor.stop()


def test_opening_twice_scores_once(room: Room) -> None:
    scorer = room.open()
    record = room.repository.session("s1")
    assert record is not None
    room.monitor.open(record)
    assert room.latest is scorer
    room.tick()
    room.monitor.open(record)
    assert room.latest is scorer
    assert room.monitor.counters()["monitor_sessions"] == 1


def test_after_a_restart_a_session_goes_on_from_what_is_stored(room: Room) -> None:
    scorer = room.open()
    scorer.script = [
        ViolationChanged(absence(4.5)),
        IntervalChanged(interval(is_closed=True)),
    ]
    room.tick()
    room.store()
    record = room.repository.session("s1")
    assert record is not None
    room.clock.advance(100)
    room.monitor = room.another_monitor()
    room.monitor.open(record)
    restored = room.latest
    assert restored is not scorer
    assert restored.at_s == pytest.approx(100.25)
    assert restored.stored.ledger.violations == (absence(4.5),)
    assert restored.stored.ledger.intervals == (interval(is_closed=True),)
    view = room.monitor.view("s1")
    assert view is not None
    assert view.last is not None
    assert view.last.violation == absence(4.5)


def test_a_session_nobody_hears_of_is_abandoned_after_the_set_time(room: Room) -> None:
    room.open()
    room.hears("s1", 60.0)
    room.tick(10 * 60 + 59)
    assert room.abandoned == []
    room.tick(1.5)
    assert room.was_abandoned.wait(10)
    assert room.abandoned == ["s1"]
    room.tick(30)
    room.monitor._callers.shutdown()
    assert room.abandoned == ["s1"]


def test_time_during_which_the_server_was_down_is_not_silence_of_the_student(room: Room) -> None:
    room.open()
    room.hears("s1", 1.0)
    record = room.repository.session("s1")
    assert record is not None
    room.clock.advance(3600)
    room.streams.clear()
    room.monitor = room.another_monitor()
    room.monitor.open(record)
    room.tick(9 * 60)
    room.monitor._callers.shutdown()
    assert room.abandoned == []


def test_a_stop_stores_the_running_scores(room: Room) -> None:
    room.monitor.start()
    scorer = room.open()
    scorer.scores = Scores(total_score=4.0)
    room.monitor.stop()
    record = room.repository.session("s1")
    assert record is not None
    assert record.total_score == 4.0
    assert record.state is SessionState.RUNNING


def limit(at_s: float = 20.0) -> AlertRaised:
    return AlertRaised(Alert("phone", at_s, True, "phone-1"), warnings=5, limit_reached=True)


def test_at_the_warning_limit_a_proctor_is_told_and_nothing_else_happens(room: Room) -> None:
    scorer = room.open()
    scorer.script = [limit()]
    room.tick()
    room.tick()
    assert room.live.limits == [{"action": "notify", "warnings": 5}]
    assert scorer.given == []
    assert not room.live.views[-1].is_paused


def test_at_the_warning_limit_scoring_pauses_until_a_proctor_resumes(room: Room) -> None:
    scorer = room.open(action="pause")
    scorer.script = [limit()]
    room.tick(20.0)
    room.tick()
    room.store()
    assert scorer.given == [Break(20.0, begins=True)]
    assert room.live.views[-1].is_paused
    stored = room.repository.session("s1")
    assert stored is not None
    assert stored.is_paused
    room.monitor.resume("s1")
    room.monitor.resume("s1")
    room.tick(9.75)
    room.tick()
    room.store()
    assert scorer.given == [Break(20.0, begins=True), Break(30.0, begins=False)]
    assert [told["action"] for told in room.live.limits] == ["pause", "resume"]
    stored = room.repository.session("s1")
    assert stored is not None
    assert not stored.is_paused


def test_a_pause_outlives_a_restart(room: Room) -> None:
    room.open(action="pause")
    room.repository.update_session("s1", is_paused=True)
    stored = room.repository.session("s1")
    assert stored is not None
    room.monitor = room.another_monitor()
    room.clock.advance(30)
    room.monitor.open(stored)
    room.tick(0)
    assert room.latest.given == [Break(30.0, begins=True)]
    assert room.live.views[-1].is_paused


def test_scoring_goes_on_when_nobody_pauses_any_more(room: Room) -> None:
    scorer = room.open()
    room.tick(10.0)
    room.monitor.pause("s1", PauseCause.PROCTOR)
    until = room.clock.now() + timedelta(seconds=30)
    room.monitor.pause("s1", PauseCause.BREAK, until)
    room.tick()
    assert list(room.live.views[-1].pauses) == ["proctor", "break"]
    room.monitor.resume("s1")
    room.tick(10.0)
    room.tick()
    assert list(room.live.views[-1].pauses) == ["break"]
    room.tick(20.0)
    room.tick()
    room.store()
    assert scorer.given == [Break(10.25, begins=True), Break(40.5, begins=False)]
    assert not room.live.views[-1].is_paused
    assert room.was_over.wait(5)
    assert room.over == [("s1", PauseCause.BREAK)]
    stored = room.repository.session("s1")
    assert stored is not None
    assert (stored.is_paused, stored.pauses) == (False, {})


def test_a_break_outlives_a_restart_and_ends_when_its_time_is_up(room: Room) -> None:
    room.open()
    room.monitor.pause("s1", PauseCause.BREAK, room.clock.now() + timedelta(seconds=60))
    room.tick()
    room.store()
    stored = room.repository.session("s1")
    assert stored is not None
    room.monitor = room.another_monitor()
    room.clock.advance(30)
    room.monitor.open(stored)
    room.tick(0)
    assert list(room.live.views[-1].pauses) == ["break"]
    room.tick(40)
    assert list(room.live.views[-1].pauses) == []


def test_at_the_warning_limit_a_session_may_be_ended(room: Room) -> None:
    room.open(action="end").script = [limit()]
    room.tick()
    assert room.was_ended.wait(5)
    assert room.ended_at_limit == ["s1"]


def test_nobody_resumes_a_session_that_is_not_running(room: Room) -> None:
    with pytest.raises(Conflict):
        room.monitor.resume("gone")


def test_the_recorder_learns_how_a_flagged_interval_grows_and_its_risk_rises(room: Room) -> None:
    scorer = room.open()
    flagged = interval(score=10.0, flag_score=10.0)
    scorer.script = [IntervalChanged(flagged, newly_flagged=True)]
    room.tick()
    inside = RiskEvent(12.0, Rule.NO_FACE, 5, 5, False, "no_face-10")
    later = RiskEvent(31.0, Rule.NO_FACE, 5, 5, False, "no_face-30")
    scorer.stored = Stored(Ledger(risk=(inside, later)))
    scorer.scores = Scores(risk_temporary=5.0)
    scorer.running_interval = flagged
    room.tick()
    room.tick()
    assert room.recorder.learnt == [(0, ()), (0, (inside,))]


def test_the_recorder_learns_nothing_of_an_interval_without_a_flag(room: Room) -> None:
    scorer = room.open()
    scorer.script = [IntervalChanged(interval(score=5.0))]
    scorer.scores = Scores(risk_temporary=5.0)
    room.tick()
    assert room.recorder.learnt == []


def test_what_is_scored_and_stored_and_needed_for_no_clip_is_settled(room: Room) -> None:
    scorer = room.open()

    def hear(complete_s: float, pending_s: float = float("inf")) -> None:
        stream = StreamState(
            Line.GOOD, 0.0, complete_s, complete_s, complete_s, 0.1, BrowserState()
        )
        stream = replace(stream, complete_s=complete_s, pending_from_s=pending_s)
        room.streams["s1"] = stream
        for _ in range(12):
            scorer.trace = [TraceBlock(0, b"block")]
            room.tick(1)
            room.store()

    def mark_s() -> float | None:
        return room.settled[-1][1] if room.settled else None

    hear(2.0)
    assert mark_s() == 0
    room.tick(60)
    hear(66.0)
    assert mark_s() == 60 - 5
    room.tick(30)
    hear(100.0, pending_s=66.0)
    assert mark_s() == 60 - 5
    room.recorder.needed_s = 71.0
    hear(200.0)
    assert mark_s() == 71


def test_nothing_is_settled_before_it_is_stored(room: Room) -> None:
    scorer = room.open()
    stream = StreamState(Line.GOOD, 0.0, 90.0, 90.0, 90.0, 0.1, BrowserState())
    room.streams["s1"] = replace(stream, complete_s=90.0)
    room.tick(95)
    for _ in range(12):
        scorer.trace = [TraceBlock(0, b"block")]
        room.tick(1)
    assert room.settled == []
    room.store()
    for _ in range(2):
        room.tick(1)
    assert room.settled[-1] == ("s1", 85.0)
