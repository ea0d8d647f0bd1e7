from __future__ import annotations

from app.intake.lanes import late_lane
from app.intake.mailbox import Mailbox
from app.pool.roster import Roster, patience_for
from detectors.messages import CloseSession, Frame

ALL = frozenset({"face"})


def roster_of(workers: int, ready: int | None = None) -> Roster:
    roster = Roster(workers)
    for seat in roster.seats[: workers if ready is None else ready]:
        roster.arrive(seat)
    return roster


def open_sessions(roster: Roster, count: int) -> list[str]:
    names = [f"s{index}" for index in range(count)]
    for name in names:
        roster.open(name, Mailbox(2), ALL)
    return names


def seat_of(roster: Roster, session_id: str) -> int:
    served = roster.get(session_id)
    assert served is not None
    return served.seat.index


def test_sessions_are_spread_over_the_workers() -> None:
    roster = roster_of(3)
    names = open_sessions(roster, 6)
    assert sorted(seat_of(roster, name) for name in names) == [0, 0, 1, 1, 2, 2]


def test_a_worker_that_is_ready_is_preferred() -> None:
    roster = roster_of(3, ready=0)
    roster.arrive(roster.seats[2])
    open_sessions(roster, 2)
    assert seat_of(roster, "s0") == seat_of(roster, "s1") == 2


def test_turns_go_round_and_a_busy_session_waits_behind_the_others() -> None:
    roster = roster_of(1)
    open_sessions(roster, 3)
    seat = roster.seats[0]
    for name in ("s0", "s1", "s2", "s0"):
        roster.queue(name, 0)
    served = []
    for _ in range(4):
        turn = roster.next(seat)
        if turn is not None:
            served.append(turn.session_id)
            if len(served) == 1:
                roster.queue("s0", 0)
    assert served == ["s0", "s1", "s2", "s0"]
    assert roster.next(seat) is None


def test_opening_again_keeps_the_worker_and_takes_the_new_mailbox() -> None:
    roster, mailbox = roster_of(2), Mailbox(2)
    open_sessions(roster, 1)
    before = seat_of(roster, "s0")
    served = roster.open("s0", mailbox, ALL)
    assert served.mailbox is mailbox
    assert served.seat.index == before
    assert sum(seat.load for seat in roster.seats) == 1


def test_a_closed_session_has_no_turn_and_its_worker_is_told() -> None:
    roster = roster_of(1)
    open_sessions(roster, 1)
    roster.queue("s0", 0)
    roster.close("s0")
    assert roster.next(roster.seats[0]) is None
    assert roster.seats[0].outbox == [CloseSession("s0")]
    assert roster.seats[0].load == 0
    assert roster.close("s0") is None


def test_a_short_loss_moves_nobody() -> None:
    roster = roster_of(2)
    open_sessions(roster, 4)
    assert roster.leave(roster.seats[0], is_long=False) == []
    assert [seat.load for seat in roster.seats] == [2, 2]


def test_a_long_loss_moves_the_sessions_with_their_turns() -> None:
    roster = roster_of(2)
    names = open_sessions(roster, 4)
    lost = roster.seats[0]
    moved = [name for name in names if seat_of(roster, name) == 0]
    roster.queue(moved[0], 0)
    woken = roster.leave(lost, is_long=True)
    assert woken == [roster.seats[1]] * 2
    assert [seat.load for seat in roster.seats] == [0, 4]
    turn = roster.next(roster.seats[1])
    assert turn is not None
    assert turn.session_id == moved[0]
    assert roster.next(lost) is None


def test_when_all_are_lost_the_first_that_is_back_serves_everybody() -> None:
    roster = roster_of(2)
    names = open_sessions(roster, 4)
    for seat in roster.seats:
        roster.leave(seat, is_long=True)
    for name in names:
        served = roster.get(name)
        assert served is not None
        served.mailbox.put([Frame(1.0, b"jpeg")])
        roster.queue(name, 0)
    roster.arrive(roster.seats[1])
    turns = [roster.next(roster.seats[1]) for _ in range(4)]
    assert sorted(turn.session_id for turn in turns if turn) == names


def test_a_session_that_ends_workers_again_and_again_is_set_aside() -> None:
    roster = roster_of(1)
    open_sessions(roster, 2)
    assert roster.strike("s0", 0) == 0
    assert roster.strike("s0", 1) == 0
    assert roster.strike("s0", 2) == 60
    assert roster.queue("s0", 30) is None
    assert roster.queue("s1", 30) is not None
    assert roster.queue("s0", 63) is not None
    assert roster.strike("s0", 63) == 120


def test_thumbnails_are_made_only_for_those_asked_for_and_not_too_often() -> None:
    roster = roster_of(1)
    served = roster.open("s0", Mailbox(2), ALL)
    assert not roster.wants_thumbnail(served, 0)
    roster.want_thumbnails(frozenset({"s0"}))
    assert roster.wants_thumbnail(served, 0)
    assert not roster.wants_thumbnail(served, 1.9)
    assert roster.wants_thumbnail(served, 2)


def test_what_comes_late_takes_no_workers_place_from_what_is_live() -> None:
    roster = roster_of(2)
    for number in range(6):
        for lane in (f"s{number}", late_lane(f"s{number}")):
            roster.open(lane, Mailbox(2.0), frozenset())
    live = [seat_of(roster, f"s{number}") for number in range(6)]
    late = [seat_of(roster, late_lane(f"s{number}")) for number in range(6)]
    assert sorted(live) == sorted(late) == [0, 0, 0, 1, 1, 1]
    for number in range(6):
        roster.close(f"s{number}")
    assert [seat.load for seat in roster.seats] == [0, 0]


def test_what_is_optional_waits_longer_the_longer_the_line_is() -> None:
    waits = [0.0, 0.2, 0.5, 1.0, 2.0, 60.0]
    found = [patience_for(each) for each in waits]
    assert found[:2] == [1.0, 1.0]
    assert found == sorted(found)
    assert 1.0 < found[2] < found[3] < found[4] == found[5] <= 3.0
