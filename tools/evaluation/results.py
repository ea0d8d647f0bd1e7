"""From single verdicts to figures: counts, rates, their intervals, groups, curves."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median


@dataclass(frozen=True, slots=True)
class Judged:
    """One labelled thing and what the product said of it.

    `truth` and `verdict` are words; an empty verdict is an abstention with a `reason`.
    `is_positive` says that there was something to find, `is_found` that it was found right;
    `is_alarm` that the product reported something on a thing without it. `score` is what a
    threshold is applied to, higher meaning more like a positive. `is_unread` says that the file
    itself cannot be decoded, which is an abstention and an error.
    """

    file: str
    truth: str
    verdict: str
    is_positive: bool
    is_correct: bool
    is_found: bool = False
    is_alarm: bool = False
    reason: str = ""
    group: str = ""
    part: str = ""
    score: float | None = None
    ms: float | None = None
    at: str = ""
    is_unread: bool = False

    @property
    def is_abstained(self) -> bool:
        return not self.verdict


def unread(file: str, truth: str, is_positive: bool, group: str = "", part: str = "") -> Judged:
    """What a labelled file comes to that cannot be decoded."""
    return Judged(
        file,
        truth,
        verdict="",
        is_positive=is_positive,
        is_correct=False,
        reason="cannot be decoded",
        group=group,
        part=part,
        is_unread=True,
    )


@dataclass(frozen=True, slots=True)
class OverTime:
    """False alarms of whole episodes (violations of the standard policy) over labelled time."""

    seconds: float = 0.0
    false_alarms: int = 0
    files: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        hours = self.seconds / 3600
        return {
            "seconds": round(self.seconds, 1),
            "false_alarms": self.false_alarms,
            "per_hour": round(self.false_alarms / hours, 2) if hours else None,
            "files": list(self.files),
        }


@dataclass(slots=True)
class Section:
    """Everything measured of one detector (or one question beside it).

    `remedy` says why it could not run at all. `extra` holds figures only this one has.
    """

    name: str
    title: str
    judged: list[Judged] = field(default_factory=list)
    remedy: str = ""
    over_time: OverTime | None = None
    threshold: float | None = None
    extra: dict[str, object] = field(default_factory=dict)

    def as_dict(self) -> dict[str, object]:
        """The figures as plain data for JSON."""
        figures = Figures.of(self.judged)
        data = figures.as_dict()
        grouped = [j for j in self.judged if j.group]
        data["groups"] = {
            name: {
                "n": each.n,
                "correct": each.correct,
                "abstained": each.abstained,
                "accuracy": each.accuracy,
                "interval": list(wilson(each.correct, each.n)),
            }
            for name, each in split(grouped, lambda j: j.group).items()
        }
        data["largest_gap"] = largest_gap(split(grouped, lambda j: j.group))
        data["grouped"] = Figures.of(grouped).as_dict()
        data["ungrouped"] = Figures.of([j for j in self.judged if not j.group]).as_dict()
        parts = split([j for j in self.judged if j.part], lambda j: j.part)
        data["parts"] = {name: each.as_dict() for name, each in parts.items()}
        if self.over_time is not None:
            data["over_time"] = self.over_time.as_dict()
            data["false_alarms_per_hour"] = self.over_time.as_dict()["per_hour"]
        if self.remedy:
            data["off"] = self.remedy
        data.update(self.extra)
        return data


@dataclass(frozen=True, slots=True)
class Figures:
    """Counts of a set of verdicts. Abstentions count in `n` and are never correct."""

    n: int
    correct: int
    abstained: int
    n_positive: int
    abstained_positive: int
    found: int
    n_negative: int
    false_alarms: int
    ms_p50: float | None
    errors: tuple[str, ...]

    @staticmethod
    def of(judged: Sequence[Judged]) -> Figures:
        times = [j.ms for j in judged if j.ms is not None]
        wrong = [j for j in judged if j.is_unread or not (j.is_correct or j.is_abstained)]
        return Figures(
            n=len(judged),
            correct=sum(j.is_correct for j in judged),
            abstained=sum(j.is_abstained for j in judged),
            n_positive=sum(j.is_positive for j in judged),
            abstained_positive=sum(j.is_positive and j.is_abstained for j in judged),
            found=sum(j.is_found for j in judged),
            n_negative=sum(not j.is_positive for j in judged),
            false_alarms=sum(j.is_alarm for j in judged),
            ms_p50=round(median(times), 2) if times else None,
            errors=tuple(dict.fromkeys(j.file for j in wrong)),
        )

    @property
    def accuracy(self) -> float | None:
        return _rate(self.correct, self.n)

    @property
    def recall(self) -> float | None:
        """Share of the positives that were found, abstentions counting as not found."""
        return _rate(self.found, self.n_positive)

    @property
    def precision(self) -> float | None:
        return _rate(self.found, self.found + self.false_alarms)

    def as_dict(self) -> dict[str, object]:
        return {
            "n": self.n,
            "correct": self.correct,
            "abstained": self.abstained,
            "accuracy": self.accuracy,
            "accuracy_interval": list(wilson(self.correct, self.n)),
            "accuracy_judged": _rate(self.correct, self.n - self.abstained),
            "abstention_rate": _rate(self.abstained, self.n),
            "n_positive": self.n_positive,
            "found": self.found,
            "recall": self.recall,
            "recall_interval": list(wilson(self.found, self.n_positive)),
            "recall_judged": _rate(self.found, self.n_positive - self.abstained_positive),
            "false_rejects": self.n_positive - self.found - self.abstained_positive,
            "false_reject_rate": _rate(
                self.n_positive - self.found - self.abstained_positive, self.n_positive
            ),
            "precision": self.precision,
            "n_negative": self.n_negative,
            "false_alarms": self.false_alarms,
            "false_alarm_rate": _rate(self.false_alarms, self.n_negative),
            "ms_p50": self.ms_p50,
            "errors": list(self.errors),
        }


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def wilson(hits: int, n: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927); (0, 1) when nothing was measured."""
    if n == 0:
        return 0.0, 1.0
    share = hits / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return round(max(0.0, middle - half), 4), round(min(1.0, middle + half), 4)


def split(judged: Iterable[Judged], key: Callable[[Judged], str]) -> dict[str, Figures]:
    """The figures per key, in the order of the keys' names."""
    lots: dict[str, list[Judged]] = {}
    for each in judged:
        lots.setdefault(key(each), []).append(each)
    return {name: Figures.of(lots[name]) for name in sorted(lots)}


def largest_gap(groups: dict[str, Figures]) -> dict[str, object] | None:
    """The two groups furthest apart and the 95 % interval of the difference (Newcombe 1998)."""
    rated = {name: each for name, each in groups.items() if each.n}
    if len(rated) < 2:
        return None
    best = max(rated, key=lambda name: rated[name].correct / rated[name].n)
    worst = min(rated, key=lambda name: rated[name].correct / rated[name].n)
    high, low = rated[best], rated[worst]
    p1, p2 = high.correct / high.n, low.correct / low.n
    l1, u1 = wilson(high.correct, high.n)
    l2, u2 = wilson(low.correct, low.n)
    gap = p1 - p2
    return {
        "best": best,
        "worst": worst,
        "gap": round(gap, 4),
        "interval": [
            round(max(-1.0, gap - math.sqrt((p1 - l1) ** 2 + (u2 - p2) ** 2)), 4),
            round(min(1.0, gap + math.sqrt((u1 - p1) ** 2 + (p2 - l2) ** 2)), 4),
        ],
    }


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """What a threshold would give: the share of positives found and of negatives alarmed."""

    threshold: float
    recall: float
    false_alarm_rate: float


def curve(judged: Sequence[Judged], most: int = 120) -> tuple[CurvePoint, ...]:
    """Recall and false alarms at every threshold, from the scores; empty without both kinds."""
    scored = [j for j in judged if j.score is not None]
    positives = sorted(j.score or 0.0 for j in scored if j.is_positive)
    negatives = sorted(j.score or 0.0 for j in scored if not j.is_positive)
    if not positives or not negatives:
        return ()
    values = sorted(Counter(positives + negatives))
    step = max(1, len(values) // most)
    return tuple(
        CurvePoint(
            threshold=value,
            recall=sum(p >= value for p in positives) / len(positives),
            false_alarm_rate=sum(n >= value for n in negatives) / len(negatives),
        )
        for value in values[::step]
    )
