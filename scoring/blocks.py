"""Keeps a fold correct when records come late: blocks of time with a checkpoint at each start.

A record that is not behind the fold's cursor is fed at once. One that is gets its place in its
block, and `settle` folds again from that block's checkpoint until the fold stands where it stood
before. What is found is then what one pass over all records in order finds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from scoring.findings import Findings
from scoring.model import Violation
from scoring.stream import Key, Record, Sighting, key_of, prefers
from scoring.trace import decode, encode

State = TypeVar("State")


class Fold(Protocol[State]):
    """What folds records in time order and can be set back."""

    found: Findings
    cursor: int

    @property
    def detectors(self) -> Sequence[int]: ...

    def feed(self, record: Record) -> None: ...
    def advance(self, to_ms: int) -> None: ...
    def flush(self) -> None: ...
    def finish(self) -> None: ...
    def save(self) -> State: ...
    def load(self, state: State) -> None: ...


class Block(Generic[State]):
    """One stretch of time: its records, the state at its start, what was found.

    The records of a block that time has left are kept packed until one more comes.
    """

    __slots__ = ("_packed", "_records", "found", "start")

    def __init__(self, start: State, found: Findings) -> None:
        self.start = start
        self.found = found
        self._records: dict[Key, Record] | None = {}
        self._packed = b""

    def records(self) -> dict[Key, Record]:
        """The records by key, for reading."""
        if self._records is not None:
            return self._records
        return {key_of(record): record for record in decode(self._packed).records()}

    def opened(self) -> dict[Key, Record]:
        """The records by key, for changing."""
        if self._records is None:
            self._records = self.records()
        return self._records

    def pack(self) -> None:
        """Keep the records in few bytes."""
        if self._records is not None:
            self._packed = encode(self._records.values())
            self._records = None


class BlockedFold(Generic[State]):
    """A fold with its records in blocks of `block_ms`, a whole number of intervals."""

    def __init__(self, fold: Fold[State], block_ms: int) -> None:
        self._block_ms = block_ms
        self.fold = fold
        self.blocks: list[Block[State]] = [Block(fold.save(), fold.found)]
        self._changed: set[int] = set()
        self._dirty: set[int] = set()
        self._unpacked: set[int] = set()
        self._flushed_ms = 0
        self._last_key: Key = (-1, 0, "")

    def add(self, record: Record) -> bool:
        """Take a record in any order; returns whether it was new."""
        key = key_of(record)
        index = record.at_ms // self._block_ms
        if index >= len(self.blocks):
            self._roll_to(index)
        elif index < len(self.blocks) - 1:
            self._unpacked.add(index)
        records = self.blocks[index].opened()
        known = records.get(key)
        if known is not None and (known == record or not prefers(record, known)):
            return False
        records[key] = record
        # Observations of one instant are of different detectors and may come in any order.
        is_next = key > self._last_key or (
            isinstance(record, Sighting) and key[0] == self._last_key[0] and self._last_key[1] >= 0
        )
        is_next = is_next and known is None and not self._dirty
        if is_next and record.at_ms >= self.fold.cursor:
            self._last_key = key
            self.fold.feed(record)
        else:
            self._dirty.add(index)
        return True

    def remove(self, record: Record) -> None:
        """Take a record back."""
        index = record.at_ms // self._block_ms
        del self.blocks[index].opened()[key_of(record)]
        self._unpacked.add(index)
        self._dirty.add(index)

    def settle(self, to_ms: int) -> bool:
        """Fold again what came late, let time pass to `to_ms`, and note which blocks changed.

        Returns whether anything was folded again.
        """
        is_late = bool(self._dirty)
        if is_late:
            self._refold(self.fold.cursor)
        if to_ms > self.fold.cursor:
            self._roll_to(to_ms // self._block_ms)
            self.fold.advance(to_ms)
        if self.fold.cursor != self._flushed_ms or is_late:
            self._flushed_ms = self.fold.cursor
            self.fold.flush()
        self._note_change()
        self._pack()
        return is_late

    def finish(self, end_ms: int) -> None:
        """The stream ends at `end_ms`; what is later is dropped. Repeat it after a late record."""
        last = max(0, end_ms - 1) // self._block_ms
        if self.fold.cursor >= end_ms:
            records = self.blocks[last].opened()
            self._unpacked.add(last)
            late = [key for key in records if key[0] >= end_ms]
            for key in late:
                del records[key]
            if late or len(self.blocks) > last + 1 or self.fold.cursor > end_ms:
                self._changed.update(range(last + 1, len(self.blocks)))
                del self.blocks[last + 1 :]
                self._dirty = {index for index in self._dirty if index < last} | {last}
        if self._dirty:
            self._refold(min(self.fold.cursor, end_ms))
        self._roll_to(last)
        self.fold.advance(end_ms)
        self.fold.finish()
        self._note_change()

    def _pack(self) -> None:
        """Pack what time has left, but for the newest block and the one before it."""
        for index in [each for each in self._unpacked if each < len(self.blocks) - 2]:
            self.blocks[index].pack()
            self._unpacked.remove(index)

    def _note_change(self) -> None:
        if self.fold.found.is_changed:
            self.fold.found.is_changed = False
            self._changed.add(len(self.blocks) - 1)

    def _roll_to(self, index: int) -> None:
        while len(self.blocks) <= index:
            if not self._dirty:
                self.fold.advance(len(self.blocks) * self._block_ms)
            self.fold.flush()
            self._note_change()
            self.fold.found = Findings()
            self._unpacked.add(len(self.blocks) - 1)
            self.blocks.append(Block(self.fold.save(), self.fold.found))

    def _refold(self, reached_ms: int) -> None:
        last = len(self.blocks) - 1
        index, last_dirty = min(self._dirty), max(self._dirty)
        self._dirty.clear()
        self.fold.load(self.blocks[index].start)
        while True:
            self._fold_block(index, reached_ms)
            if index == last:
                return
            index += 1
            state = self.fold.save()
            if index > last_dirty and state == self.blocks[index].start:
                # Nothing differs from here on; only the running state is needed again.
                index = last
                self.fold.load(self.blocks[last].start)
            self.blocks[index].start = self.fold.save()

    def _fold_block(self, index: int, reached_ms: int) -> None:
        block = self.blocks[index]
        block.found = self.fold.found = Findings()
        for key, record in sorted(block.records().items()):
            self._last_key = key
            self.fold.feed(record)
        if index < len(self.blocks) - 1:
            self.fold.advance((index + 1) * self._block_ms)
            self.fold.flush()
        else:
            self.fold.advance(reached_ms)
        block.found.is_changed = False
        self._changed.add(index)

    def take_changed(self) -> list[int]:
        """The blocks in which something changed since the last call, in order."""
        changed = sorted(self._changed)
        self._changed.clear()
        return changed

    def violation(self, violation_id: str) -> Violation | None:
        """The last word on a violation, or None if there is no such violation (any more)."""
        for block in reversed(self.blocks):
            known = block.found.violations.get(violation_id)
            if known is not None:
                return known
        return None
