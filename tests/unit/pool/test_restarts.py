from __future__ import annotations

from app.pool.restarts import RestartBudget


def test_a_worker_that_dies_again_and_again_waits_longer_each_time() -> None:
    budget = RestartBudget()
    assert [budget.failed(now) for now in range(10)] == [0, 1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_a_worker_that_served_for_a_minute_is_forgiven() -> None:
    budget = RestartBudget()
    budget.failed(0)
    budget.failed(1)
    budget.ready(2)
    assert budget.failed(63) == 0


def test_a_worker_that_dies_soon_after_its_start_is_not_forgiven() -> None:
    budget = RestartBudget()
    budget.failed(0)
    budget.ready(1)
    assert budget.failed(2) == 1
    assert budget.failed(200) == 2
