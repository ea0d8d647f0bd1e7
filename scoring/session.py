"""Scores one running session: items in any order in, what changed out.

Belongs to one thread. The ledger is always what one pass over all items in time order would
find; an item that comes late changes what it must, and the changes say so.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from scoring.blocks import BlockedFold
from scoring.board import Board
from scoring.breaks import Breaks
from scoring.findings import Findings
from scoring.lane import Lane, lanes_of
from scoring.ledger import Reach
from scoring.model import Change, IntervalScore, Item, Ledger, RiskEvent, Scores
from scoring.occurrences import Occurrences
from scoring.policy_shape import Policy
from scoring.restore import findings_of, flags_of
from scoring.stream import DETECTOR_INDEX, Happening, Key, Record, Sighting, record_of
from scoring.trace import decode, encode

# Results come this much later than their instant at most in a healthy session: what is not
# observed by then is taken as unobserved, and an interval is closed. Later items still count.
SETTLE_MS = 4_000

# A block holds at least this much time.
_BLOCK_MS = 60_000

# No session is longer than this; an item beyond it is a broken clock's.
_LONGEST_MS = 7 * 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class TraceBlock:
    """A stretch of the session's trace: `index` counts stretches of equal length from the start."""

    index: int
    data: bytes


class SessionScorer:
    """The scorer of one session under one policy."""

    def __init__(
        self, policy: Policy, restored: Ledger | None = None, resume_at_s: float = 0.0
    ) -> None:
        """With `restored` the session goes on from a stored ledger at `resume_at_s`: what is
        stored stands, and the time between is unobserved."""
        self.policy = policy
        self._interval_ms = round(policy.interval_s * 1000)
        block_ms = self._block_ms = self._interval_ms * -(-_BLOCK_MS // self._interval_ms)
        self._changed_blocks: set[int] = set()
        self._lanes: list[Lane] = []
        self._lane_of: dict[int, BlockedFold[Any]] = {}
        self._folds: list[BlockedFold[Any]] = []
        for detectors in lanes_of(policy):
            lane = Lane(policy, detectors, Findings())
            fold = BlockedFold(lane, block_ms)
            self._folds.append(fold)
            self._lane_of.update((DETECTOR_INDEX[each], fold) for each in detectors)
            self._lanes.append(lane)
        self._lane_of = dict(sorted(self._lane_of.items()))
        self._screen: BlockedFold[Any] = BlockedFold(Occurrences(policy, Findings()), block_ms)
        self._folds.append(self._screen)
        self._breaks = Breaks()
        self._events: dict[str, Happening] = {}
        self._now_ms = self._from_ms = round(resume_at_s * 1000)
        self._end_ms: int | None = None
        before = Ledger() if restored is None else restored
        base = findings_of(policy, before)
        self._known_before = {each.event_id for each in base.violations.values()} - {""}
        closed = [each for each in before.intervals if each.is_closed]
        left_open = [each.violation_id for each in before.violations if each.end_s is None]
        self._board = Board(
            policy, block_ms, self._folds, base, flags_of(before), closed, left_open
        )
        for fold in self._folds:
            fold.settle(self._from_ms)

    @classmethod
    def from_trace(cls, policy: Policy, trace: Iterable[bytes], at_s: float) -> SessionScorer:
        """A scorer that goes on at `at_s` from a stored trace, as if it had never stopped. What
        follows from the trace counts as announced.

        Raises scoring.trace.TraceError when a block cannot be read.
        """
        scorer = cls(policy)
        for block in trace:
            for record in decode(block).records():
                scorer._take(record)
        scorer.update((), at_s)
        scorer.take_trace()
        return scorer

    def take_trace(self) -> list[TraceBlock]:
        """The trace blocks that changed since the last call: store each under its index."""
        changed = sorted(self._changed_blocks)
        self._changed_blocks.clear()
        return [TraceBlock(index, self._encoded(index)) for index in changed]

    def _encoded(self, index: int) -> bytes:
        records: dict[Key, Record] = {}
        for fold in self._folds:
            if index < len(fold.blocks):
                records.update(fold.blocks[index].records())
        return encode(records.values())

    def update(self, items: Iterable[Item], now_s: float) -> tuple[Change, ...]:
        """Take items in any order, duplicates included, and let time pass to `now_s`.

        Raises ValueError, before anything changes, when an instant is not a finite number.
        """
        now_ms = round(now_s * 1000)
        records = [record_of(item) for item in items]
        if len(records) > 1:
            records.sort(key=_at_ms)
        for record in records:
            if self._take(record):
                self._changed_blocks.add(record.at_ms // self._block_ms)
        if self._end_ms is not None:
            return self._finish(self._end_ms)
        self._now_ms = max(self._now_ms, now_ms)
        settled_ms = max(0, self._now_ms - SETTLE_MS)
        for fold in self._folds:
            fold.settle(settled_ms)
        return self._board.changes(
            self._reach(), settled_ms // self._interval_ms, self._certain_ms(settled_ms)
        )

    def end(self, at_s: float) -> tuple[Change, ...]:
        """The session ends: the running interval is shortened and closed, episodes end.

        Items of before the end may still come late; what comes from after it is not used.
        """
        if self._end_ms is None:
            self._end_ms = max(0, round(at_s * 1000))
        return self._finish(self._end_ms)

    def _finish(self, end_ms: int) -> tuple[Change, ...]:
        self._now_ms = end_ms
        for fold in self._folds:
            fold.finish(end_ms)
        return self._board.changes(self._reach(), -(-end_ms // self._interval_ms), end_ms)

    def _certain_ms(self, settled_ms: int) -> int:
        """Until when it is known what the detectors that now see something make of it: a moment
        up to then will not gain points unless something comes late."""
        busy_ms = [lane.cursor for lane in self._lanes if lane.is_busy]
        return max(settled_ms, min(busy_ms, default=self._now_ms))

    def _take(self, record: Record) -> bool:
        at_ms = record.at_ms
        if not 0 <= at_ms < (_LONGEST_MS if self._end_ms is None else self._end_ms):
            return False
        if isinstance(record, Sighting):
            fold = self._lane_of.get(record.look.detector)
            return fold is not None and at_ms >= self._from_ms and fold.add(record)
        if isinstance(record, Happening):
            return self._take_event(record)
        self._breaks.add(record)
        is_new = False
        for fold in self._folds:
            is_new = fold.add(record)
        return is_new

    def _take_event(self, event: Happening) -> bool:
        if event.event_id in self._known_before:
            return False
        known = self._events.get(event.event_id)
        if known is not None:
            if (known.at_ms, known.kind.value) <= (event.at_ms, event.kind.value):
                return False
            self._screen.remove(known)
            self._changed_blocks.add(known.at_ms // self._block_ms)
        self._events[event.event_id] = event
        return self._screen.add(event)

    @property
    def scores(self) -> Scores:
        """The numbers of this moment."""
        return self._board.scores(self._reach(), self._focus())

    @property
    def running_interval(self) -> IntervalScore:
        """The interval that is running (or was last), with its points and coverage so far."""
        reach = self._reach()
        return self._board.interval(max(0, reach.last(self._interval_ms)), reach)

    @property
    def risk_events(self) -> tuple[RiskEvent, ...]:
        """Every rise of the risk so far, in time order."""
        return self._board.risk_events()

    def ledger(self) -> Ledger:
        """Everything so far; the session's final ledger once it has ended."""
        return self._board.ledger(self._reach(), self._focus())

    def _focus(self) -> float:
        return next((lane.focus for lane in self._lanes if lane.focus is not None), 100.0)

    def _reach(self) -> Reach:
        cursors = [(index, fold.fold.cursor) for index, fold in self._lane_of.items()]
        spans: Sequence[tuple[int, int]] = self._breaks.spans(self._now_ms)
        return Reach(self._now_ms, cursors, spans, self._end_ms)


def _at_ms(record: Record) -> int:
    return record.at_ms
