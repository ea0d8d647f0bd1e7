"""How soon a violation of a live student is on the wall of a proctor's browser.

A server of its own with the real detectors (or scripted ones, whose answer is in the picture: then
the way is measured and not the models), drawn students that speak the browser's protocol over real
WebSockets, and a page that notes when it drew which score. A violation is due when its rule's
minimum is over (an event at once); the time counts from there to the frame that shows it.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scoring.model import Rule
from scoring.policy import STANDARD_RULES
from tools.serving import Server
from tools.simulation.material import drawn, scripted
from tools.simulation.mix import INTERVAL_S, Part, cast, parse_mix
from tools.simulation.outcome import Outcome, percentile
from tools.simulation.run import Plan, Rest, RestError, simulate

MIX = "absent=0.4,company=0.3,tabs=0.3"
VIDEO_FPS = 5.0
# A clock that is read twice, and a picture that was taken just before.
EARLY_S = 0.3
GIVEN_UP_S = 10.0
_TILES_IN_A_ROW, _TILE_PX, _HEAD_PX = 4, 240, 260
_JOIN_WITHIN_S = 90.0

# Notes of each tile the frame in which its score was drawn.
_NOTE = """() => {
  window.shownScores = [];
  const last = new Map();
  const look = () => {
    for (const item of document.querySelectorAll("li.tile[data-id]")) {
      const score = Number(item.querySelector(".ring__number")?.textContent);
      if (Number.isNaN(score) || last.get(item.dataset.id) === score) continue;
      last.set(item.dataset.id, score);
      requestAnimationFrame(() => window.shownScores.push([item.dataset.id, score, Date.now()]));
    }
  };
  new MutationObserver(look).observe(document.querySelector('[data-role="wall"]'),
    {subtree: true, childList: true, characterData: true});
  look();
}"""


@dataclass(frozen=True, slots=True)
class Due:
    """A violation that has to be on the wall: `score` of its interval is shown from `at_ms` on."""

    session_id: str
    rule: str
    at_ms: float
    score: float


@dataclass(slots=True)
class LiveFigures:
    """Seconds from a violation to the wall, and those that never came."""

    students: int
    delays_s: dict[str, list[float]] = field(default_factory=dict)
    missed: list[Due] = field(default_factory=list)
    coverage: float = 0.0
    verdict_p95_s: float | None = None
    problems: dict[str, int] = field(default_factory=dict)

    @property
    def all_s(self) -> list[float]:
        return [each for delays in self.delays_s.values() for each in delays]

    def as_dict(self) -> dict[str, Any]:
        return {
            "students": self.students,
            "violations": len(self.all_s),
            "missed": len(self.missed),
            "coverage": self.coverage,
            "verdict_p95_s": self.verdict_p95_s,
            "p50_s": percentile(self.all_s, 0.5),
            "p95_s": percentile(self.all_s, 0.95),
            "worst_s": max(self.all_s, default=None),
            "by_rule_p95_s": {name: percentile(d, 0.95) for name, d in self.delays_s.items()},
        }


def due_of(part: Part, session_id: str, started_ms: float, minutes: float) -> list[Due]:
    """What a student's part puts on the wall, in order of time."""

    def at_ms(index: int, inside_s: float) -> float:
        return started_ms + (index * INTERVAL_S + inside_s) * 1000

    found, kind = [], part.kind
    for index in part.intervals:
        score = 0.0
        for number, event in enumerate(kind.events):
            rule = {"tab_hidden": Rule.FOCUS_CHANGE, "paste": Rule.CLIPBOARD}.get(event)
            if rule is not None:
                score += STANDARD_RULES[rule].points
                found.append(
                    Due(session_id, rule.value, at_ms(index, kind.start_s + 2.0 * number), score)
                )
        for name in () if kind.events else sorted(kind.rules):
            policy = STANDARD_RULES[Rule(name)]
            after_s = kind.start_s + policy.min_duration_s
            found.append(Due(session_id, name, at_ms(index, after_s), policy.points))
    # What comes at the very end may be cut off by the end.
    last_ms = started_ms + minutes * 60_000 - 3_000
    return [due for due in found if due.at_ms < last_ms]


def match(
    dues: Sequence[Due], shown: Sequence[tuple[str, float, float]]
) -> tuple[dict[str, list[float]], list[Due]]:
    """Seconds from each violation to the first frame that shows its score, by rule, and those
    that were not shown; `shown` is session, score and the frame's instant in milliseconds."""
    delays: dict[str, list[float]] = {}
    missed = []
    for due in dues:
        first_ms, last_ms = due.at_ms - EARLY_S * 1000, due.at_ms + GIVEN_UP_S * 1000
        at_ms = next(
            (
                at_ms
                for session_id, score, at_ms in shown
                if session_id == due.session_id
                and score >= due.score
                and first_ms <= at_ms <= last_ms
            ),
            None,
        )
        if at_ms is None:
            missed.append(due)
        else:
            delays.setdefault(due.rule, []).append(round((at_ms - due.at_ms) / 1000, 3))
    return delays, missed


class _ScriptedServer(Server):
    program = ("-c", "import sys; from app.web.server import main; sys.exit(main(scripted=True))")


def measure_live(
    browser: Any, students: int, minutes: float, *, is_scripted: bool = False, mix: str = MIX
) -> LiveFigures:
    """Play it and look. Raises ServerFailed, RestError and TimeoutError when nobody came."""
    parts = cast(students, parse_mix(mix), minutes)
    material = drawn(VIDEO_FPS, {part.kind.scene for part in parts})
    if is_scripted:
        material = scripted(material)
    rows = -(-students // _TILES_IN_A_ROW)
    size = {"width": 1280, "height": _HEAD_PX + rows * _TILE_PX}
    dues: list[Due] = []

    def came(part: Part, session_id: str, started_ms: float) -> None:
        dues.extend(due_of(part, session_id, started_ms, minutes))

    with tempfile.TemporaryDirectory(prefix="candor-wall-") as scratch:
        settings = {"VIDEO_FPS": f"{VIDEO_FPS:g}", "PROCTOR_CLIENT_RATE": "2000"}
        kind = _ScriptedServer if is_scripted else Server
        with kind(Path(scratch), settings) as server:
            server.wait_for_detectors()
            page = browser.new_context(viewport=size).new_page()
            page.set_default_timeout(_JOIN_WITHIN_S * 1000)
            _sign_in(page, server)
            playing = _Playing(
                Rest(server.url, server.api_key), Plan(parts, material, minutes, came=came)
            )
            playing.start()
            page.locator("li.tile[data-id]").nth(students - 1).wait_for()
            page.evaluate(_NOTE)
            while playing.is_alive():
                page.wait_for_timeout(500)
            shown = [tuple(each) for each in page.evaluate("window.shownScores")]
            page.context.close()
    outcome = playing.result()
    figures = LiveFigures(students, problems=outcome.problems, coverage=outcome.coverage)
    figures.verdict_p95_s = outcome.p95_s
    figures.delays_s, figures.missed = match(dues, shown)
    return figures


class _Playing(threading.Thread):
    """The students, in a thread of their own: the browser is driven from this one."""

    def __init__(self, rest: Rest, plan: Plan) -> None:
        super().__init__(name="bench-students", daemon=True)
        self._rest, self._plan = rest, plan
        self._result: Outcome | RestError | None = None

    def run(self) -> None:
        try:
            self._result = simulate(self._rest, self._plan)
        except RestError as error:
            self._result = error

    def result(self) -> Outcome:
        """Raises RestError."""
        if isinstance(self._result, Outcome):
            return self._result
        raise self._result or RestError("The students came to no end.")


def _sign_in(page: Any, server: Server) -> None:
    page.goto(server.url + "/admin")
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill(server.admin_password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("heading", name="Live", exact=True).wait_for()
