"""The short form of `./run.sh chaos`: lines cut, processes killed, nothing lost."""

from __future__ import annotations

import pytest

from tools.chaos.run import Outcome, Verdict, compare, plan, run
from tools.chaos.story import tell

CLEAN = Outcome(
    violations=(("clipboard", 35.0, 35.0), ("phone", 12.0, 17.0)),
    points={0: {"phone": 10.0}, 1: {"clipboard": 5.0}},
    flags={0: 10.0},
    clips={0: 160},
    coverage={0: 1.0, 1: 1.0},
)


@pytest.mark.alone
@pytest.mark.slow
def test_two_sessions_through_a_wild_line_are_as_if_nothing_had_happened() -> None:
    """Seed 1 kills the server and a worker and crashes the browser; seed 5 cuts the line twice."""
    clean = run(tell(1), 1, (), is_wild=False)
    assert clean.flags
    for seed in (1, 5):
        verdict = Verdict(seed, plan(seed, with_store=False))
        compare(verdict, clean, run(tell(1), seed, verdict.faults, is_wild=True))
        assert verdict.differences == [], f"seed {seed}"


def test_what_differs_is_counted() -> None:
    verdict = Verdict(1, ())
    compare(verdict, CLEAN, CLEAN)
    assert verdict.differences == []
    found = Outcome(
        violations=(("clipboard", 35.0, 35.0), ("clipboard", 36.0, 36.0), ("phone", 14.0, 17.0)),
        points={0: {"phone": 10.0}, 1: {"clipboard": 10.0}},
        flags={0: 10.0},
        clips={},
        coverage={0: 0.5, 1: 1.0},
    )
    compare(verdict, CLEAN, found)
    assert (verdict.clips_missing, verdict.events_lost, verdict.events_doubled) == (1, 0, 1)
    assert len(verdict.differences) == 5
