"""Which batches of one client's count were received, and which of them are settled.

A batch is settled when nothing of it can be asked for again: what it held was scored and stored,
and every clip that could need its pictures is written or not wanted. Pure: its owner guards it.
"""

from __future__ import annotations

from collections import OrderedDict

from app.intake.spans import NumberSpans

_MOST_UNSETTLED = 20_000


class Receipts:
    """The numbers of one count. Batches may come in any order and more than once."""

    def __init__(self) -> None:
        self._received = NumberSpans()
        self._unsettled: OrderedDict[int, float] = OrderedDict()
        self._next = 0

    @property
    def next_seq(self) -> int:
        """One more than the highest number received."""
        return self._next

    @property
    def settled_seq(self) -> int:
        """Every batch below it that was received is settled."""
        return min(self._unsettled, default=self._next)

    def has(self, seq: int) -> bool:
        """Whether this batch was received before."""
        return seq in self._received

    def is_live(self, seq: int) -> bool:
        """Whether nothing captured after this batch was received before it."""
        return seq >= self._next

    def take(self, seq: int, until_s: float) -> None:
        """A batch is here whose last part was captured at session second `until_s`."""
        self._received.add(seq)
        self._unsettled[seq] = until_s
        self._next = max(self._next, seq + 1)
        if len(self._unsettled) > _MOST_UNSETTLED:
            self._unsettled.popitem(last=False)

    def settle(self, before_s: float) -> None:
        """Everything captured before `before_s` is settled."""
        settled = [seq for seq, until_s in self._unsettled.items() if until_s < before_s]
        for seq in settled:
            del self._unsettled[seq]
