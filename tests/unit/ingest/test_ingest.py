from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from app.errors import CandorError, Conflict, InvalidInput, TooLarge, TooMany, Unavailable
from app.intake.ingest import Ingest
from app.intake.lanes import late_lane
from app.intake.mailbox import Mailbox
from app.intake.state import Line
from app.records import SessionRecord, SessionState
from app.settings import Settings
from detectors.messages import AnalysisResult, DetectorStatus, Sound
from scoring.model import Detector, EventKind, ScreenEvent
from tests.fakes import FakeClock
from tests.scripted_media import scripted_jpeg, scripted_pcm

SENT_MS = 1_700_000_000_000.0


class RecordingPool:
    """A pool that remembers what it was told and analyses nothing."""

    def __init__(self) -> None:
        self.opened: dict[str, tuple[Mailbox, frozenset[str]]] = {}
        self.notified: list[str] = []

    def start(self, on_result: Any) -> None: ...

    def stop(self) -> None: ...

    def open(self, session_id: str, mailbox: Mailbox, detectors: frozenset[str]) -> None:
        self.opened[session_id] = (mailbox, detectors)

    def close(self, session_id: str) -> None:
        self.opened.pop(session_id, None)

    def notify(self, session_id: str) -> None:
        self.notified.append(session_id)

    def want_thumbnails(self, session_ids: frozenset[str]) -> None: ...

    def want_sound(self, session_ids: frozenset[str]) -> None: ...

    def statuses(self) -> tuple[DetectorStatus, ...]:
        return ()

    def costs(self) -> dict[str, float]:
        return {}

    def counters(self) -> dict[str, int]:
        return {}


class RecordingMonitor:
    """Takes events until it is full."""

    def __init__(self) -> None:
        self.events: list[tuple[str, ScreenEvent]] = []
        self.is_full = False

    def post_event(self, session_id: str, event: ScreenEvent) -> None:
        if self.is_full:
            raise Unavailable("Too much waits to be scored. Send it again.")
        self.events.append((session_id, event))

    def post_result(self, result: AnalysisResult) -> None: ...


class Bench:
    """An ingest with one open session, and a browser's view of it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.pool = RecordingPool()
        self.monitor = RecordingMonitor()
        self.ingest = Ingest(Settings.model_validate({}), self.clock, self.pool, self.monitor)
        self.session = SessionRecord(
            "s1", "u1", "e1", SessionState.RUNNING, self.clock.now(), self.clock.now()
        )
        self.ingest.open(self.session)
        self.clock.advance(100)
        self.seq = 0

    def batch(self, **changes: Any) -> tuple[dict[str, Any], bytes]:
        jpeg, pcm = scripted_jpeg(), scripted_pcm(seconds=0.5)
        sent_ms = SENT_MS + self.clock.monotonic_s() * 1000
        header: dict[str, Any] = {
            "seq": self.seq,
            "sent_ms": sent_ms,
            "frames": [
                {"t": sent_ms - 800, "size": len(jpeg)},
                {"t": sent_ms - 100, "size": len(jpeg)},
            ],
            "audio": [
                {"t": sent_ms - 1000, "size": len(pcm)},
                {"t": sent_ms - 500, "size": len(pcm)},
            ],
            "screen": [{"t": sent_ms - 50, "size": len(jpeg)}],
            "events": [{"id": f"e{self.seq}", "kind": "paste", "t": sent_ms - 200}],
            "state": {"visible": True, "camera": True},
        }
        self.seq += 1
        return {**header, **changes}, jpeg * 2 + pcm * 2 + jpeg

    def footprint(self) -> tuple[object, ...]:
        """Everything that a refused message may not change."""
        ring = self.ingest.ring("s1")
        state = self.ingest.contact("s1")
        assert ring is not None
        assert state is not None
        counts = {k: v for k, v in state.counters.items() if k in ("batches", "frames", "sounds")}
        return (
            ring.size_bytes,
            len(self.monitor.events),
            len(self.pool.notified),
            counts,
            state.last_batch_at_s,
            state.browser,
        )


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_a_batch_reaches_ring_mailbox_monitor_and_pool(bench: Bench) -> None:
    receipt = bench.ingest.accept_batch("s1", *bench.batch())
    assert (receipt.seq, receipt.next_seq, receipt.refused) == (0, 1, ())
    ring = bench.ingest.ring("s1")
    assert ring is not None
    evidence = ring.cut(0, 200)
    assert [round(f.at_s, 3) for f in evidence.frames] == [99.2, 99.9]
    assert [round(s.at_s, 3) for s in evidence.sounds] == [99.0, 99.5]
    assert [round(f.at_s, 3) for f in evidence.screens] == [99.95]
    waiting = bench.pool.opened["s1"][0].take()
    assert (len(waiting.frames), len(waiting.sounds)) == (2, 2)
    assert bench.pool.notified == ["s1"]
    (session_id, event) = bench.monitor.events[0]
    assert (session_id, event.event_id, event.kind) == ("s1", "e0", EventKind.PASTE)
    assert event.at_s == pytest.approx(99.8)


def test_a_repeated_seq_is_acknowledged_and_not_used_again(bench: Bench) -> None:
    batch = bench.batch()
    bench.ingest.accept_batch("s1", *batch)
    bench.pool.opened["s1"][0].take()
    before = bench.footprint()
    receipt = bench.ingest.accept_batch("s1", *batch)
    assert (receipt.seq, receipt.next_seq, receipt.is_repeat) == (0, 1, True)
    assert bench.footprint() == before


def test_a_client_that_lost_its_count_may_begin_again_right_after_start(bench: Bench) -> None:
    for _ in range(3):
        bench.ingest.accept_batch("s1", *bench.batch())
    assert bench.ingest.begin("s1").next_seq == 3
    receipt = bench.ingest.accept_batch("s1", *bench.batch(seq=0))
    assert not receipt.is_repeat
    assert bench.ingest.accept_batch("s1", *bench.batch(seq=0)).is_repeat


def test_a_gap_in_the_count_is_accepted(bench: Bench) -> None:
    assert bench.ingest.accept_batch("s1", *bench.batch(seq=7)).next_seq == 8


def test_a_bad_part_is_named_and_the_rest_is_used(bench: Bench) -> None:
    good, cut_off = scripted_jpeg(), scripted_jpeg()[:-40]
    huge = scripted_jpeg()
    at = huge.index(b"\xff\xc0")
    huge = huge[: at + 5] + b"\x27\x10\x27\x10" + huge[at + 9 :]
    parts = [good, cut_off, huge, b"\0" * 3]
    header = {
        "seq": 0,
        "sent_ms": SENT_MS,
        "frames": [{"t": SENT_MS - 10 + i, "size": len(p)} for i, p in enumerate(parts[:3])],
        "audio": [{"t": SENT_MS, "size": 3}],
        "events": [
            {"id": "x", "kind": "dance", "t": SENT_MS},
            {"id": "y", "kind": "copy", "t": 1.0},
        ],
    }
    receipt = bench.ingest.accept_batch("s1", header, b"".join(parts))
    assert [(r.part, r.index, r.code) for r in receipt.refused] == [
        ("events", 0, "invalid_input"),
        ("events", 1, "invalid_input"),
        ("frames", 1, "invalid_input"),
        ("frames", 2, "too_large"),
        ("audio", 0, "invalid_input"),
    ]
    assert all(r.message.endswith(".") for r in receipt.refused)
    ring = bench.ingest.ring("s1")
    assert ring is not None
    assert len(ring.cut(0, 200).frames) == 1


def test_sound_that_began_before_the_session_is_taken_from_its_start(bench: Bench) -> None:
    bench.ingest.open(replace(bench.session, session_id="new", started_at=bench.clock.now()))
    bench.clock.advance(0.25)
    pcm = scripted_pcm(seconds=1)
    header = {
        "seq": 0,
        "sent_ms": SENT_MS,
        "audio": [{"t": SENT_MS - ago, "size": len(pcm)} for ago in (2000, 1000)],
    }
    receipt = bench.ingest.accept_batch("new", header, pcm * 2)
    assert [(refusal.part, refusal.index) for refusal in receipt.refused] == [("audio", 0)]
    ring = bench.ingest.ring("new")
    assert ring is not None
    (sound,) = ring.cut(0, 10).sounds
    assert sound.at_s == 0
    assert sound.span_s == pytest.approx(0.25)


def test_over_five_megabytes_the_batch_is_refused_and_the_session_goes_on(bench: Bench) -> None:
    header, body = bench.batch()
    with pytest.raises(TooLarge, match="2,000,000"):
        bench.ingest.accept_batch("s1", header, bytes(5_000_000))
    assert bench.ingest.accept_batch("s1", header, body).refused == ()


@pytest.mark.parametrize(
    "change",
    [
        {"seq": -1},
        {"seq": True},
        {"seq": "0"},
        {"seq": 1.5},
        {"sent_ms": float("nan")},
        {"sent_ms": float("inf")},
        {"sent_ms": 10**400},
        {"sent_ms": None},
        {"frames": {}},
        {"frames": [{"t": 1.0, "size": 0}]},
        {"frames": [{"t": 1.0, "size": -5}]},
        {"frames": [{"t": float("-inf"), "size": 5}]},
        {"frames": [{"t": 1.0, "size": 10}] * 31},
        {"audio": None},
        {"screen": [{"t": 1.0, "size": 10}] * 4},
        {"events": [{}] * 51},
        {"state": {"visible": "yes"}},
        {"state": []},
    ],
)
def test_a_header_of_another_shape_is_refused_and_changes_nothing(
    bench: Bench, change: Mapping[str, Any]
) -> None:
    header, body = bench.batch(**change)
    before = bench.footprint()
    with pytest.raises((InvalidInput, TooLarge)):
        bench.ingest.accept_batch("s1", header, body)
    assert bench.footprint() == before


def test_a_body_of_another_length_than_announced_is_refused(bench: Bench) -> None:
    header, body = bench.batch()
    with pytest.raises(InvalidInput, match="announces"):
        bench.ingest.accept_batch("s1", header, body + b"x")


def test_an_event_counts_once_by_either_way(bench: Bench) -> None:
    bench.ingest.accept_event("s1", {"id": "e0", "kind": "paste", "t": SENT_MS})
    bench.ingest.accept_event("s1", {"id": "e0", "kind": "paste", "t": SENT_MS})
    bench.ingest.accept_batch("s1", *bench.batch())
    assert len(bench.monitor.events) == 1


def test_an_event_the_monitor_does_not_take_may_be_sent_again(bench: Bench) -> None:
    event = {"id": "a", "kind": "copy", "t": SENT_MS}
    bench.monitor.is_full = True
    with pytest.raises(Unavailable):
        bench.ingest.accept_event("s1", event)
    bench.monitor.is_full = False
    bench.ingest.accept_event("s1", event)
    assert len(bench.monitor.events) == 1


@pytest.mark.parametrize(
    "payload",
    [
        None,
        [],
        "copy",
        {},
        {"id": "", "kind": "copy", "t": 1.0},
        {"id": "x" * 65, "kind": "copy", "t": 1.0},
        {"id": "a\nb", "kind": "copy", "t": 1.0},
        {"id": 5, "kind": "copy", "t": 1.0},
        {"id": "a", "kind": {"$ne": 1}, "t": 1.0},
        {"id": "a", "kind": "copy", "t": "1"},
        {"id": "a", "kind": "copy", "t": float("nan")},
    ],
)
def test_an_event_of_another_shape_is_refused(bench: Bench, payload: object) -> None:
    with pytest.raises(InvalidInput):
        bench.ingest.accept_event("s1", payload)
    assert bench.monitor.events == []


def test_a_flood_of_events_is_refused_until_it_calms_down(bench: Bench) -> None:
    def send(index: int) -> None:
        bench.ingest.accept_event("s1", {"id": f"f{index}", "kind": "copy", "t": SENT_MS})

    for index in range(200):
        send(index)
    with pytest.raises(TooMany):
        send(200)
    bench.clock.advance(1)
    send(200)


def test_a_flood_of_batches_is_refused_and_other_sessions_are_not_touched(bench: Bench) -> None:
    bench.ingest.open(replace(bench.session, session_id="s2"))
    for seq in range(1_500):
        bench.ingest.accept_batch("s1", {"seq": seq, "sent_ms": SENT_MS}, b"")
    with pytest.raises(TooMany):
        bench.ingest.accept_batch("s1", {"seq": 1_500, "sent_ms": SENT_MS}, b"")
    bench.ingest.accept_batch("s2", *bench.batch())


def test_the_line_is_good_slow_or_down_by_the_last_contact(bench: Bench) -> None:
    def line() -> Line:
        state = bench.ingest.contact("s1")
        assert state is not None
        return state.line

    assert line() is Line.DOWN
    bench.ingest.begin("s1")
    assert line() is Line.GOOD
    bench.ingest.accept_batch("s1", *bench.batch())
    bench.clock.advance(4)
    assert line() is Line.SLOW
    bench.clock.advance(8)
    assert line() is Line.DOWN
    bench.ingest.accept_batch("s1", *bench.batch())
    assert line() is Line.GOOD
    bench.ingest.gone("s1")
    assert line() is Line.DOWN


def test_a_line_with_much_delay_is_slow(bench: Bench) -> None:
    bench.ingest.accept_batch("s1", *bench.batch())
    late = bench.batch()
    bench.clock.advance(3)
    bench.ingest.accept_batch("s1", *late)
    state = bench.ingest.contact("s1")
    assert state is not None
    assert state.line is Line.SLOW
    assert state.delay_s == pytest.approx(3)


def test_a_jump_of_the_servers_wall_clock_does_not_move_a_session(bench: Bench) -> None:
    bench.clock.jump_wall(-7_200)
    bench.ingest.accept_batch("s1", *bench.batch())
    ring = bench.ingest.ring("s1")
    assert ring is not None
    latest = ring.latest_frame()
    assert latest is not None
    assert latest.at_s == pytest.approx(99.9)


def test_a_closed_session_takes_nothing_and_keeps_its_evidence_until_released(
    bench: Bench,
) -> None:
    bench.ingest.accept_batch("s1", *bench.batch())
    bench.ingest.close("s1")
    bench.ingest.close("s1")
    with pytest.raises(Conflict):
        bench.ingest.accept_batch("s1", *bench.batch())
    ring = bench.ingest.ring("s1")
    assert ring is not None
    assert ring.latest_frame() is not None
    assert "s1" not in bench.pool.opened
    bench.ingest.release("s1")
    bench.ingest.release("unknown")
    assert bench.ingest.ring("s1") is None
    assert bench.ingest.contact("s1") is None


def test_opening_twice_keeps_the_stream(bench: Bench) -> None:
    bench.ingest.accept_batch("s1", *bench.batch())
    mailbox = bench.pool.opened["s1"][0]
    bench.ingest.open(bench.session)
    assert bench.pool.opened["s1"][0] is mailbox
    assert bench.ingest.accept_batch("s1", *bench.batch(seq=0)).is_repeat


def test_the_detectors_a_policy_has_off_are_not_asked(bench: Bench) -> None:
    assert len(bench.pool.opened["s1"][1]) == len(Detector)
    policy: dict[str, object] = {"detectors_off": ["gaze", "voice"]}
    bench.ingest.open(replace(bench.session, session_id="s2", policy=policy))
    everything = {str(detector) for detector in Detector}
    assert bench.pool.opened["s2"][1] == everything - {"gaze", "voice"}
    bench.ingest.open(replace(bench.session, session_id="s3", policy={"odd": 1}))
    assert bench.pool.opened["s3"][1] == everything


def test_a_stopping_server_takes_nothing(bench: Bench) -> None:
    bench.ingest.stop()
    with pytest.raises(Unavailable):
        bench.ingest.accept_batch("s1", *bench.batch())


def test_nothing_is_taken_for_a_session_that_was_never_opened(bench: Bench) -> None:
    with pytest.raises(Conflict):
        bench.ingest.accept_event("nobody", {"id": "a", "kind": "copy", "t": 1.0})


def test_what_comes_after_newer_things_keeps_its_own_time_and_waits_beside_them(
    bench: Bench,
) -> None:
    bench.ingest.begin("s1", "count")
    batches = []
    for _ in range(4):
        batches.append(bench.batch())
        bench.clock.advance(10)
    for header, body in (batches[3], batches[1]):
        header["sent_ms"] = SENT_MS + bench.clock.monotonic_s() * 1000
        assert bench.ingest.accept_batch("s1", header, body).refused == ()
    live, late = (bench.pool.opened[lane][0].take() for lane in ("s1", late_lane("s1")))
    assert [round(frame.at_s, 1) for frame in live.frames] == [129.2, 129.9]
    assert [round(frame.at_s, 1) for frame in late.frames] == [109.2, 109.9]
    assert bench.pool.notified[-1] == late_lane("s1")


def test_a_late_batch_waits_at_the_client_while_much_that_is_late_waits_here(
    bench: Bench,
) -> None:
    bench.ingest.begin("s1", "count")
    first = bench.batch()
    bench.ingest.accept_batch("s1", *bench.batch(seq=90))
    bench.pool.opened[late_lane("s1")][0].put(sounds=[Sound(1, bytes(32_000 * 40))])
    with pytest.raises(TooMany):
        bench.ingest.accept_batch("s1", *first)
    bench.pool.opened[late_lane("s1")][0].take()
    assert not bench.ingest.accept_batch("s1", *first).is_repeat


def test_the_receipt_says_what_may_be_erased(bench: Bench) -> None:
    bench.ingest.begin("s1", "count")
    bench.ingest.accept_batch("s1", *bench.batch())
    bench.clock.advance(1)
    receipt = bench.ingest.accept_batch("s1", *bench.batch())
    assert (receipt.settled_seq, receipt.settled_ms) == (0, None)
    bench.ingest.settle("s1", 100.5)
    receipt = bench.ingest.accept_batch("s1", *bench.batch())
    assert receipt.settled_seq == 1
    assert receipt.settled_ms == pytest.approx(SENT_MS + 1_100_500)


def test_evidence_that_may_be_asked_for_stays_while_newer_things_come(bench: Bench) -> None:
    ring = bench.ingest.ring("s1")
    assert ring is not None
    ring.hold(50.0)
    bench.ingest.accept_batch("s1", *bench.batch())
    bench.clock.advance(400)
    bench.ingest.accept_batch("s1", *bench.batch())
    assert len(ring.cut(99, 101).frames) == 2
    bench.ingest.settle("s1", 300)
    assert ring.cut(99, 101).frames == ()


def test_after_a_restart_what_is_live_does_not_crowd_out_what_comes_again(bench: Bench) -> None:
    bench.ingest.begin("s1", "count")
    first = bench.batch()
    bench.ingest.accept_batch("s1", *first)
    restarted = Ingest(Settings.model_validate({}), bench.clock, bench.pool, bench.monitor)
    bench.clock.advance(200)
    restarted.open(bench.session)
    restarted.begin("s1", "count")
    restarted.accept_batch("s1", *bench.batch())
    restarted.accept_batch("s1", *first)
    ring = restarted.ring("s1")
    assert ring is not None
    assert len(ring.cut(99, 101).frames) == 2
    restarted.settle("s1", 290)
    assert ring.cut(99, 101).frames == ()


def test_the_same_count_goes_on_after_a_new_connection(bench: Bench) -> None:
    began = bench.ingest.begin("s1", "count")
    assert began.next_seq == 0
    first = bench.batch()
    bench.ingest.accept_batch("s1", *first)
    again = bench.ingest.begin("s1", "count")
    assert (again.next_seq, again.run) == (1, began.run)
    assert bench.ingest.accept_batch("s1", *first).is_repeat
    assert bench.ingest.begin("s1", "another").next_seq == 0


def test_what_is_sent_again_to_another_server_falls_on_the_instants_it_had(bench: Bench) -> None:
    bench.ingest.begin("s1", "count")
    header, body = bench.batch()
    receipt = bench.ingest.accept_batch("s1", header, body)
    ring = bench.ingest.ring("s1")
    assert ring is not None
    before = [frame.at_s for frame in ring.cut(0, 200).frames]
    other = Bench()
    other.ingest.begin("s1", "count", receipt.offset_ms)
    other.clock.advance(30)
    # This message is slow, and would alone be taken for a difference of the clocks.
    header["sent_ms"] += 29_400
    other.ingest.accept_batch("s1", header, body)
    again = other.ingest.ring("s1")
    assert again is not None
    assert [frame.at_s for frame in again.cut(0, 200).frames] == pytest.approx(before)


def test_an_event_of_a_cut_line_has_its_time_before_any_batch(bench: Bench) -> None:
    bench.ingest.begin("s1", "count", sent_ms=SENT_MS)
    bench.ingest.accept_event("s1", {"id": "a", "kind": "copy", "t": SENT_MS - 20_000})
    assert bench.monitor.events[0][1].at_s == pytest.approx(80)


def test_a_clock_that_contradicts_itself_is_recorded(bench: Bench) -> None:
    bench.ingest.begin("s1", "count")
    receipt = bench.ingest.accept_batch("s1", *bench.batch())
    bench.clock.advance(1)
    header, body = bench.batch()
    heard = {"server_ms": receipt.server_ms, "t": header["sent_ms"] - 60_000}
    bench.ingest.accept_batch("s1", {**header, "heard": heard}, body)
    state = bench.ingest.contact("s1")
    assert state is not None
    assert state.clock_lies == 1


def test_the_page_says_why_it_could_not_capture(bench: Bench) -> None:
    header, body = bench.batch()
    sent_ms = header["sent_ms"]
    asleep = {"from_ms": sent_ms - 50_000, "to_ms": sent_ms - 10_000, "cause": "asleep"}
    bench.ingest.accept_batch("s1", {**header, "absences": [asleep]}, body)
    state = bench.ingest.contact("s1")
    assert state is not None
    (absence,) = state.absences
    assert (round(absence.from_s), round(absence.to_s), absence.cause) == (50, 90, "asleep")


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=10), inner, max_size=5)
    ),
    max_leaves=20,
)
FIELDS = ("seq", "sent_ms", "frames", "audio", "screen", "events", "state")
PARTS = st.lists(
    st.fixed_dictionaries({"t": st.floats() | st.integers(), "size": st.integers(-2, 60)}),
    max_size=4,
)
HEADERS = JSON_VALUES | st.fixed_dictionaries(
    {"seq": st.integers(-1, 9) | JSON_VALUES, "sent_ms": st.floats(0, 1e14) | JSON_VALUES},
    optional={
        "frames": PARTS | JSON_VALUES,
        "audio": PARTS | JSON_VALUES,
        "screen": PARTS | JSON_VALUES,
        "events": st.lists(JSON_VALUES, max_size=4) | JSON_VALUES,
        "state": st.dictionaries(st.sampled_from(["visible", "x"]), JSON_VALUES) | JSON_VALUES,
    },
)


@hypothesis_settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(HEADERS, st.binary(max_size=200) | JSON_VALUES)
def test_garbage_raises_nothing_but_our_own_errors_and_changes_nothing(
    header: object, body: object
) -> None:
    bench = Bench()
    bench.ingest.accept_batch("s1", *bench.batch())
    before = bench.footprint()
    refusal = ""
    try:
        bench.ingest.accept_batch("s1", header, body)
    except CandorError as error:
        refusal = error.message
    if refusal:
        assert refusal.endswith(".")
        assert bench.footprint() == before
        assert bench.ingest.accept_batch("s1", *bench.batch()).refused == ()


@hypothesis_settings(max_examples=100, deadline=None)
@given(JSON_VALUES, st.binary(max_size=50))
def test_garbage_events_raise_nothing_but_our_own_errors(payload: object, blob: bytes) -> None:
    bench = Bench()
    for event in (payload, blob, {"id": payload, "kind": payload, "t": payload}):
        with pytest.raises(CandorError):
            bench.ingest.accept_event("s1", event)
    assert bench.monitor.events == []
