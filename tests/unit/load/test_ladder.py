"""The ladder against a machine that is simulated: it holds, does not swing, and comes back."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from app.load.ladder import RUNGS, Ladder, Load, growth


class Machine:
    """Workers with a line before them: what is too much waits, at most three seconds of it.

    `cost_s` is what a student takes of a worker per second at the whole rate, `sound` the share of
    it that every rung costs.
    """

    def __init__(self, cost_s: float, sound: float = 0.2, workers: int = 1) -> None:
        self.ladder = Ladder()
        self.at_s = 0.0
        self.moves = 0
        self.knows_cost = False
        self.history: list[tuple[float, int, float]] = []
        self._cost_s, self._sound, self._workers = cost_s, sound, workers
        self._backlog_s = 0.0

    def demand(self, students: int) -> float:
        """Worker-seconds a second that the rung in force asks for."""
        rung = self.ladder.rung
        share = self._sound + (1 - self._sound) * rung.rate * (0.9 if rung.is_sparing else 1.0)
        return students * self._cost_s * share

    def run(self, seconds: int, students: int, web_busy: float = 0.3, late_s: float = 0.0) -> None:
        for _ in range(seconds):
            self.at_s += 1.0
            wanted = self.demand(students) + self._backlog_s
            done = min(wanted, float(self._workers))
            self._backlog_s = min(wanted - done, 3.0 * self._workers)
            wait_s = self._backlog_s / self._workers
            asked = students * self._cost_s / self._workers if self.knows_cost else 0.0
            busy = done / self._workers
            load = Load(self.at_s, students, busy, web_busy, wait_s, late_s, asked, self._sound)
            self.moves += self.ladder.step(load)
            self.history.append((self.at_s, self.ladder.index, wait_s))


def test_what_fits_is_looked_at_whole() -> None:
    machine = Machine(0.01)
    machine.run(600, 80)
    assert machine.moves == 0


def test_twice_the_load_is_carried_within_seconds_and_all_comes_back_within_30_s() -> None:
    machine = Machine(0.01)
    machine.run(60, 80)
    machine.run(20, 200)
    assert machine.ladder.index > 0
    machine.run(100, 200)
    assert all(wait_s < 1.0 for at_s, _, wait_s in machine.history if at_s > 90)
    machine.run(30, 60)
    assert machine.ladder.index == 0


def test_an_empty_machine_is_whole_again_in_half_the_steps() -> None:
    machine = Machine(0.01)
    machine.run(200, 1_000)
    assert machine.ladder.index == len(RUNGS) - 1
    before = machine.moves
    machine.run(20, 20)
    assert machine.ladder.index == 0
    assert machine.moves - before <= 3


def test_a_web_process_that_is_late_asks_for_fewer_pictures_and_one_that_only_works_does_not() -> (
    None
):
    busy = Machine(0.001)
    busy.run(60, 50, web_busy=1.2, late_s=0.01)
    assert busy.ladder.index == 0
    late = Machine(0.001)
    late.run(60, 50, web_busy=0.97, late_s=0.3)
    assert late.ladder.rung.pictures < 1
    late.run(30, 50, web_busy=0.3)
    assert late.ladder.index == 0


def test_one_bad_second_changes_nothing() -> None:
    ladder = Ladder()
    for second in range(60):
        ladder.step(Load(second, 50, 0.8, 0.4, 1.2 if second % 10 == 0 else 0.1))
    assert ladder.index == 0


def test_without_students_everything_is_whole_again() -> None:
    machine = Machine(0.01)
    machine.run(60, 300)
    assert machine.ladder.index > 0
    machine.run(1, 0)
    assert machine.ladder.index == 0


def test_every_rung_asks_for_less_than_the_one_above_it() -> None:
    for above, below in pairwise(RUNGS):
        assert below.rate <= above.rate
        assert below.pictures <= above.pictures
        assert below != above
    assert all(growth(index, index - 1) >= 1 for index in range(1, len(RUNGS)))


@settings(max_examples=60, deadline=None)
@given(
    share=st.floats(0.1, 3.3),
    sound=st.floats(0.0, 0.2),
    workers=st.integers(1, 4),
    students=st.integers(5, 300),
    knows_cost=st.booleans(),
)
def test_under_any_constant_load_it_settles(
    share: float, sound: float, workers: int, students: int, knows_cost: bool
) -> None:
    """`share` is the load over what the workers can; 3.3 times it still fits the last rung."""
    machine = Machine(share * workers / students, sound, workers)
    machine.knows_cost = knows_cost
    machine.run(700, students)
    in_the_end = [index for at_s, index, _ in machine.history if at_s > 120]
    changes = sum(a != b for a, b in pairwise(in_the_end))
    assert changes <= 12, "it swings"
    assert share > 0.8 or machine.ladder.index == 0
    waits = [wait_s for at_s, _, wait_s in machine.history if at_s > 120]
    assert sum(wait_s > 1.0 for wait_s in waits) <= 0.02 * len(waits)


@settings(max_examples=60, deadline=None)
@given(
    before=st.floats(1.0, 4.0),
    after=st.floats(0.05, 0.55),
    seconds=st.integers(10, 400),
    students=st.integers(20, 300),
)
def test_after_any_overload_it_is_whole_again_within_30_s(
    before: float, after: float, seconds: int, students: int
) -> None:
    machine = Machine(before / students)
    machine.run(seconds, students)
    machine.run(30, max(1, int(students * after / before)))
    assert machine.ladder.index == 0


def test_what_waited_since_before_a_step_does_not_bring_the_next_one() -> None:
    """A line of eight seconds is as long for eight seconds after everything was halved."""
    ladder = Ladder()
    for second in range(4):
        ladder.step(Load(float(second), 50, 1.0, 0.3, 8.0))
    first = ladder.index
    assert first > 0
    for second in range(4, 10):
        ladder.step(Load(float(second), 50, 1.0, 0.3, 8.0))
    assert ladder.index == first
    for second in range(10, 14):
        ladder.step(Load(float(second), 50, 1.0, 0.3, 8.0))
    assert ladder.index == first + 1


def test_clips_that_are_written_after_a_rush_do_not_hold_the_way_up_back() -> None:
    machine = Machine(0.01)
    machine.run(60, 300)
    assert machine.ladder.index > 0
    machine.run(30, 20, web_busy=1.1, late_s=0.01)
    assert machine.ladder.index == 0


def test_a_rush_is_met_with_one_step_where_it_is_known_what_a_student_costs() -> None:
    machine = Machine(0.01)
    machine.knows_cost = True
    machine.run(60, 80)
    machine.run(40, 220)
    assert machine.moves == 1
    assert all(wait_s < 1.0 for at_s, _, wait_s in machine.history if at_s > 80)
