"""What the proctor's wall costs a browser: CPU of its page against an idle page, and lost updates.

`python -m tools.bench_wall` plays the recorded stream of updates of scripted students.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tools.stage import Stage, sign_in, stage

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def main(arguments: list[str] | None = None) -> int:
    """The command: 1 when an update was lost, or without a browser."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench_wall", description=__doc__)
    parser.add_argument("--students", type=int, default=60)
    parser.add_argument("--seconds", type=int, default=20, help="how long each page is measured")
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="path of the browser")
    options = parser.parse_args(arguments)
    if not options.chromium:
        print("No chromium was found: name it with --chromium.", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as folder, stage(Path(folder), options.students) as built:
        built.run(600, pictures=False)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=options.chromium, args=["--no-sandbox"]
            )
            page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
            page.set_default_timeout(60_000)
            sign_in(page, built.url)
            page.goto(f"{built.url}/admin/account")
            idle = _measure(page, built, options.seconds, is_wall=False)
            page.goto(f"{built.url}/admin")
            page.locator(".tile__link").first.wait_for()
            busy = _measure(page, built, options.seconds, is_wall=True)
            page.wait_for_timeout(2_000)
            lost = _lost(page, built)
            browser.close()
    more = 100 * (busy - idle)
    print(f"{options.students} students, {options.seconds} s each, scrolled once a second")
    print(f"idle page {100 * idle:.1f} % of a core, wall {100 * busy:.1f} %, more {more:.1f} %")
    print(f"rows that do not show the last update: {lost}")
    return 1 if lost else 0


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


if __name__ == "__main__":
    sys.exit(main())
