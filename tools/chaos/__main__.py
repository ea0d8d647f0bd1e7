"""Cuts lines and kills processes around sessions, and compares with sessions nobody disturbed."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.chaos.many import be_quiet, run_all
from tools.chaos.run import Verdict
from tools.chaos.system import has_store

SAME, DIFFERENT = 0, 1


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when every run is identical to its clean run, 1 with what differs."""
    parser = argparse.ArgumentParser(prog="./run.sh chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=10, help="how many (10)")
    parser.add_argument("--seed", type=int, default=1, help="the first run's; each adds one")
    parser.add_argument("--jobs", type=int, default=1, help="runs at the same time (1)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument(
        "--store", action="store_true", help="a database server of its own, which is killed too"
    )
    parser.add_argument(
        "--disk", action="store_true", help="also fill the disk for a while (needs root)"
    )
    parser.add_argument(
        "--machine", action="store_true", help="also slow the disk down, and set the wall clock"
    )
    parser.add_argument(
        "--browser",
        action="store_true",
        help="a real browser in real time: cuts of 30 s, in the last of several runs of 5 minutes",
    )
    parser.add_argument(
        "--soak", action="store_true", help="no faults: whether memory and handles stay flat"
    )
    parser.add_argument("--students", type=int, default=30, help="of a soak (30)")
    parser.add_argument("--minutes", type=float, default=20.0, help="of a soak (20)")
    parser.add_argument("--chromium", default="", help="path of the browser")
    given = parser.parse_args(arguments)
    be_quiet()
    if given.store and not has_store():
        print("There is no database server on this machine: install requirements-test.txt.")
        return DIFFERENT
    if given.soak:
        return _soak(given)
    if given.browser:
        return _with_browser(given)
    verdicts = []
    seeds = range(given.seed, given.seed + given.runs)
    for verdict in run_all(
        seeds,
        jobs=max(1, given.jobs),
        with_store=given.store,
        with_disk=given.disk,
        with_machine=given.machine,
    ):
        verdicts.append(verdict)
        print(_line(verdict), flush=True)
    return _conclude(verdicts, given)


def _soak(given: argparse.Namespace) -> int:
    from tools.chaos.soak import soak

    found = soak(
        given.students, given.minutes, lambda line: print(line, flush=True), given.chromium
    )
    for series in found.series:
        print(series.line())
    print(f"{found.students} sessions, {found.minutes:g} minutes: ", end="")
    print("flat" if found.is_flat else f"not flat; {found.unstarted} did not start")
    if given.json is not None:
        given.json.write_text(json.dumps(found.as_dict(), indent=2) + "\n", encoding="utf-8")
    return SAME if found.is_flat else DIFFERENT


def _with_browser(given: argparse.Namespace) -> int:
    from tools.chaos.browser import Kept, courses, open_browser, run_course

    kept = Kept()
    verdicts = []
    with open_browser(given.chromium) as browser:
        for course in courses(given.runs, given.seed):
            verdicts.append(run_course(browser, course, kept))
            print(_line(verdicts[-1]), flush=True)
    print(f"in the browser: {kept.most_batches} batches at most, {kept.batches} after the end")
    return _conclude(verdicts, given)


def _conclude(verdicts: Sequence[Verdict], given: argparse.Namespace) -> int:
    figures = summary(verdicts)
    print(", ".join(f"{name} {value}" for name, value in figures.items() if name != "different"))
    if given.json is not None:
        given.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return SAME if figures["identical"] == figures["runs"] else DIFFERENT


def _line(verdict: Verdict) -> str:
    faults = ", ".join(f"{fault.kind} at {fault.at_s:.0f} s" for fault in verdict.faults)
    said = "; ".join(verdict.differences) or "identical"
    return f"seed {verdict.seed} ({verdict.took_s:.1f} s; {faults}): {said}"


def summary(verdicts: Sequence[Verdict]) -> dict[str, object]:
    """The figures of all runs."""
    return {
        "runs": len(verdicts),
        "identical": sum(not verdict.differences for verdict in verdicts),
        "clips_missing": sum(verdict.clips_missing for verdict in verdicts),
        "events_lost": sum(verdict.events_lost for verdict in verdicts),
        "events_doubled": sum(verdict.events_doubled for verdict in verdicts),
        "longest_s": round(max((verdict.took_s for verdict in verdicts), default=0.0), 1),
        "different": {
            str(verdict.seed): verdict.differences for verdict in verdicts if verdict.differences
        },
    }


if __name__ == "__main__":
    sys.exit(main())
