"""The way in, from the first picture to admission, with a clock that is moved by hand."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, cast

import pytest

from app.checkin.checkins import CheckIns, Doors
from app.checkin.guidance import WORDS, guide
from app.checkin.parts import Working
from app.checkin.records import CheckInPlan
from app.errors import Conflict, InvalidInput
from app.pool import InferencePool
from app.records import CheckInStage, PauseCause, SessionRecord, SessionState
from detectors.messages import AnalysisResult, Box, DetectorStatus, Mark, Overlay
from scoring.model import Detector, Observation
from scoring.policy import policy_to_dict, standard_policy
from tests.fakes import FakeClock

EVERYTHING = frozenset(str(each) for each in Detector)


@dataclass
class Hall:
    """Check-in with everything around it written down."""

    plan: CheckInPlan = field(default_factory=lambda: CheckInPlan("proctor"))
    works: frozenset[str] = EVERYTHING
    clock: FakeClock = field(default_factory=FakeClock)
    paused: list[PauseCause] = field(default_factory=list)
    resumed: list[PauseCause] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    told: list[dict[str, Any]] = field(default_factory=list)
    asks: list[bool] = field(default_factory=list)
    admitted: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.record = SessionRecord(
            "s1",
            "ada",
            "logic",
            SessionState.RUNNING,
            self.clock.now(),
            self.clock.now(),
            policy=policy_to_dict(standard_policy()),
        )
        self.checkins = CheckIns(
            self.clock,
            self,
            Doors(
                plan_of=lambda _exam: self.plan,
                works=lambda: self.works,
                pause=lambda _session, cause: self.paused.append(cause),
                resume=lambda _session, cause: self.resumed.append(cause),
                mark=lambda _session, mark: self.marks.append(mark),
                tell=lambda _session, _event, payload: self.told.append(payload),
                asks=lambda _session, is_waiting: self.asks.append(is_waiting),
                admitted=self.admitted.append,
            ),
        )
        self.checkins.started("s1")

    def session(self, session_id: str) -> SessionRecord:
        return replace(self.record, session_id=session_id)

    def update_session(self, session_id: str, **fields: Any) -> None:
        self.record = replace(self.record, session_id=session_id, **fields)

    def see(self, *seen: Observation, face: Box | None = None, faces: int = 1, **more: Any) -> None:
        """A second passes and a picture of it was looked at."""
        self.clock.advance(1)
        boxes = (face or Box(0.35, 0.2, 0.3, 0.4, "face", 0.9),)
        overlay = Overlay(self.now_s, boxes, faces=faces, brightness=120.0, **more)
        self.checkins.observe(AnalysisResult(1, "s1", seen, overlay))

    @property
    def now_s(self) -> float:
        started = self.record.started_at
        assert started is not None
        return (self.clock.now() - started).total_seconds()

    def registered(self, share: float) -> Observation:
        return Observation(
            Detector.IDENTITY,
            self.now_s + 1,
            judgeable=False,
            reason="calibrating",
            measures=(("registered", share),),
        )

    def measured(self, detector: Detector, name: str, value: float) -> Observation:
        return Observation(detector, self.now_s + 1, judgeable=False, measures=((name, value),))

    def register(self) -> None:
        self.checkins.begin("s1", "face")
        self.see()
        self.see()
        for share in (0.2, 0.6, 1.0):
            self.see(self.registered(share))

    def calibrate(self) -> None:
        self.checkins.begin("s1", "gaze")
        for x, y in ((0.5, 0.5), (0.1, 0.1), (0.9, 0.9)):
            self.checkins.look("s1", x, y)
            self.see()
        self.checkins.looked("s1")
        self.see(self.measured(Detector.GAZE, "points", 3.0))

    def read(self) -> None:
        self.checkins.begin("s1", "voice")
        self.see(self.measured(Detector.VOICE, "read_s", 2.0))
        self.see(self.measured(Detector.VOICE, "read_s", 4.5))


def test_nothing_is_scored_until_a_proctor_admits() -> None:
    hall = Hall()
    assert hall.paused == [PauseCause.CHECK_IN]
    hall.register()
    hall.calibrate()
    hall.read()
    assert hall.checkins.finish("s1")["stage"] == "waiting"
    assert (hall.asks, hall.resumed, hall.admitted) == ([True], [], [])
    hall.checkins.admit("s1", "pia", "seen")
    assert (hall.asks, hall.resumed, hall.admitted) == (
        [True, False],
        [PauseCause.CHECK_IN],
        ["s1"],
    )
    assert hall.told[-1]["stage"] == "admitted"
    assert hall.record.check_in_by == "pia"


def test_an_exam_admits_by_itself_when_every_step_is_done() -> None:
    hall = Hall(CheckInPlan("self"))
    hall.register()
    with pytest.raises(Conflict):
        hall.checkins.finish("s1")
    hall.calibrate()
    hall.checkins.settle("s1", "voice", is_skipped=True)
    assert hall.checkins.finish("s1")["stage"] == "admitted"
    assert hall.record.check_in_done == {"face": "done", "gaze": "done", "voice": "skipped"}


def test_an_exam_without_check_in_is_left_alone() -> None:
    hall = Hall(CheckInPlan("off"))
    assert (hall.paused, hall.record.check_in) == ([], CheckInStage.NONE)
    with pytest.raises(Conflict):
        hall.checkins.admit("s1", "pia")


@pytest.mark.journey
def test_the_face_is_registered_only_once_it_is_well_placed_and_alone() -> None:
    hall = Hall()
    hall.checkins.begin("s1", "face")
    hall.see(face=Box(0.4, 0.3, 0.08, 0.1, "face", 0.9))
    assert hall.told[-1]["guidance"] == {"word": "closer", "text": WORDS["closer"]}
    hall.see()
    hall.see()
    assert [mark.kind for mark in hall.marks] == ["register"]
    hall.see(hall.registered(0.4))
    assert hall.told[-1]["share"] == 0.4
    hall.see(faces=2)
    assert hall.told[-1]["guidance"]["word"] == "several"
    assert hall.told[-1]["share"] == 0.0
    hall.see()
    hall.see()
    assert [mark.kind for mark in hall.marks] == ["register", "register"]
    hall.see(hall.registered(1.0))
    assert hall.told[-1]["is_done"]
    assert hall.record.check_in_done == {"face": "done"}


def test_eyes_that_cannot_be_followed_are_said_and_may_be_left_out() -> None:
    hall = Hall()
    hall.checkins.begin("s1", "gaze")
    hall.checkins.look("s1", 0.5, 0.5)
    hall.checkins.looked("s1")
    for _ in range(7):
        hall.see()
    assert hall.told[-1]["trouble"] == "eyes"
    hall.checkins.settle("s1", "gaze", is_skipped=True)
    with pytest.raises(Conflict):
        hall.checkins.settle("s1", "face", is_skipped=True)


def test_a_step_without_its_detector_is_not_asked_for() -> None:
    hall = Hall(works=EVERYTHING - {"voice", "gaze"})
    assert hall.checkins.standing("s1").left == ("face",)
    with pytest.raises(InvalidInput):
        hall.checkins.begin("s1", "voice")


def test_without_identity_a_well_placed_face_is_enough() -> None:
    hall = Hall(works=EVERYTHING - {"identity"})
    hall.checkins.begin("s1", "face")
    for _ in range(5):
        hall.see()
    assert hall.marks == []
    assert hall.record.check_in_done == {"face": "done"}


def test_what_stands_in_the_room_is_named_once() -> None:
    hall = Hall(CheckInPlan("self", ("room",)))
    hall.checkins.begin("s1", "room")
    hall.see(face=Box(0.1, 0.1, 0.1, 0.1, "phone", 0.8))
    hall.see(face=Box(0.1, 0.1, 0.1, 0.1, "phone", 0.8))
    assert hall.told[-1]["seen"] == ["phone"]
    hall.checkins.settle("s1", "room")
    assert hall.checkins.finish("s1")["stage"] == "admitted"


def test_a_refusal_shows_its_reason_and_can_be_taken_back() -> None:
    hall = Hall()
    hall.checkins.refuse("s1", "pia", "This is not the person on the document.")
    assert hall.told[-1]["reason"] == "This is not the person on the document."
    hall.checkins.admit("s1", "pia")
    assert hall.told[-1]["stage"] == "admitted"


@pytest.mark.journey
@pytest.mark.parametrize(
    ("face", "more", "word"),
    [
        (Box(0.1, 0.1, 0.7, 0.8, "face", 1), {}, "farther"),
        (Box(0.02, 0.3, 0.3, 0.3, "face", 1), {}, "left"),
        (Box(0.68, 0.3, 0.3, 0.3, "face", 1), {}, "right"),
        (Box(0.35, 0.0, 0.3, 0.3, "face", 1), {}, "down"),
        (Box(0.35, 0.6, 0.3, 0.4, "face", 1), {}, "up"),
        (Box(0.35, 0.3, 0.3, 0.3, "face", 1), {"brightness": 20.0}, "dark"),
        (Box(0.35, 0.3, 0.3, 0.3, "face", 1), {"yaw_deg": 30.0}, "straighten"),
        (Box(0.35, 0.3, 0.3, 0.3, "face", 1), {}, "good"),
    ],
)
def test_each_fault_of_a_placement_has_its_word(face: Box, more: dict[str, Any], word: str) -> None:
    assert guide(Overlay(1.0, (face,), faces=1, **more)).word == word


def test_nobody_and_movement_have_their_words_too() -> None:
    assert guide(Overlay(1.0)).word == "none"
    assert guide(Overlay(1.0, advice="The picture is blurred.")).text == "The picture is blurred."
    calm = Overlay(1.0, (Box(0.35, 0.3, 0.3, 0.3, "face", 1),), faces=1)
    moved = Overlay(2.0, (Box(0.42, 0.3, 0.3, 0.3, "face", 1),), faces=1)
    assert guide(moved, calm).word == "still"


class Workers:
    """A pool whose workers come and go."""

    def __init__(self) -> None:
        self.on: tuple[str, ...] = ()
        self.ready = 0

    def statuses(self) -> tuple[DetectorStatus, ...]:
        return tuple(DetectorStatus(str(d), is_on=str(d) in self.on) for d in Detector)

    def counters(self) -> dict[str, int]:
        return {"workers_ready": self.ready}


def test_a_step_is_not_left_out_while_every_worker_is_started_again() -> None:
    pool = Workers()
    works = Working(cast(InferencePool, pool))
    assert works() == EVERYTHING
    pool.on, pool.ready = ("face", "speech"), 1
    assert works() == {"face", "speech"}
    pool.on, pool.ready = (), 0
    assert works() == {"face", "speech"}
    pool.ready = 1
    assert works() == frozenset()
