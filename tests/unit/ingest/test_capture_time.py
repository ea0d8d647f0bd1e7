from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import InvalidInput
from app.intake.capture_time import MAX_AGE_S, CaptureTime, InOrder

CLIENT_MS = 1_700_000_000_000.0


def test_the_fastest_message_settles_the_clocks_difference() -> None:
    capture = CaptureTime()
    capture.received(CLIENT_MS, now_s=10.4)
    capture.received(CLIENT_MS + 1_000, now_s=11.1)
    capture.received(CLIENT_MS + 2_000, now_s=14.0)
    assert capture.at_s(CLIENT_MS + 1_500, now_s=14.0) == pytest.approx(11.6)
    assert capture.delay_s == pytest.approx(1.9)


def test_nothing_is_in_the_future_and_sound_ends_by_now() -> None:
    capture = CaptureTime()
    capture.received(CLIENT_MS, now_s=10)
    assert capture.at_s(CLIENT_MS + 60_000, now_s=10) == 10
    assert capture.at_s(CLIENT_MS, now_s=10, span_s=1) == 9


def test_what_was_captured_long_ago_is_refused() -> None:
    capture = CaptureTime()
    now_s = MAX_AGE_S + 100
    capture.received(CLIENT_MS, now_s)
    assert capture.at_s(CLIENT_MS - MAX_AGE_S * 1_000, now_s) == pytest.approx(100)
    with pytest.raises(InvalidInput, match="3600 s"):
        capture.at_s(CLIENT_MS - MAX_AGE_S * 1_000 - 1, now_s)


def test_what_was_captured_before_the_session_is_refused() -> None:
    capture = CaptureTime()
    capture.received(CLIENT_MS, now_s=1)
    with pytest.raises(InvalidInput, match="before the session"):
        capture.at_s(CLIENT_MS - 1_001, now_s=1)


def test_a_clock_that_runs_slow_is_followed() -> None:
    capture = CaptureTime()
    for second in range(3_600):
        capture.received(CLIENT_MS + second * 999.9, now_s=second)
    assert capture.at_s(CLIENT_MS + 3_599 * 999.9, now_s=3_599) == pytest.approx(3_599, abs=0.05)


def test_before_any_message_an_event_is_now() -> None:
    assert CaptureTime().at_s(CLIENT_MS, now_s=5) == 5


def test_a_new_page_with_another_clock_is_learnt_anew() -> None:
    capture = CaptureTime()
    capture.received(CLIENT_MS, now_s=10)
    capture.forget()
    capture.received(CLIENT_MS - 3_600_000, now_s=20)
    assert capture.at_s(CLIENT_MS - 3_600_500, now_s=20) == pytest.approx(19.5)


def test_a_clock_that_jumped_back_is_learnt_anew() -> None:
    capture = CaptureTime()
    capture.received(CLIENT_MS, now_s=100)
    for second in range(101, 106):
        capture.received(CLIENT_MS + second * 1_000 - 3_600_000, now_s=second)
    assert capture.at_s(CLIENT_MS + 105_000 - 3_600_500, now_s=105) == pytest.approx(104.5)
    assert capture.delay_s == 0


def test_many_at_one_instant_never_reach_into_the_future() -> None:
    order = InOrder(5)
    assert [order.place(9.9995, 10.001) for _ in range(2)] == pytest.approx([9.9995, 10.0005])
    with pytest.raises(InvalidInput, match="same instant"):
        order.place(9.9995, 10.001)


@given(st.lists(st.floats(0, 100), min_size=1, max_size=40))
def test_a_stream_only_rises(instants: list[float]) -> None:
    order, placed = InOrder(5), []
    for at_s in instants:
        try:
            placed.append(order.place(at_s, now_s=101))
        except InvalidInput:
            assert at_s < placed[-1] - 5
    assert placed == sorted(set(placed))
