"""The moving average: how time is cut into pieces changes neither the score nor the alerts."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from scoring.findings import Findings
from scoring.focus import FocusAverage
from scoring.policy import standard_policy


def averaged(pieces: list[tuple[int, int, int]], end_ms: int) -> tuple[object, Findings]:
    average, found = FocusAverage(standard_policy()), Findings()
    for from_ms, to_ms, value in pieces:
        average.feed(from_ms, to_ms, value, found)
    average.reach(end_ms, found)
    return average.save(), found


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 90_000),
            st.integers(1, 40_000),
            st.sampled_from((0, 3_000, 4_200, 6_000, 7_750, 10_000)),
        ),
        max_size=8,
    ),
    st.lists(st.integers(80, 4_000), min_size=1, max_size=20),
)
def test_a_long_stretch_at_once_is_the_same_as_bit_by_bit(
    stretches: list[tuple[int, int, int]], cuts: list[int]
) -> None:
    whole: list[tuple[int, int, int]] = []
    bits: list[tuple[int, int, int]] = []
    at_ms = number = 0
    for gap_ms, length_ms, value in stretches:
        at_ms += gap_ms
        end_ms = at_ms + length_ms
        whole.append((at_ms, end_ms, value))
        while at_ms < end_ms:
            to_ms = min(end_ms, at_ms + cuts[number % len(cuts)])
            bits.append((at_ms, to_ms, value))
            at_ms, number = to_ms, number + 1
    assert averaged(whole, at_ms + 777) == averaged(bits, at_ms + 777)
