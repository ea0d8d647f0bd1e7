"""Debounce: the observed time of one rule becomes episodes with both edges in seconds.

Time is fed piece by piece, and how it is cut into pieces does not matter: feeding [a, b) and then
[b, c) is feeding [a, c). So the frame rate, and when somebody looked, leave no trace.
"""

from __future__ import annotations

from scoring.findings import Findings, RawPoint, RiskRaise
from scoring.model import Alert, Rule, Violation
from scoring.policy_shape import Policy, RulePolicy

NEVER = -(10**12)

# How long an unconfirmed episode outlives unobserved time at most.
DOUBT_MS = 1000

EpisodeState = tuple[object, ...]


class Episodes:
    """The episodes of one continuous rule, one after the other.

    An episode opens with its first observed time and lasts until `release_s` of observed time
    without its labels, or an unobserved gap longer than `gap_s` (one second at most while it is
    not confirmed), or a break. Its length is observed time only. It is confirmed, and so becomes
    a violation, at the instant its length reaches `min_duration_s`; from then on every check that
    holds some of its observed time scores once.
    """

    __slots__ = (
        "_alert_gap_ms",
        "_check_ms",
        "_cooldown_ms",
        "_gap_ms",
        "_id",
        "_milli",
        "_min_ms",
        "_point",
        "_release_ms",
        "_risk_after_ms",
        "_risk_gap_ms",
        "_risk_milli",
        "check",
        "confirmed_ms",
        "fresh",
        "gap",
        "held",
        "is_muted",
        "is_risk_counted",
        "last_alert_ms",
        "last_on_ms",
        "last_risk_ms",
        "last_scored_ms",
        "off",
        "peak",
        "policy",
        "rule",
        "seen",
        "start_ms",
        "trigger_ms",
    )

    def __init__(self, rule: Rule, policy: RulePolicy, whole: Policy) -> None:
        self.rule = rule
        self.policy = policy
        self._milli = round(policy.points * 1000)
        self._min_ms = round(policy.min_duration_s * 1000)
        self._release_ms = max(1, round(policy.release_s * 1000))
        self._gap_ms = round(whole.gap_s * 1000)
        self._cooldown_ms = round(policy.cooldown_s * 1000)
        self._check_ms = round(whole.check_s * 1000)
        self._alert_gap_ms = round(whole.alert_cooldown_s * 1000)
        self._risk_milli = round(policy.risk * 1000)
        self._risk_after_ms = max(self._min_ms, round(policy.risk_after_s * 1000))
        self._risk_gap_ms = round(whole.risk_cooldown_s * 1000)
        self._point: RawPoint | None = None
        self.fresh = 0
        self.last_scored_ms = NEVER
        self.last_alert_ms = NEVER
        self.last_risk_ms = NEVER
        self._reset()

    def _reset(self) -> None:
        self.start_ms: int | None = None
        self.held = 0
        self.off = 0
        self.gap = 0
        self.last_on_ms = 0
        self.peak = 0
        self.seen = 0
        self.trigger_ms = 0
        self.confirmed_ms: int | None = None
        self.is_muted = False
        self.is_risk_counted = False
        self.check = -1
        self._point = None
        self._id = ""

    @property
    def is_open(self) -> bool:
        return self.start_ms is not None

    @property
    def violation_id(self) -> str:
        if not self._id:
            self._id = f"{self.rule.value}-{self.start_ms}"
        return self._id

    def on(self, from_ms: int, to_ms: int, percent: int, trigger_ms: int, found: Findings) -> None:
        """[from_ms, to_ms) was observed with the rule's labels."""
        if self.start_ms is None:
            self.start_ms = from_ms
        self.off = self.gap = 0
        self.seen += self.fresh
        self.fresh = 0
        if percent > self.peak:
            self.peak = percent
        self.trigger_ms = trigger_ms
        self._grow(from_ms, to_ms - from_ms, found)
        self.last_on_ms = to_ms
        confirmed_ms = self.confirmed_ms
        if confirmed_ms is not None:
            self._score(from_ms if from_ms > confirmed_ms else confirmed_ms, to_ms, found)

    def without(self, from_ms: int, to_ms: int, is_judged: bool, found: Findings) -> None:
        """[from_ms, to_ms) was observed without the rule's labels, or not observed at all."""
        if self.start_ms is None:
            return
        self._grow(from_ms, 0, found)
        if is_judged:
            self.off += to_ms - from_ms
            if self.off >= self._release_ms:
                self.close(found)
        else:
            self.gap += to_ms - from_ms
            outlives_ms = self._gap_ms
            if self.confirmed_ms is None:
                outlives_ms = min(self._gap_ms, DOUBT_MS)
            if self.gap > outlives_ms:
                self.close(found)

    def close(self, found: Findings) -> None:
        """The episode is over: a violation if it was confirmed, nothing if it was not."""
        if self.confirmed_ms is not None:
            found.violations[self.violation_id] = self.violation(self.last_on_ms)
            found.is_changed = True
            if self._milli and not self.is_muted:
                self.last_scored_ms = self.last_on_ms
        self._reset()

    def violation(self, end_ms: int | None = None) -> Violation:
        """The open episode as a violation."""
        return Violation(
            violation_id=self.violation_id,
            rule=self.rule,
            start_s=(self.start_ms or 0) / 1000,
            end_s=None if end_ms is None else end_ms / 1000,
            peak_confidence=self.peak / 100,
            observations=self.seen,
        )

    def _grow(self, from_ms: int, by_ms: int, found: Findings) -> None:
        """Lengthen the episode. A length reached exactly at the end of a piece of time counts
        with the next piece, because that instant is the next piece's first."""
        held, self.held = self.held, self.held + by_ms
        if self.confirmed_ms is None and (held >= self._min_ms or self.held > self._min_ms):
            self._confirm(from_ms + max(0, self._min_ms - held), found)
        if not self.is_risk_counted and (
            held >= self._risk_after_ms or self.held > self._risk_after_ms
        ):
            self._raise_risk(from_ms + max(0, self._risk_after_ms - held), found)

    def _confirm(self, at_ms: int, found: Findings) -> None:
        start_ms = self.start_ms or 0
        self.confirmed_ms = at_ms
        self.is_muted = start_ms < self.last_scored_ms + self._cooldown_ms
        found.violations[self.violation_id] = self.violation()
        found.is_changed = True
        self._score(at_ms, at_ms, found)

    def _score(self, from_ms: int, to_ms: int, found: Findings) -> None:
        if self._milli and not self.is_muted:
            self._score_checks(from_ms, to_ms, found)
        at_ms = self.last_alert_ms + self._alert_gap_ms
        if at_ms > to_ms:
            return
        at_ms = max(from_ms, at_ms)
        while at_ms < to_ms or at_ms == from_ms == self.confirmed_ms:
            found.alerts.append(
                Alert(self.rule.value, at_ms / 1000, self.policy.is_critical, self.violation_id)
            )
            found.is_changed = True
            self.last_alert_ms = at_ms
            at_ms += self._alert_gap_ms

    def _score_checks(self, from_ms: int, to_ms: int, found: Findings) -> None:
        first = from_ms // self._check_ms
        last = (to_ms - 1) // self._check_ms if to_ms > from_ms else first
        if first == last == self.check:
            if self._point is not None:
                self._point.end_ms = to_ms
                self._point.percent = self.peak
                self._point.observations = self.seen
            return
        for check in range(first, last + 1):
            end_ms = min(to_ms, (check + 1) * self._check_ms)
            if check > self.check:
                self.check = check
                self._point = RawPoint(
                    rule=self.rule,
                    milli=self._milli,
                    check=check,
                    at_ms=max(from_ms, check * self._check_ms),
                    trigger_ms=self.trigger_ms,
                    start_ms=self.start_ms or 0,
                    end_ms=end_ms,
                    percent=self.peak,
                    violation_id=self.violation_id,
                    observations=self.seen,
                )
                found.points.append(self._point)
                found.violations[self.violation_id] = self.violation()
                found.is_changed = True
            elif self._point is not None:
                self._point.end_ms = end_ms
                self._point.percent = self.peak
                self._point.observations = self.seen

    def _raise_risk(self, at_ms: int, found: Findings) -> None:
        self.is_risk_counted = True
        if not self._risk_milli or at_ms < self.last_risk_ms + self._risk_gap_ms:
            return
        self.last_risk_ms = at_ms
        found.risk.append(
            RiskRaise(
                at_ms, self.rule, self.violation_id, self._risk_milli, self.policy.risk_is_permanent
            )
        )
        found.is_changed = True

    def save(self) -> EpisodeState:
        """The state at the end of a check: `load` goes on from it."""
        return tuple(getattr(self, name) for name in _STATE)

    def load(self, state: EpisodeState) -> None:
        for name, value in zip(_STATE, state, strict=True):
            setattr(self, name, value)
        self._point = None
        self._id = ""


_STATE = tuple(
    name
    for name in Episodes.__slots__
    if not name.startswith("_") and name not in {"policy", "rule"}
)
