"""Folds screen events into occurrences: one violation each, scored where it starts.

A change of focus is one occurrence from the tab or window losing focus to its return, whatever
number of events reports it. Copying, cutting, pasting and entering fullscreen need focus, so they
mean it returned even when the event that should say so was lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scoring.findings import Findings, RawPoint, RiskRaise
from scoring.model import Alert, EventKind, Rule, Violation
from scoring.policy_shape import Policy, RulePolicy
from scoring.stream import BreakMark, Happening, Record
from scoring.violations import NEVER

_LOSSES = frozenset({EventKind.TAB_HIDDEN, EventKind.WINDOW_BLUR})
_RETURNS = frozenset(
    {
        EventKind.FOCUS_RETURNED,
        EventKind.COPY,
        EventKind.CUT,
        EventKind.PASTE,
        EventKind.FULLSCREEN_ENTER,
    }
)


@dataclass(frozen=True, slots=True)
class OccurrencesState:
    """Where the fold stands."""

    cursor: int
    is_away: bool
    is_paused: bool
    open: Violation | None
    last_scored_ms: tuple[tuple[Rule, int], ...]
    last_alert_ms: tuple[tuple[Rule, int], ...]
    last_risk_ms: tuple[tuple[Rule, int], ...]


class Occurrences:
    """The fold of all event rules. `cursor` is the time it has come to, in ms."""

    def __init__(self, policy: Policy, found: Findings) -> None:
        self.found = found
        self.cursor = 0
        self._rules: dict[EventKind, tuple[Rule, RulePolicy]] = {
            kind: (rule, each)
            for rule, each in policy.rules.items()
            if each.is_on
            for kind in each.events
        }
        self._check_ms = round(policy.check_s * 1000)
        self._alert_gap_ms = round(policy.alert_cooldown_s * 1000)
        self._risk_gap_ms = round(policy.risk_cooldown_s * 1000)
        self._is_away = False
        self._is_paused = False
        self._open: Violation | None = None
        self._last_scored_ms: dict[Rule, int] = {}
        self._last_alert_ms: dict[Rule, int] = {}
        self._last_risk_ms: dict[Rule, int] = {}

    @property
    def detectors(self) -> Sequence[int]:
        """None: events come from the browser."""
        return ()

    def feed(self, record: Record) -> None:
        """Take the next record. Its instant is not before `cursor`."""
        self.cursor = max(self.cursor, record.at_ms)
        if isinstance(record, BreakMark):
            if record.begins:
                self._close(record.at_ms)
            self._is_paused = record.begins
        elif isinstance(record, Happening):
            self._happen(record)

    def _happen(self, event: Happening) -> None:
        rule = self._rules.get(event.kind)
        if event.kind in _RETURNS:
            self._is_away = False
            self._close(event.at_ms)
        elif event.kind in _LOSSES and rule is not None:
            if self._is_away:
                return
            self._is_away = True
        if rule is not None and not self._is_paused:
            self._occur(event, *rule)

    def _occur(self, event: Happening, rule: Rule, policy: RulePolicy) -> None:
        at_ms = event.at_ms
        lasts = event.kind in _LOSSES
        violation = Violation(
            violation_id=self._new_id(rule, at_ms),
            rule=rule,
            start_s=at_ms / 1000,
            end_s=None if lasts else at_ms / 1000,
            peak_confidence=1.0,
            observations=1,
            event_id=event.event_id,
        )
        self.found.violations[violation.violation_id] = violation
        self.found.is_changed = True
        if lasts:
            self._open = violation
        is_muted = at_ms < self._last_scored_ms.get(rule, NEVER) + round(policy.cooldown_s * 1000)
        if policy.points and not is_muted:
            self._last_scored_ms[rule] = at_ms
            self._score(violation, at_ms, policy)
        if at_ms >= self._last_alert_ms.get(rule, NEVER) + self._alert_gap_ms:
            self._last_alert_ms[rule] = at_ms
            self.found.alerts.append(
                Alert(rule.value, at_ms / 1000, policy.is_critical, violation.violation_id)
            )
        if policy.risk and at_ms >= self._last_risk_ms.get(rule, NEVER) + self._risk_gap_ms:
            self._last_risk_ms[rule] = at_ms
            milli = round(policy.risk * 1000)
            self.found.risk.append(
                RiskRaise(at_ms, rule, violation.violation_id, milli, policy.risk_is_permanent)
            )

    def _score(self, violation: Violation, at_ms: int, policy: RulePolicy) -> None:
        self.found.points.append(
            RawPoint(
                rule=violation.rule,
                milli=round(policy.points * 1000),
                check=at_ms // self._check_ms,
                at_ms=at_ms,
                trigger_ms=at_ms,
                start_ms=at_ms,
                end_ms=at_ms,
                percent=100,
                violation_id=violation.violation_id,
                observations=1,
            )
        )

    def _new_id(self, rule: Rule, at_ms: int) -> str:
        base = new = f"{rule.value}-{at_ms}"
        number = 1
        while new in self.found.violations:
            number += 1
            new = f"{base}-{number}"
        return new

    def _close(self, at_ms: int) -> None:
        was = self._open
        if was is not None:
            self._open = None
            self.found.violations[was.violation_id] = Violation(
                violation_id=was.violation_id,
                rule=was.rule,
                start_s=was.start_s,
                end_s=at_ms / 1000,
                peak_confidence=was.peak_confidence,
                observations=was.observations,
                event_id=was.event_id,
            )
            self.found.is_changed = True

    def advance(self, to_ms: int) -> None:
        """Time passes to `to_ms`; a time that has passed already changes nothing."""
        self.cursor = max(self.cursor, to_ms)

    def flush(self) -> None:
        """Put what lasts into the findings."""
        if self._open is not None:
            self.found.violations[self._open.violation_id] = self._open

    def finish(self) -> None:
        """The stream ends at `cursor`: what lasts ends there."""
        self._close(self.cursor)

    def save(self) -> OccurrencesState:
        """The state to go on from with `load`."""
        return OccurrencesState(
            cursor=self.cursor,
            is_away=self._is_away,
            is_paused=self._is_paused,
            open=self._open,
            last_scored_ms=tuple(self._last_scored_ms.items()),
            last_alert_ms=tuple(self._last_alert_ms.items()),
            last_risk_ms=tuple(self._last_risk_ms.items()),
        )

    def load(self, state: OccurrencesState) -> None:
        self.cursor = state.cursor
        self._is_away = state.is_away
        self._is_paused = state.is_paused
        self._open = state.open
        self._last_scored_ms = dict(state.last_scored_ms)
        self._last_alert_ms = dict(state.last_alert_ms)
        self._last_risk_ms = dict(state.last_risk_ms)
