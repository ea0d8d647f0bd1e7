"""Keeps a fold correct when records come late: blocks of time with a checkpoint at each start.

A record that is not behind the fold's cursor is fed at once. One that is gets its place in its
block, and `settle` folds again from that block's checkpoint until the fold stands where it stood
before. What is found is then what one pass over all records in order finds.
"""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar

from scoring.findings import Findings
from scoring.model import Violation
from scoring.stream import Key, Record, Sighting, key_of, prefers
from scoring.trace import decode, encode

State = TypeVar("State")

_PICKLE = 5


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

    A block that time has left is packed until one more record comes: a session of twelve hours
    has thousands of them. What is read of a packed block is a copy.
    """

    __slots__ = ("_found", "_packed", "_packed_found", "_packed_start", "_records", "_start")

    def __init__(self, start: State, found: Findings) -> None:
        self._start: State | None = start
        self._found: Findings | None = found
        self._records: dict[Key, Record] | None = {}
        self._packed = self._packed_start = self._packed_found = b""

    @property
    def start(self) -> State:
        """The state of the fold at the block's start."""
        if self._start is not None:
            return self._start
        start: State = _unpickled(zlib.decompress(self._packed_start))
        return start

    @start.setter
    def start(self, state: State) -> None:
        self._start = state

    @property
    def found(self) -> Findings:
        """What was found in it."""
        if self._found is not None:
            return self._found
        return Findings(*_unpickled(self._packed_found)) if self._packed_found else Findings()

    @found.setter
    def found(self, found: Findings) -> None:
        self._found = found

    def records(self) -> dict[Key, Record]:
        """The records by key, for reading."""
        if self._records is not None:
            return self._records
        if not self._packed:
            return {}
        return {key_of(record): record for record in decode(self._packed).records()}

    def opened(self) -> dict[Key, Record]:
        """The records by key, for changing."""
        if self._records is None:
            self._records = self.records()
        return self._records

    def pack(self) -> None:
        """Keep everything in few bytes."""
        if self._records is not None:
            self._packed = encode(self._records.values()) if self._records else b""
            self._records = None
        if self._start is not None:
            self._packed_start = zlib.compress(pickle.dumps(self._start, _PICKLE))
            self._start = None
        if self._found is not None:
            found = self._found
            self._packed_found = b"" if found.is_empty else pickle.dumps(found.parts(), _PICKLE)
            self._found = None


def _unpickled(data: bytes) -> Any:
    return pickle.loads(data)  # noqa: S301 - our own bytes, which never left this process


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
        self._unpacked.add(index)
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

    def violation(self, known: Violation) -> Violation | None:
        """The last word on a violation, or None if there is no such violation (any more)."""
        first = round(known.start_s * 1000) // self._block_ms
        for block in reversed(self.blocks[first:]):
            last_word = block.found.violations.get(known.violation_id)
            if last_word is not None:
                return last_word
        return None
