"""Many runs, some of them at the same time, each beside the same story on a good line."""

from __future__ import annotations

import logging
import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat

from tools.chaos.run import Outcome, Verdict, compare, plan, run
from tools.chaos.story import tell
from tools.chaos.system import NoAnswerError

STORIES = 4


def run_all(
    seeds: range,
    *,
    jobs: int,
    with_store: bool = False,
    with_disk: bool = False,
    with_machine: bool = False,
) -> Iterator[Verdict]:
    """The verdict of each seed, in their order; `jobs` runs at a time. Raises NoAnswerError when a
    story cannot be told on a good line."""
    numbers = sorted({seed % STORIES for seed in seeds})
    # Processes of their own: a student of one run must not wait for the other's.
    apart = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, apart, be_quiet) as pool:
        clean = dict(zip(numbers, pool.map(_undisturbed, numbers), strict=True))
        yield from pool.map(
            _judge,
            seeds,
            [clean[seed % STORIES] for seed in seeds],
            repeat(with_store),
            repeat(with_disk),
            repeat(with_machine),
        )


def be_quiet() -> None:
    """The library reports as errors what a wild line is made of."""
    logging.getLogger("engineio.client").setLevel(logging.CRITICAL)


def _undisturbed(number: int) -> Outcome:
    return run(tell(number), number, (), is_wild=False)


def _judge(
    seed: int, clean: Outcome, with_store: bool, with_disk: bool, with_machine: bool
) -> Verdict:
    faults = plan(seed, with_store=with_store, with_disk=with_disk, with_machine=with_machine)
    verdict = Verdict(seed, faults)
    began_s = time.monotonic()
    try:
        story = tell(seed % STORIES)
        found = run(story, seed, verdict.faults, is_wild=True, with_store=with_store)
        verdict.took_s = time.monotonic() - began_s
        compare(verdict, clean, found)
    except NoAnswerError as error:
        verdict.took_s = time.monotonic() - began_s
        verdict.differences.append(f"no answer: {error}")
    return verdict
