"""Confirm rates and the points that would fit, or that nothing can be told."""

from __future__ import annotations

import pytest

from app.review.rates import DecidedFlag, rates_of, wilson

pytestmark = pytest.mark.room


def flags(count: int, confirmed: int, **points: float) -> list[DecidedFlag]:
    return [DecidedFlag("math", n < confirmed, points) for n in range(count)]


def test_a_few_decisions_tell_nothing() -> None:
    (rate,) = rates_of(flags(9, 9, phone=10), {"phone": 10})
    assert (rate.rate, rate.suggested) == (1.0, None)
    assert rate.says == "Too few decisions to tell: 9.0 of 20."


def test_a_rule_that_is_confirmed_less_often_gets_fewer_points_and_the_other_more() -> None:
    found = rates_of(
        [*flags(60, 54, phone=10), *flags(60, 12, speech=3)], {"phone": 10, "speech": 3}
    )
    by_name = {rate.name: rate for rate in found}
    assert by_name["phone"].rate == pytest.approx(0.9)
    assert by_name["speech"].rate == pytest.approx(0.2)
    assert by_name["phone"].suggested == 15.0
    assert by_name["speech"].suggested == 1.5
    assert "less often" in by_name["speech"].says


def test_points_that_fit_are_left_alone() -> None:
    found = rates_of([*flags(40, 20, phone=10), *flags(40, 22, speech=3)], {"phone": 10})
    assert [rate.suggested for rate in found] == [None, None]
    assert all("the points fit" in rate.says for rate in found)


def test_a_flag_counts_for_its_rules_by_their_share_of_the_points() -> None:
    phone, look = rates_of(flags(30, 15, phone=10, looking_away=2), {})
    assert (phone.name, phone.decided) == ("phone", 25.0)
    assert (look.decided, look.confirmed, look.flags) == (5.0, 2.5, 30)


def test_nothing_decided_is_nothing_to_show_and_divides_nothing_by_zero() -> None:
    assert rates_of([], {"phone": 10}) == []
    (rate,) = rates_of(flags(40, 0, phone=10), {"phone": 10})
    assert (rate.rate, rate.suggested) == (0.0, None)


def test_wilson_is_the_textbook_interval() -> None:
    low, high = wilson(8, 10)
    assert (round(low, 3), round(high, 3)) == (0.490, 0.943)
    assert wilson(0, 0) == (0.0, 1.0)
