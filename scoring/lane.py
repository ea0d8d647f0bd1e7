"""Folds the observations of detectors whose rules belong together, in time order.

An observation holds until the next one of its detector, at most its hold (a frame) or its span
and a moment (sound). Time between holds is unobserved. Of a rule's detectors any that sees its
labels raises it; if none does, one that could judge lowers it; if none could judge, it is
unobserved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scoring.findings import Findings
from scoring.focus import FocusAverage, FocusState, focus_of
from scoring.model import Detector
from scoring.policy_shape import Policy
from scoring.stream import DETECTOR_INDEX, DETECTORS, BreakMark, Look, Record, Sighting
from scoring.violations import Episodes, EpisodeState

FOREVER = 10**12

# Spans of sound follow each other to within a clock's jitter: this much is no gap.
SLACK_MS = 100

_FACE = DETECTOR_INDEX[Detector.FACE]
_GAZE = DETECTOR_INDEX[Detector.GAZE]
_WIDTH = len(DETECTORS)


@dataclass(frozen=True, slots=True)
class LaneState:
    """Where a lane stands; two lanes of one policy with equal states go on alike."""

    cursor: int
    looks: tuple[Look | None, ...]
    raised: tuple[tuple[int, ...], ...]
    percents: tuple[int, ...]
    seen_ms: tuple[int, ...]
    until: tuple[int, ...]
    covered_from: tuple[int | None, ...]
    focus_value: int | None
    focus_from: int
    is_busy: bool
    is_paused: bool
    episodes: tuple[EpisodeState, ...]
    focus: FocusState | None


def lanes_of(policy: Policy) -> list[frozenset[Detector]]:
    """The policy's detectors in groups that share no rule. Face and gaze share the focus score."""
    groups: list[set[Detector]] = [{Detector.FACE, Detector.GAZE}]
    groups += [set(rule.labels) for rule in policy.rules.values() if rule.is_on and rule.labels]
    lanes: list[set[Detector]] = []
    for group in groups:
        apart = [lane for lane in lanes if not lane & group]
        lanes = [*apart, group.union(*(lane for lane in lanes if lane & group))]
    wanted = policy.detectors
    return sorted((frozenset(lane & wanted) for lane in lanes if lane & wanted), key=sorted)


class Lane:
    """The fold of one such group. `cursor` is the time it has come to, in ms."""

    def __init__(self, policy: Policy, detectors: frozenset[Detector], found: Findings) -> None:
        self.found = found
        self.cursor = 0
        # Something is raised, or an episode is open.
        self.is_busy = False
        self._detectors = sorted(DETECTOR_INDEX[each] for each in detectors)
        self._holds = [
            round(policy.holds_s.get(each, 1.5) * 1000) if each in detectors else 0
            for each in DETECTORS
        ]
        self._raised_hold_ms = round(policy.raised_hold_s * 1000)
        self._interval_ms = round(policy.interval_s * 1000)
        self._episodes: list[Episodes] = []
        self._sources: list[tuple[int, ...]] = []
        self._raising: list[dict[tuple[int, str], int]] = []
        for rule, each in policy.rules.items():
            labels = {d: found_on for d, found_on in each.labels.items() if d in detectors}
            if each.is_on and labels:
                self._episodes.append(Episodes(rule, each, policy))
                self._sources.append(tuple(DETECTOR_INDEX[d] for d in labels))
                least = round(each.min_confidence * 100)
                self._raising.append(
                    {(DETECTOR_INDEX[d], label): least for d in labels for label in labels[d]}
                )
        self._raises_cache: dict[Look, tuple[tuple[int, int], ...]] = {}
        self._focus = FocusAverage(policy) if Detector.FACE in detectors else None
        self._looks: list[Look | None] = [None] * _WIDTH
        self._raised: list[tuple[int, ...]] = [()] * _WIDTH
        self._percents = [0] * _WIDTH
        self._seen_ms = [0] * _WIDTH
        self._until = [0] * _WIDTH
        self._covered_from: list[int | None] = [None] * _WIDTH
        self._focus_value: int | None = None
        self._focus_from = 0
        # No hold ends before this; it may be earlier than the first that does.
        self._no_end_before = FOREVER
        self._is_paused = False

    @property
    def focus(self) -> float | None:
        """The focus score, of the lane that has the face; otherwise None."""
        return None if self._focus is None else self._focus.score

    @property
    def detectors(self) -> Sequence[int]:
        return self._detectors

    def hold_ms(self, look: Look, span_ms: int) -> int:
        """How long a look of a frame (`span_ms` 0) or of a span of sound holds at most."""
        if span_ms:
            return span_ms + SLACK_MS
        hold_ms = self._holds[look.detector]
        return min(hold_ms, self._raised_hold_ms) if self.raises(look) else hold_ms

    def raises(self, look: Look) -> bool:
        """Whether this policy raises a rule on a look, given the confidence."""
        return bool(self._raises(look))

    def feed(self, record: Record) -> None:
        """Take the next record. Its instant is not before `cursor`."""
        if isinstance(record, Sighting):
            at_ms, look, percent, span_ms, _ = record
            self.observe(at_ms, look, percent, at_ms + self.hold_ms(look, span_ms))
        elif isinstance(record, BreakMark):
            self._pause(record)

    def observe(self, at_ms: int, look: Look, percent: int, until: int) -> None:
        """A look that holds from `at_ms` to `until` unless the next one of its detector comes."""
        if at_ms > self.cursor:
            if self.is_busy or at_ms > self._no_end_before:
                self.advance(at_ms)
            else:
                self.cursor = at_ms
        if self._is_paused:
            return
        detector = look.detector
        if until < self._no_end_before:
            self._no_end_before = until
        self._until[detector] = until
        if look is not self._looks[detector]:
            self._replace(detector, look, percent)
        elif raises := self._raises(look):
            self._percents[detector] = percent
            self._seen_ms[detector] = self.cursor
            self._raise(detector, raises, percent)

    def _replace(self, detector: int, look: Look | None, percent: int) -> None:
        at_ms = self.cursor
        self._looks[detector] = look
        if look is None:
            self._until[detector] = 0
        self._percents[detector] = percent
        self._seen_ms[detector] = at_ms
        is_covered = look is not None and look.is_judgeable
        covered_from = self._covered_from[detector]
        if is_covered != (covered_from is not None):
            if covered_from is not None:
                self.found.cover(self._interval_ms, detector, covered_from, at_ms)
            self._covered_from[detector] = at_ms if is_covered else None
        if self._focus is not None and detector in (_FACE, _GAZE):
            value = focus_of(self._looks[_FACE], self._looks[_GAZE])
            if value != self._focus_value:
                self._flush_focus()
                self._focus_value = value
        raises = () if look is None else self._raises(look)
        if raises:
            self._raise(detector, raises, percent)
        else:
            self._raised[detector] = ()

    def _raise(self, detector: int, raises: tuple[tuple[int, int], ...], percent: int) -> None:
        """Raise the rules whose least confidence an observation of now has. The instant itself
        counts at once, without waiting for what comes after it."""
        at_ms = self.cursor
        raised = self._raised[detector] = tuple(
            [rule for rule, least in raises if percent >= least]
        )
        for rule in raised:
            self.is_busy = True
            episodes = self._episodes[rule]
            episodes.fresh += 1
            episodes.on(at_ms, at_ms, percent, at_ms, self.found)

    def advance(self, to_ms: int) -> None:
        """Time passes to `to_ms`; a time that has passed already changes nothing."""
        while self.cursor < to_ms:
            end_ms = to_ms
            if self._no_end_before < to_ms:
                self._no_end_before = min(
                    (self._until[d] for d in self._detectors if self._looks[d] is not None),
                    default=FOREVER,
                )
                end_ms = min(to_ms, max(self._no_end_before, self.cursor))
            if self.is_busy and end_ms > self.cursor:
                self._step(self.cursor, end_ms)
            self.cursor = end_ms
            if end_ms >= self._no_end_before:
                for detector in self._detectors:
                    if self._looks[detector] is not None and self._until[detector] <= end_ms:
                        self._replace(detector, None, 0)

    def _step(self, from_ms: int, to_ms: int) -> None:
        is_busy = False
        for rule, episodes in enumerate(self._episodes):
            percent = trigger_ms = -1
            is_judged = False
            for detector in self._sources[rule]:
                look = self._looks[detector]
                if look is None or not look.is_judgeable:
                    continue
                is_judged = True
                if rule in self._raised[detector]:
                    percent = max(percent, self._percents[detector])
                    trigger_ms = max(trigger_ms, self._seen_ms[detector])
            if percent >= 0:
                episodes.on(from_ms, to_ms, percent, trigger_ms, self.found)
            else:
                episodes.without(from_ms, to_ms, is_judged, self.found)
            is_busy = is_busy or episodes.start_ms is not None
        self.is_busy = is_busy

    def _pause(self, mark: BreakMark) -> None:
        self.advance(mark.at_ms)
        if mark.begins and not self._is_paused:
            for detector in self._detectors:
                if self._looks[detector] is not None:
                    self._replace(detector, None, 0)
            for episodes in self._episodes:
                episodes.fresh = 0
                if episodes.is_open:
                    episodes.close(self.found)
            self.is_busy = False
            self._no_end_before = FOREVER
        self._is_paused = mark.begins

    def _raises(self, look: Look) -> tuple[tuple[int, int], ...]:
        raises = self._raises_cache.get(look)
        if raises is None:
            raises = self._raises_cache[look] = tuple(
                (rule, min(least[look.detector, label] for label in hits))
                for rule, least in enumerate(self._raising)
                if (hits := [each for each in look.labels if (look.detector, each) in least])
            )
        return raises

    def _flush_focus(self) -> None:
        if self._focus is None:
            return
        if self._focus_value is not None:
            self._focus.feed(self._focus_from, self.cursor, self._focus_value, self.found)
        self._focus_from = self.cursor

    def flush(self) -> None:
        """Put what has accrued up to `cursor` into the findings."""
        for detector in self._detectors:
            covered_from = self._covered_from[detector]
            if covered_from is not None:
                self.found.cover(self._interval_ms, detector, covered_from, self.cursor)
                self._covered_from[detector] = self.cursor
        if self._focus is not None:
            self._flush_focus()
            self._focus.reach(self.cursor, self.found)
        for episodes in self._episodes:
            if episodes.confirmed_ms is not None:
                self.found.violations[episodes.violation_id] = episodes.violation()

    def finish(self) -> None:
        """The stream ends at `cursor`: episodes that last end there."""
        for episodes in self._episodes:
            if episodes.is_open:
                episodes.close(self.found)
        self.flush()

    def save(self) -> LaneState:
        """The flushed state at a boundary of intervals; `load` goes on from it."""
        return LaneState(
            cursor=self.cursor,
            looks=tuple(self._looks),
            raised=tuple(self._raised),
            percents=tuple(self._percents),
            seen_ms=tuple(self._seen_ms),
            until=tuple(self._until),
            covered_from=tuple(self._covered_from),
            focus_value=self._focus_value,
            focus_from=self._focus_from,
            is_busy=self.is_busy,
            is_paused=self._is_paused,
            episodes=tuple(each.save() for each in self._episodes),
            focus=None if self._focus is None else self._focus.save(),
        )

    def load(self, state: LaneState) -> None:
        self.cursor = state.cursor
        self._looks = list(state.looks)
        self._raised = list(state.raised)
        self._percents = list(state.percents)
        self._seen_ms = list(state.seen_ms)
        self._until = list(state.until)
        self._covered_from = list(state.covered_from)
        self._focus_value = state.focus_value
        self._focus_from = state.focus_from
        self.is_busy = state.is_busy
        self._is_paused = state.is_paused
        self._no_end_before = 0
        for each, saved in zip(self._episodes, state.episodes, strict=True):
            each.load(saved)
        if self._focus is not None and state.focus is not None:
            self._focus.load(state.focus)
