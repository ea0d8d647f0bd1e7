"""Measures how fast finished sessions are scored again from their stored traces.

Also what a live second costs. Makes sessions of two observations a second of every detector with
5 % of the time in episodes, puts them into a store of its own as a server does (ledger and trace),
and scores one session, then an exam of many, under another policy, as `./run.sh rescore` does: in
one process per core, each with one session in memory at a time. The exam repeats a few made
sessions under many names: making each anew would take longer than what is measured.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

from app.ledgers import numbers_of
from app.records import EndCause, SessionRecord, SessionState, TraceRecord
from app.reports.rescoring import Skipped, records_of, rescored
from app.settings import Settings
from app.store import Repository
from app.store.documents import to_document
from app.store.engines import open_neosqlite
from scoring.model import Detector, EventKind, Item, Ledger, Observation, Rule, ScreenEvent
from scoring.policy import Policy, policy_to_dict, standard_policy
from scoring.replay import distinct, rescore
from scoring.session import SessionScorer
from scoring.stream import Record, record_of
from scoring.trace import encode
from tools.rescoring_pool import rescored_in_processes

FPS = 2.0
EPISODE_SHARE = 0.05
EPISODE_S = 6.0
BLOCK_MS = 60_000
EXAM = "bench"
BEGAN_AT = datetime(2026, 3, 2, 9, 0, tzinfo=timezone.utc)

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


class MadeExam:
    """An exam of finished sessions in a store of its own, opened as a server opens it."""

    def __init__(self, settings: Settings) -> None:
        self._engine = open_neosqlite(settings.database_file)
        self.repository = Repository(self._engine)

    def store(self, seed: int, items: list[Item], length_s: int) -> tuple[Ledger, int]:
        """Store a made session as the server does at its end: ledger, numbers and trace.

        Returns the ledger and the bytes of the trace.
        """
        policy = standard_policy()
        parts: dict[int, list[Record]] = {}
        for record in distinct(record_of(item) for item in items):
            parts.setdefault(record.at_ms // BLOCK_MS, []).append(record)
        blocks = {index: encode(part) for index, part in parts.items()}
        ledger = rescore(policy, blocks.values(), length_s)
        session = SessionRecord(
            session_id=_name(seed),
            user_id=f"student-{seed}",
            exam_id=EXAM,
            state=SessionState.ENDED,
            created_at=BEGAN_AT,
            started_at=BEGAN_AT,
            ended_at=BEGAN_AT + timedelta(seconds=length_s),
            end_cause=EndCause.STUDENT,
            policy=policy_to_dict(policy),
            scored_s=float(length_s),
        )
        session = replace(session, **numbers_of(ledger.scores))  # type: ignore[arg-type]
        violations, intervals = records_of(session, ledger)
        self._insert("sessions", [session])
        self._insert("violations", violations)
        self._insert("intervals", intervals)
        self._insert("traces", [TraceRecord(_name(seed), i, data) for i, data in blocks.items()])
        return ledger, sum(len(data) for data in blocks.values())

    def repeat(self, seed: int, number: int) -> None:
        """Store a made session once more, as another student's."""
        known, name = _name(seed), _name(number)
        for collection in ("sessions", "violations", "intervals", "traces"):
            key = "_id" if collection == "sessions" else "session_id"
            copies = []
            for document in self._engine.collection(collection).find({key: known}):
                copy = {**document, "_id": str(document["_id"]).replace(known, name, 1)}
                copy["session_id"] = name
                if collection == "sessions":
                    copy |= {"active_key": name, "user_id": f"student-{number}"}
                copies.append(copy)
            self._engine.database[collection].insert_many(copies)

    def _insert(self, collection: str, records: Sequence[object]) -> None:
        if records:
            self._engine.database[collection].insert_many([to_document(each) for each in records])

    def close(self) -> None:
        self.repository.close()


def _name(number: int) -> str:
    return f"bench-session-{number:06d}"


def measure(sessions: int, made: int, length_s: int, processes: int | None) -> dict[str, float]:
    """Run the benchmark; durations are wall seconds."""
    policy = _other_policy()
    observations = stored_bytes = 0
    live = 0.0
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings.model_validate({"PROCTOR_DATA_DIR": folder})
        with closing(MadeExam(settings)) as exam:
            for seed in range(min(made, sessions)):
                items = make_session(seed, length_s)
                observations = sum(isinstance(item, Observation) for item in items)
                _, stored_bytes = exam.store(seed, items, length_s)
                if seed == 0:
                    live = live_ms(items, min(length_s, 1800))
                del items
                _show("Making sessions", seed + 1, min(made, sessions))
            for number in range(made, sessions):
                exam.repeat(number % made, number)
                _show("Storing the exam", number + 1, sessions)
            repository = exam.repository
            first = repository.session(_name(0))
            if first is None:
                raise RuntimeError("the made session is not in the store")
            started_s = time.perf_counter()
            rescored(repository, first, policy)
            session_s = time.perf_counter() - started_s
            before_mb = _peak_mb()
            started_s = time.perf_counter()
            flagged = 0
            whole = sorted(repository.sessions(exam_id=EXAM), key=lambda each: each.session_id)
            results = rescored_in_processes(settings, repository, whole, policy, processes)
            for done, result in enumerate(results, start=1):
                if isinstance(result, Skipped):
                    raise RuntimeError(f"a made session was skipped: {result.reason}")
                flagged += len(result.after.flagged)
                _show("Scoring the exam", done, sessions)
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
        "exam_growth_mb": round(_peak_mb() - before_mb, 1),
        "process_mb": round(_peak_mb(resource.RUSAGE_CHILDREN), 1),
        "peak_mb": round(max(_peak_mb(), _peak_mb(resource.RUSAGE_CHILDREN)), 1),
    }


def _other_policy() -> Policy:
    policy = standard_policy(interval_s=20, check_s=5, flag_threshold=12)
    return policy.with_rule(Rule.LOOKING_AWAY, points=3, min_duration_s=2)


def _peak_mb(who: int = resource.RUSAGE_SELF) -> float:
    """The highest resident size of this process, or of its largest child (Linux counts KiB)."""
    return resource.getrusage(who).ru_maxrss / 1024


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
    parser.add_argument("--processes", type=int, help="of the exam; one per core by default")
    given = parser.parse_args(argv)
    if given.sessions < 1 or given.made < 1 or not 0 < given.hours <= 24:
        parser.error("--sessions and --made must be at least 1, --hours from 0 to 24")
    figures = measure(given.sessions, given.made, round(given.hours * 3600), given.processes)
    for name, figure in figures.items():
        print(f"{name:22} {figure:g}")
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    return 0
