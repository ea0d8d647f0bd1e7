"""Measures how fast finished sessions are scored again from their stored traces.

Also what a live second costs. Makes sessions of two observations a second of every detector with
5 % of the time in episodes, stores their traces in an SQLite file, and scores one session, then an
exam of many, under another policy, one session in memory at a time. An exam repeats a few made
sessions under many names: making each anew would take longer than what is measured.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from scoring.model import Detector, EventKind, Item, Observation, Rule, ScreenEvent
from scoring.policy import Policy, standard_policy
from scoring.replay import distinct, rescore
from scoring.session import SessionScorer
from scoring.stream import Record, record_of
from scoring.trace import encode

FPS = 2.0
EPISODE_SHARE = 0.05
EPISODE_S = 6.0
BLOCK_MS = 60_000

_QUIET = {
    Detector.FACE: "one",
    Detector.GAZE: "center",
    Detector.IDENTITY: "same",
    Detector.OBJECTS: "clear",
    Detector.SPEECH: "quiet",
    Detector.VOICE: "own",
    Detector.CAMERA: "ok",
}
_LOUD = {
    Detector.FACE: "none",
    Detector.GAZE: "left",
    Detector.IDENTITY: "other",
    Detector.OBJECTS: "phone",
    Detector.SPEECH: "speech",
    Detector.VOICE: "several",
    Detector.CAMERA: "covered",
}


@dataclass(slots=True)
class _Mood:
    """Whether a detector is in an episode, and for how much longer."""

    is_loud: bool = False
    left_s: float = 0.0

    def pass_on(self, rng: random.Random) -> None:
        self.left_s -= 1 / FPS
        if self.left_s <= 0:
            self.is_loud = not self.is_loud
            calm_s = EPISODE_S * (1 - EPISODE_SHARE) / EPISODE_SHARE
            self.left_s = rng.expovariate(1 / (EPISODE_S if self.is_loud else calm_s))


def make_session(seed: int, length_s: int) -> list[Item]:
    """The items of one session: jittered frames and sounds, a head that moves, a few events."""
    rng = random.Random(seed)  # noqa: S311 - drawn sessions, no secrets
    moods = {detector: _Mood(is_loud=True) for detector in _QUIET}
    items: list[Item] = []
    for number in range(round(length_s * FPS)):
        frame_s = max(0.0, number / FPS + rng.uniform(-0.02, 0.02))
        sound_s = max(0.0, number / FPS + rng.uniform(-0.01, 0.01))
        for detector, mood in moods.items():
            mood.pass_on(rng)
            is_sound = detector in (Detector.SPEECH, Detector.VOICE)
            measures: tuple[tuple[str, float], ...] = ()
            if detector is Detector.GAZE:
                measures = (("yaw", rng.gauss(0, 6)), ("pitch", rng.gauss(4, 6)))
            elif detector is Detector.FACE:
                measures = (("faces", 0.0 if mood.is_loud else 1.0),)
            items.append(
                Observation(
                    detector=detector,
                    at_s=sound_s if is_sound else frame_s,
                    labels=((_LOUD if mood.is_loud else _QUIET)[detector],),
                    confidence=rng.uniform(0.6, 1.0),
                    span_s=1 / FPS if is_sound else 0.0,
                    measures=measures,
                )
            )
    for number in range(length_s // 600):
        at_s = rng.uniform(0, length_s - 5)
        items.append(ScreenEvent(f"lost-{number}", EventKind.TAB_HIDDEN, at_s))
        items.append(ScreenEvent(f"back-{number}", EventKind.FOCUS_RETURNED, at_s + 3))
    return items


def live_ms(items: list[Item], seconds: int) -> float:
    """CPU milliseconds a second of a live session costs: one batch, and the scores read once."""
    scorer = SessionScorer(standard_policy())
    batches: dict[int, list[Item]] = {}
    for item in items:
        batches.setdefault(int(item.at_s), []).append(item)
    started_s = time.process_time()
    for second in range(seconds):
        scorer.update(batches.get(second, ()), second + 1.5)
        _ = scorer.scores
    return (time.process_time() - started_s) / seconds * 1000


class TraceFile:
    """Traces in an SQLite file: one row per session and block."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path)
        self._database.execute(
            "create table trace (session integer, block integer, data blob,"
            " primary key (session, block)) without rowid"
        )

    def store(self, session: int, items: list[Item]) -> int:
        """Store a session's trace; returns its bytes."""
        parts: dict[int, list[Record]] = {}
        for record in distinct(record_of(item) for item in items):
            parts.setdefault(record.at_ms // BLOCK_MS, []).append(record)
        rows = [(session, index, encode(part)) for index, part in parts.items()]
        with self._database:
            self._database.executemany("insert into trace values (?, ?, ?)", rows)
        return sum(len(data) for _, _, data in rows)

    def blocks(self, session: int) -> Iterator[bytes]:
        """A session's blocks in time order."""
        rows = self._database.execute(
            "select data from trace where session = ? order by block", (session,)
        )
        return (row[0] for row in rows)

    def close(self) -> None:
        self._database.close()


def measure(sessions: int, made: int, length_s: int) -> dict[str, float]:
    """Run the benchmark; durations are wall seconds."""
    policy = _other_policy()
    observations = stored_bytes = 0
    live = 0.0
    with (
        tempfile.TemporaryDirectory() as folder,
        closing(TraceFile(Path(folder) / "traces.db")) as traces,
    ):
        for seed in range(made):
            items = make_session(seed, length_s)
            observations = sum(isinstance(item, Observation) for item in items)
            stored_bytes = traces.store(seed, items)
            if seed == 0:
                live = live_ms(items, min(length_s, 1800))
            del items
            _show("Making sessions", seed + 1, made)
        started_s = time.perf_counter()
        rescore(policy, traces.blocks(0), length_s)
        session_s = time.perf_counter() - started_s
        resident_mb = _resident_mb()
        started_s = time.perf_counter()
        flagged = 0
        for number in range(sessions):
            ledger = rescore(policy, traces.blocks(number % made), length_s)
            flagged += ledger.scores.flagged_intervals
            _show("Scoring the exam", number + 1, sessions)
        exam_s = time.perf_counter() - started_s
    return {
        "observations": observations,
        "sessions": sessions,
        "sessions_made": made,
        "length_s": length_s,
        "live_ms_per_student_s": round(live, 3),
        "trace_kb": round(stored_bytes / 1024, 1),
        "flagged_intervals": flagged,
        "rescore_session_s": round(session_s, 3),
        "rescore_exam_s": round(exam_s, 3),
        "exam_growth_mb": round(_resident_mb() - resident_mb, 1),
        "peak_mb": round(_peak_mb(), 1),
    }


def _other_policy() -> Policy:
    policy = standard_policy(interval_s=20, check_s=5, flag_threshold=12)
    return policy.with_rule(Rule.LOOKING_AWAY, points=3, min_duration_s=2)


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def _peak_mb() -> float:
    """The highest resident size of this process (Linux counts it in KiB)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _show(what: str, done: int, whole: int) -> None:
    if not sys.stderr.isatty() and done not in (1, whole) and done % max(1, whole // 10):
        return
    filled = 30 * done // whole
    line = f"{what} [{'#' * filled}{'.' * (30 - filled)}] {done}/{whole}"
    end = "\n" if done == whole or not sys.stderr.isatty() else "\r"
    print(line, end=end, file=sys.stderr, flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures, and write them as JSON when asked to."""
    parser = argparse.ArgumentParser(prog="bench scoring", description=__doc__)
    parser.add_argument("--sessions", type=int, default=500, help="sessions of the exam")
    parser.add_argument("--made", type=int, default=5, help="distinct sessions among them")
    parser.add_argument("--hours", type=float, default=3.0, help="length of a session")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    given = parser.parse_args(argv)
    if given.sessions < 1 or given.made < 1 or not 0 < given.hours <= 24:
        parser.error("--sessions and --made must be at least 1, --hours from 0 to 24")
    figures = measure(given.sessions, given.made, round(given.hours * 3600))
    for name, figure in figures.items():
        print(f"{name:22} {figure:g}")
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0
