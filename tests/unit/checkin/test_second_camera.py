"""A phone as second camera: how it is joined, what it may do, and how its link dies."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from app.checkin.consent import MOST_ROOM_PICTURES
from app.checkin.phone_links import CODE_S, SECRET_S, PhoneOver, PhoneReplaced
from app.checkin.second_camera import FRESH_S, STILLS_BURST, SecondCameras
from app.errors import CandorError, InvalidInput, NotAuthenticated, NotFound, TooMany
from app.intake.lanes import phone_lane, session_of
from app.intake.mailbox import Mailbox
from detectors.messages import AnalysisResult, Box, Overlay
from scoring.model import Detector, Observation
from tests.fakes import FakeClock
from tests.scripted_media import scripted_jpeg

PICTURE = scripted_jpeg()
BOOK = Box(0.1, 0.2, 0.3, 0.4, "book", 0.8)
FACE = Box(0.4, 0.1, 0.2, 0.3, "face", 0.9)


@dataclass
class Room:
    """Second cameras with a pool that only remembers, and what was told."""

    clock: FakeClock = field(default_factory=FakeClock)
    served: dict[str, Mailbox] = field(default_factory=dict)
    notified: list[str] = field(default_factory=list)
    told: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.cameras = SecondCameras(self.clock, self, lambda *news: self.told.append(news))

    def open(self, session_id: str, mailbox: Mailbox, detectors: frozenset[str]) -> None:
        assert detectors == {"objects"}
        self.served[session_id] = mailbox

    def close(self, session_id: str) -> None:
        self.served.pop(session_id, None)

    def notify(self, session_id: str) -> None:
        self.notified.append(session_id)

    def join(self, session_id: str = "s1", *, keeps: bool = True) -> str:
        code = self.cameras.offer(session_id, keeps=keeps)
        claimed, secret = self.cameras.claim(code)
        assert claimed == session_id
        return secret

    def send(self, secret: str, jpeg: bytes = PICTURE) -> int:
        """A second passes and the phone sends a still. Returns its number."""
        self.clock.advance(1)
        return int(self.cameras.take(self.cameras.caller(secret), jpeg)["still"])

    def judge(self, *boxes: Box, session_id: str = "s1", label: str = "clear") -> None:
        """The detectors answer about the oldest still that waits for them."""
        lane = phone_lane(session_id)
        for frame in self.served[lane].take().frames:
            seen = Observation(Detector.OBJECTS, frame.at_s, (label,))
            overlay = Overlay(frame.at_s, boxes)
            self.cameras.observe(AnalysisResult(1, lane, (seen,), overlay))


def test_a_code_joins_one_phone_and_is_spent() -> None:
    room = Room()
    code = room.cameras.offer("s1", keeps=False)
    assert room.cameras.shown("s1") == {"state": "offered", "phones": 0, "still": 0, "boxes": []}
    spaced = f" {code[:5].lower()}-{code[5:].lower()} "
    session_id, secret = room.cameras.claim(spaced)
    assert (session_id, room.cameras.caller(secret).kind) == ("s1", "phone")
    shown = room.cameras.shown("s1")
    assert shown is not None
    assert (shown["state"], shown["phones"]) == ("joined", 1)
    with pytest.raises(NotFound):
        room.cameras.claim(code)


def test_a_code_that_is_late_or_has_been_replaced_joins_nobody() -> None:
    room = Room()
    old = room.cameras.offer("s1", keeps=False)
    new = room.cameras.offer("s1", keeps=False)
    with pytest.raises(NotFound):
        room.cameras.claim(old)
    room.clock.advance(CODE_S)
    assert room.cameras.shown("s1") is None
    with pytest.raises(NotFound):
        room.cameras.claim(new)
    for nonsense in ("", "0", "A" * 10_000, "\ud800" * 10, "ÀÉ½"):
        with pytest.raises(NotFound):
            room.cameras.claim(nonsense)


def test_a_second_phone_replaces_the_first_and_both_sides_can_tell() -> None:
    room = Room()
    first = room.join()
    room.send(first)
    room.judge(BOOK)
    second = room.join()
    shown = room.cameras.shown("s1")
    assert shown == {"state": "joined", "phones": 2, "still": 0, "boxes": []}
    with pytest.raises(PhoneReplaced):
        room.cameras.caller(first)
    assert room.send(second) == 1


def test_a_phone_let_go_between_two_requests_adds_nothing() -> None:
    room = Room()
    caller = room.cameras.caller(room.join())
    room.join()
    with pytest.raises(PhoneReplaced):
        room.cameras.take(caller, PICTURE)


def test_the_link_dies_with_the_scan_and_after_half_an_hour() -> None:
    room = Room()
    secret = room.join()
    room.send(secret)
    room.cameras.over("s1")
    assert room.served == {}
    assert room.cameras.shown("s1") is None
    with pytest.raises(PhoneOver):
        room.cameras.caller(secret)
    with pytest.raises(NotFound):
        room.cameras.still("s1", 1)
    late = room.join()
    room.clock.advance(SECRET_S)
    assert not room.cameras.is_joined("s1")
    with pytest.raises(PhoneOver):
        room.cameras.caller(late)


def test_what_was_never_a_phones_secret_opens_nothing() -> None:
    room = Room()
    code = room.cameras.offer("s1", keeps=False)
    for secret in ("", code, "x" * 10_000, "\ud800", "s1"):
        with pytest.raises(NotAuthenticated):
            room.cameras.caller(secret)


def test_a_still_goes_to_its_own_session_only_and_to_a_lane_of_its_own() -> None:
    room = Room()
    mine, other = room.join("s1"), room.join("s2")
    room.send(mine)
    assert room.notified == [phone_lane("s1")]
    assert session_of(room.notified[0]) == "s1"
    assert room.cameras.still("s1", 1) == PICTURE
    with pytest.raises(NotFound):
        room.cameras.still("s2", 1)
    assert room.send(other) == 1


def test_what_is_pointed_out_is_shown_with_the_very_picture_it_is_in() -> None:
    room = Room()
    secret = room.join()
    room.send(secret)
    room.judge(BOOK, FACE)
    room.send(secret)
    shown = room.cameras.shown("s1")
    assert shown is not None
    assert (shown["state"], shown["still"]) == ("live", 1)
    assert [box["label"] for box in shown["boxes"]] == ["book"]
    assert room.told[-1] == ("s1", ("book",))
    told = room.cameras.of_phone(room.cameras.caller(secret))
    assert (told["still"], told["judged"], told["boxes"]) == (2, 1, shown["boxes"])


def test_a_verdict_that_is_late_does_not_freeze_the_picture() -> None:
    room = Room()
    secret = room.join()
    room.send(secret)
    room.judge(BOOK)
    room.clock.advance(FRESH_S)
    number = room.send(secret)
    shown = room.cameras.shown("s1")
    assert shown is not None
    assert (shown["still"], shown["boxes"]) == (number, [])


def test_a_verdict_on_the_phone_before_is_not_taken_for_one_on_this() -> None:
    room = Room()
    room.send(room.join())
    frame = room.served[phone_lane("s1")].take().frames[0]
    room.clock.advance(1)
    room.join()
    seen = Observation(Detector.OBJECTS, frame.at_s, ("phone",))
    room.cameras.observe(AnalysisResult(1, phone_lane("s1"), (seen,), Overlay(frame.at_s, (BOOK,))))
    assert room.told[-1] == ("s1", ())
    shown = room.cameras.shown("s1")
    assert shown is not None
    assert shown["still"] == 0


@pytest.mark.parametrize(
    "jpeg", [b"", b"GIF89a", PICTURE[:-2], b"\xff\xd8" + b"\xff" * 300_000, bytes(500_000)]
)
def test_what_is_not_a_picture_is_refused_and_counts_for_nothing(jpeg: bytes) -> None:
    room = Room()
    secret = room.join()
    with pytest.raises(CandorError):
        room.send(secret, jpeg)
    assert room.send(secret) == 1
    with pytest.raises(InvalidInput):
        room.send(secret, b"\xff\xd8garbage\xff\xd9")


def test_a_phone_that_sends_without_pause_is_slowed_down() -> None:
    room = Room()
    caller = room.cameras.caller(room.join())
    for _ in range(int(STILLS_BURST)):
        room.cameras.take(caller, PICTURE)
    with pytest.raises(TooMany):
        room.cameras.take(caller, PICTURE)
    room.clock.advance(1)
    room.cameras.take(caller, PICTURE)


def test_some_pictures_may_be_kept_however_long_the_scan_is() -> None:
    room = Room()
    secret = room.join()
    for second in range(200):
        room.send(secret)
        room.judge(*((replace(BOOK, label="phone"),) if second == 101 else ()))
    kept = room.cameras.may_be_kept("s1")
    assert 6 <= len(kept) <= MOST_ROOM_PICTURES
    assert [still.number for still in kept] == sorted({still.number for still in kept})
    assert any(still.things == ("phone",) for still in kept)
    assert kept[-1].number - kept[0].number > 120


def test_where_the_exam_keeps_nothing_no_picture_is_put_aside() -> None:
    room = Room()
    secret = room.join(keeps=False)
    for _ in range(5):
        room.send(secret)
        room.judge(BOOK)
    assert room.cameras.may_be_kept("s1") == ()
