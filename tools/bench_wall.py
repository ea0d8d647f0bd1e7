"""What the proctor's wall costs a browser, and how soon it shows what a live student does.

Two parts play the recorded stream of updates of scripted students (`--stream`, `--tiles`): CPU of
the wall against an idle page while it is scrolled, and rows that miss an update. The third
(`--live`) has live students before the real detectors and takes the time until a violation is
drawn. 0 leaves a part out. Answers 1 when an update or a violation was lost.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from tools.bench_wall_live import LiveFigures, measure_live
from tools.serving import ServerFailed
from tools.simulation.run import RestError
from tools.stage import Stage, sign_in, stage

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def main(argv: Sequence[str] | None = None) -> int:
    """Answers 0, 1 when something was lost, 2 when nothing could be measured."""
    given = _parser().parse_args(argv)
    if not given.chromium:
        print("No chromium was found: name it with --chromium.", file=sys.stderr)
        return 2
    figures: dict[str, Any] = {"cores": os.cpu_count(), "load": os.getloadavg()[0]}
    print(f"{figures['cores']} cores, load before the start {figures['load']:.1f}", flush=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=given.chromium, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        try:
            for name, students in (("stream", given.stream), ("tiles", given.tiles)):
                if students:
                    figures[name] = _measure_stream(browser, students, given.seconds)
            if given.live:
                live = measure_live(browser, given.live, given.minutes, is_scripted=given.scripted)
                figures["live"] = live.as_dict()
                print(_as_text(live), flush=True)
        except (ServerFailed, RestError) as error:
            print(error, file=sys.stderr)
            return 2
        finally:
            browser.close()
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")
    lost = [figures[name]["lost"] for name in ("stream", "tiles") if name in figures]
    return int(any(lost) or bool(figures.get("live", {}).get("missed")))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="./run.sh bench wall", description=__doc__)
    parser.add_argument("--stream", type=int, default=60, metavar="N", help="scripted students")
    parser.add_argument("--tiles", type=int, default=200, metavar="N", help="the same with more")
    parser.add_argument("--seconds", type=int, default=20, help="how long each page is measured")
    parser.add_argument("--live", type=int, default=12, metavar="N", help="live students")
    parser.add_argument("--minutes", type=float, default=3.0, metavar="M", help="of the live ones")
    parser.add_argument(
        "--scripted", action="store_true", help="live students before scripted detectors"
    )
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="path of the browser")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    return parser


def _as_text(live: LiveFigures) -> str:
    data = live.as_dict()
    rules = ", ".join(
        f"{name.replace('_', ' ')} {p95:.2f}" for name, p95 in data["by_rule_p95_s"].items()
    )
    lines = [
        f"{live.students} live students: {data['violations']} violations drawn, "
        f"{data['missed']} missed",
        "  violation to wall  "
        + ", ".join(
            f"{name} {'-' if data[key] is None else format(data[key], '.2f')} s"
            for name, key in (("p50", "p50_s"), ("p95", "p95_s"), ("worst", "worst_s"))
        ),
        f"  p95 by rule        {rules or '-'}",
        f"  observed           {data['coverage']:.0%} of the time; a picture's verdict at a proctor"
        f" after {data['verdict_p95_s'] or 0:.2f} s (p95)",
    ]
    lines += [f"  problem ({count}): {text}" for text, count in list(live.problems.items())[:5]]
    return "\n".join(lines)


def _measure_stream(browser: Browser, students: int, seconds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder, stage(Path(folder), students) as built:
        built.run(600, pictures=False)
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        page.set_default_timeout(60_000)
        sign_in(page, built.url)
        page.goto(f"{built.url}/admin/account")
        idle = _measure(page, built, seconds, is_wall=False)
        page.goto(f"{built.url}/admin")
        page.locator(".tile__link").first.wait_for()
        busy = _measure(page, built, seconds, is_wall=True)
        page.wait_for_timeout(2_000)
        lost = _lost(page, built)
        page.context.close()
    more = 100 * (busy - idle)
    print(f"{students} scripted students, {seconds} s a page, scrolled once a second")
    print(
        f"  idle page {100 * idle:.1f} % of a core, wall {100 * busy:.1f} %, more {more:.1f} %;"
        f" rows that do not show the last update: {lost}",
        flush=True,
    )
    return {
        "students": students,
        "idle_percent": round(100 * idle, 1),
        "wall_percent": round(100 * busy, 1),
        "lost": lost,
    }


def _measure(page: Any, built: Stage, seconds: int, *, is_wall: bool) -> float:
    """CPU seconds of the browser's pages per second."""
    before_s, from_s = _renderers_cpu_s(), time.monotonic()
    for number in range(seconds):
        built.step(pictures=is_wall)
        if is_wall:
            page.mouse.wheel(0, 700 if number % 4 < 2 else -700)
        rest_s = from_s + number + 1 - time.monotonic()
        page.wait_for_timeout(max(1.0, 1_000 * rest_s))
    return (_renderers_cpu_s() - before_s) / (time.monotonic() - from_s)


def _lost(page: Any, built: Stage) -> int:
    known = page.evaluate(
        "async () => { const {wall} = await import('/static/js/admin/wall.js');"
        " return [...wall.rows].map(([id, row]) => [id, row.total_score, row.risk]); }"
    )
    shown = {session_id: (total, risk) for session_id, total, risk in known}
    return sum(
        shown.get(session_id) != (view.scores.total_score, view.scores.risk_temporary)
        for session_id, view in built.views.items()
    )


def _renderers_cpu_s() -> float:
    """CPU seconds of the page processes of the browsers this process has started."""
    parents: dict[int, int] = {}
    spent: dict[int, float] = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            words = (folder / "stat").read_text().rpartition(")")[2].split()
            is_page = b"--type=renderer" in (folder / "cmdline").read_bytes()
        except OSError:
            continue
        parents[int(folder.name)] = int(words[1])
        if is_page:
            spent[int(folder.name)] = (int(words[11]) + int(words[12])) / _TICKS_PER_S
    return sum(seconds for pid, seconds in spent.items() if _is_ours(pid, parents))


def _is_ours(pid: int, parents: dict[int, int]) -> bool:
    while pid > 1:
        pid = parents.get(pid, 0)
        if pid == os.getpid():
            return True
    return False
