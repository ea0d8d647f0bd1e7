"""What capturing costs a student's browser: the exam's page against a bare page with a self-view.

Both show the same camera picture and a field, and the same keys are typed into it. Processor time
and the heap are Chromium's own figures (`SystemInfo.getProcessInfo`, `Performance.getMetrics`, over
the DevTools protocol); memory is the kernel's proportional set of the processes Chromium names. A
key's delay is from the event's own time stamp to the frame after it. The server runs with scripted
detectors, so that it takes little of the machine.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import statistics
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from tools.drawn import LOOKS, Camera, Pose, draw_students
from tools.serving import Server
from tools.y4m import write_y4m

ARGUMENTS = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
)
FPS = 15
SETTLE_MS = 4_000
KEY_EVERY_MS = 120
PATIENCE_MS = 60_000
TEXT = "the quick brown fox jumps over the lazy dog "
# The same question of the same camera as the product's (static/js/capture/media.js).
BARE = """<!doctype html><html lang="en"><title>Bare</title>
<video muted autoplay playsinline width="280"></video><textarea rows="8" cols="60"></textarea>
<script>navigator.mediaDevices.getUserMedia({video: {width: {ideal: 640}, height: {ideal: 480},
  frameRate: {ideal: 15, max: 30}}}).then((stream) => {
    document.querySelector("video").srcObject = stream; });</script></html>"""
# A frame callback runs before the frame is painted; a message posted in it comes after.
WATCH_KEYS = """
window.keyDelays = [];
addEventListener("keydown", (event) => requestAnimationFrame(() => {
  const after = new MessageChannel();
  after.port1.onmessage = () => window.keyDelays.push(performance.now() - event.timeStamp);
  after.port2.postMessage(null);
}), true);
"""


class Scripted(Server):
    """A server whose detectors look at nothing."""

    program = ("-c", "import sys; from app.web.server import main; sys.exit(main(scripted=True))")


@dataclass(frozen=True, slots=True)
class Cost:
    """One page for some seconds: shares of a core by kind of process, megabytes, milliseconds."""

    cpu: dict[str, float]
    memory: dict[str, float]
    heap_mb: float
    keys: int
    key_p50_ms: float
    key_p95_ms: float

    @property
    def total_cpu(self) -> float:
        return sum(self.cpu.values())

    @property
    def memory_mb(self) -> float:
        return sum(self.memory.values())


def share(values: Sequence[float], part: float) -> float:
    """The value under which `part` of them lie (nearest rank); nan without values."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)] if ordered else math.nan


def middle(costs: Sequence[Cost]) -> Cost:
    """The median of several rounds, figure by figure."""
    kinds = sorted({kind for cost in costs for kind in (*cost.cpu, *cost.memory)})
    return Cost(
        cpu={k: statistics.median(cost.cpu.get(k, 0.0) for cost in costs) for k in kinds},
        memory={k: statistics.median(cost.memory.get(k, 0.0) for cost in costs) for k in kinds},
        heap_mb=statistics.median(cost.heap_mb for cost in costs),
        keys=sum(cost.keys for cost in costs),
        key_p50_ms=statistics.median(cost.key_p50_ms for cost in costs),
        key_p95_ms=statistics.median(cost.key_p95_ms for cost in costs),
    )


def as_table(bare: Cost, exam: Cost) -> str:
    """A line per figure: bare page, exam's page, difference."""
    rows = [("CPU, all processes, % of a core", 100 * bare.total_cpu, 100 * exam.total_cpu)]
    rows += [
        (f"  {kind}", 100 * bare.cpu.get(kind, 0.0), 100 * exam.cpu.get(kind, 0.0))
        for kind in sorted(bare.cpu.keys() | exam.cpu.keys())
    ]
    rows.append(("memory, all processes, MB", bare.memory_mb, exam.memory_mb))
    rows += [
        (f"  {kind}", bare.memory.get(kind, 0.0), exam.memory.get(kind, 0.0))
        for kind in sorted(bare.memory.keys() | exam.memory.keys())
    ]
    rows += [
        ("JavaScript heap of the page, MB", bare.heap_mb, exam.heap_mb),
        ("key to frame, p50, ms", bare.key_p50_ms, exam.key_p50_ms),
        ("key to frame, p95, ms", bare.key_p95_ms, exam.key_p95_ms),
    ]
    lines = [f"{'':34}{'bare':>9}{'exam':>9}{'more':>9}"]
    lines += [f"{name:34}{a:9.1f}{b:9.1f}{b - a:+9.1f}" for name, a, b in rows]
    return "\n".join(lines)


def main(argv: Sequence[str]) -> int:
    """The command: 1 without a browser."""
    parser = argparse.ArgumentParser(prog="./run.sh bench capture", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="how long a page is measured")
    parser.add_argument("--rounds", type=int, default=3, help="each page is measured this often")
    parser.add_argument("--chromium", default=shutil.which("chromium"), help="path of the browser")
    parser.add_argument("--json", type=Path, help="writes the figures here")
    options = parser.parse_args(argv)
    if not options.chromium:
        print("No chromium was found: name it with --chromium.", file=sys.stderr)
        return 1
    costs: dict[str, list[Cost]] = {"bare": [], "exam": []}
    with tempfile.TemporaryDirectory() as folder:
        camera = _camera(Path(folder))
        with (
            Scripted(Path(folder) / "server", {"PROCTOR_WORKERS": "1"}) as server,
            _bare_page() as bare_url,
            sync_playwright() as playwright,
        ):
            _set_up(server)
            for number in range(options.rounds):
                for name, found in costs.items():
                    with _browser(playwright, options.chromium, camera) as browser:
                        page = browser.new_context().new_page()
                        page.set_default_timeout(PATIENCE_MS)
                        page.add_init_script(WATCH_KEYS)
                        if name == "bare":
                            page.goto(bare_url)
                        else:
                            _sit_down(page, server.url, f"student-{number}")
                        found.append(_measure(browser, page, options.seconds))
    bare, exam = middle(costs["bare"]), middle(costs["exam"])
    print(f"{options.rounds} rounds of {options.seconds:g} s each, median; {exam.keys} keys a page")
    print(as_table(bare, exam))
    if options.json:
        figures = {name: [asdict(cost) for cost in found] for name, found in costs.items()}
        options.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0


def _measure(browser: Browser, page: Page, seconds: float) -> Cost:
    """Types for some seconds; what the browser spent meanwhile."""
    page.locator("textarea").first.click()
    page.wait_for_timeout(SETTLE_MS)
    control = browser.new_browser_cdp_session()
    metrics = page.context.new_cdp_session(page)
    metrics.send("Performance.enable")
    page.evaluate("window.keyDelays.length = 0")
    before, from_ms = _spent(control), float(page.evaluate("performance.now()"))
    to_ms = from_ms + seconds * 1000
    number = 0
    while float(page.evaluate("performance.now()")) < to_ms:
        page.keyboard.type(TEXT[number % len(TEXT)])
        page.wait_for_timeout(KEY_EVERY_MS)
        number += 1
    passed_s = (float(page.evaluate("performance.now()")) - from_ms) / 1000
    after = _spent(control)
    cpu: dict[str, float] = {}
    for pid, (kind, spent_s) in after.items():
        more_s = spent_s - before.get(pid, (kind, 0.0))[1]
        cpu[kind] = cpu.get(kind, 0.0) + more_s / passed_s
    memory: dict[str, float] = {}
    for pid, (kind, _) in after.items():
        memory[kind] = memory.get(kind, 0.0) + _proportional_mb(pid)
    heap = {
        each["name"]: each["value"] for each in metrics.send("Performance.getMetrics")["metrics"]
    }
    delays = [float(each) for each in page.evaluate("window.keyDelays")]
    return Cost(
        cpu=cpu,
        memory=memory,
        heap_mb=float(heap["JSHeapUsedSize"]) / 1e6,
        keys=len(delays),
        key_p50_ms=share(delays, 0.5),
        key_p95_ms=share(delays, 0.95),
    )


def _spent(control: Any) -> dict[int, tuple[str, float]]:
    """Kind and CPU seconds of each of the browser's processes, by its id."""
    processes = control.send("SystemInfo.getProcessInfo")["processInfo"]
    return {int(p["id"]): (str(p["type"]).lower(), float(p["cpuTime"])) for p in processes}


def _proportional_mb(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")) / 1e3


def _camera(folder: Path) -> Path:
    drawing, camera = draw_students([(Pose(), LOOKS[0])]), Camera()
    return write_y4m(
        folder / "camera.y4m", (camera.take(drawing, i / FPS) for i in range(4 * FPS)), FPS
    )


def _set_up(server: Server) -> None:
    question = {"kind": "long", "text": "Say why.", "points": 1}
    server.put("/api/exam/bench", {"plan": {"title": "Bench", "duration_min": 60}})
    paper = {"version": 0, "sections": [{"title": "", "questions": [question]}]}
    server.put("/api/exam/bench/paper", paper)


def _sit_down(page: Page, url: str, user_id: str) -> None:
    page.goto(url)
    page.get_by_label("User ID").fill(user_id)
    page.get_by_label("Exam ID").fill("bench")
    page.get_by_role("button", name="Start Exam Session").click()
    page.locator("textarea").first.wait_for()


@contextmanager
def _browser(playwright: Playwright, chromium: str, camera: Path) -> Iterator[Browser]:
    arguments = [*ARGUMENTS, f"--use-file-for-fake-video-capture={camera}"]
    opened = playwright.chromium.launch(executable_path=chromium, args=arguments)
    try:
        yield opened
    finally:
        opened.close()


class _Bare(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(BARE.encode())

    def log_message(self, *_args: object) -> None:
        """Say nothing about each request."""


@contextmanager
def _bare_page() -> Iterator[str]:
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Bare)
    thread = threading.Thread(target=http.serve_forever, name="bare-page", daemon=True)
    thread.start()
    try:
        yield f"http://localhost:{http.server_port}"
    finally:
        http.shutdown()
        http.server_close()
        thread.join(5)
