"""The running figures of a live session, and what of them is news.

Looks only at blocks that changed. What it shows is what `scoring.ledger` computes from everything;
what it adds is the memory of what was announced.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Any

from scoring.blocks import BlockedFold
from scoring.findings import Findings, RawPoint, RiskRaise
from scoring.intervals import Flag, IntervalRules, Tally
from scoring.ledger import Reach, gather, interval_of, ledger_of
from scoring.model import (
    Alert,
    AlertRaised,
    Change,
    IntervalChanged,
    IntervalScore,
    Ledger,
    RiskEvent,
    Scores,
    Violation,
    ViolationChanged,
    ViolationWithdrawn,
)
from scoring.policy_shape import Policy
from scoring.standing import Coverage, Standing, in_order

AnyFold = BlockedFold[Any]


class Board:
    """Figures and announcements of one session over the session's own `folds`.

    `base` holds what was found before this scorer began, `flags` the flags stored with it,
    `closed` the intervals that were closed then, and `left_open` the violations that were not.
    """

    def __init__(
        self,
        policy: Policy,
        block_ms: int,
        folds: Sequence[AnyFold],
        base: Findings,
        flags: dict[int, Flag],
        closed: Sequence[IntervalScore],
        left_open: Sequence[str],
    ) -> None:
        self._policy = policy
        self._rules = IntervalRules(policy)
        self._per_block = block_ms // self._rules.interval_ms
        self._folds = folds
        self._base = base
        self._base_points: dict[int, list[RawPoint]] = {}
        for point in base.points:
            self._base_points.setdefault(point.check // self._rules.checks, []).append(point)
        self._base_flags = flags
        self._tallies: dict[int, Tally] = {}
        self._standing = Standing(policy)
        self._alerts: dict[tuple[int, int], list[Alert]] = {}
        self._raises: dict[tuple[int, int], list[RiskRaise]] = {}
        self._cached_coverage: tuple[Sequence[tuple[int, int]], Coverage] = ((), ())
        self._base_totals: dict[int, int] = {}
        _add(self._base_totals, base)
        self._covered: list[tuple[int, dict[int, int]]] = [(0, {}) for _ in folds]
        self._ids: dict[tuple[int, int], frozenset[str]] = {}
        self._told: dict[str, tuple[Violation, int]] = {}
        self._keys: dict[int, tuple[int, Flag | None, int]] = {}
        self._closed: dict[int, int] = {each.index: hash(each) for each in closed}
        self._open_from = 0
        self._flagged = set(flags)
        self._due_flags: dict[int, int] = {}
        self._alerted_ms: dict[str, int] = {}
        self._is_limit_told = False
        for violation in base.violations.values():
            self._standing.put(violation)
        for raised in base.risk:
            self._standing.risk.put(raised)
        for alert in base.alerts:
            self._standing.put_alert(alert)
            at_ms = round(alert.at_s * 1000)
            self._alerted_ms[alert.kind] = max(at_ms, self._alerted_ms.get(alert.kind, 0))
        self._retally(sorted(self._base_points))
        self._keys = {index: self._key(index) for index in self._base_points}
        self._is_limit_told = self._standing.limit_at_s is not None
        self._told = {
            key: (each, -1) for key, each in base.violations.items() if key not in left_open
        }
        self._first_news: list[Change] = [
            ViolationChanged(base.violations[each]) for each in left_open
        ]

    # What is news

    def changes(self, reach: Reach, closed_before: int, certain_ms: int) -> tuple[Change, ...]:
        """What changed since the last call; intervals before `closed_before` are closed.

        A flag is announced when its moment is not after `certain_ms`, so that the sum that is told
        is the sum that stands.
        """
        changed = [
            (number, block)
            for number, fold in enumerate(self._folds)
            for block in fold.take_changed()
        ]
        due = {i for i, flag_ms in self._due_flags.items() if flag_ms <= certain_ms}
        if not (changed or due or self._first_news or closed_before > self._open_from):
            return ()
        news, self._first_news = self._first_news, []
        touched: set[int] = set()
        for number, block in changed:
            self._cached_coverage = ((), ())
            if block < self._covered[number][0]:
                self._covered[number] = (0, {})
            news += self._violation_news(number, block)
            self._recount(number, block)
            touched.update(range(block * self._per_block, (block + 1) * self._per_block))
        touched |= self._retally(sorted(touched))
        news += self._interval_news(touched | due, reach, closed_before, certain_ms)
        for number, block in changed:
            news += self._alert_news(number, block)
        return tuple(news)

    def _violation_news(self, number: int, block: int) -> Iterator[Change]:
        fold = self._folds[number]
        found = fold.blocks[block].found if block < len(fold.blocks) else Findings()
        gone = self._ids.get((number, block), frozenset()) - found.violations.keys()
        _keep(self._ids, (number, block), frozenset(found.violations))
        for violation_id in sorted(gone & self._told.keys()):
            withdrawn = self._told[violation_id][0]
            if fold.violation(withdrawn) is None:
                self._standing.drop(violation_id)
                del self._told[violation_id]
                yield ViolationWithdrawn(withdrawn)
        reaches = {p.violation_id: p.check // self._rules.checks for p in found.points}
        for violation_id, here in found.violations.items():
            violation = fold.violation(here)
            if violation is None:
                continue
            told, told_reach = self._told.get(violation_id, (None, -1))
            reach = max(told_reach, reaches.get(violation_id, -1))
            if told is None or told.end_s != violation.end_s or reach > told_reach:
                self._told[violation_id] = (violation, reach)
                self._standing.put(violation)
                yield ViolationChanged(violation)

    def _interval_news(
        self, touched: set[int], reach: Reach, closed_before: int, certain_ms: int
    ) -> Iterator[Change]:
        closing = set(range(self._open_from, closed_before)) - self._closed.keys()
        self._open_from = max(self._open_from, closed_before)
        last = reach.last(self._rules.interval_ms)
        for index in sorted(touched | closing):
            if reach.end_ms is not None and index > last:
                continue
            key = self._key(index)
            is_new_flag = self._is_flag_due(index, key[1], certain_ms)
            is_news = is_new_flag or key != self._keys.get(index, (0, None, 0))
            _keep(self._keys, index, key if any(key) else None)
            if not is_news and index >= self._open_from:
                continue
            interval = self.interval(index, reach)
            if interval.is_closed:
                told = hash(interval)
                is_news = is_new_flag or told != self._closed.get(index)
                self._closed[index] = told
            if is_news:
                yield IntervalChanged(interval, is_new_flag)

    def _is_flag_due(self, index: int, flag: Flag | None, certain_ms: int) -> bool:
        """Whether an interval's flag is to be announced now; once in a session."""
        self._due_flags.pop(index, None)
        if flag is None or index in self._flagged:
            return False
        if flag.at_ms > certain_ms:
            self._due_flags[index] = flag.at_ms
            return False
        self._flagged.add(index)
        return True

    def _alert_news(self, number: int, block: int) -> Iterator[Change]:
        fold = self._folds[number]
        gap_ms = round(self._policy.alert_cooldown_s * 1000)
        alerts = fold.blocks[block].found.alerts if block < len(fold.blocks) else []
        for alert in alerts:
            at_ms = round(alert.at_s * 1000)
            if at_ms < self._alerted_ms.get(alert.kind, -gap_ms) + gap_ms:
                continue
            self._alerted_ms[alert.kind] = at_ms
            is_limit = alert.is_critical and self._standing.limit_at_s is not None
            is_limit = is_limit and not self._is_limit_told
            self._is_limit_told = self._is_limit_told or is_limit
            yield AlertRaised(alert, self._standing.warnings, is_limit)

    # Sums and tallies

    def _recount(self, number: int, block: int) -> None:
        """Bring alerts and risk of a block up to date in the running sums."""
        blocks = self._folds[number].blocks
        found = blocks[block].found if block < len(blocks) else Findings()
        known_alerts = self._alerts.get((number, block), [])
        known_raises = self._raises.get((number, block), [])
        if known_alerts != found.alerts:
            same = _common(known_alerts, found.alerts)
            for alert in known_alerts[same:]:
                self._standing.drop_alert(alert)
            for alert in found.alerts[same:]:
                self._standing.put_alert(alert)
            _keep(self._alerts, (number, block), list(found.alerts))
        if known_raises != found.risk:
            same = _common(known_raises, found.risk)
            for raised in known_raises[same:]:
                self._standing.risk.drop(raised)
            for raised in found.risk[same:]:
                self._standing.risk.put(raised)
            _keep(self._raises, (number, block), list(found.risk))

    def _retally(self, touched: list[int]) -> set[int]:
        """Score the touched intervals again, and those after them while that changes them."""
        scored: set[int] = set()
        for first in touched:
            index = first
            while index not in scored:
                before = self._tallies.get(index, Tally(index))
                after = self._tally(index)
                scored.add(index)
                self._standing.count(before, after)
                if after.points:
                    self._tallies[index] = after
                else:
                    self._tallies.pop(index, None)
                if before.handed_on() == after.handed_on():
                    break
                index += 1
        return scored

    def _tally(self, index: int) -> Tally:
        points = list(self._base_points.get(index, ()))
        block = index // self._per_block
        for fold in self._folds:
            if block < len(fold.blocks):
                points += [
                    point
                    for point in fold.blocks[block].found.points
                    if point.check // self._rules.checks == index
                ]
        tally = self._rules.tally(index, points, self._tallies.get(index - 1))
        stored = self._base_flags.get(index)
        if stored is None or tally.flag == stored:
            return tally
        return Tally(index, tally.points, tally.milli, tally.checks, stored)

    def _key(self, index: int) -> tuple[int, Flag | None, int]:
        tally = self._tallies.get(index)
        return (0, None, 0) if tally is None else (tally.milli, tally.flag, len(tally.points))

    # Figures

    def interval(self, index: int, reach: Reach) -> IntervalScore:
        """An interval as it stands now."""
        block = index // self._per_block
        observed: dict[int, int] = {}
        for fold in self._folds:
            if block < len(fold.blocks):
                _add(observed, fold.blocks[block].found, index)
        _add(observed, self._base, index)
        tally = self._tallies.get(index, Tally(index))
        return interval_of(self._rules, tally, observed, reach, self._open_from)

    def scores(self, reach: Reach, focus: float) -> Scores:
        """The numbers of this moment."""
        last = reach.last(self._rules.interval_ms)
        active = [
            each
            for fold in self._folds
            for each in fold.blocks[-1].found.violations.values()
            if each.end_s is None
        ]
        return self._standing.scores(
            at_ms=reach.now_ms,
            recent=[self._tallies[i] for i in (last - 1, last) if i in self._tallies],
            last=last,
            active=in_order(active),
            coverage=self._session_coverage(reach),
            focus=focus,
        )

    def risk_events(self) -> tuple[RiskEvent, ...]:
        """Every rise of the risk so far, in time order."""
        return self._standing.risk.events()

    def ledger(self, reach: Reach, focus: float) -> Ledger:
        """Everything so far."""
        ledger = ledger_of(self._policy, self._gathered(), self._tallies, reach, focus)
        if reach.end_ms is not None:
            return ledger
        closed = [self.interval(each.index, reach) for each in ledger.intervals]
        return Ledger(ledger.violations, tuple(closed), ledger.scores, ledger.alerts, ledger.risk)

    def _session_coverage(self, reach: Reach) -> Coverage:
        cursors, coverage = self._cached_coverage
        if cursors != reach.cursors:
            coverage = self._sum_coverage(reach)
            self._cached_coverage = (reach.cursors, coverage)
        return coverage

    def _sum_coverage(self, reach: Reach) -> Coverage:
        totals = dict(self._base_totals)
        for number, fold in enumerate(self._folds):
            count, sums = self._covered[number]
            for block in fold.blocks[count : len(fold.blocks) - 1]:
                _add(sums, block.found)
                count += 1
            self._covered[number] = (count, sums)
            for detector, observed_ms in sums.items():
                totals[detector] = totals.get(detector, 0) + observed_ms
            _add(totals, fold.blocks[-1].found)
        return reach.shares(0, reach.now_ms, totals)

    def _gathered(self) -> Findings:
        return gather([self._base, *(b.found for fold in self._folds for b in fold.blocks)])


def _keep(kept: dict[Any, Any], key: Any, value: Any) -> None:
    """Keep a value under its key, but nothing of one that says nothing."""
    if value:
        kept[key] = value
    else:
        kept.pop(key, None)


def _add(sums: dict[int, int], found: Findings, interval: int | None = None) -> None:
    """Add the observed time per detector, of one interval or of all."""
    for (index, detector), observed_ms in found.coverage.items():
        if interval is None or index == interval:
            sums[detector] = sums.get(detector, 0) + observed_ms


def _common(known: Sequence[object], now: Sequence[object]) -> int:
    """How many members two sequences share from the start."""
    pairs = zip(known, now, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
