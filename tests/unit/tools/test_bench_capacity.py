"""The search for the capacity, the limits of a point, and where CPU time is put down."""

from __future__ import annotations

import os
import threading

import pytest

from tools.bench_capacity import as_stages, as_table, search
from tools.simulation.measured_server import TRANSPORT, StageSampler, cpu_ms, stage_of
from tools.simulation.outcome import Outcome, Verdict
from tools.simulation.point import Point, failures_of, family


@pytest.mark.parametrize("capacity", [0, 7, 25, 96, 101, 400])
def test_the_search_ends_near_the_capacity_and_never_above(capacity: int) -> None:
    asked: list[int] = []

    def holds(number: int) -> bool:
        asked.append(number)
        return number <= capacity

    found = search(holds)
    assert found <= capacity
    assert found >= 0.9 * capacity - 1
    assert len(asked) <= 10


def test_a_point_holds_when_every_limit_is_kept() -> None:
    good = Outcome(10, 5, coverage=0.99, judged_per_s=1.99, p95_s=1.2)
    assert failures_of(Point(10, 5), good) == []


def test_each_missed_limit_is_told() -> None:
    wrong = [Verdict(3, "absent", missing=(4,))]
    bad = Outcome(10, 5, coverage=0.9, judged_per_s=1.5, p95_s=None, events_lost=1, wrong=wrong)
    told = failures_of(Point(10, 5, growth=0.3), bad)
    assert len(told) == 6
    assert all(sentence.endswith(".") for sentence in told)


def test_threads_are_put_down_to_their_stage() -> None:
    assert stage_of("monitor-store") == "store"
    assert stage_of("monitor") == "scoring"
    assert stage_of("pool-0") == "pipes to workers"
    assert stage_of("ThreadPoolExecutor-0_3") == TRANSPORT


def test_cpu_time_is_read_from_a_line_with_spaces_in_the_name() -> None:
    line = "12 (a (b) c) S " + " ".join(str(n) for n in range(1, 30))
    assert cpu_ms(line) == pytest.approx((11 + 12) * 1000 / os.sysconf("SC_CLK_TCK"))


def test_a_thread_that_ended_stays_in_the_sum() -> None:
    sampler = StageSampler()
    done = threading.Event()

    def work() -> None:
        sum(range(10**6))
        done.wait(10)

    thread = threading.Thread(target=work, name="recorder", daemon=True)
    thread.start()
    before = sampler.sample()
    done.set()
    thread.join()
    assert sampler.sample()["encoding"] >= before["encoding"]


def test_this_process_is_the_first_of_its_family() -> None:
    assert family(os.getpid())[0] == os.getpid()


def test_the_tables_show_every_point_and_stage() -> None:
    points = [Point(50, 5, p95_s=1.3, ratio=1.6), Point(25, 5, failures=["Too slow."])]
    lines = as_table(points).splitlines()
    assert [line.split()[0] for line in lines[1:3]] == ["25", "50"]
    assert lines[1].endswith("no")
    assert lines[2].endswith("yes")
    points[0].stages = {"store": 0.2, "scoring": 0.5}
    assert as_stages(points[0]).splitlines()[1].split()[0] == "scoring"
