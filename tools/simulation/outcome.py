"""What a simulation came to: latency, coverage, drops, and flags where the mix put them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tools.simulation.mix import FIRST_INTERVAL, Part

# What the server counts that must not have happened.
DROPS = (
    "dropped_frames",
    "dropped_sound_s",
    "monitor_dropped_results",
    "live_events_dropped",
    "lost_requests",
    "monitor_given_up",
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """One student's flags against the part that was played."""

    number: int
    kind: str
    missing: tuple[int, ...] = ()
    unexpected: tuple[str, ...] = ()
    missing_events: int = 0


@dataclass(slots=True)
class Outcome:
    """All figures of one run; times in seconds, coverage as a share, `judged_per_s` the pictures
    of a student that were looked at each second once all had joined, `rungs` how much was looked
    at from which second on, `p95_by_quarter_s` the latency in each quarter of the time."""

    students: int
    minutes: float
    coverage: float = 0.0
    coverage_worst: float = 0.0
    p50_s: float | None = None
    p95_s: float | None = None
    p95_by_quarter_s: list[float | None] = field(default_factory=list)
    ack_p50_ms: float | None = None
    ack_p95_ms: float | None = None
    judged_per_s: float = 0.0
    rungs: list[tuple[float, str]] = field(default_factory=list)
    updates: int = 0
    batches: int = 0
    frames: int = 0
    sent_mb: float = 0.0
    events_sent: int = 0
    events_lost: int = 0
    refused_parts: int = 0
    skipped_batches: int = 0
    reconnections: int = 0
    drops: dict[str, int] = field(default_factory=dict)
    generator_cpu_ms_per_student_s: float = 0.0
    flags_expected: int = 0
    flags_found: int = 0
    wrong: list[Verdict] = field(default_factory=list)
    problems: dict[str, int] = field(default_factory=dict)

    @property
    def is_right(self) -> bool:
        """Whether every flag stands where the mix put it and no event was lost."""
        return not self.wrong and not self.events_lost

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"is_right": self.is_right}


def percentile(values: Iterable[float], share: float) -> float | None:
    """The value that `share` of them lie at or under; None without any."""
    ordered = sorted(values)
    if not ordered:
        return None
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 4)


def quarters_of(
    samples: Sequence[tuple[float, float]], from_s: float, to_s: float
) -> list[float | None]:
    """The p95 of the samples (instant, value) in each quarter of a time."""
    quarter_s = (to_s - from_s) / 4
    begins = [from_s + i * quarter_s for i in range(4)]
    return [
        percentile([value for at_s, value in samples if begin <= at_s < begin + quarter_s], 0.95)
        for begin in begins
    ]


def judge(part: Part, details: Mapping[str, Any], events: Sequence[str]) -> Verdict:
    """Compare a session's stored intervals with the part; `events` are the kinds that were sent.

    The intervals before the first episode's may hold no flag either. The last interval is not
    whole and is left out when an episode was to be in it.
    """
    closed = {item["index"]: item for item in details["intervals"] if item["is_closed"]}
    flagged = {index for index, item in closed.items() if item["is_flagged"]}
    whole = max(closed, default=-1)
    wanted = {index for index in part.intervals if index < whole}
    missing = tuple(sorted(wanted - flagged))
    unexpected = []
    for index in sorted(flagged - set(part.intervals)):
        rules = sorted({point["rule"] for point in closed[index]["points"]})
        unexpected.append(f"{index}: {', '.join(rules)}")
    found = Counter(item["rule"] for item in details["violations"])
    changes = sum(kind == "tab_hidden" for kind in events)
    pastes = sum(kind == "paste" for kind in events)
    lost = max(0, changes - found["focus_change"]) + max(0, pastes - found["clipboard"])
    return Verdict(part.number, part.kind.name, missing, tuple(unexpected), lost)


def coverage_of(details: Mapping[str, Any], detector: str = "face") -> float | None:
    """The mean share of the whole intervals that was observed; None without one."""
    shares = [
        float(item["coverage"].get(detector, 0.0))
        for item in details["intervals"]
        if item["is_closed"] and item["index"] >= FIRST_INTERVAL
    ]
    # The last interval ends with the session and is closed early.
    whole = shares[:-1] if len(shares) > 1 else shares
    return sum(whole) / len(whole) if whole else None


def as_text(outcome: Outcome) -> str:
    """The outcome for a console."""

    def shown(value: float | None, unit: str) -> str:
        return "-" if value is None else f"{value:.2f} {unit}"

    quarters = ", ".join(shown(each, "s") for each in outcome.p95_by_quarter_s)
    rungs = ", ".join(f"{name} from {at_s:.0f} s" for at_s, name in outcome.rungs)
    drops = ", ".join(f"{name} {count}" for name, count in outcome.drops.items() if count)
    lines = [
        f"{outcome.students} students, {outcome.minutes:g} min, {outcome.batches:,} batches,"
        f" {outcome.sent_mb:,.0f} MB",
        f"  capture to proctor's room  p50 {shown(outcome.p50_s, 's')},"
        f" p95 {shown(outcome.p95_s, 's')} ({outcome.updates:,} updates)",
        *([f"  p95 in each quarter        {quarters}"] if outcome.p95_by_quarter_s else []),
        f"  batch acknowledged after   p50 {shown(outcome.ack_p50_ms, 'ms')},"
        f" p95 {shown(outcome.ack_p95_ms, 'ms')}",
        f"  coverage                   {outcome.coverage:.3f}, the worst student"
        f" {outcome.coverage_worst:.3f}; judged {outcome.judged_per_s:.2f} pictures a second",
        *([f"  looked at                  {rungs}"] if len(outcome.rungs) > 1 else []),
        f"  dropped                    {drops or 'nothing'};"
        f" {outcome.events_lost} of {outcome.events_sent} events lost,"
        f" {outcome.refused_parts} parts refused, {outcome.skipped_batches} batches skipped,"
        f" {outcome.reconnections} reconnections",
        f"  flags                      {outcome.flags_found} of {outcome.flags_expected}"
        f" where the mix put them, {sum(len(v.unexpected) for v in outcome.wrong)} elsewhere",
        f"  generator                  {outcome.generator_cpu_ms_per_student_s:.2f} ms of CPU"
        " per student-second",
    ]
    for verdict in outcome.wrong[:20]:
        lines.append(
            f"  wrong: student {verdict.number} ({verdict.kind}): missing {list(verdict.missing)},"
            f" unexpected {list(verdict.unexpected)}, events lost {verdict.missing_events}"
        )
    for text, count in list(outcome.problems.items())[:10]:
        lines.append(f"  problem ({count}): {text}")
    return "\n".join(lines)
