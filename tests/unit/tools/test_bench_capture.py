"""The figures of the capture benchmark; the browsers themselves are measured by the command."""

from __future__ import annotations

import math

import pytest

from tools.bench_capture import Cost, as_table, middle, share

pytestmark = pytest.mark.journey


def cost(page: float, key_ms: float) -> Cost:
    memory = {"renderer": 100 * page, "browser": 50.0}
    return Cost({"renderer": page, "browser": 0.1}, memory, 10, 5, key_ms, 2 * key_ms)


def test_a_share_is_the_value_that_most_keys_stay_under() -> None:
    assert share([5, 1, 4, 2, 3], 0.5) == 3
    assert share(list(range(1, 101)), 0.95) == 95
    assert math.isnan(share([], 0.5))


def test_of_several_rounds_the_middle_one_counts() -> None:
    found = middle([cost(0.1, 8), cost(0.9, 40), cost(0.2, 9)])
    assert found.cpu == {"renderer": 0.2, "browser": 0.1}
    assert found.memory == {"renderer": 20, "browser": 50}
    assert (found.key_p50_ms, found.keys) == (9, 15)


def test_the_table_says_what_the_exam_costs_more() -> None:
    lines = as_table(cost(0.1, 8), cost(0.3, 9)).splitlines()
    assert lines[1].split()[-3:] == ["20.0", "40.0", "+20.0"]
    (memory,) = [line for line in lines if line.startswith("memory")]
    assert memory.split()[-3:] == ["60.0", "80.0", "+20.0"]
    assert lines[-1].split()[-3:] == ["16.0", "18.0", "+2.0"]
