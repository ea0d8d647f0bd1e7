"""Screen events: what is one occurrence, and how long it lasts."""

from __future__ import annotations

from scoring.model import EventKind, Rule, ScreenEvent
from scoring.policy import Policy, standard_policy
from scoring.replay import replay
from tests.unit.scoring.streams import points, spans


def events(*happened: tuple[float, EventKind]) -> list[ScreenEvent]:
    return [ScreenEvent(f"e{n}", kind, at_s) for n, (at_s, kind) in enumerate(happened)]


def costs(*happened: tuple[float, EventKind], policy: Policy | None = None) -> list[float]:
    ledger = replay(policy or standard_policy(), events(*happened), 60)
    return [cost for _, cost, _, _ in points(ledger)]


def test_hidden_and_blurred_before_a_return_are_one_change_of_focus() -> None:
    hidden, blurred = EventKind.TAB_HIDDEN, EventKind.WINDOW_BLUR
    returned = EventKind.FOCUS_RETURNED
    assert costs((1, hidden), (1, blurred), (2, hidden), (5, returned)) == [4]
    assert costs((1, blurred), (1, hidden)) == [4]
    assert costs((1, hidden), (2, returned), (3, blurred), (4, returned)) == [4, 4]
    assert costs((1, returned), (2, returned)) == []


def test_a_return_and_a_loss_of_one_millisecond_are_in_that_order() -> None:
    kinds = (EventKind.TAB_HIDDEN, EventKind.FOCUS_RETURNED, EventKind.TAB_HIDDEN)
    assert costs((1, kinds[0]), (5, kinds[2]), (5, kinds[1])) == [4, 4]


def test_a_copy_means_that_focus_is_back_even_if_the_return_was_lost() -> None:
    ledger = replay(
        standard_policy(),
        events((1, EventKind.TAB_HIDDEN), (9, EventKind.COPY), (12, EventKind.WINDOW_BLUR)),
        60,
    )
    assert spans(ledger, Rule.FOCUS_CHANGE) == [(1.0, 9.0), (12.0, 60.0)]
    assert [cost for _, cost, _, _ in points(ledger)] == [4, 5, 4]


def test_copy_cut_and_paste_are_acts_of_their_own() -> None:
    assert costs((1, EventKind.COPY), (1.2, EventKind.CUT), (1.4, EventKind.PASTE)) == [5, 5, 5]


def test_leaving_fullscreen_costs_four_and_entering_it_nothing() -> None:
    assert costs((1, EventKind.FULLSCREEN_EXIT), (2, EventKind.FULLSCREEN_ENTER)) == [4]


def test_sharing_the_screen_is_no_rule() -> None:
    assert costs((1, EventKind.SHARE_STOPPED), (2, EventKind.SHARE_STARTED)) == []


def test_an_event_reported_twice_is_one_even_with_another_time() -> None:
    twice = [
        ScreenEvent("same", EventKind.PASTE, 12.0),
        ScreenEvent("same", EventKind.PASTE, 11.0),
        ScreenEvent("same", EventKind.PASTE, 12.0),
    ]
    for order in (twice, twice[::-1]):
        ledger = replay(standard_policy(), order, 60)
        assert [(v.start_s, v.event_id) for v in ledger.violations] == [(11.0, "same")]


def test_a_rule_may_leave_the_blur_out() -> None:
    policy = standard_policy().with_rule(Rule.FOCUS_CHANGE, events=(EventKind.TAB_HIDDEN,))
    happened = ((1, EventKind.WINDOW_BLUR), (1.1, EventKind.TAB_HIDDEN))
    assert costs(*happened, policy=policy) == [4]
    assert costs(happened[0], policy=policy) == []


def test_a_cooldown_makes_a_second_paste_free() -> None:
    policy = standard_policy().with_rule(Rule.CLIPBOARD, cooldown_s=10)
    pastes = [(at_s, EventKind.PASTE) for at_s in (1.0, 5.0, 11.0, 12.0)]
    assert costs(*pastes, policy=policy) == [5, 5]


def test_what_happens_before_the_start_or_after_the_end_is_not_scored() -> None:
    assert costs((-0.5, EventKind.PASTE), (60, EventKind.PASTE), (99, EventKind.PASTE)) == []
