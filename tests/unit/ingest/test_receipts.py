from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.intake.receipts import Receipts
from app.intake.seen import HOLE_S, Seen


def test_batches_may_come_in_any_order_and_each_counts_once() -> None:
    receipts = Receipts()
    for seq in (5, 2, 9, 3):
        assert not receipts.has(seq)
        receipts.take(seq, float(seq))
        assert receipts.has(seq)
    assert receipts.next_seq == 10
    assert not receipts.has(4)


def test_only_what_is_newer_than_everything_before_is_live() -> None:
    receipts = Receipts()
    receipts.take(7, 7.0)
    assert receipts.is_live(8)
    assert not receipts.is_live(6)


def test_the_settled_mark_stops_at_the_first_batch_that_may_still_be_asked_for() -> None:
    receipts = Receipts()
    for seq in range(10):
        receipts.take(seq, float(seq))
    assert receipts.settled_seq == 0
    receipts.settle(4.5)
    assert receipts.settled_seq == 5
    receipts.settle(99)
    assert receipts.settled_seq == 10


def test_a_late_batch_holds_the_mark_until_it_is_settled() -> None:
    receipts = Receipts()
    receipts.take(0, 0.0)
    receipts.take(50, 50.0)
    receipts.take(20, 20.0)
    receipts.settle(10)
    assert receipts.settled_seq == 20
    receipts.settle(51)
    assert receipts.settled_seq == 51


@given(st.lists(st.integers(0, 60)))
def test_what_was_received_is_known_in_any_order(seqs: list[int]) -> None:
    receipts, known = Receipts(), set()
    for seq in seqs:
        assert receipts.has(seq) == (seq in known)
        receipts.take(seq, 0.0)
        known.add(seq)
    assert [seq for seq in range(70) if receipts.has(seq)] == sorted(known)


def test_holes_are_what_nothing_was_seen_of() -> None:
    seen = Seen()
    for at_s in (0, 1, 2, 3, 20, 21, 22, 23):
        seen.add(at_s, at_s)
    assert seen.holes(30) == ((3, 20), (23, 30))
    assert seen.holes(25) == ((3, 20),)


def test_what_comes_late_fills_its_hole() -> None:
    seen = Seen([(0, 3), (20, 30)])
    for at_s in range(4, 20):
        seen.add(at_s, at_s)
    assert list(seen.spans) == [(0, 30)]
    assert seen.holes(31) == ()


@pytest.mark.parametrize("until_s", [2.0, 3.0])
def test_a_session_that_has_just_begun_has_no_hole(until_s: float) -> None:
    assert Seen().holes(until_s) == ()


@given(st.lists(st.floats(0, 200), max_size=60))
def test_spans_do_not_depend_on_the_order_of_arrival(instants: list[float]) -> None:
    forward, backward = Seen(), Seen()
    for at_s in sorted(instants):
        forward.add(at_s, at_s)
    for at_s in instants:
        backward.add(at_s, at_s)
    assert forward.spans == backward.spans
    gaps = [b[0] - a[1] for a, b in zip(forward.spans, forward.spans[1:], strict=False)]
    assert all(gap > HOLE_S for gap in gaps)
