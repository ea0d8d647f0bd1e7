"""Sends a server of its own thousands of requests and messages that no client would send."""

from __future__ import annotations

import argparse
import random
import re
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import requests

from app.settings import NAMES
from tools.fuzzing.bystander import Bystander
from tools.fuzzing.report import Report
from tools.fuzzing.rest import RestFuzzer
from tools.fuzzing.sockets import Caller, SocketFuzzer
from tools.permissions import declared_by_events
from tools.serving import Server, ServerFailed

CLEAN, FOUND = 0, 1
CASES = 10_000
TIMEOUT_S = 30
BROKEN = ("Traceback", "A request broke", "A socket event failed", "A part did not stop")
# Shares of the cases: drawn from the document, requests by hand, events, raw frames.
SHARES = (0.25, 0.25, 0.35, 0.15)


class ScriptedServer(Server):
    """Detectors that follow a script: what is fuzzed is the server."""

    program = ("-c", "import sys; from app.web.server import main; sys.exit(main(scripted=True))")


def main(arguments: Sequence[str] | None = None) -> int:
    """0 when nothing was found, 1 with what was."""
    parser = argparse.ArgumentParser(prog="./run.sh fuzz", description=__doc__)
    parser.add_argument("--cases", type=int, default=CASES, help=f"how many ({CASES})")
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same cases")
    given = parser.parse_args(arguments)
    for signum in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(signum, _end)
    with tempfile.TemporaryDirectory(prefix="candor-fuzz-") as folder:
        report = run(given.cases, given.seed, Path(folder))
    for line in report.lines():
        print(line)
    for fault in report.faults:
        print(f"FOUND {fault}")
    if not report.faults:
        print("Nothing found: no 5xx, nothing unhandled in the log, the other session untouched.")
    return FOUND if report.faults else CLEAN


def _end(signum: int, _frame: FrameType | None) -> None:
    """Leave by the way that stops the server."""
    raise SystemExit(128 + signum)


def run(cases: int, number: int, folder: Path) -> Report:
    """Fuzz a server over `folder`, on this machine only."""
    report = Report()
    known = declared_by_events()
    rate = {"PROCTOR_CLIENT_RATE": "100000"} if "PROCTOR_CLIENT_RATE" in NAMES else {}
    server = ScriptedServer(folder, {"PROCTOR_WORKERS": "1", **rate})
    try:
        server.start()
        _fuzz(server, cases, number, report, sorted(known))
    finally:
        try:
            status = server.stop()
            if status != 0:
                report.fault(f"The server ended with {status}")
        except ServerFailed as error:
            report.fault(str(error)[:300])
    _read_logs(folder, report)
    return report


def _fuzz(server: Server, cases: int, number: int, report: Report, events: Sequence[str]) -> None:
    chance = random.Random(number)  # noqa: S311 - repeatable, not secret
    url = server.url_at("127.0.0.1")
    other = server.post("/api/session/create", {"user_id": "bystander", "exam_id": "quiet"})
    victim = server.post("/api/session/create", {"user_id": "victim", "exam_id": "loud"})
    bystander = Bystander(url, other["token"], report)
    bystander.start()
    begun_s = time.monotonic()
    before = server.get(f"/api/session/{other['session_id']}/details")["session"]
    doors = {
        "integrator": {"Authorization": f"Bearer {server.api_key}"},
        "staff": _staff(url, server.admin_password),
        "student": {"Authorization": f"Bearer {victim['token']}"},
        "nobody": {},
        "stranger": {"Authorization": "Bearer " + "x" * 60},
    }

    def auth(number: int) -> Caller:
        """Mostly a student of a session of its own."""
        kind = number % 8
        if kind == 3:
            return Caller({"key": server.api_key})
        if kind in (1, 6):
            return Caller(headers={"Cookie": doors["staff"]["Cookie"]})
        if kind == 7:
            return Caller({} if chance.random() < 0.5 else {"token": "x"})
        user = {"user_id": f"victim-{number}", "exam_id": "loud"}
        return Caller({"token": str(server.post("/api/session/create", user)["token"])})

    shares = [max(1, round(cases * share)) for share in SHARES]
    known = (str(victim["session_id"]), str(victim["session_id"]), "victim", "loud")
    rest = RestFuzzer(url, doors, report)
    sockets = SocketFuzzer(url, auth, events, known, report)
    rest.run_schema(shares[0], number)
    rest.run_raw(shares[1], chance)
    sockets.run_events(shares[2], chance)
    sockets.run_frames(shares[3], chance)
    bystander.stop()
    _check_other(server, before, bystander.accepted, time.monotonic() - begun_s, report)


def _check_other(
    server: Server, before: dict[str, object], accepted: int, took_s: float, report: Report
) -> None:
    try:
        after = server.get(f"/api/session/{before['session_id']}/details")["session"]
    except (OSError, ValueError) as error:
        report.fault(f"The server does not answer at the end: {error}")
        return
    for name in ("user_id", "exam_id", "started_at", "state", "is_running", "flagged_intervals"):
        if after[name] != before[name]:
            report.fault(f"The other session's {name} changed to {after[name]}")
    if took_s > 5 and accepted < took_s / 4:
        report.fault(f"The other session delivered {accepted} batches in {took_s:.0f} s")


def _staff(url: str, password: str) -> dict[str, str]:
    """The headers of a signed-in admin's page."""
    line = requests.Session()
    line.trust_env = False
    token = _csrf(line.get(f"{url}/login", timeout=TIMEOUT_S).text)
    form = {"username": "admin", "password": password, "csrf_token": token}
    line.post(f"{url}/login", data=form, timeout=TIMEOUT_S, allow_redirects=False)
    page = line.get(f"{url}/admin", timeout=TIMEOUT_S)
    cookie = "; ".join(f"{each.name}={each.value}" for each in line.cookies)
    return {"Cookie": cookie, "X-CSRFToken": _csrf(page.text)}


def _csrf(page: str) -> str:
    found = re.search(r'name="csrf-token"\s+content="([^"]+)"', page)
    return found[1] if found else ""


def _read_logs(folder: Path, report: Report) -> None:
    files = [folder / "server.out", *sorted((folder / "logs").glob("*.log*"))]
    for file in files:
        if not file.exists():
            continue
        lines = file.read_text(errors="replace").splitlines()
        for place, line in enumerate(lines):
            if any(word in line for word in BROKEN):
                report.fault(f"{file.name}: " + " / ".join(lines[place : place + 30])[:4000])


if __name__ == "__main__":
    sys.exit(main())
