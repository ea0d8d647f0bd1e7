"""The ledger of a finished session, from its items or from its stored trace.

One pass in time order through the same folds as the live session. From a trace, runs in which a
detector says the same harmless thing are taken in one step.
"""

from __future__ import annotations

from collections.abc import Iterable
from operator import itemgetter

from scoring.breaks import Breaks
from scoring.findings import Findings
from scoring.intervals import IntervalRules
from scoring.lane import Lane, lanes_of
from scoring.ledger import Reach, ledger_of, tallies_of
from scoring.model import Item, Ledger
from scoring.occurrences import Occurrences
from scoring.policy_shape import Policy
from scoring.stream import (
    DETECTOR_INDEX,
    BreakMark,
    Happening,
    Key,
    Look,
    Record,
    Sighting,
    key_of,
    prefers,
    record_of,
)
from scoring.trace import Block, Column, decode

_at = itemgetter(0)


def replay(policy: Policy, items: Iterable[Item], end_s: float) -> Ledger:
    """The ledger of a session that ended at `end_s`, from its items in any order, duplicates
    included. Raises ValueError when an instant is not a finite number."""
    pass_ = _Pass(policy, round(end_s * 1000))
    pass_.feed(distinct(record_of(item) for item in items))
    return pass_.ledger()


def rescore(policy: Policy, trace: Iterable[bytes], end_s: float) -> Ledger:
    """The ledger under a policy from the blocks of a stored trace, in time order.

    Raises scoring.trace.TraceError when a block cannot be read.
    """
    pass_ = _Pass(policy, round(end_s * 1000))
    for data in trace:
        pass_.feed_block(decode(data, with_measures=False))
    return pass_.ledger()


def distinct(records: Iterable[Record]) -> list[Record]:
    """Records in time order, one per key; of an event reported twice the earlier report."""
    kept: dict[Key, Record] = {}
    events: dict[str, Happening] = {}
    for record in records:
        if isinstance(record, Happening):
            known = events.get(record.event_id)
            if known is None or (record.at_ms, record.kind.value) < (known.at_ms, known.kind.value):
                events[record.event_id] = record
            continue
        key = key_of(record)
        if key not in kept or prefers(record, kept[key]):
            kept[key] = record
    kept.update((key_of(event), event) for event in events.values())
    return [record for _, record in sorted(kept.items())]


class _Pass:
    """One pass over a session that ended at `end_ms`."""

    def __init__(self, policy: Policy, end_ms: int) -> None:
        self._policy = policy
        self._end_ms = max(0, end_ms)
        self._found = Findings()
        self._lanes = [Lane(policy, each, self._found) for each in lanes_of(policy)]
        self._lane_of = {each: lane for lane in self._lanes for each in lane.detectors}
        self._screen = Occurrences(policy, self._found)
        self._breaks = Breaks()

    def feed(self, records: Iterable[Record]) -> None:
        """Take records in time order."""
        for record in records:
            if not 0 <= record.at_ms < self._end_ms:
                continue
            if isinstance(record, Sighting):
                lane = self._lane_of.get(record.look.detector)
                if lane is not None:
                    lane.feed(record)
                continue
            self._screen.feed(record)
            if isinstance(record, BreakMark):
                self._breaks.add(record)
                for lane in self._lanes:
                    lane.feed(record)

    def feed_block(self, block: Block) -> None:
        """Take a block that follows those before it."""
        is_cut = any(column.times[-1] >= self._end_ms for column in block.columns if column.times)
        if block.breaks or is_cut:
            self.feed(block.records())
            return
        self.feed(block.events)
        columns = {column.detector: column for column in block.columns}
        for lane in self._lanes:
            steps: list[tuple[int, Look, int, int]] = []
            for detector in lane.detectors:
                if detector in columns:
                    _condense(lane, columns[detector], steps)
            steps.sort(key=_at)
            for at_ms, look, percent, until_ms in steps:
                lane.observe(at_ms, look, percent, until_ms)

    def ledger(self) -> Ledger:
        """Close what is open and put everything together."""
        for lane in self._lanes:
            lane.advance(self._end_ms)
            lane.finish()
        self._screen.advance(self._end_ms)
        self._screen.finish()
        focus = next((lane.focus for lane in self._lanes if lane.focus is not None), 100.0)
        detectors = sorted(DETECTOR_INDEX[each] for each in self._policy.detectors)
        reach = Reach(
            now_ms=self._end_ms,
            cursors=[(detector, self._end_ms) for detector in detectors],
            breaks=self._breaks.spans(self._end_ms),
            end_ms=self._end_ms,
        )
        tallies = tallies_of(IntervalRules(self._policy), self._found.points)
        return ledger_of(self._policy, self._found, tallies, reach, focus)


def _condense(lane: Lane, column: Column, steps: list[tuple[int, Look, int, int]]) -> None:
    """Add what a lane must see of a column: every observation of a run that raises a rule or has
    a gap, and only the whole of a run that does neither."""
    times = column.times
    for run in column.runs:
        hold_ms = lane.hold_ms(run.look, run.span_ms)
        first, last = run.first, run.last
        is_whole = not lane.raises(run.look) and (
            first == last or max(column.steps[first + 1 : last + 1]) <= hold_ms
        )
        if is_whole:
            steps.append((times[first], run.look, column.percents[first], times[last] + hold_ms))
        else:
            steps += [
                (times[n], run.look, column.percents[n], times[n] + hold_ms)
                for n in range(first, last + 1)
            ]
