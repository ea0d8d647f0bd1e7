from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.load.headroom import USABLE, CostMeter, Headroom
from app.load.ladder import RUNGS


def learned(
    worker_ms: float, web_ms: float, sound_share: float = 0.2, cpu_ms: float | None = None
) -> CostMeter:
    meter = CostMeter()
    worker_s, web_s = 20 * worker_ms / 1000, 20 * web_ms / 1000
    cpu_s = worker_s if cpu_ms is None else 20 * cpu_ms / 1000
    for _ in range(60):
        meter.note(20, 1.0, worker_s, cpu_s, web_s, sound_share)
    return meter


def test_what_a_student_costs_says_how_many_the_machine_holds() -> None:
    found = learned(10.0, 4.0).headroom(20, workers=1)
    assert (found.holds, found.worker_ms, found.web_ms) == (85, 10.0, 4.0)
    # Sound stays whole: at half the rate a student costs 0.2 + 0.8 / 2 of it.
    assert found.reduced == int(85 / 0.6) - 85
    assert found.says() == "This machine holds about 85 students; 56 more at a reduced rate."
    assert not found.is_full


def test_the_web_process_can_be_what_is_full_first() -> None:
    found = learned(10.0, 20.0).headroom(42, workers=4)
    assert (found.holds, found.reduced) == (42, 0)
    assert found.is_full


def test_workers_and_the_web_process_share_the_cores_of_one_machine() -> None:
    found = learned(10.0, 5.0).headroom(0, workers=2, cores=2)
    assert found.holds == int(USABLE * 2 / 0.015)
    assert learned(10.0, 5.0).headroom(0, workers=2).holds == int(USABLE * 2 / 0.010)


def test_a_worker_that_waits_for_a_core_is_busy_and_costs_nothing() -> None:
    found = learned(14.0, 5.0, cpu_ms=10.0).headroom(0, workers=2, cores=2)
    assert found.holds == int(USABLE * 2 / 0.015)
    assert learned(14.0, 5.0, cpu_ms=10.0).headroom(0, workers=2).holds == int(USABLE * 2 / 0.014)


def test_a_memory_of_before_without_cpu_time_is_of_use() -> None:
    known = learned(10.0, 5.0).as_dict()
    del known["cpu_s"]
    found = CostMeter(known).headroom(0, workers=2, cores=2)
    assert found.holds == int(USABLE * 2 / 0.015)


def test_nothing_is_said_before_it_is_measured() -> None:
    meter = CostMeter()
    meter.note(20, 1.0, 0.2, 0.2, 0.1, 0.2)
    found = meter.headroom(1, workers=2)
    assert found.holds is None
    assert not found.is_full
    assert "not measured yet" in found.says()


def test_one_or_two_students_say_nothing_of_a_hundred() -> None:
    meter = CostMeter()
    for _ in range(1000):
        meter.note(2, 1.0, 0.9, 0.9, 0.9, 0.2)
    assert meter.headroom(2, workers=1).holds is None


def test_what_was_learned_is_remembered() -> None:
    meter = learned(9.9, 4.0)
    again = CostMeter(meter.as_dict())
    assert again.headroom(5, 1) == meter.headroom(5, 1)


def test_a_lower_rung_that_keeps_up_tells_the_price_of_the_whole_one() -> None:
    halved = RUNGS[2]
    meter = CostMeter()
    for _ in range(60):
        # Of 10 ms 2 are sound; at half the rate it is 6 ms, a third of it sound.
        meter.note(20, 1.0, 20 * 0.006, 20 * 0.006, 20 * 0.004, 1 / 3, halved)
    found = meter.headroom(20, 1)
    assert found.worker_ms == pytest.approx(10.0)
    assert found.holds in (84, 85)
    assert found.reduced == pytest.approx(int(85 / 0.6) - 85, abs=1)


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), "much", None])
def test_a_memory_that_cannot_be_right_is_not_used(value: object) -> None:
    meter = CostMeter({"student_s": value, "worker_s": value})  # type: ignore[dict-item]
    assert meter.headroom(5, 1) == Headroom(5)


def test_newer_exams_count_more() -> None:
    meter = learned(10.0, 1.0)
    for _ in range(2000):
        meter.note(20, 1.0, 20 * 0.02, 20 * 0.02, 0.02, 0.2)
    worker_ms = meter.headroom(20, 1).worker_ms
    assert worker_ms is not None
    assert 19 < worker_ms <= 20


@given(worker_ms=st.floats(0.5, 200), web_ms=st.floats(0.1, 100), workers=st.integers(1, 16))
def test_what_is_promised_fits(worker_ms: float, web_ms: float, workers: int) -> None:
    found = learned(worker_ms, web_ms).headroom(0, workers, cores=workers)
    assert found.holds is not None
    assert found.reduced is not None
    assert found.reduced >= 0
    assert found.holds * worker_ms / 1000 <= USABLE * workers * 1.001
    assert found.holds * web_ms / 1000 <= USABLE * 1.001
    assert found.holds * (worker_ms + web_ms) / 1000 <= USABLE * workers * 1.001
