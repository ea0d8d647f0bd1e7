"""How often people confirm what each rule and detector flags, and the points that would fit.

A flag rests on points of one or more rules. What people decided about it counts for a rule by the
rule's share of these points, so that a phone (10) weighs more in a flag than a glance (2) beside
it. With n the decided and k the confirmed flags of a rule, both so weighted, and p the share that
is confirmed over all flags:

    rate  r = k / n            with Wilson's 95 % interval of (k, n)
    points' = points * (k + 2 p) / (n + 2) / p,  between half and one and a half times the points

A rule whose flags are confirmed less often than flags in general gets fewer points, and the other
way round; two flags' weight of the general share keeps few decisions from moving much. Points are
suggested only from `ENOUGH` decided flags on, and only when p lies outside the interval: otherwise
the difference may be chance, and that is what is said. Flags of which nobody could tell do not
count.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

ENOUGH = 20.0
_Z = 1.96
_PRIOR = 2.0
_LEAST, _MOST = 0.5, 1.5
_STEP = 0.5


@dataclass(frozen=True, slots=True)
class DecidedFlag:
    """A flag somebody confirmed or dismissed, with the points of each rule in it."""

    exam_id: str
    is_confirmed: bool
    points: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Rate:
    """How one rule (or detector) fares. `decided` and `confirmed` are weighted by its share of
    each flag's points; `flags` counts them. `low` and `high` bound the rate with 95 %.
    `suggested` is None where nothing can be told, and `says` why."""

    name: str
    flags: int
    decided: float
    confirmed: float
    rate: float | None
    low: float
    high: float
    points: float | None = None
    suggested: float | None = None
    says: str = ""


def rates_of(flags: Iterable[DecidedFlag], points: Mapping[str, float]) -> list[Rate]:
    """The rate of each name that appears in the flags, the most decided first. `points` are what
    the policy in force gives a rule."""
    whole = list(flags)
    counts: dict[str, int] = {}
    decided: dict[str, float] = {}
    confirmed: dict[str, float] = {}
    for flag in whole:
        total = sum(flag.points.values())
        for name, given in flag.points.items():
            if total <= 0 or given <= 0:
                continue
            counts[name] = counts.get(name, 0) + 1
            decided[name] = decided.get(name, 0.0) + given / total
            confirmed[name] = confirmed.get(name, 0.0) + (given / total) * flag.is_confirmed
    overall = sum(flag.is_confirmed for flag in whole) / len(whole) if whole else 0.0
    rates = [
        _rate(name, counts[name], decided[name], confirmed[name], overall, points.get(name))
        for name in decided
    ]
    return sorted(rates, key=lambda each: (-each.decided, each.name))


def _rate(
    name: str, flags: int, decided: float, confirmed: float, overall: float, points: float | None
) -> Rate:
    low, high = wilson(confirmed, decided)
    suggested, says = None, ""
    if decided < ENOUGH:
        says = f"Too few decisions to tell: {decided:.1f} of {ENOUGH:.0f}."
    elif low <= overall <= high:
        says = "Confirmed about as often as flags in general: the points fit."
    elif points:
        factor = (confirmed + _PRIOR * overall) / (decided + _PRIOR) / overall
        fitting = points * min(_MOST, max(_LEAST, factor))
        suggested = max(_STEP, round(fitting / _STEP) * _STEP)
        more = "more" if suggested > points else "less"
        says = f"Confirmed {more} often than flags in general."
        if suggested == points:
            suggested = None
    return Rate(
        name,
        flags,
        round(decided, 2),
        round(confirmed, 2),
        confirmed / decided if decided else None,
        low,
        high,
        points,
        suggested,
        says,
    )


def wilson(confirmed: float, decided: float) -> tuple[float, float]:
    """Wilson's score interval of a share, 95 %; 0 to 1 without any decision."""
    if decided <= 0:
        return 0.0, 1.0
    share = confirmed / decided
    spread = _Z * _Z / decided
    middle = (share + spread / 2) / (1 + spread)
    half = _Z / (1 + spread) * math.sqrt(share * (1 - share) / decided + spread / (4 * decided))
    return max(0.0, middle - half), min(1.0, middle + half)
